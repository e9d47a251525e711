/**
 * The leader's side (protocol.md §4, "when to propose"): the re-proposed tip first, then fresh blocks on the newest accepted
 * one, up to the window, while there is something to order.
 */
import { assert, equalBytes, type Hash, type Height, height, type View } from '@aethel/codec'
import { BLOCK_VERSION, type Body, createBlock, evidenceRootOf, lastCertificateHashOf, transactionsRootOf } from './block.js'
import { addBlock, pursueHash } from './chain.js'
import { type BuiltProposal, MAX_CERTIFICATE_AGE } from './interface.js'
import { expectedParent, proposeBlock } from './normal-case.js'
import { entryOf, isLeader, mayVote, type State } from './state.js'

/** After every step: proposes, or asks the application for a block, or waits for more transactions. */
export function proposeIfDue(state: State): void {
  if (state.phase.kind !== 'active' || !isLeader(state) || !mayVote(state) || state.building !== null) return
  const { base } = state.phase
  if (base.kind === 'tip' && base.firstHeight > state.committed.height && !state.accepted.has(base.firstHeight)) {
    return reproposeTip(state, base.hash, base.firstHeight)
  }
  const next = nextHeight(state)
  if (next > state.committed.height + state.config.window || state.work.waiting === 0) return
  const parent = parentForProposal(state, next)
  if (parent === undefined || !hasFittingCertificate(state, next)) return
  if (state.accepted.size > 0 && !state.work.full && state.batchTimer !== 'expired') return startBatchTimer(state)
  state.batchTimer = 'idle'
  const timestampMs = Math.max(state.nowMs, parent.timestampMs + 1)
  state.building = { height: next, view: state.view, parent: parent.hash, timestampMs }
  state.out.push({ kind: 'build', parent: parent.hash, height: next, view: state.view, timestampMs })
}

function reproposeTip(state: State, hash: Hash, at: Height): void {
  const entry = entryOf(state, hash)
  if (entry?.status === 'valid') proposeBlock(state, entry, true)
  else pursueHash(state, hash, at)
}

function nextHeight(state: State): Height {
  let next = state.committed.height
  for (const at of state.accepted.keys()) if (at > next) next = at
  return height(next + 1)
}

/** The block to build on, once it is executed. */
function parentForProposal(state: State, at: Height): { readonly hash: Hash; readonly timestampMs: number } | undefined {
  assert(state.phase.kind === 'active', 'only an active view has a parent to build on')
  if (at < state.phase.base.firstHeight) return undefined // behind the base: catch up first
  const hash = expectedParent(state, at)
  if (hash === undefined) return undefined
  if (equalBytes(hash, state.committed.hash)) return { hash, timestampMs: state.committed.timestampMs }
  const entry = entryOf(state, hash)
  return entry?.status === 'valid' ? { hash, timestampMs: entry.block.header.timestampMs } : undefined
}

/** After a restart the newest certificate may belong to a block not yet committed again: without it nobody would vote for us. */
function hasFittingCertificate(state: State, at: Height): boolean {
  return at - (state.lastCertificate?.height ?? 0) <= MAX_CERTIFICATE_AGE
}

function startBatchTimer(state: State): void {
  if (state.batchTimer !== 'idle') return
  state.batchTimer = 'running'
  state.out.push({ kind: 'set-timer', timer: 'batch', afterMs: state.config.timers.batchMs })
}

export function onBuilt(state: State, at: Height, view: View, built: BuiltProposal | null): void {
  const { building } = state
  if (building === null || building.height !== at || building.view !== view) return
  state.building = null
  if (built === null) {
    state.work = { waiting: 0, full: false } // nothing that fits; the next `work` input tells otherwise
    return
  }
  const { parent, timestampMs } = building
  if (!mayVote(state)) return
  const expected = at > state.committed.height ? expectedParent(state, at) : undefined
  if (expected === undefined || !equalBytes(expected, parent)) return // the chain moved on while the application built
  const body: Body = { transactions: built.transactions, evidence: built.evidence, lastCertificate: state.lastCertificate }
  const { config } = state
  const block = createBlock(
    {
      version: BLOCK_VERSION,
      chainId: config.chainId,
      epoch: config.validators.epoch,
      height: at,
      parent,
      view: state.view,
      proposer: config.self,
      timestampMs,
      transactionsRoot: transactionsRootOf(body.transactions),
      evidenceRoot: evidenceRootOf(body.evidence),
      lastCertificateHash: lastCertificateHashOf(body.lastCertificate),
      stateRoot: built.stateRoot,
      validatorsHash: config.validators.hash,
      nextValidatorsHash: config.validators.hash,
      totalDifficulty: built.totalDifficulty,
    },
    body,
  )
  state.out.push({ kind: 'proposed', block })
  const entry = addBlock(state, block)
  entry.status = 'valid'
  proposeBlock(state, entry, false)
}

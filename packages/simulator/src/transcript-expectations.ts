/** What transcripts can expect of a cluster, and how it is said that it is otherwise. */
import { equalBytes } from '@aethel/codec'
import { accusedVote, type Block } from '@aethel/consensus'
import type { Stage, StageReplica } from './stage.js'
import type { BlockName, Claim, Expectation } from './transcript.js'
import { fail, findBlock, isAbout, running, selects } from './transcript-meaning.js'
import { describeInFlight, describeMessage } from './transcript-story.js'

/** Fails unless it is so. */
export function expectThat(stage: Stage, expectation: Expectation): void {
  switch (expectation.what) {
    case 'committed':
      for (const replica of running(stage, expectation.who)) {
        const got = replica.disk.chain[expectation.height - 1]?.block
        expectBlock(stage, `validator ${replica.index} to have committed`, expectation, got)
      }
      return
    case 'accepted':
      for (const replica of running(stage, expectation.who)) {
        const hash = replica.core?.inspect().accepted.find((entry) => entry.height === expectation.height)?.hash
        const got = hash === undefined ? undefined : [...stage.blocks.values()].find((block) => equalBytes(block.hash, hash))
        expectBlock(stage, `validator ${replica.index} to have accepted`, expectation, got)
      }
      return
    case 'height':
      for (const replica of running(stage, expectation.who)) {
        const got = replica.disk.committedHeight
        if (got !== expectation.height) fail('expected', `expected validator ${replica.index} at height ${expectation.height}, got ${got}`)
      }
      return
    case 'view':
      for (const replica of running(stage, expectation.who)) expectView(replica, expectation.view, expectation.phase)
      return
    case 'highest':
      for (const replica of running(stage, expectation.who)) expectHighest(stage, replica, expectation.highest)
      return
    case 'evidence':
      return expectEvidence(stage, expectation.against)
    case 'refused': {
      const at = stage.refusals.findIndex(({ code }) => code === expectation.code)
      if (at < 0)
        fail(
          'expected',
          `expected a message refused with "${expectation.code}", got ${stage.refusals.map(({ code }) => code).join(', ') || 'none'}`,
        )
      stage.refusals.splice(0, stage.refusals.length, ...stage.refusals.filter(({ code }) => code !== expectation.code))
      return
    }
    case 'nothing':
      if (stage.inFlight.length > 0) fail('expected', `expected nothing in flight, got ${describeInFlight(stage)}`)
      return
    case 'in-flight':
    case 'sent':
      return expectSeen(stage, expectation)
  }
}

function expectBlock(
  stage: Stage,
  what: string,
  { height, block }: { readonly height: number; readonly block: BlockName },
  got: Block | undefined,
): void {
  const name = block.view === null ? block.label : `${block.label}@${block.view}`
  const wanted = findBlock(stage, block)
  if (wanted === undefined) return fail('expected', `expected ${what} ${name} at height ${height}, but no such block was ever proposed`)
  if (got === undefined || !equalBytes(got.hash, wanted.hash)) {
    fail('expected', `expected ${what} ${name} at height ${height}, got ${got === undefined ? 'nothing' : stage.nameOf(got.hash)}`)
  }
}

function expectView(replica: StageReplica, view: number, phase: 'active' | 'changing' | null): void {
  const { core } = replica
  if (core === null || (core.view === view && (phase === null || core.phase === phase))) return
  fail(
    'expected',
    `expected validator ${replica.index} in view ${view}${phase === null ? '' : ` ${phase}`}, got view ${core.view} ${core.phase}`,
  )
}

function expectHighest(stage: Stage, replica: StageReplica, wanted: Claim | null): void {
  const got = replica.core?.inspect().highest ?? null
  const block = wanted === null ? undefined : findBlock(stage, wanted.block)
  const same =
    wanted === null
      ? got === null
      : got !== null &&
        block !== undefined &&
        got.kind === wanted.kind &&
        got.view === wanted.view &&
        got.height === wanted.height &&
        equalBytes(got.blockHash, block.hash)
  if (same) return
  const described = got === null ? 'none' : `${got.kind} view ${got.view} height ${got.height} block ${stage.nameOf(got.blockHash)}`
  fail('expected', `expected another highest certificate at validator ${replica.index}, got ${described}`)
}

function expectEvidence(stage: Stage, against: number | null): void {
  const accused = new Set(stage.evidence.map((evidence) => accusedVote(evidence).sender as number))
  if (against === null ? accused.size === 0 : accused.has(against)) return
  const got = accused.size === 0 ? 'none' : [...accused].sort((a, b) => a - b).join(', ')
  fail('expected', `expected ${against === null ? 'no evidence' : `evidence against ${against}`}, got ${got}`)
}

function expectSeen(stage: Stage, { what, pattern, block, negated }: Extract<Expectation, { what: 'in-flight' | 'sent' }>): void {
  const wanted = block === null ? undefined : findBlock(stage, block)
  if (block !== null && wanted === undefined && !negated)
    fail('expected', `expected a message about block ${block.label}, but no such block was ever proposed`)
  const matches = selects(pattern, null)
  const found = (what === 'sent' ? stage.sent : stage.inFlight).find(
    (sent) => matches(sent) && (block === null || (wanted !== undefined && isAbout(sent.message, wanted))),
  )
  if (negated && found !== undefined)
    fail('expected', `expected no such message ${what}, got ${describeMessage(stage, found.message)} ${found.from}->${found.to}`)
  if (!negated && found === undefined) fail('expected', `expected such a message ${what}, got none`)
}

/**
 * What is worth a signature check (protocol.md §13): asked before the edge checks anything, so that what could change
 * nothing costs its decoding and no more. A pure look at the state; saying yes too often only costs time.
 */
import { equalBytes, type Hash, height, keyOf, type ValidatorIndex } from '@aethel/codec'
import type { Header } from './block.js'
import type { CompactPrePrepare } from './compact.js'
import { childrenOf } from './dissemination.js'
import type { Message, PrePrepare } from './messages.js'
import { wantsCertificate, wantsSum, wantsVote } from './normal-case.js'
import { wantsClaim } from './recovery.js'
import { type State, WINDOWS_BUFFERED } from './state.js'

/** False for what is stale, out of every window, or was not asked of this peer. */
export function wants(state: State, from: ValidatorIndex, message: Message): boolean {
  switch (message.kind) {
    case 'vote':
      return wantsVote(state, message.vote)
    case 'certificate':
      return wantsCertificate(state, message.certificate)
    case 'sum':
      return wantsSum(state, from, message.sum)
    case 'pre-prepare':
      return wantsProposal(state, message, message.block)
    case 'compact-pre-prepare':
      return wantsProposal(state, message, message)
    case 'new-view':
      return message.newView > state.view || (message.newView === state.view && state.phase.kind === 'changing')
    case 'status':
      return message.sender === from
    case 'blocks': {
      const last = message.blocks.at(-1)
      return last !== undefined && last.header.height > state.committed.height && (state.blocksAsked.get(from) ?? 0) > 0
    }
    case 'block':
      return state.missing.has(keyOf(message.block.hash))
    case 'view-claim':
      return wantsClaim(state, from, message)
    case 'view-change':
    case 'fetch':
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'evidence':
    case 'block-transactions':
      return true // a stale VIEW-CHANGE is answered; a FETCH carries no signature; the replica knows which offences are old, and what it has asked for
  }
}

/**
 * Of what is not wanted: whether its sender had to send it all the same. Along a tree a leaf has two parents, and whose copy of a proposal comes
 * second has done no wrong.
 */
export function isDue(state: State, from: ValidatorIndex, message: Message): boolean {
  if (message.kind !== 'pre-prepare' || state.dissemination !== 'tree' || message.view !== state.view) return false
  const at = message.block.header.height
  const { committed, config } = state
  if (at <= committed.height || at > committed.height + WINDOWS_BUFFERED * config.window) return false
  return childrenOf(config.validators, message.view, from).includes(config.self)
}

/** Whatever is not accepted or kept early is refused by §4 anyhow; so is what is held already. */
function wantsProposal(
  state: State,
  message: PrePrepare | CompactPrePrepare,
  { header, hash }: { readonly header: Header; readonly hash: Hash },
): boolean {
  const at = header.height
  const { committed, phase } = state
  if (message.view < state.view || message.view > state.view + 1 || at <= committed.height) return false
  const isTip = phase.kind === 'active' && phase.base.kind === 'tip' && message.view === state.view && at === phase.base.firstHeight
  if (at > height(committed.height + WINDOWS_BUFFERED * state.config.window) && !isTip) return false
  if (message.view > state.view || phase.kind !== 'active') return state.early.get(message.view)?.has(at) !== true
  // A second, different one is evidence, once; the same once more would be hashed as a whole for nothing.
  if (state.reported.has(`${message.sender}/${message.view}`)) return false
  const held = state.votes.slot(message.view, at)?.prepare.bySender[message.sender]
  const isKept = state.early.get(message.view)?.has(at) === true || state.accepted.has(at)
  return !isKept || held === undefined || !equalBytes(held.blockHash, hash)
}

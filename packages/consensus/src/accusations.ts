/**
 * Votes for a block that holds a proof which does not verify (protocol.md §11). An honest validator votes only for what it
 * has verified itself, and verification is deterministic: whoever signed such a vote did not verify.
 */
import { equalBytes, keyOf } from '@aethel/codec'
import type { Block } from './block.js'
import type { Vote } from './certificate.js'
import { transactionPath } from './merkle-path.js'
import type { State } from './state.js'

/** Refuted blocks remembered, the newest: votes for a block trail its proposal by little. */
const MAX_REFUTED = 16

/** Our own verification found the proof of this transaction false: every vote for the block, held or to come, accuses its sender. */
export function onRefuted(state: State, block: Block, position: number): void {
  const transaction = block.body.transactions[position]
  if (transaction === undefined) return
  const oldest = state.refuted.size >= MAX_REFUTED ? state.refuted.keys().next().value : undefined
  if (oldest !== undefined) state.refuted.delete(oldest)
  const path = transactionPath(block.body.transactions, position)
  state.refuted.set(keyOf(block.hash), { header: block.header, transaction, path })
  for (const vote of state.votes.votesAt(block.header.height)) if (equalBytes(vote.blockHash, block.hash)) accuseIfRefuted(state, vote)
}

export function accuseIfRefuted(state: State, vote: Vote): void {
  const refuted = state.refuted.size === 0 ? undefined : state.refuted.get(keyOf(vote.blockHash))
  if (refuted === undefined || refuted.header.height !== vote.height || vote.sender === state.config.self) return
  state.out.push({ kind: 'evidence', evidence: { type: 'invalid-verification', vote, ...refuted } })
}

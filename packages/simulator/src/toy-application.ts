/**
 * The application of hand-written schedules: a block holds named transactions, its root follows from its parent and them, and
 * a name that begins with `false` stands for a proof that does not verify. Stateless, so a replica is its consensus core alone.
 */
import { encode, type Hash, keyOf } from '@aethel/codec'
import type { Block, ValidationResult } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'

export function toyTransaction(label: string): Uint8Array {
  return Uint8Array.from(label, (letter) => letter.charCodeAt(0))
}

export function labelsOf(block: Block): string[] {
  return block.body.transactions.map((bytes) => String.fromCharCode(...bytes))
}

/** What a block is called in transcripts: its transactions. */
export function nameOfBlock(block: Block): string {
  return block.body.transactions.length === 0 ? 'empty' : labelsOf(block).join('+')
}

export function isFalse(label: string): boolean {
  return label.startsWith('false')
}

export function toyRoot(parent: Hash, transactions: readonly Uint8Array[]): Hash {
  return hashTagged(
    'aethel/toy-root/v1',
    encode((writer) => writer.raw(parent).list(transactions, (w, bytes) => w.bytes(bytes))),
  )
}

/** Every honest replica's verdict on a block. */
export function toyVerdict(block: Block): ValidationResult {
  if (keyOf(toyRoot(block.header.parent, block.body.transactions)) !== keyOf(block.header.stateRoot)) {
    return { status: 'invalid', code: 'state-root', message: 'expected the root of the parent and the transactions' }
  }
  const bad = labelsOf(block).find(isFalse)
  return bad === undefined
    ? { status: 'valid' }
    : { status: 'invalid', code: 'false-proof', message: `the proof of transaction ${bad} does not verify` }
}

/**
 * Membership in a list whose Merkle root a header carries (protocol.md §2): a transaction can be shown to have been in a
 * block without the rest of it. Leaves and nodes are hashed in separate domains, so whatever path leads from a leaf to the
 * root, the leaf is an item of the list.
 */
import { assert, equalBytes, type Hash, type Reader, type Writer } from '@aethel/codec'
import { hashEncoded } from '@aethel/crypto'
import { listRoot, MAX_BLOCK_TRANSACTIONS } from './block.js'

/** From the leaf upwards: the other child, and on which side it stands. */
export interface PathStep {
  readonly side: 'left' | 'right'
  readonly hash: Hash
}

/** A list of 2^k items has paths of k steps. */
export const MAX_PATH_STEPS: number = Math.ceil(Math.log2(MAX_BLOCK_TRANSACTIONS))

const TRANSACTIONS = 'aethel/transactions/v1'

/** The path of one transaction under `transactionsRoot`. */
export function transactionPath(transactions: readonly Uint8Array[], position: number): PathStep[] {
  assert(position >= 0 && position < transactions.length, `no transaction ${position} among ${transactions.length}`)
  const steps: PathStep[] = []
  let items = transactions
  let at = position
  while (items.length > 1) {
    let half = 1
    while (half * 2 < items.length) half *= 2
    const isLeft = at < half
    const sibling = isLeft ? items.slice(half) : items.slice(0, half)
    steps.push({ side: isLeft ? 'right' : 'left', hash: listRoot(TRANSACTIONS, sibling) })
    items = isLeft ? items.slice(0, half) : items.slice(half)
    if (!isLeft) at -= half
  }
  return steps.reverse()
}

export function isUnderRoot(root: Hash, transaction: Uint8Array, path: readonly PathStep[]): boolean {
  let hash = listRoot(TRANSACTIONS, [transaction])
  for (const step of path) {
    const [left, right] = step.side === 'left' ? [step.hash, hash] : [hash, step.hash]
    hash = hashEncoded(`${TRANSACTIONS}/node`, (writer) => writer.raw(left).raw(right))
  }
  return equalBytes(hash, root)
}

export function writePath(writer: Writer, path: readonly PathStep[]): void {
  writer.list(path, (w, step) => w.bool(step.side === 'right').raw(step.hash))
}

export function readPath(reader: Reader): PathStep[] {
  return reader.list(MAX_PATH_STEPS, (r) => ({ side: r.bool() ? 'right' : 'left', hash: r.hash() }))
}

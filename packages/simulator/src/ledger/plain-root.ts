/**
 * The root of an authenticated map by its definition (docs/ledger.md), from all of its entries at once: no nodes are kept, nothing is
 * updated and nothing is shared with what the ledger does.
 */
import { compareBytes, concatBytes, type Hash, keyOf } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'

interface HashedLeaf {
  readonly key: Hash
  readonly hash: Hash
}

/** The hash of a leaf, which does not change while its value does not. */
export class PlainMap {
  readonly #leaves = new Map<string, HashedLeaf>()

  put(key: Hash, value: Uint8Array): void {
    const hash = hashTagged('aethel/map-leaf/v1', concatBytes(key, hashTagged('aethel/map-value/v1', value)))
    this.#leaves.set(keyOf(key), { key, hash })
  }

  get size(): number {
    return this.#leaves.size
  }

  get root(): Hash {
    const leaves = [...this.#leaves.values()].sort((one, other) => compareBytes(one.key, other.key))
    return leaves.length === 0 ? hashTagged('aethel/map-empty/v1', new Uint8Array(0)) : rootOf(leaves, 0)
  }
}

/** Of leaves in ascending order that agree in all bits before `from`. */
function rootOf(leaves: readonly HashedLeaf[], from: number): Hash {
  const [first] = leaves as [HashedLeaf]
  if (leaves.length === 1) return first.hash
  const last = leaves.at(-1) as HashedLeaf
  let bit = from
  while (bitAt(first.key, bit) === bitAt(last.key, bit)) bit++
  const middle = leaves.findIndex(({ key }) => bitAt(key, bit) === 1)
  const below = [rootOf(leaves.slice(0, middle), bit + 1), rootOf(leaves.slice(middle), bit + 1)]
  return hashTagged('aethel/map-node/v1', concatBytes(Uint8Array.of(bit), ...below))
}

function bitAt(key: Uint8Array, bit: number): number {
  return ((key[bit >> 3] as number) >> (7 - (bit & 7))) & 1
}

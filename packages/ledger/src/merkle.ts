/**
 * The authenticated map: a compressed sparse Merkle tree. Keys are 256-bit hashes; a node stands only where two keys part
 * and says at which bit, so the shape, and with it the root, depends on the set of entries and on nothing else (trap F4).
 * Nodes are immutable: an update copies the paths it touches and shares the rest, old roots stay usable, and hashes are
 * computed once, when a root is asked for.
 *
 * Absence is proven by where the search for a key ends: following its bits through the nodes leads to exactly one leaf; if
 * that leaf is another key's, the key is in no other place. Proofs are checked against a root the verifier already trusts,
 * never against one that came with them (trap S9).
 */
import {
  assert,
  compareBytes,
  decode,
  encode,
  equalBytes,
  HASH_BYTES,
  type Hash,
  ok,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  type Writer,
} from '@aethel/codec'
import { domainTag, hashTagged, sha256 } from '@aethel/crypto'

export interface MapEntry {
  /** Where the entry lives in the tree: `mapKey(path)`, or any other hash of the path's meaning. */
  readonly key: Hash
  /** What the key is the hash of, kept for iteration and storage; not part of the root. */
  readonly path: Uint8Array
  readonly value: Uint8Array
}

export interface MapChange {
  readonly key: Hash
  readonly path: Uint8Array
  /** Null deletes. */
  readonly value: Uint8Array | null
}

/** One node on the way from the root to a leaf: the bit it decides and the child not taken. */
export interface MapProofStep {
  readonly bit: number
  readonly sibling: Hash
}

export interface MapProof {
  /** From the root down, so bits strictly increase. */
  readonly steps: readonly MapProofStep[]
  /** Where the search ends: at the key itself, at the leaf of another key, or in an empty tree. */
  readonly end:
    | { readonly kind: 'self' }
    | { readonly kind: 'other'; readonly key: Hash; readonly valueHash: Hash }
    | { readonly kind: 'empty' }
}

const KEY_BITS = 256

/** Nodes are for `ranges.ts`, which proves parts of a map; nobody else looks at them. */
export interface Leaf {
  readonly kind: 'leaf'
  readonly bit: typeof KEY_BITS
  readonly key: Hash
  readonly path: Uint8Array
  readonly value: Uint8Array
  readonly size: 1
  hash: Hash | null
}

export interface Inner {
  readonly kind: 'inner'
  /** The first bit in which the keys below differ; they agree in all bits before it. */
  readonly bit: number
  /** Some key below: only its first `bit` bits mean anything. */
  readonly key: Hash
  readonly left: Node
  readonly right: Node
  readonly size: number
  hash: Hash | null
}

export type MapNode = Leaf | Inner
type Node = MapNode

export const EMPTY_MAP_ROOT: Hash = hashTagged('aethel/map-empty/v1', new Uint8Array(0))

/** The key of a path: SHA-256, domain-separated. */
export function mapKey(path: Uint8Array): Hash {
  return hashTagged('aethel/map-key/v1', path)
}

export function mapValueHash(value: Uint8Array): Hash {
  return hashTagged('aethel/map-value/v1', value)
}

// Leaf and node hashing is the hot path, so the input is laid out in one buffer per kind that is used again each time.
const LEAF_TAG = domainTag('aethel/map-leaf/v1')
const NODE_TAG = domainTag('aethel/map-node/v1')
const leafInput = new Uint8Array(LEAF_TAG.length + 2 * HASH_BYTES)
const nodeInput = new Uint8Array(NODE_TAG.length + 1 + 2 * HASH_BYTES)
leafInput.set(LEAF_TAG)
nodeInput.set(NODE_TAG)

export function leafHash(key: Hash, valueHash: Hash): Hash {
  leafInput.set(key, LEAF_TAG.length)
  leafInput.set(valueHash, LEAF_TAG.length + HASH_BYTES)
  return sha256(leafInput)
}

export function nodeHash(bit: number, left: Hash, right: Hash): Hash {
  nodeInput[NODE_TAG.length] = bit
  nodeInput.set(left, NODE_TAG.length + 1)
  nodeInput.set(right, NODE_TAG.length + 1 + HASH_BYTES)
  return sha256(nodeInput)
}

/** Depth is at most 256, so recursion is bounded. */
export function hashOf(node: Node): Hash {
  if (node.hash !== null) return node.hash
  const hash =
    node.kind === 'leaf' ? leafHash(node.key, mapValueHash(node.value)) : nodeHash(node.bit, hashOf(node.left), hashOf(node.right))
  node.hash = hash
  return hash
}

export function bitAt(key: Uint8Array, bit: number): number {
  return ((key[bit >> 3] as number) >> (7 - (bit & 7))) & 1
}

/** The first bit in which two keys differ; 256 if they are equal. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < HASH_BYTES; i++) {
    const difference = (a[i] as number) ^ (b[i] as number)
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24
  }
  return KEY_BITS
}

function leafOf(change: MapChange): Leaf | null {
  if (change.value === null) return null
  return { kind: 'leaf', bit: KEY_BITS, key: change.key, path: change.path, value: change.value, size: 1, hash: null }
}

function join(bit: number, left: Node | null, right: Node | null): Node | null {
  if (left === null) return right
  if (right === null) return left
  return { kind: 'inner', bit, key: left.key, left, right, size: left.size + right.size, hash: null }
}

/** Applies sorted changes [from, to) below `node`, touching each node on their paths once. */
function applyChanges(node: Node | null, changes: readonly MapChange[], from: number, to: number): Node | null {
  if (from === to) return node
  const first = changes[from] as MapChange
  let bit = to - from === 1 ? KEY_BITS : firstDifference(first.key, (changes[to - 1] as MapChange).key)
  if (node === null) {
    if (to - from === 1) return leafOf(first)
    const middle = splitAt(changes, from, to, bit)
    return join(bit, applyChanges(null, changes, from, middle), applyChanges(null, changes, middle, to))
  }
  bit = Math.min(bit, firstDifference(first.key, node.key))
  if (bit < node.bit) {
    const middle = splitAt(changes, from, to, bit)
    const onLeft = bitAt(node.key, bit) === 0
    return join(bit, applyChanges(onLeft ? node : null, changes, from, middle), applyChanges(onLeft ? null : node, changes, middle, to))
  }
  if (node.kind === 'leaf') {
    return first.value !== null && equalBytes(first.value, node.value) ? node : leafOf(first)
  }
  const middle = splitAt(changes, from, to, node.bit)
  const left = applyChanges(node.left, changes, from, middle)
  const right = applyChanges(node.right, changes, middle, to)
  return left === node.left && right === node.right ? node : join(node.bit, left, right)
}

/** First of the changes [from, to), which agree before `bit`, whose key has that bit set. */
function splitAt(changes: readonly MapChange[], from: number, to: number, bit: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    if (bitAt((changes[middle] as MapChange).key, bit) === 0) low = middle + 1
    else high = middle
  }
  return low
}

export class AuthenticatedMap {
  static readonly empty: AuthenticatedMap = new AuthenticatedMap(null)
  readonly #top: Node | null

  private constructor(top: Node | null) {
    this.#top = top
  }

  static topOf(map: AuthenticatedMap): MapNode | null {
    return map.#top
  }

  get size(): number {
    return this.#top?.size ?? 0
  }

  /** Computed once per map; O(changes * log size) after an update. */
  get root(): Hash {
    return this.#top === null ? EMPTY_MAP_ROOT : hashOf(this.#top)
  }

  /** The leaf where the search for `key` ends: its own, or the only one that could stand in its place. */
  #closest(key: Hash): Leaf | null {
    let node = this.#top
    while (node !== null && node.kind === 'inner') node = bitAt(key, node.bit) === 0 ? node.left : node.right
    return node
  }

  get(key: Hash): Uint8Array | undefined {
    const leaf = this.#closest(key)
    return leaf !== null && equalBytes(leaf.key, key) ? leaf.value : undefined
  }

  has(key: Hash): boolean {
    return this.get(key) !== undefined
  }

  /** A new map with the changes applied; at most one change per key, in any order. This map stays as it is. */
  update(changes: Iterable<MapChange>): AuthenticatedMap {
    const sorted = [...changes].sort((a, b) => compareBytes(a.key, b.key))
    for (let i = 1; i < sorted.length; i++) {
      assert(!equalBytes((sorted[i - 1] as MapChange).key, (sorted[i] as MapChange).key), 'expected one change per key in a batch')
    }
    const top = applyChanges(this.#top, sorted, 0, sorted.length)
    return top === this.#top ? this : new AuthenticatedMap(top)
  }

  /** A proof of what stands at `key`, or of its absence, against this map's root. */
  prove(key: Hash): MapProof {
    const steps: MapProofStep[] = []
    let node = this.#top
    while (node !== null && node.kind === 'inner') {
      const goLeft = bitAt(key, node.bit) === 0
      steps.push({ bit: node.bit, sibling: hashOf(goLeft ? node.right : node.left) })
      node = goLeft ? node.left : node.right
    }
    if (node === null) return { steps, end: { kind: 'empty' } }
    if (equalBytes(node.key, key)) return { steps, end: { kind: 'self' } }
    return { steps, end: { kind: 'other', key: node.key, valueHash: mapValueHash(node.value) } }
  }

  /** All entries in the order of their keys. */
  *entries(): Generator<MapEntry, void, undefined> {
    const waiting: Node[] = this.#top === null ? [] : [this.#top]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (node.kind === 'leaf') yield node
      else waiting.push(node.right, node.left)
    }
  }

  /** What turns `from` into `to`, in the order of keys; shared parts are skipped, so it costs what the difference costs. */
  static difference(from: AuthenticatedMap, to: AuthenticatedMap): { puts: MapEntry[]; deletes: MapEntry[] } {
    const puts: MapEntry[] = []
    const deletes: MapEntry[] = []
    const compare = (a: Node | null, b: Node | null): void => {
      if (a === b) return
      const bit = Math.min(a?.bit ?? KEY_BITS, b?.bit ?? KEY_BITS)
      if (bit < KEY_BITS) {
        compare(childAt(a, bit, 0), childAt(b, bit, 0))
        compare(childAt(a, bit, 1), childAt(b, bit, 1))
        return
      }
      const before = a as Leaf | null
      const after = b as Leaf | null
      const sameKey = before !== null && after !== null && equalBytes(before.key, after.key)
      if (before !== null && !sameKey) deletes.push(before)
      if (after !== null && !(sameKey && equalBytes(before.value, after.value))) puts.push(after)
    }
    compare(from.#top, to.#top)
    return { puts, deletes }
  }
}

/** The part of `node` whose keys have `value` at `bit`, where `bit` is at most the node's own. */
function childAt(node: Node | null, bit: number, value: 0 | 1): Node | null {
  if (node === null) return null
  if (node.kind === 'inner' && node.bit === bit) return value === 0 ? node.left : node.right
  return bitAt(node.key, bit) === value ? node : null
}

/** Whether `proof` shows that `key` holds `value` (null: is absent) in the map with this root, which the caller trusts. */
export function verifyMapProof(root: Hash, key: Hash, value: Uint8Array | null, proof: MapProof): Result<null, Refusal> {
  const { end, steps } = proof
  if (steps.length > KEY_BITS) return refuse('map-proof-shape', `expected at most ${KEY_BITS} steps, got ${steps.length}`)
  if ((value !== null) !== (end.kind === 'self')) {
    return refuse('map-proof-shape', `expected a proof of ${value === null ? 'absence' : 'presence'}, got one that ends at '${end.kind}'`)
  }
  if (end.kind === 'empty') {
    const good = steps.length === 0 && equalBytes(root, EMPTY_MAP_ROOT)
    return good ? ok(null) : refuse('map-proof-root', 'expected the root of an empty map, got another root')
  }
  if (end.kind === 'other' && equalBytes(end.key, key))
    return refuse('map-proof-shape', 'expected the leaf of another key as proof of absence')
  const leafKey = end.kind === 'other' ? end.key : key
  let hash = leafHash(leafKey, end.kind === 'other' ? end.valueHash : mapValueHash(value as Uint8Array))
  let below = KEY_BITS
  for (let i = steps.length - 1; i >= 0; i--) {
    const { bit, sibling } = steps[i] as MapProofStep
    if (!(Number.isInteger(bit) && bit >= 0 && bit < below))
      return refuse('map-proof-shape', `expected increasing bits, got ${bit} above ${below}`)
    const side = bitAt(key, bit)
    if (bitAt(leafKey, bit) !== side)
      return refuse('map-proof-shape', `expected a leaf on the way to the key, got one that parts at bit ${bit}`)
    hash = side === 0 ? nodeHash(bit, hash, sibling) : nodeHash(bit, sibling, hash)
    below = bit
  }
  return equalBytes(hash, root) ? ok(null) : refuse('map-proof-root', 'expected a path to the given root, got a path to another root')
}

const END = { self: 0, other: 1, empty: 2 } as const

/** u16 steps, each u8 bit and 32 bytes; then u8 end (0 self, 1 other: key and value hash, 2 empty). */
export function writeMapProof(writer: Writer, proof: MapProof): void {
  writer.u16(proof.steps.length)
  for (const step of proof.steps) writer.u8(step.bit).raw(step.sibling)
  writer.u8(END[proof.end.kind])
  if (proof.end.kind === 'other') writer.raw(proof.end.key).raw(proof.end.valueHash)
}

export function readMapProof(reader: Reader): MapProof {
  const count = reader.u16()
  if (count > KEY_BITS) reader.fail('map-proof-shape', `expected at most ${KEY_BITS} steps, got ${count}`)
  const steps: MapProofStep[] = []
  for (let i = 0; i < count; i++) {
    const bit = reader.u8()
    if (i > 0 && bit <= (steps[i - 1] as MapProofStep).bit) reader.fail('map-proof-shape', 'expected increasing bits')
    steps.push({ bit, sibling: reader.hash() })
  }
  const end = reader.u8()
  if (end === END.self) return { steps, end: { kind: 'self' } }
  if (end === END.other) return { steps, end: { kind: 'other', key: reader.hash(), valueHash: reader.hash() } }
  if (end !== END.empty || count > 0) reader.fail('map-proof-shape', `expected a proof end of 0, 1 or (without steps) 2, got ${end}`)
  return { steps, end: { kind: 'empty' } }
}

export function encodeMapProof(proof: MapProof): Uint8Array {
  return encode((writer) => writeMapProof(writer, proof))
}

export function decodeMapProof(bytes: Uint8Array): Result<MapProof, Refusal> {
  return decode(bytes, readMapProof)
}

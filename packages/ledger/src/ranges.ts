/**
 * Parts of an authenticated map that prove themselves: all entries whose keys lie in a range, or the first of them, with what
 * is needed to compute the root again (protocol.md §7). What travels is the tree itself, in order from left to right, with
 * everything outside of the range folded into hashes. Since the tree is ordered by key, an entry can be missing only where a hash
 * stands; hashes may stand only to the left of a leaf that lies below the range and to the right of one above it, or of the
 * last entry where the part does not claim to be the end. A part that passes holds exactly the entries of the map with that root
 * (trap S9: a root that the receiver trusts already, never one that came along).
 *
 * Why that suffices: whatever tree a peer draws, if its hash is the root, it is the map's own tree, or a collision was found.
 */
import {
  BYTES_COST,
  compareBytes,
  decode,
  type Gathering,
  HASH_BYTES,
  type Hash,
  type ItemOf,
  type Reader,
  type Refusal,
  type Result,
  type Writer,
} from '@aethel/codec'
import {
  AuthenticatedMap,
  bitAt,
  EMPTY_MAP_ROOT,
  firstDifference,
  hashOf,
  type Leaf,
  leafHash,
  type MapEntry,
  type MapNode,
  mapValueHash,
  nodeHash,
} from './merkle.js'

/** Both ends belong to it. */
export interface KeyRange {
  readonly low: Hash
  readonly high: Hash
}

export interface CheckedRange {
  readonly entries: readonly MapEntry[]
  /** Whether these are all entries of the range; otherwise the rest begins after the last of these. */
  readonly complete: boolean
}

const KIND = { empty: 0, inner: 1, hash: 2, entry: 3, witness: 4 } as const
const KEY_BITS = 256
/** A label has 256 bytes at most, and what stands before it a few. */
const MAX_PATH_BYTES = 1024
/** An entry must fit into a frame with what proves it. */
const MAX_VALUE_BYTES: number = 8 * 1024 * 1024
/** Of an entry besides path and value: its kind, two lengths, and about one hash and one inner node beside it. */
const ENTRY_OVERHEAD_BYTES = 64

/**
 * The part of `map` in `range`: at least one entry if there is any, and no more once they take about `bytes`, with what the caller
 * sends along with each (`beside`).
 */
export function writeRange(
  writer: Writer,
  map: AuthenticatedMap,
  range: KeyRange,
  bytes: number,
  beside: (entry: MapEntry) => number = () => 0,
): readonly MapEntry[] {
  const top = AuthenticatedMap.topOf(map)
  const { entries, next } = entriesIn(top, range, bytes, beside)
  const complete = next === null || compareBytes(next.key, range.high) > 0
  writer.bool(complete)
  if (top === null) writer.u8(KIND.empty)
  else {
    const before = lastBelow(top, range.low)
    const first = before ?? entries[0] ?? next
    const last = (complete ? next : null) ?? entries.at(-1) ?? before
    writePart(writer, top, range, (first as Leaf).key, (last as Leaf).key)
  }
  return entries
}

/** And the leaf that follows them in the map, within the range or above it. */
function entriesIn(
  top: MapNode | null,
  { low, high }: KeyRange,
  bytes: number,
  beside: (entry: MapEntry) => number,
): { entries: Leaf[]; next: Leaf | null } {
  const entries: Leaf[] = []
  let left = bytes
  for (const leaf of leavesFrom(top, low)) {
    if (compareBytes(leaf.key, high) > 0 || (left <= 0 && entries.length > 0)) return { entries, next: leaf }
    entries.push(leaf)
    left -= leaf.path.length + leaf.value.length + ENTRY_OVERHEAD_BYTES + beside(leaf)
  }
  return { entries, next: null }
}

/** In order, all whose key is at least `low`. */
function* leavesFrom(top: MapNode | null, low: Hash): Generator<Leaf, void, undefined> {
  const waiting: MapNode[] = []
  for (let node = top; node !== null; ) {
    const parts = firstDifference(node.key, low)
    if (parts >= node.bit && node.kind === 'inner') {
      if (bitAt(low, node.bit) === 0) {
        waiting.push(node.right)
        node = node.left
      } else node = node.right
      continue
    }
    if (node.kind === 'leaf' ? compareBytes(node.key, low) >= 0 : bitAt(node.key, parts) === 1) waiting.push(node)
    node = null
  }
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.kind === 'leaf') yield node
    else waiting.push(node.right, node.left)
  }
}

/** The leaf with the greatest key below `low`. */
function lastBelow(top: MapNode, low: Hash): Leaf | null {
  let beside: MapNode | null = null
  let node: MapNode | null = top
  while (node !== null) {
    const parts = firstDifference(node.key, low)
    if (parts >= node.bit && node.kind === 'inner') {
      const goRight: boolean = bitAt(low, node.bit) === 1
      if (goRight) beside = node.left
      node = goRight ? node.right : node.left
      continue
    }
    if (parts < KEY_BITS && bitAt(node.key, parts) === 0) beside = node
    node = null
  }
  while (beside !== null && beside.kind === 'inner') beside = beside.right
  return beside
}

/**
 * The subtree, with what lies outside of [first, last] as hashes; a bound is null once everything below `node` is within it, so that
 * most nodes are compared with nothing. Depth is at most 256, so recursion is bounded.
 */
function writePart(writer: Writer, node: MapNode, range: KeyRange, first: Hash | null, last: Hash | null): void {
  const beyondFirst = first === null ? 1 : sideOf(node, first)
  const beyondLast = last === null ? -1 : sideOf(node, last)
  if (beyondFirst < 0 || beyondLast > 0) {
    writer.u8(KIND.hash).raw(hashOf(node))
    return
  }
  const stillFirst = beyondFirst > 0 ? null : first
  const stillLast = beyondLast < 0 ? null : last
  if (node.kind === 'inner') {
    writer.u8(KIND.inner).u8(node.bit)
    writePart(writer, node.left, range, stillFirst, stillLast)
    writePart(writer, node.right, range, stillFirst, stillLast)
  } else if ((stillFirst !== null || stillLast !== null) && !isWithin(node.key, range)) {
    writer.u8(KIND.witness).raw(node.key).raw(mapValueHash(node.value))
  } else writer.u8(KIND.entry).bytes(node.path).bytes(node.value)
}

/** Where all keys below `node` lie: below `key` (-1), above it (1), or on both sides, or it is the key's own leaf (0). */
function sideOf(node: MapNode, key: Hash): -1 | 0 | 1 {
  const parts = firstDifference(node.key, key)
  if (parts >= node.bit) return 0
  return bitAt(node.key, parts) === 0 ? -1 : 1
}

function isWithin(key: Hash, { low, high }: KeyRange): boolean {
  return compareBytes(key, low) >= 0 && compareBytes(key, high) <= 0
}

/**
 * Reads a part of the map with this root, or refuses it. `keyOfPath` says where an entry belongs; it must be the function the
 * map was made with.
 */
export function readRange(reader: Reader, root: Hash, range: KeyRange, keyOfPath: (path: Uint8Array) => Hash): CheckedRange {
  const complete = reader.bool()
  const walk = new Walk(reader, range, keyOfPath, complete)
  const hash = walk.top()
  if (compareBytes(hash, root) !== 0) reader.fail('range-root', 'expected a part of the map with the trusted root, got one of another')
  return { entries: walk.end(), complete }
}

/** The same from bytes that hold nothing else. */
export function checkRange(
  bytes: Uint8Array,
  root: Hash,
  range: KeyRange,
  keyOfPath: (path: Uint8Array) => Hash,
): Result<CheckedRange, Refusal> {
  return decode(bytes, (reader) => readRange(reader, root, range, keyOfPath))
}

/** Three arrays in an object. A peer may send a million entries of which nothing is known until the root has been computed (trap E6). */
const ENTRY_COST: number = 3 * BYTES_COST + HASH_BYTES + 64

function entryWith(keyOfPath: (path: Uint8Array) => Hash): ItemOf<MapEntry> {
  return {
    read: (reader) => {
      const path = reader.bytes(MAX_PATH_BYTES)
      const value = reader.bytes(MAX_VALUE_BYTES)
      return {
        path,
        value,
        /** Hardly anybody asks for it again. */
        get key() {
          return keyOfPath(path)
        },
      }
    },
    costBytes: () => ENTRY_COST,
    onceRead: 'let go',
  }
}

/** Where the walk from left to right is: what may come next follows from it. */
type Stage =
  /** Nothing but hashes so far, or nothing at all. */
  | 'left'
  /** From here on only entries, until the range is closed. */
  | 'inside'
  /** Nothing but hashes from here on. */
  | 'right'

class Walk {
  readonly #entries: Gathering<MapEntry>
  #isEmpty = true
  readonly #reader: Reader
  readonly #range: KeyRange
  readonly #keyOfPath: (path: Uint8Array) => Hash
  readonly #complete: boolean
  #stage: Stage = 'left'
  #hashesOnLeft = 0
  /** A leaf above the range has been seen. */
  #closed = false
  #newest: Hash | null = null

  constructor(reader: Reader, range: KeyRange, keyOfPath: (path: Uint8Array) => Hash, complete: boolean) {
    this.#reader = reader
    this.#range = range
    this.#keyOfPath = keyOfPath
    this.#complete = complete
    this.#entries = reader.gather(entryWith(keyOfPath))
  }

  end(): readonly MapEntry[] {
    return this.#entries.end()
  }

  top(): Hash {
    const reader = this.#reader
    const kind = reader.u8()
    if (kind === KIND.empty) {
      if (!this.#complete) reader.fail('range-shape', 'expected the empty map to be complete')
      return EMPTY_MAP_ROOT
    }
    const hash = this.#node(kind, -1)
    if (this.#stage === 'left') reader.fail('range-shape', 'expected at least one leaf beside hashes')
    if (!this.#complete && this.#isEmpty) reader.fail('range-shape', 'expected an entry in a part that is not the last')
    return hash
  }

  /** `above` is the bit of the parent: bits increase, so the depth is bounded. */
  #node(kind: number, above: number): Hash {
    const reader = this.#reader
    switch (kind) {
      case KIND.inner: {
        const bit = reader.u8()
        if (bit <= above) return reader.fail('range-shape', `expected increasing bits, got ${bit} below ${above}`)
        const left = this.#node(reader.u8(), bit)
        return nodeHash(bit, left, this.#node(reader.u8(), bit))
      }
      case KIND.hash:
        this.#onHash()
        return reader.hash()
      case KIND.entry: {
        const start = reader.offset
        const path = reader.bytes(MAX_PATH_BYTES)
        const value = reader.bytes(MAX_VALUE_BYTES)
        const key = this.#keyOfPath(path)
        this.#onEntry({ key, path, value }, start)
        return leafHash(key, mapValueHash(value))
      }
      case KIND.witness: {
        const key = reader.hash()
        this.#onWitness(key)
        return leafHash(key, reader.hash())
      }
      default:
        return reader.fail('range-shape', `expected a node of kind 1..4, got ${kind}`)
    }
  }

  #onHash(): void {
    if (this.#stage === 'left') {
      this.#hashesOnLeft++
      return
    }
    // To the right of the last leaf: above the range, or what a part that is not the last leaves for later.
    const mayFollow = this.#closed || (!this.#complete && !this.#isEmpty)
    if (!mayFollow) this.#reader.fail('range-gap', 'expected every entry of the range, got a hash that may hide some')
    this.#stage = 'right'
  }

  #onEntry(entry: MapEntry, start: number): void {
    if (this.#stage === 'right' || this.#closed) this.#reader.fail('range-gap', 'expected no entry behind what closes the range')
    if (this.#stage === 'left' && this.#hashesOnLeft > 0)
      this.#reader.fail('range-gap', 'expected a leaf below the range between hashes and the first entry')
    const { low, high } = this.#range
    if (compareBytes(entry.key, low) < 0 || compareBytes(entry.key, high) > 0)
      this.#reader.fail('range-key', 'expected entries of the range that was asked for, got another')
    this.#follow(entry.key)
    this.#entries.add(entry, start)
    this.#isEmpty = false
  }

  #onWitness(key: Hash): void {
    const { low, high } = this.#range
    const isBelow = compareBytes(key, low) < 0
    if (!isBelow && compareBytes(key, high) <= 0) this.#reader.fail('range-gap', 'expected the entries of the range in full')
    if (isBelow ? this.#stage !== 'left' : this.#stage === 'right' || this.#closed || (this.#stage === 'left' && this.#hashesOnLeft > 0))
      this.#reader.fail('range-shape', 'expected at most one leaf on either side of the range, next to it')
    if (!isBelow) this.#closed = true
    this.#follow(key)
  }

  #follow(key: Hash): void {
    if (this.#newest !== null && compareBytes(this.#newest, key) >= 0) this.#reader.fail('range-order', 'expected ascending keys')
    this.#newest = key
    this.#stage = 'inside'
  }
}

/** The key after this one; null after the last. */
export function keyAfter(key: Hash): Hash | null {
  const next = key.slice()
  for (let at = HASH_BYTES - 1; at >= 0; at--) {
    const byte = ((next[at] as number) + 1) & 0xff
    next[at] = byte
    if (byte !== 0) return next as Hash
  }
  return null
}

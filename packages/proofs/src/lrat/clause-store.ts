/**
 * The live clauses and the way from an id to its clause, in memory proportional to the live clauses however many were
 * added in the course of a proof.
 *
 * Clauses, `count, literals`, lie in segments in the order of their ids; a clause never lies across two. A place is
 * `segment << SEGMENT_BITS | offset`; place 0 is no clause. The index knows 32 consecutive ids, a page, by one block:
 *
 *     wide:   page, 0, 32 places                                      for pages with at least SPARSE_PAGE ids, and the newest
 *     packed: page, bitmap, the place of each id in it, ascending     for the others
 *
 * The directory has a word for each page: 0 without a block, the position of the first place of a wide block, or minus the
 * position of a packed one. It is made of leaves, and a leaf in which no page has a block is used again: a long proof leaves a
 * trail of ids that are dead for ever. Ids only ascend, so the newest page lies at the end. Deletion clears
 * the place. When no segment has room and at least half of what is stored is dead, segments and index are packed from the left.
 *
 * The hot loop of the kernel looks ids up by itself (`Checker.#propagate`), in the same way as `slotOf`.
 */
import { assert } from '@aethel/codec'
import type { Charges } from './charges.js'

export const SEGMENT_BITS = 14
export const SEGMENT_WORDS: number = 1 << SEGMENT_BITS
export const OFFSET_MASK: number = SEGMENT_WORDS - 1
/** Ids that share a block of the index: as many as an int has bits. */
export const PAGE_BITS = 5
export const PAGE_MASK = 31
/** A block's first words: its page, its bitmap. */
export const BLOCK_HEADER_WORDS = 2
const PAGE_IDS = 32
/** Pages of one leaf of the directory. */
export const LEAF_BITS = 8
export const LEAF_MASK = 255
const LEAF_PAGES = 256
/** With fewer ids a page is packed: the wide form would take more than two words for each. */
const SPARSE_PAGE = 16
/** The words behind word 0 of the directory: a wide block without ids. */
const INDEX_START = PAGE_IDS
/** The first segment of a small claim. */
const FIRST_SEGMENT_WORDS = 1_024
const FIRST_INDEX_WORDS = 256
/** What counts of a clause beside its literals: their count and the place. */
export const CLAUSE_HEADER_WORDS = 2

export class ClauseStore {
  readonly #charges: Charges
  readonly segments: Int32Array[] = []
  /** Where in the directory a leaf begins: 0 is the leaf of all that have no block, and is never written to. */
  leaves: Int32Array
  directory: Int32Array
  index: Int32Array
  #leafCount = 0
  /** Pages with a block, by leaf. */
  #leafPages: Int32Array
  #directoryUsed = LEAF_PAGES
  readonly #freeLeaves: number[] = []
  /** What the directory was paid for: it doubles on the meter, and grows as it must in memory. */
  #paidPages: number
  #capacity = 0
  #segment = -1
  #offset = 0
  /** The first words are the places of a page without ids, which 0 in the directory points at. */
  #indexUsed = INDEX_START
  #lastPage = -1
  /** Ids of the newest page, live or not. */
  #lastPageIds = 0
  #live = 0
  #dead = 0
  #peak = 0

  constructor(charges: Charges, clauses: number) {
    this.#charges = charges
    const pages = (clauses >>> PAGE_BITS) + 1
    charges.allocate(pages + FIRST_INDEX_WORDS)
    this.#paidPages = pages
    const leaves = (pages >>> LEAF_BITS) + 1
    this.leaves = charges.zeros(leaves)
    this.#leafPages = charges.zeros(leaves)
    this.directory = charges.zeros(LEAF_PAGES * (leaves + 1))
    this.#reserveLeaves(pages - 1)
    this.index = charges.zeros(FIRST_INDEX_WORDS)
    this.#addSegment(FIRST_SEGMENT_WORDS)
    // Offset 0 of segment 0 is place 0, which means "none".
    this.#offset = 1
  }

  /** Words of the live clauses: literals and CLAUSE_HEADER_WORDS each. */
  get liveWords(): number {
    return this.#live
  }

  /** The largest `liveWords` so far. */
  get peakLiveWords(): number {
    return this.#peak
  }

  /** The word of the index that holds the id's place, which is 0 after deletion; or 0 if there is none. */
  slotOf(id: number): number {
    const page = id >>> PAGE_BITS
    const block = page >>> LEAF_BITS < this.leaves.length ? this.#blockOf(page) : 0
    return block >= 0 ? block + (id & PAGE_MASK) : this.packedSlotOf(-block, id)
  }

  packedSlotOf(block: number, id: number): number {
    const bitmap = this.index[block + 1] as number
    const bit = 1 << (id & PAGE_MASK)
    if ((bitmap & bit) === 0) return 0
    return block + BLOCK_HEADER_WORDS + bitCount(bitmap & ((bit - 1) | 0))
  }

  /** Adds a clause under an id above all before. */
  add(id: number, literals: Int32Array, from: number, count: number): void {
    const words = count + 1
    if (!this.#fits(words)) this.#findRoom(words)
    const segment = this.segments[this.#segment] as Int32Array
    let at = this.#offset
    const place = (this.#segment << SEGMENT_BITS) | at
    segment[at++] = count
    for (let i = from; i < from + count; i++) segment[at++] = literals[i] as number
    this.#offset = at
    this.#enter(id, place)
    this.#live += count + CLAUSE_HEADER_WORDS
    if (this.#live > this.#peak) this.#peak = this.#live
  }

  /** Ends a clause's life; `slot` is its `slotOf`. */
  remove(slot: number, count: number): void {
    this.index[slot] = 0
    this.#live -= count + CLAUSE_HEADER_WORDS
    this.#dead += count + CLAUSE_HEADER_WORDS
  }

  /** Calls back with segment, offset and count of each live clause, in the order of ids. */
  eachLive(visit: (segment: Int32Array, at: number, count: number) => void): void {
    const { index } = this
    for (let block = INDEX_START; block < this.#indexUsed; ) {
      const end = this.#endOf(block)
      for (let slot = block + BLOCK_HEADER_WORDS; slot < end; slot++) {
        const place = index[slot] as number
        if (place === 0) continue
        const segment = this.segments[place >>> SEGMENT_BITS] as Int32Array
        const at = place & OFFSET_MASK
        visit(segment, at + 1, segment[at] as number)
      }
      block = end
    }
  }

  #endOf(block: number): number {
    const bitmap = this.index[block + 1] as number
    return block + BLOCK_HEADER_WORDS + (bitmap === 0 ? PAGE_IDS : bitCount(bitmap))
  }

  /** A clause begins at an offset that a place can name; a segment made for a long clause goes on behind that. */
  #fits(words: number): boolean {
    const segment = this.segments[this.#segment]
    return segment !== undefined && this.#offset <= OFFSET_MASK && this.#offset + words <= segment.length
  }

  #findRoom(words: number): void {
    if (this.#advance(words)) return
    if (this.#dead >= this.#live && this.#dead > 0) {
      this.#pack()
      if (this.#fits(words) || this.#advance(words)) return
    }
    this.#addSegment(Math.max(Math.min(SEGMENT_WORDS, this.#capacity), words))
  }

  #addSegment(length: number): void {
    this.#charges.allocate(length)
    this.segments.push(this.#charges.zeros(length))
    this.#capacity += length
    this.#segment = this.segments.length - 1
    this.#offset = 0
  }

  /** Moves on to the next segment already there that has room; packing leaves such behind. */
  #advance(words: number): boolean {
    for (let next = this.#segment + 1; next < this.segments.length; next++) {
      if (words > (this.segments[next] as Int32Array).length) continue
      this.#segment = next
      this.#offset = 0
      return true
    }
    return false
  }

  #enter(id: number, place: number): void {
    const page = id >>> PAGE_BITS
    if (page !== this.#lastPage) this.#openPage(page)
    this.index[this.#blockOf(page) + (id & PAGE_MASK)] = place
    this.#lastPageIds++
  }

  #openPage(page: number): void {
    if (this.#lastPage >= 0 && this.#lastPageIds < SPARSE_PAGE) {
      const block = this.#blockOf(this.#lastPage) - BLOCK_HEADER_WORDS
      this.#indexUsed = this.#rewrite(block, block, 'closing')
    }
    if (page >= this.#paidPages) {
      this.#paidPages = Math.max(page + 1, 2 * this.#paidPages)
      this.#charges.allocate(this.#paidPages)
    }
    this.#reserveLeaves(page)
    const places = this.#indexUsed + BLOCK_HEADER_WORDS
    const end = places + PAGE_IDS
    if (end > this.index.length) {
      this.#charges.allocate(2 * this.index.length)
      this.index = this.#charges.enlarged(this.index, 2 * this.index.length)
    }
    this.index[this.#indexUsed] = page
    this.index.fill(0, this.#indexUsed + 1, end)
    this.#setBlock(page, places)
    const leaf = page >>> LEAF_BITS
    this.#leafPages[leaf] = (this.#leafPages[leaf] as number) + 1
    this.#indexUsed = end
    this.#lastPage = page
    this.#lastPageIds = 0
  }

  /**
   * Packs clauses and index, in place. A clause never moves to the right: the live ones before it are a part of what lay
   * before it; nor does a block. Costs no gas of its own: at least half of what it reads was paid for when it was added,
   * and is gone after.
   */
  #pack(): void {
    const end = this.#indexUsed
    this.#segment = 0
    this.#offset = 1
    let write = INDEX_START
    for (let block = INDEX_START; block < end; ) {
      const next = this.#endOf(block)
      write = this.#rewrite(block, write, 'packing')
      block = next
    }
    this.#indexUsed = write
    this.#dead = 0
  }

  #blockOf(page: number): number {
    return this.directory[(this.leaves[page >>> LEAF_BITS] as number) + (page & LEAF_MASK)] as number
  }

  #setBlock(page: number, block: number): void {
    this.directory[(this.leaves[page >>> LEAF_BITS] as number) + (page & LEAF_MASK)] = block
  }

  /** Leaves up to that of a page, written even where ids are left out: what is paid for is done (see `Charges.zeros`). */
  #reserveLeaves(page: number): void {
    const count = (page >>> LEAF_BITS) + 1
    if (count <= this.#leafCount) return
    if (count > this.leaves.length) {
      const length = Math.max(count, 2 * this.leaves.length)
      this.leaves = this.#charges.enlarged(this.leaves, length)
      this.#leafPages = this.#charges.enlarged(this.#leafPages, length)
    }
    const needed = this.#directoryUsed + LEAF_PAGES * Math.max(0, count - this.#leafCount - this.#freeLeaves.length)
    if (needed > this.directory.length) {
      // No further than what is paid for, else it could take twice as much.
      const paid = LEAF_PAGES * ((this.#paidPages >>> LEAF_BITS) + 2)
      this.directory = this.#charges.enlarged(this.directory, Math.max(needed, Math.min(2 * this.directory.length, paid)))
    }
    for (; this.#leafCount < count; this.#leafCount++) {
      const free = this.#freeLeaves.pop()
      this.leaves[this.#leafCount] = free ?? this.#directoryUsed
      if (free === undefined) this.#directoryUsed += LEAF_PAGES
    }
  }

  /** A page without live clauses has no block any more; nor has its leaf, if it was the last one there. */
  #dropPage(page: number): void {
    this.#setBlock(page, 0)
    const leaf = page >>> LEAF_BITS
    const pages = (this.#leafPages[leaf] as number) - 1
    this.#leafPages[leaf] = pages
    if (pages > 0 || leaf === this.#leafCount - 1) return
    this.#freeLeaves.push(this.leaves[leaf] as number)
    this.leaves[leaf] = 0
  }

  /** Writes the live part of a block to `write`, at or before it, in the form it deserves; returns what follows. */
  #rewrite(block: number, write: number, why: 'closing' | 'packing'): number {
    const { index } = this
    const page = index[block] as number
    const source = block + BLOCK_HEADER_WORDS
    const target = write + BLOCK_HEADER_WORDS
    const bitmap = index[block + 1] as number
    const packed = bitmap !== 0
    const length = packed ? bitCount(bitmap) : PAGE_IDS
    let live = 0
    for (let i = 0; i < length; i++) if (index[source + i] !== 0) live++
    index[write] = page
    if (!packed && (live >= SPARSE_PAGE || (why === 'packing' && page === this.#lastPage))) {
      index[write + 1] = 0
      for (let i = 0; i < PAGE_IDS; i++) index[target + i] = this.#settled(index[source + i] as number, why)
      this.#setBlock(page, target)
      return target + PAGE_IDS
    }
    if (live === 0) {
      this.#dropPage(page)
      return write
    }
    let kept = 0
    let rest = packed ? bitmap : -1
    let left = 0
    for (let i = 0; i < length; i++) {
      const bit = rest & -rest
      rest ^= bit
      const place = index[source + i] as number
      if (place === 0) continue
      left |= bit
      index[target + kept++] = this.#settled(place, why)
    }
    index[write + 1] = left
    this.#setBlock(page, -write)
    return target + kept
  }

  /** Where the clause at a place lies from now on; while packing, calls come in the order of ids. */
  #settled(place: number, why: 'closing' | 'packing'): number {
    if (why === 'closing' || place === 0) return place
    return this.#move(this.segments[place >>> SEGMENT_BITS] as Int32Array, place & OFFSET_MASK)
  }

  #move(source: Int32Array, from: number): number {
    const words = (source[from] as number) + 1
    if (!this.#fits(words)) assert(this.#advance(words), 'a clause no longer fits where it lay')
    const target = this.segments[this.#segment] as Int32Array
    const to = this.#offset
    if (target !== source || to !== from) for (let i = 0; i < words; i++) target[to + i] = source[from + i] as number
    this.#offset = to + words
    return (this.#segment << SEGMENT_BITS) | to
  }
}

/** Set bits of an int: sums of two, four and eight neighbours, then of the bytes. */
export function bitCount(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555)
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/**
 * The event queue: virtual time jumps from one event to the next; equal times keep their order of insertion. What one sender says
 * to many at once is one entry, which stands in the queue for the earliest that has not happened: with a thousand validators a
 * million messages are under way, and each sender's take one place.
 */

interface Entry<T> {
  atMs: number
  sequence: number
  /** Null: of a flock. */
  readonly event: T | null
  readonly flock: Flock<T> | null
}

/** Events of one cause, by time and then by order of insertion. */
interface Flock<T> {
  readonly atMs: Float64Array
  /** Positions of insertion, in the order in which they happen. */
  readonly order: Uint32Array
  readonly firstSequence: number
  next: number
  make(position: number): T
}

export interface Due<T> {
  readonly atMs: number
  readonly event: T
}

export class EventQueue<T> {
  readonly #heap: Entry<T>[] = []
  #sequence = 0
  #size = 0
  /** Virtual time: of the event that happened last. Nobody but `pop` sets it. */
  nowMs = 0

  /** Events that have not happened. */
  get size(): number {
    return this.#size
  }

  push(atMs: number, event: T): void {
    this.#size++
    this.#insert({ atMs, sequence: this.#sequence++, event, flock: null })
  }

  /** As if each were pushed in turn; `make` is asked for the event at a position when its time has come. */
  pushMany(times: readonly number[], make: (position: number) => T): void {
    if (times.length === 0) return
    const firstSequence = this.#sequence
    this.#sequence += times.length
    this.#size += times.length
    const atMs = Float64Array.from(times)
    const order = Uint32Array.from(times.keys()).sort((a, b) => (atMs[a] as number) - (atMs[b] as number) || a - b)
    const first = order[0] as number
    const flock = { atMs, order, firstSequence, next: 0, make }
    this.#insert({ atMs: atMs[first] as number, sequence: firstSequence + first, event: null, flock })
  }

  pop(): Due<T> | undefined {
    const heap = this.#heap
    const top = heap[0]
    if (top === undefined) return undefined
    this.#size--
    this.nowMs = top.atMs
    const { flock, event } = top
    if (flock === null) {
      const last = heap.pop() as Entry<T>
      if (heap.length > 0) this.#sinkFromTop(last)
      return { atMs: top.atMs, event: event as T }
    }
    const due = { atMs: top.atMs, event: flock.make(flock.order[flock.next++] as number) }
    const following = flock.order[flock.next]
    if (following === undefined) {
      const last = heap.pop() as Entry<T>
      if (heap.length > 0) this.#sinkFromTop(last)
    } else {
      top.atMs = flock.atMs[following] as number
      top.sequence = flock.firstSequence + following
      this.#sinkFromTop(top)
    }
    return due
  }

  #insert(entry: Entry<T>): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt] as Entry<T>
      if (!precedes(entry, parent)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = entry
  }

  /** The entry takes the place at the top, and sinks to where it belongs. */
  #sinkFromTop(entry: Entry<T>): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= heap.length) break
      if (childAt + 1 < heap.length && precedes(heap[childAt + 1] as Entry<T>, heap[childAt] as Entry<T>)) childAt++
      const child = heap[childAt] as Entry<T>
      if (!precedes(child, entry)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = entry
  }
}

function precedes<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

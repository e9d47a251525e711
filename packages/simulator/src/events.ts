/** The event queue: virtual time jumps from one event to the next; equal times keep their order of insertion. */

interface Entry<T> {
  readonly atMs: number
  readonly sequence: number
  readonly event: T
}

export class EventQueue<T> {
  readonly #heap: Entry<T>[] = []
  #sequence = 0

  get size(): number {
    return this.#heap.length
  }

  push(atMs: number, event: T): void {
    const entry = { atMs, sequence: this.#sequence++, event }
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

  pop(): { readonly atMs: number; readonly event: T } | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= heap.length) break
      if (childAt + 1 < heap.length && precedes(heap[childAt + 1] as Entry<T>, heap[childAt] as Entry<T>)) childAt++
      const child = heap[childAt] as Entry<T>
      if (!precedes(child, last)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = last
    return top
  }
}

function precedes<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

/** A binary heap that knows where each item stands, so that removal by item is O(log n) too. */

export class IndexedHeap<T> {
  readonly #before: (a: T, b: T) => boolean
  readonly #items: T[] = []
  readonly #positions = new Map<T, number>()

  /** `before` must be a strict total order: ties would make the order depend on history. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  get top(): T | undefined {
    return this.#items[0]
  }

  has(item: T): boolean {
    return this.#positions.has(item)
  }

  add(item: T): void {
    if (this.#positions.has(item)) return
    this.#items.push(item)
    this.#positions.set(item, this.#items.length - 1)
    this.#up(this.#items.length - 1)
  }

  pop(): T | undefined {
    const top = this.#items[0]
    if (top !== undefined) this.remove(top)
    return top
  }

  remove(item: T): boolean {
    const at = this.#positions.get(item)
    if (at === undefined) return false
    this.#positions.delete(item)
    const last = this.#items.pop() as T
    if (at < this.#items.length) {
      this.#place(last, at)
      this.#up(at)
      this.#down(this.#positions.get(last) as number)
    }
    return true
  }

  clear(): void {
    this.#items.length = 0
    this.#positions.clear()
  }

  /** In no particular order. */
  values(): readonly T[] {
    return this.#items
  }

  #place(item: T, at: number): void {
    this.#items[at] = item
    this.#positions.set(item, at)
  }

  #up(from: number): void {
    let at = from
    const item = this.#items[at] as T
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = this.#items[parentAt] as T
      if (!this.#before(item, parent)) break
      this.#place(parent, at)
      at = parentAt
    }
    this.#place(item, at)
  }

  #down(from: number): void {
    let at = from
    const item = this.#items[at] as T
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= this.#items.length) break
      const right = this.#items[childAt + 1]
      if (right !== undefined && this.#before(right, this.#items[childAt] as T)) childAt++
      const child = this.#items[childAt] as T
      if (!this.#before(child, item)) break
      this.#place(child, at)
      at = childAt
    }
    this.#place(item, at)
  }
}

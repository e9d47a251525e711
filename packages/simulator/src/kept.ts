/**
 * What was committed in a view is in the chain of every later one (docs/protocol.md §6, "Why it is safe"): the block with which a NEW-VIEW
 * of a higher view begins is the committed one, or extends it. Looked at from both sides, as either may come to be known first.
 */
import { equalBytes, type Hash } from '@aethel/codec'
import type { Certificate, NewView } from '@aethel/consensus'

/** Of views with a commit, and of NEW-VIEWs: older ones are contradicted by newer ones just as well. */
const VIEWS_KEPT = 256

interface Placed {
  readonly view: number
  readonly height: number
  readonly hash: Hash
}

/** What a view begins with; null: nothing was certified in the epoch. */
interface Base {
  readonly view: number
  readonly start: Placed | null
}

export class Kept {
  /** By view: the highest. */
  readonly #committed = new Map<number, Placed>()
  readonly #bases: Base[] = []
  readonly #parentOf: (hash: Hash) => Hash | undefined
  readonly #committedAt: (height: number) => Hash | undefined

  constructor(parentOf: (hash: Hash) => Hash | undefined, committedAt: (height: number) => Hash | undefined) {
    this.#parentOf = parentOf
    this.#committedAt = committedAt
  }

  /** What is wrong, or null. */
  flawOfNewView({ newView, certificate }: NewView): string | null {
    const base: Base = { view: newView, start: certificate === null ? null : placeOf(certificate) }
    this.#bases.push(base)
    if (this.#bases.length > VIEWS_KEPT) this.#bases.shift()
    for (const committed of this.#committed.values()) if (!this.#holds(base, committed)) return wordsFor(base, committed)
    return null
  }

  flawOfCommit(certificate: Certificate): string | null {
    const committed = placeOf(certificate)
    const known = this.#committed.get(committed.view)
    if (known === undefined || known.height < committed.height) this.#committed.set(committed.view, committed)
    const oldest = this.#committed.size > VIEWS_KEPT ? this.#committed.keys().next().value : undefined
    if (oldest !== undefined) this.#committed.delete(oldest)
    for (const base of this.#bases) if (!this.#holds(base, committed)) return wordsFor(base, committed)
    return null
  }

  #holds({ view, start }: Base, committed: Placed): boolean {
    if (view <= committed.view) return true
    if (start === null || start.height < committed.height) return false
    const ancestor = this.#ancestorOf(start, committed.height)
    return ancestor === undefined || equalBytes(ancestor, committed.hash)
  }

  /** Undefined: nobody honest has voted for what lies between, or so long ago that it is forgotten. */
  #ancestorOf({ height, hash }: Placed, at: number): Hash | undefined {
    let cursor: Hash | undefined = hash
    for (let level = height; level > at && cursor !== undefined; level--) {
      const committed = this.#committedAt(level)
      if (committed !== undefined && equalBytes(committed, cursor)) return this.#committedAt(at)
      cursor = this.#parentOf(cursor)
    }
    return cursor
  }
}

function placeOf({ view, height, blockHash }: Certificate): Placed {
  return { view, height, hash: blockHash }
}

function wordsFor({ view, start }: Base, committed: Placed): string {
  const from = start === null ? 'nothing' : `height ${start.height} of view ${start.view}`
  return `view ${view} begins on ${from}, and not on what was committed at height ${committed.height} in view ${committed.view}`
}

/**
 * What a checked proof leaves behind is gone before the next one begins. V8 frees arrays when it sees fit, and one that may allocate a
 * quarter of a gigabyte would find those of the one before still there: a thread would hold twice what its meter has counted. So after
 * proofs that allocated much the thread collects: the young generation, which is quick and mostly enough, and all of it only
 * if that did not help.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { arrayBytes } from './memory.js'

/** Of proofs since the last collection, by their meters. Half of what a thread may hold beyond its meter (64 MiB). */
const LEFT_BEHIND_BYTES: number = 16 * 1024 * 1024
/** Of arrays more than after the last full collection: not worth another one. */
const GROWN_BYTES: number = 8 * 1024 * 1024
const FULL_COLLECTIONS = 2
const WORD_BYTES = 4

type Collect = (options?: { readonly type: 'minor' }) => void

/** The flag is of the process, the function of this thread. */
function collector(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collect
}

export class ProofGarbage {
  readonly #collect: Collect = collector()
  #leftBehindBytes = 0
  #heldBytes = arrayBytes()

  /** After a check that allocated so many words. */
  add(memoryWords: number): void {
    this.#leftBehindBytes += memoryWords * WORD_BYTES
    if (this.#leftBehindBytes < LEFT_BEHIND_BYTES) return
    this.#leftBehindBytes = 0
    this.#collect({ type: 'minor' })
    // Arrays that were found dead are freed by another thread, and all of them before the next collection begins.
    for (let full = 0; full < FULL_COLLECTIONS && this.#isGrown; full++) this.#collect()
    if (this.#isGrown) this.#heldBytes = arrayBytes()
  }

  get #isGrown(): boolean {
    return arrayBytes() - this.#heldBytes > GROWN_BYTES
  }
}

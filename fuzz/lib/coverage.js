/**
 * Which blocks of our packages an input runs, from V8's precise block coverage. V8 merges a block into its parent when their
 * counts are equal, so a covered block has no name of its own; an uncovered one has. A block is therefore known once an input
 * left it out, and new when the first input does not. What is loaded before `start` has no block counts: load targets after it.
 */
import { Session } from 'node:inspector'

const OURS = /\/packages\/[a-z]+\/dist\//

/** @typedef {{ scriptId: string, url: string, functions: { isBlockCoverage: boolean, ranges: Range[] }[] }} ScriptCoverage */
/** @typedef {{ startOffset: number, endOffset: number, count: number }} Range */

export class Coverage {
  constructor() {
    this.session = new Session()
    /** By function: the blocks some input left out, and whether another ran them. @type {Map<string, Map<string, Block>>} */
    this.functions = new Map()
    /** Function or block, and the binary logarithm of how often it ran. @type {Set<string>} */
    this.buckets = new Set()
    this.blocks = 0
    this.covered = 0
  }

  start() {
    this.session.connect()
    this.#post('Profiler.enable')
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What ran since the last call. */
  take() {
    return /** @type {ScriptCoverage[]} */ (this.#post('Profiler.takePreciseCoverage').result).filter(({ url }) => OURS.test(url))
  }

  /**
   * Whether a function or block ran for the first time. Remembers nothing: what a batch ran is attributed by `learn`.
   *
   * @param {readonly ScriptCoverage[]} taken
   */
  hasNewBlocks(taken) {
    for (const { scriptId, functions } of taken) {
      for (const { ranges } of functions) {
        const whole = ranges[0]
        if (whole === undefined || whole.count === 0) continue
        const known = this.functions.get(keyOf(scriptId, whole))
        if (known === undefined) return true
        const left = ranges.filter((range) => range.count === 0)
        for (const block of known.values()) if (!block.covered && !left.some((range) => contains(range, block))) return true
      }
    }
    return false
  }

  /**
   * Adds what one input ran.
   *
   * @param {readonly ScriptCoverage[]} taken
   * @returns {'block' | 'count' | null} the best of what was new
   */
  learn(taken) {
    let newBlocks = false
    let newCounts = false
    for (const { scriptId, functions } of taken) {
      for (const { ranges } of functions) {
        const whole = ranges[0]
        if (whole === undefined || whole.count === 0) continue
        if (this.#learnFunction(keyOf(scriptId, whole), ranges)) newBlocks = true
        for (const range of ranges) if (range.count > 0 && this.#learnCount(scriptId, range)) newCounts = true
      }
    }
    return newBlocks ? 'block' : newCounts ? 'count' : null
  }

  /**
   * @param {string} key
   * @param {readonly Range[]} ranges
   */
  #learnFunction(key, ranges) {
    let known = this.functions.get(key)
    let isNew = false
    if (known === undefined) {
      known = new Map()
      this.functions.set(key, known)
      this.blocks++
      this.covered++
      isNew = true
    }
    const left = ranges.filter((range) => range.count === 0)
    for (const block of known.values()) {
      if (block.covered || left.some((range) => contains(range, block))) continue
      block.covered = true
      this.covered++
      isNew = true
    }
    for (const { startOffset, endOffset } of left) {
      const name = `${startOffset}-${endOffset}`
      if (known.has(name)) continue
      known.set(name, { startOffset, endOffset, covered: false })
      this.blocks++
    }
    return isNew
  }

  /**
   * @param {string} scriptId
   * @param {Range} range
   */
  #learnCount(scriptId, range) {
    const bucket = `${keyOf(scriptId, range)}#${Math.floor(Math.log2(range.count))}`
    if (this.buckets.has(bucket)) return false
    this.buckets.add(bucket)
    return true
  }

  /**
   * @param {string} method
   * @param {object} [parameters]
   * @returns {any}
   */
  #post(method, parameters = {}) {
    let answer
    // A session of one's own thread answers before it returns.
    this.session.post(method, parameters, (error, result) => {
      if (error !== null) throw error
      answer = result
    })
    return answer
  }
}

/** @typedef {{ startOffset: number, endOffset: number, covered: boolean }} Block */

/**
 * @param {string} scriptId
 * @param {{ startOffset: number, endOffset: number }} range
 */
function keyOf(scriptId, { startOffset, endOffset }) {
  return `${scriptId}:${startOffset}-${endOffset}`
}

/**
 * @param {{ startOffset: number, endOffset: number }} outer
 * @param {{ startOffset: number, endOffset: number }} inner
 */
function contains(outer, inner) {
  return outer.startOffset <= inner.startOffset && inner.endOffset <= outer.endOffset
}

/**
 * Programs for the gas search: a short list of small numbers that unfolds into a claim and a proof of up to megabytes. What is costly is
 * repetition, which bytes that change one at a time do not find.
 *
 * @typedef {object} GasProgram
 * @property {string} kind
 * @property {number[][]} steps each the number of an operation and its arguments, 0..255
 *
 * @typedef {object} GasLanguage
 * @property {string} kind
 * @property {number} operations
 * @property {number} most steps in a program
 * @property {readonly string[]} whole outcomes of checks that came to the proof's end, or to a limit: a refusal before leaves the rest unread
 * @property {(steps: readonly number[][]) => import('../../bench/gas/run.js').GasRun} run
 */
import {
  clausesToClaim,
  encodeCertificate,
  encodeLetters,
  encodeMetamathClaim,
  encodeModel,
  lratVerifier,
  satModelVerifier,
} from '@aethel/proofs'
import { ByteBuilder } from '../../bench/gas/bytes.js'
import { smallWorld } from '../../bench/gas/metamath.js'
import { runOf } from '../../bench/gas/run.js'
import { randomStream } from '../../packages/simulator/dist/random.js'
import { bvlrat } from './gas-scripts.js'

/** 1 to 2^bits in steps that grow with it. @param {number} argument @param {number} bits */
const scale = (argument, bits) => Math.max(1, Math.floor(2 ** ((argument / 255) * bits)))
const MOST_PROOF_BYTES = 6 << 20

/** @type {GasLanguage} */
const lrat = {
  kind: 'lrat/1',
  operations: 9,
  most: 6,
  whole: ['no-empty-clause', 'gas-exhausted', 'memory-exhausted'],
  run: (steps) => {
    const random = randomStream(1, 'gas')
    const proof = new ByteBuilder()
    const claim = clausesToClaim([[1], [-1, 2]])
    let id = 2
    let newest = 2
    const at = (/** @type {number} */ window) => Math.max(1, newest - random.below(Math.min(window, newest)))
    /** Clauses that as hints make a literal true, if none did before: the check goes on behind them. */
    let lemmas = { first: 0, count: 0 }
    const needLemmas = (/** @type {number} */ count) => {
      if (lemmas.count >= count) return
      const first = id + 1
      for (let i = 0; i < count && proof.length < MOST_PROOF_BYTES; i++) proof.addition(++id, [1, 2 + random.below(count)], [1])
      lemmas = { first, count: id + 1 - first }
    }
    /** Clauses with the negation of 3: RAT on 3 must name all. @type {number[]} */
    const negations = []
    for (const [operation = 0, a = 0, b = 0, c = 0] of steps) {
      const times = scale(a, 17)
      for (let i = 0; i < times && proof.length < MOST_PROOF_BYTES; i++) {
        const width = scale(b, 13)
        const variables = scale(c, 23)
        switch (operation % 9) {
          case 0: // clauses of any width
            proof.addition(++id, [1, ...Array.from({ length: Math.min(width, 4000) }, () => 2 + random.below(variables))], [1])
            break
          case 1: // hints all over as many lemmas
            needLemmas(Math.min(variables, 400_000))
            proof.addition(++id, [1], [...Array.from({ length: width }, () => lemmas.first + random.below(lemmas.count)), 1])
            break
          case 2: // hints in order, every so many lemmas
            needLemmas(width)
            proof.addition(++id, [1], [...Array.from({ length: width }, (_, k) => lemmas.first + ((k * variables) % lemmas.count)), 1])
            break
          case 3: // deletions
            proof.deletion(Array.from({ length: width }, () => at(variables)).filter((one) => one > 2))
            break
          case 4: // RAT on a new variable: no group is needed
            proof.addition(++id, [2 + variables + i, 1], [])
            break
          case 5: // RAT with groups on clauses with the negation of 3; their resolvents are true, or refuted by a hint
            for (; negations.length < width; negations.push(id)) proof.addition(++id, [-3, 1, 4 + random.below(variables)], [1])
            if (i % 2 === 0)
              proof.addition(
                ++id,
                [3, -1, 4 + variables],
                negations.map((clause) => -clause),
              )
            else
              proof.addition(
                ++id,
                [3, 4 + variables],
                negations.flatMap((clause) => [-clause, 1]),
              )
            break
          case 6: // hints that are not used
            proof.addition(++id, [1], [1, ...Array.from({ length: width }, () => at(variables))])
            break
          case 7: // ids with gaps
            id += variables & 0xfffff
            proof.addition(++id, [1, -1], [])
            break
          case 8: // tautologies of any width
            proof.addition(++id, [1, -1, ...Array.from({ length: Math.min(width, 4000) }, (_, k) => 2 + k)], [])
            break
        }
        newest = id
        if (id > 1 << 29) break
      }
    }
    return runOf(lratVerifier(), claim, proof.take())
  },
}

/** @type {GasLanguage} */
const satModel = {
  kind: 'sat-model/1',
  operations: 6,
  most: 4,
  whole: ['valid'],
  run: (steps) => {
    const random = randomStream(2, 'gas')
    const isTrue = (/** @type {number} */ v) => v % 3 !== 0
    /** @type {number[][]} */
    const clauses = []
    let words = 0
    for (const [operation = 0, a = 0, b = 0, c = 0] of steps) {
      const width = scale(b, 12)
      const variables = scale(c, 20)
      for (let i = 0; i < scale(a, 18) && words < 900_000; i++) {
        const literal = (/** @type {number} */ v) => (operation % 2 === 0 ? v : -v)
        const isScattered = operation < 2 || operation === 4
        const clause = Array.from({ length: width }, (_, k) => literal(1 + (isScattered ? random.below(variables) : (i + k) % variables)))
        // By chance short clauses would hardly ever all be true, and the check ends at the first that is not.
        if (operation >= 4) clause.push(...clause.splice(-1).map((last) => (isTrue(Math.abs(last)) ? Math.abs(last) : -Math.abs(last))))
        clauses.push(clause)
        words += width + 1
      }
    }
    if (clauses.length === 0) clauses.push([1])
    let most = 0
    for (const clause of clauses) for (const literal of clause) most = Math.max(most, Math.abs(literal))
    return runOf(satModelVerifier(), clausesToClaim(clauses), encodeModel(most, isTrue))
  },
}

/** @type {GasLanguage} */
const metamath = {
  kind: 'metamath/1',
  operations: 8,
  most: 8,
  whole: ['valid', 'stack-leftover', 'wrong-conclusion', 'gas-exhausted', 'memory-exhausted'],
  run: (program) => {
    const world = smallWorld()
    const nested = scale(program[0]?.[3] ?? 0, 10)
    const hypotheses = [
      { kind: /** @type {const} */ ('floating'), symbols: 'wff p' },
      { kind: /** @type {const} */ ('essential'), symbols: `|- ${'( p -> '.repeat(nested)}p${' )'.repeat(nested)}` },
    ]
    const references = [
      { kind: /** @type {const} */ ('dummy'), symbol: new TextEncoder().encode('x') },
      ...['wi', 'wal', 'ax1', 'same', 'ax5', 'wide'].map(world.cite),
    ]
    const [p, e, x, wi, wal, ax1, same, ax5, wide] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    const firstSaved = 9
    /** @type {number[]} */
    const steps = []
    let saved = 0
    let top = p // the last saved wff
    for (const [operation = 0, a = 0, b = 0] of program) {
      const times = scale(a, 16)
      if (operation % 8 === 0) {
        // Results doubled: each save is twice as long.
        for (let i = 0; i < scale(b, 4); i++) {
          steps.push(top, top, wi, -1)
          top = firstSaved + saved++
        }
        continue
      }
      for (let i = 0; i < times && steps.length < 400_000; i++) {
        if (operation % 8 === 1) steps.push(p)
        else if (operation % 8 === 2) steps.push(top, p, wi)
        else if (operation % 8 === 3) steps.push(p, x, wal)
        else if (operation % 8 === 4) steps.push(top, top, ax1)
        else if (operation % 8 === 5) steps.push(top, x, ax5)
        else if (operation % 8 === 7) steps.push(top, wide)
        else {
          if (i === 0) {
            for (let k = 0; k <= nested; k++) steps.push(p)
            for (let k = 0; k < nested; k++) steps.push(wi)
            steps.push(-1)
            saved++
          }
          steps.push(firstSaved + saved - 1, e, e, same)
        }
      }
    }
    if (steps.length === 0) steps.push(p)
    const claim = encodeMetamathClaim({ library: world.name, label: 'bomb', hypotheses, disjoint: [], assertion: 'wff p' })
    const certificate = encodeCertificate({ references, disjoint: [0, 2], letters: encodeLetters(steps) })
    return runOf(world.verifier, claim, certificate, world.cited)
  },
}

/** A new kind adds its language here. @type {readonly GasLanguage[]} */
export const GAS_LANGUAGES = [metamath, lrat, satModel, bvlrat]

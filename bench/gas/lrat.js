/** Inputs of `lrat/1`: what provers write, and what is made to cost more than it pays, in memory, in steps or in parsing. */
import {
  BUNDLED_INSTANCES,
  cnfToClaim,
  lratVerifier,
  multiplierCommutativity,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toBinaryLrat,
  toDimacs,
  toTextLrat,
} from '@aethel/proofs'
import { randomStream } from '../../packages/simulator/dist/random.js'
import { ByteBuilder } from './bytes.js'
import { runOf, runOfAll } from './run.js'

const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)
/** Clause 1 makes variable 1 true; clause 2 is there to be of no use. */
const UNIT = 'p cnf 2 2\n1 0\n-1 2 0\n'
const UNIT_CLAUSES = 2

/** @param {Uint8Array} dimacs */
function claimOf(dimacs) {
  const claim = cnfToClaim(dimacs)
  if (!claim.ok) throw new Error(claim.error.message)
  return claim.value
}

/** @param {string} name @param {'typical' | 'hostile'} nature @param {Uint8Array | string} cnf @param {() => Uint8Array} proof */
function input(name, nature, cnf, proof) {
  return {
    name,
    nature,
    prepare: () => runOf(lratVerifier(), claimOf(typeof cnf === 'string' ? utf8(cnf) : cnf), proof()),
  }
}

/** @param {import('@aethel/proofs').Formula} formula @param {number} conflicts */
function searched(formula, conflicts) {
  const outcome = refute(formula, { conflicts })
  if (outcome.status !== 'unsatisfiable') throw new Error(`${formula.name}: ${outcome.status}`)
  return outcome.steps
}

/**
 * Lemmas (1 or x) for random x, then additions whose hints lead all over them.
 * @param {{ lemmas: number, variables: number, hints: number, perAddition: number, extra?: number }} shape
 */
function scattered({ lemmas, variables, hints, perAddition, extra = 1 }) {
  const random = randomStream(1, 'scattered')
  const proof = new ByteBuilder()
  let id = UNIT_CLAUSES
  for (let i = 0; i < lemmas; i++) {
    proof.addition(++id, [1, ...Array.from({ length: extra }, () => 2 + random.below(variables))], [1])
  }
  for (let done = 0; done < hints; done += perAddition) {
    const list = Array.from({ length: perAddition }, () => UNIT_CLAUSES + 1 + random.below(lemmas))
    // Each lemma makes its second literal true, if it has only one more.
    proof.addition(++id, [1], [...list, 1])
  }
  return proof.take()
}

/** Clauses added and deleted at random ages, so that the store is packed again and again. */
function churn() {
  const random = randomStream(2, 'churn')
  const proof = new ByteBuilder()
  /** @type {number[]} */
  const live = []
  let id = UNIT_CLAUSES
  for (let i = 0; i < 400_000; i++) {
    proof.addition(++id, [1, 2 + random.below(50_000)], [1])
    live.push(id)
    if (live.length > 100_000) {
      const at = random.below(live.length)
      proof.deletion([/** @type {number} */ (live[at])])
      live[at] = /** @type {number} */ (live.at(-1))
      live.pop()
    }
  }
  return proof.take()
}

/** @param {number} lemmas */
function randomDeletions(lemmas) {
  const random = randomStream(3, 'deletions')
  const proof = new ByteBuilder()
  const ids = Array.from({ length: lemmas }, (_, i) => UNIT_CLAUSES + 1 + i)
  for (const id of ids) proof.addition(id, [1, 2 + random.below(100_000)], [1])
  for (let i = ids.length - 1; i > 0; i--) {
    const k = random.below(i + 1)
    const held = /** @type {number} */ (ids[i])
    ids[i] = /** @type {number} */ (ids[k])
    ids[k] = held
  }
  proof.deletion(ids)
  return proof.take()
}

/** RAT additions on variable 2, each with a group for every one of the clauses that hold its negation. */
function ratGroups(/** @type {number} */ clauses, /** @type {number} */ additions, /** @type {boolean} */ shuffled) {
  const random = randomStream(4, 'groups')
  const proof = new ByteBuilder()
  let id = UNIT_CLAUSES
  /** @type {number[]} */
  const groups = []
  for (let i = 0; i < clauses; i++) {
    proof.addition(++id, [1, -2, 3 + random.below(1000)], [1])
    groups.push(-id)
  }
  if (shuffled) groups.sort(() => random.below(3) - 1)
  // Blocked: variable 1 is true in each resolvent, and false in the addition.
  for (let i = 0; i < additions; i++) proof.addition(++id, [2, -1, 100_000 + i], groups)
  return proof.take()
}

/** Clauses of many literals over many variables, each literal somewhere else in the assignment. */
function wideClauses() {
  const random = randomStream(5, 'wide')
  const proof = new ByteBuilder()
  let id = UNIT_CLAUSES
  for (let i = 0; i < 40; i++) proof.addition(++id, [1, ...Array.from({ length: 20_000 }, () => 2 + random.below(1 << 24))], [1])
  return proof.take()
}

/** RAT, and then literals all over a table of 2^25 counts: each touches a page of memory for the first time. */
function scatteredCounts() {
  const random = randomStream(8, 'counts')
  const proof = new ByteBuilder()
  proof.addition(3, [1 << 24], [])
  for (let id = 4; id < 20_000; id++) proof.addition(id, [1, 2 + random.below(1 << 24)], [1])
  return proof.take()
}

/** One hint per addition, each to a clause far away. */
function singleHints() {
  const random = randomStream(6, 'single')
  const proof = new ByteBuilder()
  const lemmas = 400_000
  let id = UNIT_CLAUSES
  for (let i = 0; i < lemmas; i++) proof.addition(++id, [1], [1])
  for (let i = 0; i < lemmas; i++) proof.addition(++id, [1], [UNIT_CLAUSES + 1 + random.below(lemmas)])
  return proof.take()
}

function unusedHints() {
  const proof = new ByteBuilder()
  proof.addition(3, [1], [1, ...new Array(1_000_000).fill(300)])
  return proof.take()
}

function tautologies() {
  const proof = new ByteBuilder()
  for (let id = 3; id < 200_000; id++) proof.addition(id, [1, -1], [])
  return proof.take()
}

/** Each addition reads the same hints, whose clauses are at hand. */
function warmHints() {
  const proof = new ByteBuilder()
  const hints = [...new Array(1000).fill(3), 1]
  proof.addition(3, [1, 2], [1])
  for (let id = 4; id < 1500; id++) proof.addition(id, [1], hints)
  return proof.take()
}

/** The same with a large store behind, most of it never looked at again. */
function warmHintsFarAway() {
  const proof = new ByteBuilder()
  let id = 2
  for (; id < 300_000; ) proof.addition(++id, [1, 2], [1])
  const hints = [...new Array(1000).fill(3), 1]
  for (let i = 0; i < 1500; i++) proof.addition(++id, [1], hints)
  return proof.take()
}

/** @type {import('./run.js').GasKind} */
export const lratInputs = {
  kind: 'lrat/1',
  inputs: () => [
    {
      name: 'the bundled instances, one after the other',
      nature: 'typical',
      prepare: () =>
        runOfAll(BUNDLED_INSTANCES.map((instance) => runOf(lratVerifier(), claimOf(toDimacs(instance.formula())), instance.certificate()))),
    },
    input('pigeonhole 8 in 7, searched, binary', 'typical', toDimacs(pigeonhole(8, 7)), () =>
      toBinaryLrat(searched(pigeonhole(8, 7), 60_000)),
    ),
    input('the same, text', 'typical', toDimacs(pigeonhole(8, 7)), () => toTextLrat(searched(pigeonhole(8, 7), 60_000))),
    input('multiplier of 5 bits, searched, binary', 'typical', toDimacs(multiplierCommutativity(5, 'sound')), () =>
      toBinaryLrat(searched(multiplierCommutativity(5, 'sound'), 60_000)),
    ),
    input('pigeonhole 21 in 20, extended resolution', 'typical', toDimacs(pigeonhole(21, 20)), () =>
      toBinaryLrat(pigeonholeCertificate(20)),
    ),
    input('hints all over 64 thousand lemmas', 'hostile', UNIT, () =>
      scattered({ lemmas: 65_536, variables: 60_000, hints: 1_000_000, perAddition: 5_000 }),
    ),
    input('hints all over a million lemmas', 'hostile', UNIT, () =>
      scattered({ lemmas: 1_000_000, variables: 900_000, hints: 1_000_000, perAddition: 5_000 }),
    ),
    input('hints all over four million lemmas', 'hostile', UNIT, () =>
      scattered({ lemmas: 4_000_000, variables: 4_000_000, hints: 2_000_000, perAddition: 20_000 }),
    ),
    input('one hint per addition, far away', 'hostile', UNIT, singleHints),
    input('additions and deletions at random', 'hostile', UNIT, churn),
    input('a million lemmas deleted at random', 'hostile', UNIT, () => randomDeletions(1_000_000)),
    input('RAT with two thousand groups', 'hostile', UNIT, () => ratGroups(2_000, 500, false)),
    input('RAT with two hundred thousand groups at random', 'hostile', UNIT, () => ratGroups(200_000, 8, true)),
    input('twenty thousand literals all over 16 million variables', 'hostile', UNIT, wideClauses),
    input('counts of occurrences all over 16 million variables', 'hostile', UNIT, scatteredCounts),
    input('a million hints that are not used', 'hostile', UNIT, unusedHints),
    input('tautologies', 'hostile', UNIT, tautologies),
    input('hints on the same clause', 'hostile', UNIT, warmHints),
    input('hints on the same clause, with a large store', 'hostile', UNIT, warmHintsFarAway),
    input('a comment of a megabyte', 'hostile', UNIT, () => utf8(`c${'x'.repeat(1 << 20)}\n3 0 1 0\n`)),
    input('blanks, a megabyte', 'hostile', UNIT, () => utf8(`${' \n\t\r'.repeat(1 << 18)}3 0 1 0\n`)),
    input('digits in text', 'hostile', UNIT, () => utf8(`3 1 0 1 ${'1073741823 '.repeat(100_000)}0\n`)),
    input('the smallest proof that is refused', 'hostile', UNIT, () => utf8('x')),
    input('the largest id', 'hostile', UNIT, () => utf8('1073741823 1 0 1 0\n')),
  ],
}

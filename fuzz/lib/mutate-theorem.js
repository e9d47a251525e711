/**
 * Changes to a theorem of `metamath/1` and its certificate as what they are: hypotheses, conditions, references, steps. A change of
 * bytes hardly ever leaves a theorem, or something that is nearly one; and only what is accepted can be judged.
 */
import { decodeLibrary, encodeCertificate, encodeLetters, encodeLibrary, encodeMetamathClaim, readMetamathClaim } from '@aethel/proofs'
import { certificateParts } from '../../packages/cli/dist/certificate-parts.js'
import { pair, unpaired } from './mutate.js'

const SAVE = -1
const LETTER_A = 0x41
const LETTER_U = 0x55
const LETTER_Z = 0x5a

/** @typedef {import('../../packages/simulator/dist/random.js').Random} Random */
/** @typedef {{ kind: 'floating' | 'essential', symbols: string }} Hypothesis */
/** @typedef {{ library: string, label: string, hypotheses: Hypothesis[], disjoint: [number, number][], assertion: string }} Claim */
/** @typedef {{ references: import('@aethel/proofs').MetamathReference[], disjoint: [number, number][], steps: number[] }} Proof */
/** @typedef {{ claim: Claim, proof: Proof }} Theorem */

/**
 * @param {Uint8Array} input
 * @param {Random} random
 * @param {readonly Uint8Array[]} corpus
 * @returns {Uint8Array | null} null: this is no claim with a certificate
 */
export function mutateTheorem(input, random, corpus) {
  const theorem = read(input)
  const other = read(random.pick(corpus))
  if (theorem === null) return null
  for (let i = random.between(1, 2); i > 0; i--) random.pick(CHANGES)(theorem, random, other ?? theorem)
  try {
    const { claim, proof } = theorem
    const certificate = encodeCertificate({
      references: proof.references,
      disjoint: proof.disjoint.flat(),
      letters: encodeLetters(proof.steps),
    })
    return pair(encodeMetamathClaim(claim), certificate)
  } catch {
    return null // a slot that is none, or a text too long: no bytes say it
  }
}

/**
 * A library with a symbol, a variable or an axiom less, twice, elsewhere, or changed.
 *
 * @param {Uint8Array} input
 * @param {Random} random
 * @returns {Uint8Array | null} null: it is no library
 */
export function mutateLibrary(input, random) {
  const decoded = decodeLibrary(input)
  if (!decoded.ok) return null
  const { name } = decoded.value
  const lists = {
    constants: [...decoded.value.constants],
    variables: decoded.value.variables.map((variable) => ({ ...variable })),
    axioms: [...decoded.value.axioms],
  }
  for (let i = random.between(1, 2); i > 0; i--) {
    const list = /** @type {any[]} */ (lists[random.pick(/** @type {const} */ (['constants', 'variables', 'axioms', 'axioms']))])
    if (list.length === 0) continue
    const at = random.below(list.length)
    const way = random.below(4)
    if (way === 0) list.splice(at, 1)
    else if (way === 1) list.splice(random.below(list.length + 1), 0, list[at])
    else if (way === 2) list.splice(random.below(list.length), 0, ...list.splice(at, 1))
    else if (list === lists.constants) list[at] = `${list[at]}${random.pick(['x', '.', '$'])}`
    else if (list === lists.variables) list[at] = { ...list[at], symbol: `${list[at].symbol}${random.pick(['x', '.', '$'])}` }
    else list[at] = changedAxiom(list[at], random)
  }
  try {
    return encodeLibrary({ name: random.chance(0.9) ? name : `${name}2`, ...lists })
  } catch {
    return null
  }
}

/** @param {Uint8Array} axiom @param {Random} random */
function changedAxiom(axiom, random) {
  const claim = readMetamathClaim(axiom)
  if (!claim.ok) return axiom
  const { value } = claim
  const known = variables({ ...value, hypotheses: [...value.hypotheses], disjoint: [] })
  return encodeMetamathClaim(
    random.chance(0.3) ? { ...value, label: `${value.label}x` } : { ...value, assertion: changedSymbols(value.assertion, random, known) },
  )
}

/** @param {Uint8Array} input @returns {Theorem | null} */
function read(input) {
  const { first, second } = unpaired(input)
  const claim = readMetamathClaim(first)
  if (!claim.ok) return null
  try {
    const { references, disjoint, letters } = certificateParts(second)
    return {
      claim: { ...claim.value, hypotheses: [...claim.value.hypotheses], disjoint: claim.value.disjoint.map(([a, b]) => [a, b]) },
      proof: { references: [...references], disjoint: pairsOf(disjoint), steps: stepsOf(letters) },
    }
  } catch {
    return null
  }
}

/** @param {readonly number[]} flat @returns {[number, number][]} */
function pairsOf(flat) {
  return Array.from({ length: flat.length / 2 }, (_, i) => [/** @type {number} */ (flat[2 * i]), /** @type {number} */ (flat[2 * i + 1])])
}

/** @param {Uint8Array} letters */
function stepsOf(letters) {
  const steps = []
  let number = 0
  for (const letter of letters) {
    if (letter === LETTER_Z) steps.push(SAVE)
    else if (letter >= LETTER_U) number = number * 5 + letter - LETTER_U + 1
    else {
      steps.push(number * 20 + letter - LETTER_A)
      number = 0
    }
  }
  return steps
}

/** Every step that names a reference behind `from` now names one `by` further on. @param {Proof} proof @param {number} from @param {number} by */
function shift(proof, from, by) {
  proof.steps = proof.steps.map((step) => (step >= from ? step + by : step))
}

/** @param {[number, number][]} pairs @param {(slot: number) => number} slotOf */
function renumbered(pairs, slotOf) {
  return sorted(pairs.map(([a, b]) => [slotOf(a), slotOf(b)]))
}

/** @param {[number, number][]} pairs */
function sorted(pairs) {
  /** @type {Map<string, [number, number]>} */
  const once = new Map(
    pairs.filter(([a, b]) => a !== b).map(([a, b]) => [`${Math.min(a, b)} ${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)]]),
  )
  return [...once.values()].sort(([a, b], [c, d]) => a - c || b - d)
}

/** @param {Theorem} theorem */
const dummies = ({ proof }) => proof.references.filter(({ kind }) => kind === 'dummy').length
/** @param {Claim} claim */
const variables = ({ hypotheses }) => hypotheses.flatMap(({ kind, symbols }) => (kind === 'floating' ? [symbols.split(' ')[1] ?? ''] : []))

/**
 * One symbol of a text replaced, left out, doubled, or all of one by another.
 * @param {string} symbols @param {Random} random @param {readonly string[]} known
 */
function changedSymbols(symbols, random, known) {
  const words = symbols.split(' ')
  const at = random.below(words.length)
  const word = known.length === 0 ? 'x' : random.pick(known)
  const way = random.below(4)
  if (way === 0) words[at] = word
  else if (way === 1 && words.length > 1) words.splice(at, 1)
  else if (way === 2) words.splice(at, 0, random.pick(words))
  else return words.map((each) => (each === words[at] ? word : each)).join(' ')
  return words.join(' ')
}

/** @type {readonly ((theorem: Theorem, random: Random, other: Theorem) => void)[]} */
const CHANGES = [
  function label({ claim }, random) {
    claim.label = `${claim.label}${random.pick(['a', '1', '-'])}`
  },
  function conditionOfTheClaim({ claim }, random) {
    if (claim.disjoint.length > 0 && random.chance(0.6)) claim.disjoint.splice(random.below(claim.disjoint.length), 1)
    else
      claim.disjoint = sorted([...claim.disjoint, [random.below(claim.hypotheses.length + 1), random.below(claim.hypotheses.length + 1)]])
  },
  function conditionOfTheProof(theorem, random) {
    const { claim, proof } = theorem
    const slots = claim.hypotheses.length + dummies(theorem)
    if (proof.disjoint.length > 0 && random.chance(0.6)) proof.disjoint.splice(random.below(proof.disjoint.length), 1)
    else proof.disjoint = sorted([...proof.disjoint, [random.below(slots + 1), random.below(slots + 1)]])
  },
  function assertion({ claim }, random, other) {
    const whole = [...claim.hypotheses.map(({ symbols }) => symbols), other.claim.assertion]
    claim.assertion = random.chance(0.2) ? random.pick(whole) : changedSymbols(claim.assertion, random, variables(claim))
  },
  function hypothesis({ claim }, random) {
    if (claim.hypotheses.length === 0) return
    const at = random.below(claim.hypotheses.length)
    const { kind, symbols } = /** @type {Hypothesis} */ (claim.hypotheses[at])
    claim.hypotheses[at] = { kind, symbols: changedSymbols(symbols, random, variables(claim)) }
  },
  function oneHypothesisLess({ claim, proof }, random) {
    if (claim.hypotheses.length === 0) return
    const at = random.below(claim.hypotheses.length)
    claim.hypotheses.splice(at, 1)
    const slotOf = (/** @type {number} */ slot) => (slot > at ? slot - 1 : slot)
    claim.disjoint = renumbered(claim.disjoint, slotOf)
    proof.disjoint = renumbered(proof.disjoint, slotOf)
    shift(proof, at + 1, -1)
  },
  function oneHypothesisMore({ claim, proof }, random, other) {
    if (other.claim.hypotheses.length === 0) return
    const at = random.below(claim.hypotheses.length + 1)
    claim.hypotheses.splice(at, 0, random.pick(other.claim.hypotheses))
    const slotOf = (/** @type {number} */ slot) => (slot >= at ? slot + 1 : slot)
    claim.disjoint = renumbered(claim.disjoint, slotOf)
    proof.disjoint = renumbered(proof.disjoint, slotOf)
    shift(proof, at, 1)
  },
  function twoHypothesesSwapped({ claim, proof }, random) {
    if (claim.hypotheses.length < 2) return
    const at = random.below(claim.hypotheses.length - 1)
    const [one, two] = claim.hypotheses.slice(at, at + 2)
    if (one !== undefined && two !== undefined) claim.hypotheses.splice(at, 2, two, one)
    const turned = (/** @type {number} */ slot) => (slot === at ? at + 1 : slot === at + 1 ? at : slot)
    if (random.chance(0.5)) proof.steps = proof.steps.map(turned)
    claim.disjoint = renumbered(claim.disjoint, turned)
  },
  function step({ claim, proof }, random) {
    const at = random.below(proof.steps.length + 1)
    const any = random.chance(0.2) ? SAVE : random.below(claim.hypotheses.length + proof.references.length + 4)
    proof.steps.splice(at, random.below(2), ...(random.chance(0.7) ? [any] : []))
  },
  function stepsAgain({ proof }, random) {
    const from = random.below(proof.steps.length + 1)
    const part = proof.steps.slice(from, from + random.between(1, 6))
    proof.steps.splice(random.below(proof.steps.length + 1), random.below(3), ...part)
  },
  function reference({ claim, proof }, random, other) {
    const strange = other.proof.references.length === 0 ? undefined : random.pick(other.proof.references)
    if (strange === undefined) return
    if (proof.references.length > 0 && random.chance(0.5)) proof.references[random.below(proof.references.length)] = strange
    else {
      const first = claim.hypotheses.length
      shift(proof, first + proof.references.length, 1)
      proof.references.push(strange)
    }
  },
  function twoReferencesSwapped({ claim, proof }, random) {
    if (proof.references.length < 2) return
    const at = random.below(proof.references.length - 1)
    const [one, two] = proof.references.slice(at, at + 2)
    if (one !== undefined && two !== undefined) proof.references.splice(at, 2, two, one)
    const here = claim.hypotheses.length + at
    if (random.chance(0.7)) proof.steps = proof.steps.map((each) => (each === here ? here + 1 : each === here + 1 ? here : each))
  },
]

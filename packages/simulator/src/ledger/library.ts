/**
 * The library of the simulated chain: implication with modus ponens, and theorems that are made of what is proven already, by putting
 * formulas for variables or by weakening. Each cites the theorem that it is made of.
 */
import { type Hash, utf8 } from '@aethel/codec'
import { claimIdOf, encodeCertificate, encodeLetters, encodeMetamathClaim, type LibraryDefinition, METAMATH_KIND } from '@aethel/proofs'
import { type Formula, implies, type Substitution, substitute, textOf, VARIABLES, variablesIn } from './formulas.js'

const NAME = 'implication'

/** A formula that is proven, or assumed, under a label. */
export interface Theorem {
  readonly label: string
  readonly formula: Formula
  readonly claim: Uint8Array
  readonly claimId: Hash
}

export interface ProvenTheorem extends Theorem {
  readonly proof: Uint8Array
  /** The same without its last step: it proves nothing. */
  readonly brokenProof: Uint8Array
}

interface Hypothesis {
  readonly kind: 'floating' | 'essential'
  readonly symbols: string
}

function claimOf(label: string, hypotheses: readonly Hypothesis[], assertion: string): Uint8Array {
  return encodeMetamathClaim({ library: NAME, label, hypotheses, disjoint: [], assertion })
}

function floating(variables: readonly string[]): Hypothesis[] {
  return variables.map((variable) => ({ kind: 'floating', symbols: `wff ${variable}` }))
}

function stated(label: string, formula: Formula): Theorem {
  const claim = claimOf(label, floating(variablesIn(formula)), `|- ${textOf(formula)}`)
  return { label, formula, claim, claimId: claimIdOf(METAMATH_KIND, claim) }
}

/** The claim alone: whether it is true is another question. */
export function claimOfFormula(label: string, formula: Formula): Uint8Array {
  return stated(label, formula).claim
}

const SYNTAX = claimOf('wi', floating(['p', 'q']), 'wff ( p -> q )')
const MODUS_PONENS = claimOf(
  'mp',
  [...floating(['p', 'q']), { kind: 'essential', symbols: '|- p' }, { kind: 'essential', symbols: '|- ( p -> q )' }],
  '|- q',
)
const A1 = stated('a1', implies('p', implies('q', 'p')))
const A2 = stated('a2', implies(implies('p', implies('q', 'r')), implies(implies('p', 'q'), implies('p', 'r'))))
export const AXIOMS: readonly Theorem[] = [A1, A2]

export const LIBRARY: LibraryDefinition = {
  name: NAME,
  constants: ['(', ')', '->', 'wff', '|-'],
  variables: VARIABLES.map((symbol) => ({ symbol, typecode: 'wff', label: `w${symbol}` })),
  axioms: [SYNTAX, A1.claim, A2.claim, MODUS_PONENS],
}

/** Steps of a proof over a claim's variables: those are numbered first, then what is cited, in the order in which it is. */
class Steps {
  readonly #variables: readonly string[]
  readonly #cited: { readonly label: string; readonly claimId: Hash }[] = []
  readonly #steps: number[] = []

  constructor(formula: Formula) {
    this.#variables = variablesIn(formula)
  }

  cite(label: string, claimId: Hash): void {
    let at = this.#cited.findIndex((known) => known.label === label)
    if (at < 0) at = this.#cited.push({ label, claimId }) - 1
    this.#steps.push(this.#variables.length + at)
  }

  build(formula: Formula): void {
    if (typeof formula === 'string') {
      this.#steps.push(this.#variables.indexOf(formula))
      return
    }
    this.build(formula.from)
    this.build(formula.to)
    this.cite('wi', SYNTAX_ID)
  }

  /** `theorem` with formulas for its variables. */
  instance(theorem: Theorem, by: Substitution): void {
    for (const variable of variablesIn(theorem.formula)) this.build(by(variable))
    this.cite(theorem.label, theorem.claimId)
  }

  #certificate(length: number): Uint8Array {
    const references = this.#cited.map(({ label, claimId }) => ({ kind: 'citation' as const, label: utf8(label), claimId }))
    return encodeCertificate({ references, disjoint: [], letters: encodeLetters(this.#steps.slice(0, length)) })
  }

  proofs(): Pick<ProvenTheorem, 'proof' | 'brokenProof'> {
    return { proof: this.#certificate(this.#steps.length), brokenProof: this.#certificate(this.#steps.length - 1) }
  }
}

const SYNTAX_ID = claimIdOf(METAMATH_KIND, SYNTAX)
const MODUS_PONENS_ID = claimIdOf(METAMATH_KIND, MODUS_PONENS)

/** `theorem` with formulas for its variables, as a theorem of its own. */
export function instanceOf(theorem: Theorem, by: Substitution, label: string): ProvenTheorem {
  const formula = substitute(theorem.formula, by)
  const steps = new Steps(formula)
  steps.instance(theorem, by)
  return { ...stated(label, formula), ...steps.proofs() }
}

/** What is proven follows from whatever one likes: by the first axiom and modus ponens. */
export function weakeningOf(theorem: Theorem, condition: Formula, label: string): ProvenTheorem {
  const { formula: proven } = theorem
  const formula = implies(condition, proven)
  const steps = new Steps(formula)
  steps.build(proven)
  steps.build(formula)
  steps.instance(theorem, (variable) => variable)
  steps.instance(A1, (variable) => (variable === 'p' ? proven : condition))
  steps.cite('mp', MODUS_PONENS_ID)
  return { ...stated(label, formula), ...steps.proofs() }
}

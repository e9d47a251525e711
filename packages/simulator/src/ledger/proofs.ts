/** Proofs that clients of the ledger come up with: true ones of all kinds, some of them as blobs, and false ones beside them. */

import { blobRefOf } from '@aethel/consensus'
import type { Note, SubmitProof } from '@aethel/ledger'
import { BVLRAT_KIND, LRAT_KIND, METAMATH_KIND, SAT_MODEL_KIND, TEST_KIND, testClaim } from '@aethel/proofs'
import { SIMULATED_CHUNK_BYTES } from '../blob-shelves.js'
import type { Random } from '../random.js'
import { MAX_BLOB_PROOF_BYTES, MAX_INLINE_PROOF_BYTES } from './chain.js'
import type { Claims } from './claims.js'
import { type Formula, implies, isTautology, sizeOf, VARIABLES } from './formulas.js'
import { claimOfFormula, instanceOf, type ProvenTheorem, type Theorem, weakeningOf } from './library.js'
import { drawBrokenModel, drawFalseModel, drawModel, type Model } from './models.js'
import { drawFalseRefutation, drawRefutation, padded, type Refutation } from './refutations.js'
import { drawFalseScript, drawScript } from './scripts.js'

const BLOB_RATE = 0.5
const WEAKENING_RATE = 0.6
/** What is made of a smaller formula has a certificate below `MAX_INLINE_PROOF_BYTES`. */
const MAX_FORMULA_SIZE = 8
const NONSENSE_BYTES = 8
const MAX_TEST_GAS = 1_000
const LINE_FEED = 10

export interface ProofDrawerOptions {
  readonly random: Random
  readonly claims: Claims
  /** Of the chain. */
  readonly hasBlobs: boolean
  /** How its theorems are called, before their number. */
  readonly labels: string
}

export class ProofDrawer {
  readonly #random: Random
  readonly #claims: Claims
  readonly #hasBlobs: boolean
  readonly #labels: string
  #count = 0

  constructor({ random, claims, hasBlobs, labels }: ProofDrawerOptions) {
    this.#random = random
    this.#claims = claims
    this.#hasBlobs = hasBlobs
    this.#labels = labels
  }

  note(): Note {
    return { type: 'note', data: this.#nonsense() }
  }

  /** A claim that says itself how it is to be found. */
  test(behaviour: 'valid' | 'invalid'): SubmitProof {
    const claim = testClaim({ behaviour, gas: 1 + this.#random.below(MAX_TEST_GAS), nonce: this.#nonsense() })
    return this.#submission(TEST_KIND, claim, this.#nonsense())
  }

  refutation(): SubmitProof {
    return this.#ofRefutation(LRAT_KIND, drawRefutation(this.#random))
  }

  /** Of a formula that can be satisfied. */
  falseRefutation(): SubmitProof {
    return this.#ofRefutation(LRAT_KIND, drawFalseRefutation(this.#random))
  }

  /** All of a refutation but its end, where the contradiction is. */
  brokenRefutation(): SubmitProof {
    return this.#ofRefutation(LRAT_KIND, withoutEnd(drawRefutation(this.#random)))
  }

  /** That no values satisfy a script of bit vectors. */
  script(): SubmitProof {
    return this.#ofRefutation(BVLRAT_KIND, drawScript(this.#random, this.#label()))
  }

  /** Some do. */
  falseScript(): SubmitProof {
    return this.#ofRefutation(BVLRAT_KIND, drawFalseScript(this.#random, this.#label()))
  }

  brokenScript(): SubmitProof {
    return this.#ofRefutation(BVLRAT_KIND, withoutEnd(drawScript(this.#random, this.#label())))
  }

  /** That a formula can be satisfied. */
  model(): SubmitProof {
    return this.#ofModel(drawModel(this.#random))
  }

  /** Of a formula that has none. */
  falseModel(): SubmitProof {
    return this.#ofModel(drawFalseModel(this.#random))
  }

  /** Of a formula that has others. */
  brokenModel(): SubmitProof {
    return this.#ofModel(drawBrokenModel(this.#random))
  }

  theoremFrom(base: Theorem): ProvenTheorem {
    const random = this.#random
    const label = this.#label()
    const isSmall = sizeOf(base.formula) < MAX_FORMULA_SIZE
    if (isSmall && random.chance(WEAKENING_RATE)) return weakeningOf(base, this.#formula(), label)
    const put = random.pick(VARIABLES)
    const formula = isSmall ? this.#formula() : random.pick(VARIABLES)
    return instanceOf(base, (variable) => (variable === put ? formula : variable), label)
  }

  ofTheorem({ claim, proof }: ProvenTheorem): SubmitProof {
    return this.#submission(METAMATH_KIND, claim, proof)
  }

  /** The certificate of one theorem for another formula, which is none. */
  falseTheorem(base: Theorem): SubmitProof {
    const { label, proof } = this.theoremFrom(base)
    const formula = implies(base.formula, this.#formula())
    return this.#submission(METAMATH_KIND, claimOfFormula(label, isTautology(formula) ? 'p' : formula), proof)
  }

  /** One step of the certificate is not there. */
  brokenTheorem(base: Theorem): SubmitProof {
    const { claim, brokenProof } = this.theoremFrom(base)
    return this.#submission(METAMATH_KIND, claim, brokenProof)
  }

  /** Cites a theorem that nobody has proven, or ever will. */
  unfounded(base: Theorem): SubmitProof {
    return this.ofTheorem(this.theoremFrom(this.theoremFrom(base)))
  }

  #ofModel({ claim, proof }: Model): SubmitProof {
    return this.#submission(SAT_MODEL_KIND, claim, proof)
  }

  #ofRefutation(kind: string, { claim, proof }: Refutation): SubmitProof {
    const isBlob = this.#hasBlobs && this.#random.chance(BLOB_RATE)
    return isBlob ? this.#asBlob(kind, claim, proof) : this.#submission(kind, claim, proof)
  }

  #asBlob(kind: string, claim: Uint8Array, proof: Uint8Array): SubmitProof {
    const content = padded(proof, this.#random.between(MAX_INLINE_PROOF_BYTES + 1, MAX_BLOB_PROOF_BYTES))
    if (content.length > MAX_BLOB_PROOF_BYTES) return this.#submission(kind, claim, proof)
    const blob = blobRefOf(content, SIMULATED_CHUNK_BYTES)
    this.#claims.noteBlob(blob, content)
    return { ...this.#submission(kind, claim, new Uint8Array(0)), blob }
  }

  #submission(kind: string, claim: Uint8Array, proof: Uint8Array): SubmitProof {
    this.#claims.noteClaim(kind, claim)
    return { type: 'submit-proof', kind, claim, proof, metadata: null }
  }

  #formula(): Formula {
    const variable = this.#random.pick(VARIABLES)
    return this.#random.chance(0.5) ? variable : implies(variable, this.#random.pick(VARIABLES))
  }

  #label(): string {
    return `${this.#labels}${++this.#count}`
  }

  #nonsense(): Uint8Array {
    return Uint8Array.from({ length: NONSENSE_BYTES }, () => this.#random.below(256))
  }
}

function withoutEnd({ claim, proof }: Refutation): Refutation {
  const lastLine = proof.lastIndexOf(LINE_FEED, proof.length - 2) + 1
  return { claim, proof: proof.subarray(0, lastLine) }
}

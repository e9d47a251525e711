/**
 * Everything that anybody in this run has claimed, and what is true of it. A transaction is good if it was not made to be false, its
 * claim is true (by a table or by trying, where there is a way), and checkers that have seen nothing else find its proof valid.
 */
import { fromUtf8, keyOf } from '@aethel/codec'
import { type BlobRef, blobKey } from '@aethel/consensus'
import { decodeTransaction, type Genesis, type SubmitProof, transactionSigningBytes } from '@aethel/ledger'
import {
  BVLRAT_KIND,
  claimIdOf,
  LRAT_KIND,
  METAMATH_KIND,
  readMetamathClaim,
  runMetered,
  runStreamed,
  SAT_MODEL_KIND,
  TEST_KIND,
  type Verdict,
} from '@aethel/proofs'
import type { SignatureScheme } from '../signatures.js'
import { isContradiction } from './bit-vectors.js'
import { freshRegistry } from './chain.js'
import { isTautology, parseFormula } from './formulas.js'
import { LIBRARY } from './library.js'
import { isModel } from './models.js'
import { isUnsatisfiable } from './refutations.js'

export interface Judgement {
  readonly isGood: boolean
  /** Of its proof, as it is charged; 0 without one. */
  readonly gas: number
}

const BAD: Judgement = { isGood: false, gas: 0 }

export class Claims {
  readonly #genesis: Genesis
  readonly #signatures: SignatureScheme
  /** By `keyOf` the claim id: its canonical bytes. */
  readonly #statements = new Map<string, Uint8Array>()
  /** By `blobKey`. */
  readonly #blobs = new Map<string, Uint8Array>()
  /** By `keyOf` the transaction: made to be refused. */
  readonly #falsehoods = new Set<string>()
  /** Of these very bytes, which nobody changes: every validator that votes for a block has the same ones looked at. */
  readonly #judgements = new WeakMap<Uint8Array, Judgement>()

  constructor(genesis: Genesis, signatures: SignatureScheme) {
    this.#genesis = genesis
    this.#signatures = signatures
    for (const axiom of LIBRARY.axioms) this.noteClaim(METAMATH_KIND, axiom)
  }

  noteClaim(kind: string, claim: Uint8Array): void {
    this.#statements.set(keyOf(claimIdOf(kind, claim)), claim)
  }

  noteBlob(ref: BlobRef, content: Uint8Array): void {
    this.#blobs.set(blobKey(ref), content)
  }

  noteFalse(transaction: Uint8Array): void {
    this.#falsehoods.add(keyOf(transaction))
  }

  contentOf(ref: BlobRef): Uint8Array | undefined {
    return this.#blobs.get(blobKey(ref))
  }

  judge(transaction: Uint8Array): Judgement {
    let judgement = this.#judgements.get(transaction)
    if (judgement === undefined) {
      judgement = this.#look(transaction)
      this.#judgements.set(transaction, judgement)
    }
    return judgement
  }

  #look(bytes: Uint8Array): Judgement {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return BAD
    const { sender, signature, action } = decoded.value
    const isGood = !this.#falsehoods.has(keyOf(bytes)) && this.#signatures.verify(sender, transactionSigningBytes(decoded.value), signature)
    if (action.type !== 'submit-proof') return { isGood, gas: 0 }
    const verdict = this.#check(action)
    return { isGood: isGood && verdict?.status === 'valid' && isTrue(action) !== false, gas: verdict?.gas ?? 0 }
  }

  /** By checkers of its own, once. Null: they cannot have a look. */
  #check({ kind, claim, proof, blob }: SubmitProof): Verdict | null {
    const verifier = freshRegistry(this.#genesis).kinds.find((each) => each.verifier.kind === kind)?.verifier
    const parsed = verifier?.parseClaim(claim)
    if (verifier === undefined || parsed?.ok !== true) return null
    if (blob === undefined) return runMetered(verifier, parsed.value.claim, proof, { statementOf: (id) => this.#statements.get(keyOf(id)) })
    const content = this.contentOf(blob)
    if (content === undefined || verifier.streamed === undefined) return null
    const pieces = [content]
    return runStreamed(verifier.streamed, parsed.value.claim, { next: () => pieces.shift() })
  }
}

/** Null: there is no other way to tell than to believe the checker. */
function isTrue({ kind, claim, proof }: SubmitProof): boolean | null {
  switch (kind) {
    case METAMATH_KIND: {
      const statement = readMetamathClaim(claim)
      if (!statement.ok) return false
      const formula = parseFormula(statement.value.assertion.replace('|- ', ''))
      return formula !== null && isTautology(formula)
    }
    case LRAT_KIND:
      return isUnsatisfiable(claim)
    case SAT_MODEL_KIND:
      return isModel(claim, proof)
    case BVLRAT_KIND: {
      const script = fromUtf8(claim)
      return script.ok && isContradiction(script.value)
    }
    case TEST_KIND:
      return claim[0] === 0
    default:
      return null
  }
}

/**
 * Proofs that do not prove what they claim, of several kinds. Each is made from a real one, claims something nobody else
 * claims (so that it cannot be refused as a duplicate), and is checked here with the same kernels: what the network must
 * answer is known before it is asked.
 */
import { assert, type Hash, keyOf, utf8 } from '@aethel/codec'
import {
  BUNDLED_INSTANCES,
  claimIdOf,
  clausesToClaim,
  createMeter,
  encodeCertificate,
  encodeLetters,
  encodeMetamathClaim,
  type LibraryDefinition,
  LRAT_KIND,
  lratVerifier,
  METAMATH_KIND,
  type MetamathCertificate,
  type MetamathReference,
  type MetamathStatement,
  MeterExhausted,
  metamathVerifier,
  type ProofVerifier,
  pigeonhole,
  pigeonholeCertificate,
  readMetamathClaim,
  toBinaryLrat,
} from '@aethel/proofs'
import { certificateParts } from '../certificate-parts.js'
import type { Proof } from './corpus.js'

export type FalseKind =
  | 'mutated proof'
  | 'truncated proof'
  | 'proof of another theorem'
  | 'citation under a wrong label'
  | 'altered statement'
  | 'doubling bomb'
  | 'refutation of a satisfiable formula'
  | 'mutated refutation'
  | 'truncated refutation'

export interface FalseProof {
  readonly kind: FalseKind
  readonly proof: Proof
  /** What the kernel says. */
  readonly code: string
  /** Position in the list of theorems after which everything cited is final; -1 if nothing is cited. */
  readonly after: number
}

/** So many at least, whatever the library. */
const LEAST = 50
/** How many of each are wanted; a kind yields fewer only where the library is too small to make them. */
const WANTED = {
  mutated: 12,
  truncated: 8,
  swapped: 8,
  mislabelled: 4,
  altered: 6,
  satisfiable: 14,
  mutatedRefutation: 4,
  truncatedRefutation: 4,
} as const
const DOUBLINGS = 24
/** Larger than any bundled pigeonhole instance, so nobody else claims them. */
const FALSE_HOLES = 10
/** With all that is made from bundled instances alone they are `LEAST`, even if the library yields none. */
const MOST_SPARE_HOLES = 13

export function makeFalseProofs(definition: LibraryDefinition, theorems: readonly Proof[]): FalseProof[] {
  const maker = new FalseProofMaker(definition, theorems)
  const made = [...maker.metamath(), ...maker.bombs(), ...maker.refutations()]
  if (made.length >= LEAST) return made
  return [...made, ...maker.spareRefutations().slice(0, LEAST - made.length)]
}

class FalseProofMaker {
  readonly #definition: LibraryDefinition
  readonly #theorems: readonly Proof[]
  readonly #metamath: ProofVerifier<unknown>
  readonly #lrat = lratVerifier() as ProofVerifier<unknown>
  readonly #statements = new Map<string, Uint8Array>()
  #made = 0

  constructor(definition: LibraryDefinition, theorems: readonly Proof[]) {
    this.#definition = definition
    this.#theorems = theorems
    this.#metamath = metamathVerifier([definition]) as ProofVerifier<unknown>
    for (const claim of definition.axioms) this.#statements.set(keyOf(claimIdOf(METAMATH_KIND, claim)), claim)
    for (const { claimId, action } of theorems) this.#statements.set(keyOf(claimId), action.claim)
  }

  metamath(): FalseProof[] {
    return [
      ...this.#several('mutated proof', WANTED.mutated, (statement, certificate) => {
        const { letters } = certificate
        const at = Math.floor(letters.length / 2)
        const changed = letters.slice()
        changed[at] = letters[at] === 0x41 ? 0x42 : 0x41
        return [statement, { ...certificate, letters: changed }]
      }),
      ...this.#several('truncated proof', WANTED.truncated, (statement, certificate) => [
        statement,
        { ...certificate, letters: certificate.letters.subarray(0, certificate.letters.length >> 1) },
      ]),
      ...this.#several('proof of another theorem', WANTED.swapped, (statement, _certificate, index) => {
        const other = this.#theorems[index + 1]
        return other === undefined ? null : [statement, certificateParts(other.action.proof)]
      }),
      ...this.#several('citation under a wrong label', WANTED.mislabelled, (statement, certificate) => {
        const wrong = (reference: MetamathReference): MetamathReference =>
          reference.kind === 'citation' ? { ...reference, label: utf8(`not-${String.fromCharCode(...reference.label)}`) } : reference
        return [statement, { ...certificate, references: certificate.references.map(wrong) }]
      }),
      ...this.#several('altered statement', WANTED.altered, (statement, certificate) => {
        const symbols = statement.assertion.split(' ')
        const typecode = symbols[0] ?? ''
        const hypothesis = statement.hypotheses.find((candidate) => candidate.kind === 'floating')
        const variable = hypothesis?.symbols.split(' ')[1]
        return variable === undefined || symbols.length < 3 ? null : [{ ...statement, assertion: `${typecode} ${variable}` }, certificate]
      }),
    ]
  }

  /** Walks through the theorems until enough false proofs of a kind are made; what happens to be valid is left out. */
  #several(
    kind: FalseKind,
    wanted: number,
    change: (
      statement: MetamathStatement,
      certificate: MetamathCertificate,
      index: number,
    ) => readonly [MetamathStatement, MetamathCertificate] | null,
  ): FalseProof[] {
    const made: FalseProof[] = []
    const stride = Math.max(1, Math.floor(this.#theorems.length / (2 * wanted)))
    for (let start = 0; start < stride && made.length < wanted; start++) {
      for (let index = start; index < this.#theorems.length && made.length < wanted; index += stride) {
        const theorem = this.#theorems[index] as Proof
        const changed = change(statementOf(theorem.action.claim), certificateParts(theorem.action.proof), index)
        if (changed === null) continue
        const [statement, certificate] = changed
        const label = `false-${this.#made + 1}`
        const falseProof = this.#judged(
          kind,
          METAMATH_KIND,
          label,
          encodeMetamathClaim({ ...statement, label }),
          encodeCertificate(certificate),
          index + 1,
        )
        if (falseProof === null) continue
        this.#made++
        made.push(falseProof)
      }
    }
    return made
  }

  /**
   * Some hundred bytes that ask for a formula of 2^24 symbols and more: a binary connective applied to its own result, again
   * and again.
   */
  bombs(): FalseProof[] {
    for (const claim of this.#definition.axioms) {
      const statement = statementOf(claim)
      const typecode = statement.assertion.split(' ')[0]
      const binary =
        statement.hypotheses.length === 2 &&
        statement.hypotheses.every(({ kind, symbols }) => kind === 'floating' && symbols.startsWith(`${typecode} `))
      const variable = this.#definition.variables.find((candidate) => candidate.typecode === typecode)
      if (!binary || typecode === undefined || variable === undefined) continue
      return ['bomb-1', 'bomb-2'].flatMap(
        (label, hypotheses) => this.#bomb(label, claim, statement.label, `${typecode} ${variable.symbol}`, hypotheses) ?? [],
      )
    }
    return []
  }

  /** `spare` essential hypotheses make the claims differ. */
  #bomb(label: string, connective: Uint8Array, connectiveLabel: string, variable: string, spare: number): FalseProof | null {
    const hypotheses: MetamathStatement['hypotheses'] = [
      { kind: 'floating', symbols: variable },
      ...Array.from({ length: spare }, () => ({ kind: 'essential' as const, symbols: variable })),
    ]
    const apply = hypotheses.length
    const steps = [0, 0, apply, -1]
    for (let saved = 0; saved < DOUBLINGS - 1; saved++) steps.push(apply + 1 + saved, apply, -1)
    steps.pop()
    const references: MetamathReference[] = [
      { kind: 'citation', label: utf8(connectiveLabel), claimId: claimIdOf(METAMATH_KIND, connective) },
    ]
    const certificate = encodeCertificate({ references, disjoint: [], letters: encodeLetters(steps) })
    const claim = encodeMetamathClaim({ library: this.#definition.name, label, hypotheses, disjoint: [], assertion: variable })
    return this.#judged('doubling bomb', METAMATH_KIND, label, claim, certificate, -1)
  }

  refutations(): FalseProof[] {
    const made: (FalseProof | null)[] = []
    for (const instance of BUNDLED_INSTANCES.slice(0, WANTED.satisfiable)) made.push(this.#siblingRefuted(instance))
    for (let i = 0; i < WANTED.mutatedRefutation + WANTED.truncatedRefutation; i++) {
      const holes = FALSE_HOLES + i
      const claim = clausesToClaim(pigeonhole(holes + 1, holes).clauses)
      const proof = toBinaryLrat(pigeonholeCertificate(holes))
      const name = `pigeonhole-${holes}`
      if (i >= WANTED.mutatedRefutation)
        made.push(this.#judged('truncated refutation', LRAT_KIND, name, claim, proof.subarray(0, proof.length >> 1), -1))
      else made.push(this.#mutatedRefutation(name, claim, proof))
    }
    return made.filter((falseProof) => falseProof !== null)
  }

  /** What makes up for what a small library does not yield. */
  spareRefutations(): FalseProof[] {
    const made = BUNDLED_INSTANCES.slice(WANTED.satisfiable).map((instance) => this.#siblingRefuted(instance))
    for (let holes = 3; holes <= MOST_SPARE_HOLES; holes++) {
      const claim = clausesToClaim(pigeonhole(holes - 1, holes).clauses)
      const proof = toBinaryLrat(pigeonholeCertificate(holes))
      made.push(this.#judged('refutation of a satisfiable formula', LRAT_KIND, `pigeonhole-${holes}, a hole to spare`, claim, proof, -1))
    }
    return made.filter((falseProof) => falseProof !== null)
  }

  #siblingRefuted({ name, satisfiableSibling, certificate }: (typeof BUNDLED_INSTANCES)[number]): FalseProof | null {
    const claim = clausesToClaim(satisfiableSibling().clauses)
    return this.#judged('refutation of a satisfiable formula', LRAT_KIND, `${name}, satisfiable`, claim, certificate(), -1)
  }

  /** The first single changed byte, from the middle on, that makes the refutation wrong. */
  #mutatedRefutation(name: string, claim: Uint8Array, proof: Uint8Array): FalseProof | null {
    for (let at = proof.length >> 1; at < proof.length; at++) {
      const changed = proof.slice()
      changed[at] = (changed[at] as number) ^ 2
      const judged = this.#judged('mutated refutation', LRAT_KIND, name, claim, changed, -1)
      if (judged !== null) return judged
    }
    return null
  }

  /** Null if it proves its claim after all. */
  #judged(kind: FalseKind, proofKind: string, name: string, claim: Uint8Array, proof: Uint8Array, after: number): FalseProof | null {
    const verifier = proofKind === METAMATH_KIND ? this.#metamath : this.#lrat
    const code = this.#refusalCode(verifier, claim, proof)
    if (code === null) return null
    const action = { type: 'submit-proof' as const, kind: proofKind, claim, proof, metadata: null }
    return { kind, code, after, proof: { name, action, claimId: claimIdOf(proofKind, claim) } }
  }

  /** What a validator does with a proof, step by step. */
  #refusalCode(verifier: ProofVerifier<unknown>, claim: Uint8Array, proof: Uint8Array): string | null {
    const parsed = verifier.parseClaim(claim)
    if (!parsed.ok) return parsed.error.code
    const citations = verifier.citationsOf(parsed.value.claim, proof)
    if (!citations.ok) return citations.error.code
    const statementOf = (claimId: Hash): Uint8Array | undefined => this.#statements.get(keyOf(claimId))
    const meter = createMeter(verifier.limits)
    try {
      const verdict = verifier.verify(parsed.value.claim, proof, { statementOf }, meter)
      return verdict.status === 'valid' ? null : verdict.code
    } catch (error) {
      if (error instanceof MeterExhausted) return error.code
      throw error
    }
  }
}

function statementOf(claim: Uint8Array): MetamathStatement {
  const statement = readMetamathClaim(claim)
  assert(statement.ok, 'a claim that was just made does not read')
  return statement.value
}

/** The false proofs of the main job: many, of several kinds, each really false, each about a claim of its own. */
import { toHex } from '@aethel/codec'
import { decodeTransaction } from '@aethel/ledger'
import { createMeter, LRAT_KIND, lratVerifier, METAMATH_KIND, MeterExhausted, metamathVerifier } from '@aethel/proofs'
import { describe, expect, it } from 'vitest'
import { definitionOf, openLibrary } from '../metamath-library.js'
import { bundledRefutations, interleave, sign, theoremsOf } from './corpus.js'
import { makeFalseProofs } from './false-proofs.js'
import { bundledLibraryPath } from './library.js'

const library = openLibrary(bundledLibraryPath())
const definition = definitionOf(library)
const theorems = theoremsOf(library, Number.MAX_SAFE_INTEGER)
const falseProofs = makeFalseProofs(definition, theorems)

describe('false proofs', () => {
  it('are at least fifty, of at least five kinds, bombs of 24 doublings among them, even from the bundled library', () => {
    expect(falseProofs.length).toBeGreaterThanOrEqual(50)
    expect(new Set(falseProofs.map((falseProof) => falseProof.kind)).size).toBeGreaterThanOrEqual(5)
    expect(falseProofs.filter((falseProof) => falseProof.kind === 'doubling bomb').length).toBeGreaterThan(0)
    expect(falseProofs.filter((falseProof) => falseProof.kind === 'refutation of a satisfiable formula').length).toBeGreaterThan(5)
  })

  it.each([1, 2, 5])('are at least fifty from a library of %i theorems, too, each about a claim of its own', (count) => {
    const few = makeFalseProofs(definition, theorems.slice(0, count))
    expect(few.length).toBeGreaterThanOrEqual(50)
    const claims = [...bundledRefutations(), ...few.map(({ proof }) => proof)].map(({ claimId }) => toHex(claimId))
    expect(new Set(claims).size).toBe(claims.length)
  })

  it('claim what nobody else claims, so that none is refused as a duplicate', () => {
    const real = [...theorems, ...bundledRefutations()].map((proof) => toHex(proof.claimId))
    const all = [...real, ...falseProofs.map(({ proof }) => toHex(proof.claimId))]
    expect(new Set(all).size).toBe(all.length)
  })

  it('are refused by fresh kernels, with the code that is expected of the network', () => {
    const statements = new Map(theorems.map((theorem) => [toHex(theorem.claimId), theorem.action.claim]))
    const axioms = new Map(library.extractor.entries(0).axioms.map((entry, index) => [toHex(entry.claimId), definition.axioms[index]]))
    const verifiers = { [METAMATH_KIND]: metamathVerifier([definition]), [LRAT_KIND]: lratVerifier() }
    for (const { proof, code, kind } of falseProofs) {
      const verifier = verifiers[proof.action.kind as keyof typeof verifiers]
      const parsed = verifier.parseClaim(proof.action.claim)
      if (!parsed.ok) {
        expect(parsed.error.code, kind).toBe(code)
        continue
      }
      const statementOf = (claimId: Uint8Array): Uint8Array | undefined => statements.get(toHex(claimId)) ?? axioms.get(toHex(claimId))
      const run = (): string => {
        try {
          const verdict = verifier.verify(parsed.value.claim as never, proof.action.proof, { statementOf }, createMeter(verifier.limits))
          return verdict.status === 'valid' ? 'valid' : verdict.code
        } catch (error) {
          if (error instanceof MeterExhausted) return error.code
          throw error
        }
      }
      expect(run(), `${kind} ${proof.name}`).toBe(code)
    }
  })
})

describe('the corpus', () => {
  it('has at least a hundred theorems and twenty refutations without any download', () => {
    expect(theorems.length).toBeGreaterThanOrEqual(100)
    expect(bundledRefutations().length).toBeGreaterThanOrEqual(20)
  })

  it('keeps theorems in order when others go among them, and loses none', () => {
    const others = bundledRefutations()
    const mixed = interleave(theorems, others)
    expect(mixed.length).toBe(theorems.length + others.length)
    expect(mixed.filter((proof) => proof.action.kind === METAMATH_KIND)).toEqual(theorems)
    expect(mixed.filter((proof) => proof.action.kind === LRAT_KIND)).toEqual(others)
    expect(interleave([], others)).toEqual(others)
  })

  it('gives each account consecutive nonces in the order of the library', () => {
    const chainId = theorems[0]?.claimId
    if (chainId === undefined) throw new Error('the bundled library is empty')
    const next = new Map<string, number>()
    for (const item of sign(chainId, theorems.slice(0, 100))) {
      const transaction = decodeTransaction(item.bytes)
      if (!transaction.ok) throw new Error(transaction.error.message)
      const sender = toHex(transaction.value.sender)
      expect(transaction.value.nonce).toBe(next.get(sender) ?? 0)
      next.set(sender, transaction.value.nonce + 1)
    }
    expect(next.size).toBe(32)
  })
})

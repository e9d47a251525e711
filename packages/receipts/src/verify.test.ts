import { fromHex, type Hash, keyOf, type Signature, toHex, utf8 } from '@aethel/codec'
import { verifySignature as verifyInNode } from '@aethel/crypto'
import { createMeter } from '@aethel/proofs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  certify,
  first,
  ledger,
  must,
  registry,
  second,
  standAlone,
  standAloneId,
  standAloneProof,
  theorem,
  third,
  trust,
} from '../test/world.js'
import { type CheckedReceipt, createReceipt, decodeReceipt, encodeReceipt, recheckReceipt, verifyReceipt } from './index.js'

const standing = must(
  createReceipt({
    header: first.header,
    state: first.state,
    claimId: standAloneId,
    claim: standAlone,
    certificate: certify(first.header, [1, 2, 3]),
  }),
)
const library = must(
  createReceipt({ header: third.header, state: third.state, claimId: theorem.claimId, certificate: certify(third.header, [1, 2, 3]) }),
)

function checked(bytes: Uint8Array): CheckedReceipt {
  return must(verifyReceipt(bytes, { trust }))
}

function verifierOf(kind: string) {
  const found = registry.kinds.find((candidate) => candidate.verifier.kind === kind)
  if (found === undefined) throw new Error(`no kind ${kind}`)
  return found.verifier
}

/** Lone surrogates have no UTF-8. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}

describe('a receipt', () => {
  it('says who agreed on what, at which cost and under which axioms', () => {
    const receipt = checked(library)
    expect(receipt.record).toMatchObject({
      kind: 'metamath/1',
      height: 2,
      gas: 1234,
      library: { name: 'small', label: 'a1i', axioms: [0, 1, 3] },
    })
    expect(receipt).toMatchObject({ signers: [1, 2, 3], signedPower: 9n, totalPower: 10n, header: { height: 3 } })
    expect(toHex(receipt.claim)).toBe(toHex(theorem.claim))
    expect(verifyReceipt(library, { trust }).steps.map((step) => step.name)).toEqual([
      'format',
      'chain',
      'header',
      'certificate',
      'state',
      'record',
      'claim',
      'policy',
    ])
  })

  it('has one text per value', () => {
    for (const bytes of [standing, library]) expect(utf8(encodeReceipt(must(decodeReceipt(bytes))))).toEqual(bytes)
  })

  it('is refused for a claim that is not final, or whose bytes nobody gave', () => {
    const source = { header: first.header, state: first.state, certificate: certify(first.header, [1, 2, 3]) }
    expect(createReceipt({ ...source, claimId: theorem.claimId })).toMatchObject({ ok: false, error: { code: 'claim-not-final' } })
    expect(createReceipt({ ...source, claimId: standAloneId })).toMatchObject({ ok: false, error: { code: 'claim-bytes' } })
  })

  it('S9: no single changed character leaves a receipt standing for something else', () => {
    const good = checked(library)
    const same = (value: CheckedReceipt) =>
      JSON.stringify(value, (_name, part) => (typeof part === 'bigint' ? String(part) : part instanceof Uint8Array ? toHex(part) : part))
    const refused = new Set<string>()
    fc.assert(
      fc.property(fc.nat(library.length - 1), fc.nat(255), (at, byte) => {
        const changed = library.slice()
        changed[at] = byte
        const result = verifyReceipt(changed, { trust })
        // White space may become other white space; whatever is accepted says the same.
        if (result.ok) expect(same(result.value)).toBe(same(good))
        else refused.add(result.error.code)
      }),
      { numRuns: 3000 },
    )
    expect(refused.size).toBeGreaterThan(5)
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => verifyReceipt(bytes, { trust }).ok === false))
    fc.assert(fc.property(fc.json(), (text) => verifyReceipt(utf8(wellFormed(text)), { trust }).ok === false))
    const huge = verifyReceipt(new Uint8Array(11 * 1024 * 1024), { trust })
    expect(huge).toMatchObject({ ok: false, error: { code: 'too-long' } })
  })

  it('S9, J4: a receipt that is consistent in itself proves nothing to another trust root', () => {
    const others = { chainId: trust.chainId, epochLength: 0, validators: { ...trust.validators, hash: new Uint8Array(32) as Hash } }
    expect(verifyReceipt(standing, { trust: others })).toMatchObject({ ok: false, error: { code: 'validators' } })
    expect(verifyReceipt(standing, { trust: { ...trust, chainId: new Uint8Array(32) as Hash } })).toMatchObject({
      ok: false,
      error: { code: 'chain-id' },
    })
    // The attacker names the trusted validators, because their keys are public, but cannot sign for them.
    const nobody = verifyReceipt(standing, { trust, verifySignature: () => false })
    expect(nobody).toMatchObject({ ok: false, error: { code: 'certificate-signature' } })
  })

  it('can be rechecked with the proof at hand, by the kernel, against nobody', () => {
    const verifier = verifierOf('test/1')
    const recheck = (proof: Uint8Array, gas = verifier.limits.gas) =>
      recheckReceipt(checked(standing), proof, { verifier, meter: createMeter({ ...verifier.limits, gas }) })
    expect(recheck(standAloneProof)).toEqual({ ok: true, value: { gas: 7 } })
    expect(recheck(utf8('another proof'))).toMatchObject({ ok: false, error: { code: 'proof-hash' } })
    expect(recheck(standAloneProof, 6)).toMatchObject({ ok: false, error: { code: 'gas-exhausted' } })
    const metamath = verifierOf('metamath/1')
    const cited = { statementOf: (claimId: Hash) => ledger.statementOf(second.state, keyOf(claimId)) }
    const theoremCheck = recheckReceipt(checked(library), theorem.proof, { verifier: metamath, meter: createMeter(metamath.limits), cited })
    // The chain of these tests records gas that no kernel has counted, and that is what the recheck finds.
    expect(theoremCheck).toMatchObject({ ok: false, error: { code: 'gas' } })
    expect(recheckReceipt(checked(library), theorem.proof, { verifier, meter: createMeter(verifier.limits) })).toMatchObject({
      ok: false,
      error: { code: 'kind' },
    })
  })

  it('F1: checks signatures as nodes do, and not as more lenient verifiers would', () => {
    const smallOrder = must(fromHex(`ec${'ff'.repeat(30)}7f`))
    const signature = new Uint8Array(64) as Signature
    signature[0] = 1
    for (let i = 0; i < 16; i++) expect(verifyInNode(smallOrder as never, Uint8Array.of(i), signature)).toBe(false)
  })
})

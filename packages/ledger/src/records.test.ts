import { type Hash, height, type PublicKey, type Signature, utf8 } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ClaimRecord,
  decodeAccountRecord,
  decodeClaimRecord,
  decodeLibraryRecord,
  encodeAccountRecord,
  encodeClaimRecord,
  encodeLibraryRecord,
  MAX_KIND_BYTES,
  MAX_LIBRARY_AXIOMS,
} from './records.js'
import { checkAction, decodeTransaction, encodeTransaction, type SignedTransaction } from './transaction.js'

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Hash)
const counts = fc.maxSafeNat()
const axioms = fc.uniqueArray(fc.nat(MAX_LIBRARY_AXIOMS - 1), { maxLength: 300 }).map((positions) => positions.sort((a, b) => a - b))
const places = fc.record({ name: fc.string({ maxLength: 16 }), digest: hashes, label: fc.string({ maxLength: 64 }), axioms })
const records: fc.Arbitrary<ClaimRecord> = fc.record({
  status: fc.constant('valid' as const),
  kind: fc.string({ maxLength: 16 }),
  claimId: hashes,
  proofHash: hashes,
  proofBytes: fc.nat(),
  gas: counts,
  height: counts.map(height),
  timestampMs: counts,
  transactionId: hashes,
  sender: hashes.map((bytes) => bytes as Uint8Array as PublicKey),
  library: fc.option(places),
})

describe('records', () => {
  it('come back as they went in, and from one encoding only', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, position, change) => {
        const bytes = encodeClaimRecord(record)
        expect(decodeClaimRecord(bytes)).toEqual({ ok: true, value: record })
        const changed = bytes.slice()
        changed[position % bytes.length] = (changed[position % bytes.length] as number) ^ change
        const decoded = decodeClaimRecord(changed)
        if (decoded.ok) expect(encodeClaimRecord(decoded.value)).toEqual(changed)
        expect(decodeClaimRecord(bytes.slice(0, position % bytes.length)).ok).toBe(false)
      }),
    )
    fc.assert(
      fc.property(counts, hashes, fc.nat(), (nonce, root, count) => {
        expect(decodeAccountRecord(encodeAccountRecord({ nonce }))).toEqual({ ok: true, value: { nonce } })
        const library = { digest: root, axioms: count, theorems: count, root }
        expect(decodeLibraryRecord(encodeLibraryRecord(library))).toEqual({ ok: true, value: library })
      }),
    )
  })

  it('G5: axioms stand in the order of numbers, not of their decimal text, and never twice', () => {
    const [sample] = fc.sample(records, { numRuns: 1, seed: 1 })
    const withAxioms = (positions: number[]) => {
      const place = { name: 'x', digest: (sample as ClaimRecord).claimId, label: 'y', axioms: positions }
      return encodeClaimRecord({ ...(sample as ClaimRecord), library: place })
    }
    const decoded = decodeClaimRecord(withAxioms([1, 9, 10]))
    expect(decoded.ok && decoded.value.library?.axioms).toEqual([1, 9, 10])
    expect(() => withAxioms([1, 10, 9])).toThrow(/ascend/)
    expect(() => withAxioms([1, 1])).toThrow(/ascend/)
  })
})

describe('transactions', () => {
  /** A grapheme may have many bytes, and a kind at most so many. */
  const texts = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => utf8(text).length <= MAX_KIND_BYTES)
  const transactions: fc.Arbitrary<SignedTransaction> = fc.record({
    chainId: hashes,
    sender: hashes.map((bytes) => bytes as Uint8Array as PublicKey),
    nonce: counts,
    expiryHeight: counts,
    gasLimit: counts,
    fee: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    action: fc.oneof(
      fc.record({ type: fc.constant('note' as const), data: fc.uint8Array({ maxLength: 1024 }) }),
      fc.record({
        type: fc.constant('submit-proof' as const),
        kind: texts,
        claim: fc.uint8Array(),
        proof: fc.uint8Array(),
        metadata: fc.option(fc.record({ title: texts, sourceDigest: fc.option(hashes), toolchain: fc.string({ maxLength: 8 }) })),
      }),
    ),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => bytes as Signature),
  })

  it('F4: have one encoding each: what decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(transactions, fc.nat(), fc.integer({ min: 1, max: 255 }), (transaction, position, change) => {
        const bytes = encodeTransaction(transaction)
        expect(decodeTransaction(bytes)).toEqual({ ok: true, value: transaction })
        const changed = bytes.slice()
        changed[position % bytes.length] = (changed[position % bytes.length] as number) ^ change
        const decoded = decodeTransaction(changed)
        if (decoded.ok) expect(encodeTransaction(decoded.value)).toEqual(changed)
        expect(decodeTransaction(bytes.slice(0, position % bytes.length)).ok).toBe(false)
      }),
    )
  })

  it('keep to their bounds, and say so before anything is signed', () => {
    const codeOf = (result: ReturnType<typeof checkAction>) => (result.ok ? 'ok' : result.error.code)
    expect(codeOf(checkAction({ type: 'note', data: new Uint8Array(1024) }))).toBe('ok')
    expect(codeOf(checkAction({ type: 'note', data: new Uint8Array(1025) }))).toBe('too-long')
    const proof = { type: 'submit-proof' as const, kind: 'x', claim: new Uint8Array(1), proof: new Uint8Array(1) }
    expect(codeOf(checkAction({ ...proof, metadata: { title: 'a'.repeat(257), sourceDigest: null, toolchain: '' } }))).toBe('too-long')
    expect(
      codeOf(checkAction({ ...proof, metadata: { title: '', sourceDigest: utf8('x'.repeat(32)) as Hash, toolchain: 'b'.repeat(128) } })),
    ).toBe('ok')
    expect(codeOf(checkAction({ ...proof, proof: new Uint8Array(4 * 1024 * 1024 + 1), metadata: null }))).toBe('too-long')
  })
})

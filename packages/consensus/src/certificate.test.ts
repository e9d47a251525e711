import { bitmapOf, epoch, height, type Signature, view } from '@aethel/codec'
import { hashTagged, verifySignature } from '@aethel/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ballotOf, blockOf, CHAIN, certificateOf, chainOf, keyOfValidator, signVote, validatorSet } from '../test/harness.js'
import { type Ballot, ballotBytes, type Certificate, compareCertificates, verifyCertificate } from './index.js'

const set = validatorSet(4)
const block = blockOf()
const good = certificateOf('commit', 0, block)

function codeOf(certificate: Certificate, validators = set, chainId = CHAIN): string {
  const result = verifyCertificate({ chainId, validators, verifySignature }, certificate)
  return result.ok ? 'ok' : result.error.code
}

function signaturesBy(signers: readonly number[], ballot: Ballot): Signature[] {
  return signers.map((sender) => signVote(sender, ballot).signature)
}

describe('certificates (protocol.md §3)', () => {
  it('accepts a quorum, whoever it is, and all', () => {
    for (const signers of [
      [0, 1, 2],
      [0, 1, 3],
      [1, 2, 3],
      [0, 1, 2, 3],
    ])
      expect(codeOf(certificateOf('commit', 0, block, signers))).toBe('ok')
    expect(codeOf(certificateOf('prepare', 3, block))).toBe('ok')
  })

  it('weighs power: three of four are no quorum if the fourth holds a third', () => {
    expect(codeOf(good, validatorSet(4, [1n, 1n, 1n, 2n]))).toBe('certificate-power')
    expect(codeOf(certificateOf('commit', 0, block, [0, 3]), validatorSet(4, [3n, 1n, 1n, 3n]))).toBe('ok')
  })

  it('A2: a short one is refused, also when a member is listed twice to make up for it', () => {
    expect(codeOf(certificateOf('commit', 0, block, [0, 1]))).toBe('certificate-power')
    const [first, second] = good.signatures as [Signature, Signature]
    expect(codeOf({ ...good, signers: bitmapOf(4, [0, 1]), signatures: [first, second, second] })).toBe('certificate-count')
    expect(codeOf({ ...good, signatures: [first, second, second] })).toBe('certificate-signature')
    expect(codeOf({ ...good, signatures: [first, first, first] })).toBe('certificate-signature')
  })

  it('A8: padding, garbage and missing entries refuse the whole, also beside a valid quorum', () => {
    const all = certificateOf('commit', 0, block, [0, 1, 2, 3])
    const garbage = new Uint8Array(64).fill(7) as Signature
    expect(codeOf({ ...all, signatures: [...all.signatures.slice(0, 3), garbage] })).toBe('certificate-signature')
    expect(codeOf({ ...good, signatures: [...good.signatures, garbage] })).toBe('certificate-count')
    expect(codeOf({ ...good, signatures: good.signatures.slice(1) })).toBe('certificate-count')
    expect(codeOf({ ...good, signatures: good.signatures.toReversed() })).toBe('certificate-signature')
  })

  it('E2: a bitmap of another size, or a signer out of range, is refused and never throws', () => {
    expect(codeOf({ ...good, signers: bitmapOf(5, [0, 1, 2]) })).toBe('certificate-size')
    expect(codeOf({ ...good, signers: bitmapOf(3, [0, 1, 2]) })).toBe('certificate-size')
    expect(codeOf({ ...good, signers: bitmapOf(64, [0, 1, 63]) })).toBe('certificate-size')
    expect(codeOf({ ...good, signers: bitmapOf(0, []), signatures: [] })).toBe('certificate-size')
  })

  it('F3: another epoch or chain is refused, and so are signatures made for it', () => {
    expect(codeOf({ ...good, epoch: epoch(1) })).toBe('certificate-epoch')
    expect(codeOf(good, validatorSet(4, [], 1))).toBe('certificate-epoch')
    expect(codeOf(good, set, hashTagged('aethel/other-chain', CHAIN))).toBe('certificate-signature')
    const ballot = { ...ballotOf('commit', 0, block), epoch: epoch(1) }
    expect(codeOf({ ...good, signatures: signaturesBy([0, 1, 2], ballot) })).toBe('certificate-signature')
  })

  it('A5: PREPARE signatures are no COMMITs, nor the other way round', () => {
    expect(codeOf({ ...certificateOf('prepare', 0, block), kind: 'commit' })).toBe('certificate-signature')
    expect(codeOf({ ...good, kind: 'prepare' })).toBe('certificate-signature')
  })

  it('signatures for another view, height or block do not carry over', () => {
    expect(codeOf({ ...good, view: view(1) })).toBe('certificate-signature')
    expect(codeOf({ ...good, height: height(2) })).toBe('certificate-signature')
    expect(codeOf({ ...good, blockHash: blockOf({ timestampMs: 5 }).hash })).toBe('certificate-signature')
  })

  it('signed bytes differ wherever ballots differ', () => {
    const number = fc.oneof(fc.nat(5), fc.maxSafeNat())
    const arbitrary = fc.record({
      kind: fc.constantFrom('prepare' as const, 'commit' as const),
      epoch: number,
      view: number,
      height: number,
      first: fc.nat(3),
    })
    const bytesOf = (ballot: { kind: 'prepare' | 'commit'; epoch: number; view: number; height: number; first: number }): string => {
      const blockHash = Uint8Array.from(block.hash)
      blockHash[0] = ballot.first
      return String(
        ballotBytes(CHAIN, {
          kind: ballot.kind,
          epoch: epoch(ballot.epoch),
          view: view(ballot.view),
          height: height(ballot.height),
          blockHash: blockHash as typeof block.hash,
        }),
      )
    }
    fc.assert(fc.property(arbitrary, arbitrary, (a, b) => (bytesOf(a) === bytesOf(b)) === (JSON.stringify(a) === JSON.stringify(b))))
  })

  it('are ordered by view, then height, then commit over prepare', () => {
    const [one, two] = chainOf(2) as [typeof block, typeof block]
    const ascending = [
      ballotOf('prepare', 0, one),
      ballotOf('commit', 0, one),
      ballotOf('prepare', 0, two),
      ballotOf('commit', 0, two),
      ballotOf('prepare', 1, one),
      ballotOf('commit', 2, one),
    ]
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) expect(Math.sign(compareCertificates(a, b))).toBe(Math.sign(i - j))
    }
  })

  it('need no order of votes to be assembled, and sign in the order of the set', () => {
    const ballot = ballotOf('commit', 0, block)
    expect(good.signatures).toEqual(signaturesBy([0, 1, 2], ballot))
    expect(certificateOf('commit', 0, block, [2, 0, 1])).toEqual(good)
    expect(keyOfValidator(0).publicKey.length).toBe(32)
  })
})

import { epoch, height, type ValidatorIndex } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  ballotOf,
  blockOf,
  CHAIN,
  certificateOf,
  chainOf,
  prePrepareOf,
  signVote,
  statusFrom,
  validatorSet,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import {
  type Block,
  type CheckerOptions,
  createBlock,
  createEpochGate,
  createMessageChecker,
  type EpochStart,
  encodeEvidence,
  epochOfHeight,
  equivocationOf,
  isBoundary,
  lastHeightOf,
  type Message,
  originHeightOf,
} from './index.js'

const LENGTH = 2
const first = validatorSet(4)
const second = validatorSet(4, [1n, 1n, 1n, 1n], 1)
const [one, boundary] = chainOf(2) as [Block, Block]
const origin = { height: boundary.header.height, hash: boundary.hash }
const inSecond: CheckerOptions = {
  chainId: CHAIN,
  validators: second,
  verifySignature,
  epochLength: LENGTH,
  previous: { validators: first, ...origin },
}

/** The first block of the second epoch, with another header or ancestor certificate. */
function third(lastCertificate = certificateOf('commit', 0, boundary), at = 3): Block {
  return blockOf({ set: second, height: at, parent: boundary.hash, lastCertificate })
}

function codeOf(message: Message, options: CheckerOptions = inSecond): string {
  const checked = createMessageChecker(options).check(message)
  return checked.ok ? 'ok' : checked.error.code
}

describe('heights and epochs', () => {
  it('every height belongs to one epoch, whose last block is its boundary', () => {
    for (const length of [1, 2, 3, 7]) {
      for (let at = 1; at < 40; at++) {
        const of = epochOfHeight(length, at)
        expect(at).toBeGreaterThan(originHeightOf(length, of))
        expect(at).toBeLessThanOrEqual(lastHeightOf(length, of))
        expect(isBoundary(length, at)).toBe(at === lastHeightOf(length, of))
      }
    }
    expect(epochOfHeight(0, 1_000_000)).toBe(0)
    expect(isBoundary(0, 1_000_000)).toBe(false)
    expect(lastHeightOf(0, epoch(0))).toBe(Number.MAX_SAFE_INTEGER)
    expect(isBoundary(3, 0)).toBe(false)
  })
})

describe('the edge of an epoch', () => {
  it('lets its own blocks pass, on the certificate of the last block of the epoch before', () => {
    expect(codeOf(prePrepareOf(0, 0, third()))).toBe('ok')
    expect(codeOf({ kind: 'block', block: third() })).toBe('ok')
  })

  it('refuses heights of other epochs, also where the header says it is of this one', () => {
    for (const at of [1, 2, 5, 6]) expect(codeOf({ kind: 'block', block: third(certificateOf('commit', 0, one), at) })).toBe('height')
  })

  it('refuses blocks of other epochs and other validators', () => {
    expect(codeOf({ kind: 'block', block: boundary })).toBe('epoch')
    const other = validatorSet(5, [], 1)
    expect(codeOf({ kind: 'block', block: blockOf({ set: other, height: 3 }) })).toBe('validators-hash')
  })

  it('takes no other certificate of the epoch before, none that is short, and none of an epoch before that', () => {
    const below = certificateOf('commit', 0, one)
    expect(codeOf({ kind: 'block', block: third(below) })).toBe('last-certificate')
    const rival = certificateOf('commit', 0, createBlock({ ...boundary.header, timestampMs: 9 }, boundary.body))
    expect(codeOf({ kind: 'block', block: third(rival) })).toBe('last-certificate')
    expect(codeOf({ kind: 'block', block: third(certificateOf('commit', 0, boundary, [0, 1])) })).toBe('certificate-power')
    const inThird = { ...inSecond, validators: validatorSet(4, [], 2), previous: { validators: second, height: height(4), hash: CHAIN } }
    const fifth = blockOf({ set: inThird.validators, height: 5, lastCertificate: certificateOf('commit', 0, boundary) })
    expect(codeOf({ kind: 'block', block: fifth }, inThird)).toBe('certificate-epoch')
  })

  it('F3: a certificate of the epoch before, good and remembered, is no certificate of this one', () => {
    const checker = createMessageChecker(inSecond)
    expect(checker.check({ kind: 'block', block: third() }).ok).toBe(true)
    const certificate = certificateOf('commit', 0, boundary)
    expect(checker.checkCertificate(certificate)).toMatchObject({ ok: false, error: { code: 'certificate-epoch' } })
    expect(checker.check({ kind: 'blocks', blocks: [third()], links: [], certificate })).toMatchObject({ ok: false })
    expect(checker.check(viewChangeOf(1, 1, certificate))).toMatchObject({ ok: false, error: { code: 'epoch' } })
  })
})

describe('the gate', () => {
  const start: EpochStart = { validators: first, previousValidators: null, origin: { height: height(0), hash: CHAIN } }
  const next: EpochStart = { validators: second, previousValidators: first, origin }
  const from = 2 as ValidatorIndex
  const gateOf = () =>
    createEpochGate({
      start,
      check: (of, message) =>
        createMessageChecker(of === start ? { chainId: CHAIN, validators: first, verifySignature, epochLength: LENGTH } : inSecond).check(
          message,
        ),
    })

  it('checks what is of its epoch, believes nothing else, and blames nobody for it', () => {
    const gate = gateOf()
    expect(gate.pass(from, voteMessage(2, 'prepare', 0, one)).kind).toBe('verified')
    expect(gate.pass(from, { kind: 'vote', vote: { ...voteOf(one), signature: new Uint8Array(64) as never } }).kind).toBe('refused')
    const later = gate.pass(from, { kind: 'vote', vote: { ...voteOf(one), epoch: epoch(9), signature: new Uint8Array(64) as never } })
    expect(later).toEqual({ kind: 'foreign', epoch: 9, committedHeight: null })
    expect(gate.pass(from, { kind: 'fetch', want: 'committed', from: height(1) }).kind).toBe('verified')
  })

  it('holds what is of the next epoch, as much as a peer may, and gives it back when that begins', () => {
    const gate = gateOf()
    const vote = voteMessage(2, 'prepare', 0, third())
    for (let i = 0; i < 1000; i++) expect(gate.pass(from, vote).kind).toBe('foreign')
    const large = blockOf({ set: second, height: 3, parent: boundary.hash, transactions: [new Uint8Array(2 << 20)] })
    expect(gate.pass(3 as ValidatorIndex, prePrepareOf(3, 3, large)).kind).toBe('foreign')
    expect(gate.pass(3 as ValidatorIndex, prePrepareOf(0, 0, third())).kind).toBe('foreign')
    const held = gate.enter(next)
    expect(held.filter((item) => item.from === from).length).toBeGreaterThan(16)
    expect(held.filter((item) => item.from === from).length).toBeLessThanOrEqual(64)
    expect(held.filter((item) => item.from === 3)).toHaveLength(1)
    for (const item of held) expect(gate.pass(item.from, item.message).kind).toBe('verified')
    expect(gate.enter(next)).toEqual([])
  })

  it('K1: evidence of the epoch before is heard still, that of an older or a later one is not', () => {
    const gate = gateOf()
    gate.enter(next)
    const passageOf = (inEpoch: number): string => {
      const set = validatorSet(4, [], inEpoch)
      const votes = [1, 2].map((byte) => signVote(2, ballotOf('prepare', 0, blockOf({ set, transactions: [Uint8Array.of(byte)] }))))
      const [one = voteOf(boundary), other = voteOf(boundary)] = votes
      return gate.pass(from, { kind: 'evidence', evidence: encodeEvidence(CHAIN, equivocationOf(one, other)) }).kind
    }
    expect([0, 1, 2].map(passageOf)).toEqual(['verified', 'verified', 'foreign'])
  })

  it('says how far whoever is in another epoch has committed, by its STATUS and by its VIEW-CHANGE', () => {
    const gate = gateOf()
    const change = viewChangeOf(2, 1, null, 7)
    const entry = { ...change.entry, epoch: epoch(9) }
    expect(gate.pass(from, { ...change, entry })).toEqual({ kind: 'foreign', epoch: 9, committedHeight: 7 })
    expect(gate.pass(from, { ...statusFrom(2, 0, 5), epoch: epoch(9) })).toEqual({ kind: 'foreign', epoch: 9, committedHeight: 5 })
  })

  it('holds nothing of the epoch after the next', () => {
    const gate = gateOf()
    gate.pass(from, { kind: 'vote', vote: { ...voteOf(one), epoch: epoch(2) } })
    expect(gate.enter(next)).toEqual([])
  })

  function voteOf(block: Block): Extract<Message, { kind: 'vote' }>['vote'] {
    const message = voteMessage(2, 'prepare', 0, block)
    if (message.kind !== 'vote') throw new Error('a vote is a vote')
    return message.vote
  }
})

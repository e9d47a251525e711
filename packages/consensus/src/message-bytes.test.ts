import { readFileSync } from 'node:fs'
import {
  bitmapOf,
  epoch,
  equalBytes,
  fromHex,
  type Hash,
  hash,
  height,
  type Signature,
  signature,
  toHex,
  validatorIndex,
  view,
} from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aggregateOf,
  ballotOf,
  blockOf,
  blsValidatorSet,
  CHAIN,
  certificateOf,
  chainOf,
  compactPrePrepareOf,
  keyOfValidator,
  newViewOf,
  prePrepareOf,
  signVote,
  signVoteWithShare,
  transaction,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import {
  type Ballot,
  type Block,
  type Body,
  createBlock,
  decodeBlock,
  decodeMessage,
  encodeBlock,
  encodeEvidence,
  encodeMessage,
  equivocationOf,
  evidenceRootOf,
  type Header,
  lastCertificateHashOf,
  listRoot,
  MAX_SYNC_TRANSACTIONS,
  type Message,
  type NamedTransaction,
  proposalOf,
  type StatusSlot,
  transactionsRootOf,
  type ViewChangeEntry,
} from './index.js'

/** Written once from these very values; a change of a byte is a change of the protocol (new version, not a new fixture). */
const GOLDEN: Record<string, string> = JSON.parse(readFileSync(new URL('../test/golden-messages.json', import.meta.url), 'utf8'))

const [one, two, three] = chainOf(3, { transactions: [transaction('x'), transaction('yy')] }) as [Block, Block, Block]
const bound = blockOf({ height: 4, parent: three.hash, view: 6, lastCertificate: certificateOf('commit', 0, one) })
const rivalOfOne = blockOf({ transactions: [transaction('z')] })
const prepared = certificateOf('prepare', 2, two)
const signed = signature(Uint8Array.from({ length: 64 }, (_, i) => i))

const SAMPLES: Record<string, Message> = {
  'pre-prepare': prePrepareOf(2, 6, bound),
  vote: voteMessage(3, 'commit', 9, two),
  'view-change': viewChangeOf(1, 7, prepared, 1),
  'view-change without a certificate': viewChangeOf(1, 7),
  'new-view': newViewOf(3, 7, [viewChangeOf(0, 7), viewChangeOf(1, 7, prepared, 1), viewChangeOf(2, 7)]),
  status: {
    kind: 'status',
    epoch: epoch(0),
    view: view(7),
    phase: 'changing',
    committedHeight: height(1),
    complaint: 'starved-transaction',
    sender: validatorIndex(2),
    signature: signed,
    slots: [
      { height: height(2), accepted: two.hash, prepares: bitmapOf(4, [0, 3]), commits: bitmapOf(4, []) },
      { height: height(3), accepted: null, prepares: bitmapOf(4, []), commits: bitmapOf(4, [1]) },
    ],
  },
  'fetch committed': { kind: 'fetch', want: 'committed', from: height(17) },
  'fetch block': { kind: 'fetch', want: 'block', hash: two.hash },
  'fetch view': { kind: 'fetch', want: 'view', nonce: two.hash },
  'view claim': {
    kind: 'view-claim',
    epoch: epoch(0),
    view: view(3),
    nonce: two.hash,
    sender: validatorIndex(2),
    signature: viewChangeOf(2, 1).entry.signature,
  },
  blocks: { kind: 'blocks', blocks: [one], links: [two.header], certificate: certificateOf('commit', 0, two) },
  'blocks with gas': {
    kind: 'blocks',
    blocks: [one, two],
    links: [],
    certificate: certificateOf('commit', 0, two),
    gas: [
      [7, 0],
      [0, 1_000],
    ],
  },
  block: { kind: 'block', block: one },
  'fetch snapshot': { kind: 'fetch', want: 'snapshot', epoch: epoch(3) },
  'fetch chunk': { kind: 'fetch', want: 'chunk', height: height(12), lane: 0xffff, cursor: Uint8Array.of(1, 2) },
  snapshot: {
    kind: 'snapshot',
    offer: {
      links: [
        {
          header: one.header,
          certificate: certificateOf('commit', 0, one),
          nextValidators: [{ publicKey: keyOfValidator(1).publicKey, power: 5n }],
        },
      ],
      header: two.header,
      descendants: [three.header],
      certificate: certificateOf('commit', 0, three),
    },
  },
  chunk: { kind: 'chunk', height: height(12), lane: 3, cursor: Uint8Array.of(1, 2), chunk: Uint8Array.of(9, 9, 9) },
  'fetch blob': { kind: 'fetch', want: 'blob', blob: { root: two.hash, bytes: 600_000 }, index: 2 },
  'blob part': {
    kind: 'blob-part',
    blob: { root: two.hash, bytes: 600_000 },
    part: { index: 2, path: [one.hash, two.hash], chunk: Uint8Array.of(7, 8, 9) },
  },
  'blob held': {
    kind: 'blob-held',
    blobs: [
      { root: one.hash, bytes: 1 },
      { root: two.hash, bytes: 600_000 },
    ],
  },
  certificate: { kind: 'certificate', certificate: certificateOf('prepare', 2, one) },
  'blob absent': { kind: 'blob-absent', blob: { root: two.hash, bytes: 600_000 } },
  evidence: {
    kind: 'evidence',
    evidence: encodeEvidence(
      CHAIN,
      equivocationOf(signVote(1, ballotOf('prepare', 2, one)), signVote(1, ballotOf('prepare', 2, rivalOfOne))),
    ),
  },
  'compact pre-prepare': compactPrePrepareOf(prePrepareOf(2, 6, bound), [{ id: two.hash }, { bytes: transaction('short') }]),
  'fetch transactions': { kind: 'fetch', want: 'transactions', hash: two.hash, positions: [0, 3, 4] },
  'block transactions': {
    kind: 'block-transactions',
    hash: two.hash,
    transactions: [
      { position: 0, bytes: transaction('x') },
      { position: 4, bytes: transaction('yy') },
    ],
  },
}

const [first, second] = chainOf(2, { set: blsValidatorSet(4) }) as [Block, Block]
const sum = aggregateOf('commit', 0, first)

/** Of chains of BLS certificates. */
const WITH_SHARES: Record<string, Message> = {
  'compact pre-prepare with a share': compactPrePrepareOf(
    proposalOf(
      signVoteWithShare(0, ballotOf('prepare', 0, second)),
      blockOf({ set: blsValidatorSet(4), height: 2, parent: first.hash, lastCertificate: sum }),
    ),
    [{ id: two.hash }],
  ),
  'pre-prepare with a share': proposalOf(
    signVoteWithShare(0, ballotOf('prepare', 0, second)),
    blockOf({ set: blsValidatorSet(4), height: 2, parent: first.hash, lastCertificate: sum }),
  ),
  'vote with a share': { kind: 'vote', vote: signVoteWithShare(3, ballotOf('commit', 9, second)) },
  'certificate that is a sum': { kind: 'certificate', certificate: sum },
  'sum of one vote': { kind: 'sum', sum: aggregateOf('prepare', 2, second, [3]) },
  'view-change with a sum': viewChangeOf(1, 7, aggregateOf('prepare', 2, second), 1),
  'snapshot with BLS keys': {
    kind: 'snapshot',
    offer: {
      links: [{ header: first.header, certificate: sum, nextValidators: blsValidatorSet(2).validators }],
      header: second.header,
      descendants: [],
      certificate: aggregateOf('commit', 0, second),
    },
  },
  'evidence with shares': {
    kind: 'evidence',
    evidence: encodeEvidence(
      CHAIN,
      equivocationOf(
        signVoteWithShare(1, ballotOf('prepare', 2, first)),
        signVoteWithShare(1, { ...ballotOf('prepare', 2, first), blockHash: second.hash }),
      ),
    ),
  },
}

describe('BLOCKS', () => {
  it('E6: hold no more transactions than one block may, so that no answer keeps its reader hashing for long', () => {
    const many = Array.from({ length: MAX_SYNC_TRANSACTIONS / 2 }, (_, i) => Uint8Array.of(i & 255))
    const half = blockOf({ transactions: many })
    const more = blockOf({ transactions: [...many, transaction('one more')] })
    const certificate = certificateOf('commit', 0, half)
    const refusal = (blocks: Block[]): string => {
      const decoded = decodeMessage(encodeMessage({ kind: 'blocks', blocks, links: [], certificate }))
      return decoded.ok ? 'accepted' : decoded.error.code
    }
    expect(refusal([half, half])).toBe('accepted')
    expect(refusal([half, more])).toBe('too-many')
  })
})

describe('message bytes (protocol.md §3)', () => {
  for (const [name, message] of Object.entries({ ...SAMPLES, ...WITH_SHARES })) {
    it(`golden: ${name} has the bytes it always had`, () => {
      expect(toHex(encodeMessage(message))).toBe(GOLDEN[name])
      const bytes = fromHex(GOLDEN[name] ?? '')
      const decoded = bytes.ok ? decodeMessage(bytes.value) : bytes
      expect(decoded).toEqual({ ok: true, value: message })
    })

    it(`${name}: cut anywhere, or with a byte too many, it is refused and never throws`, () => {
      const bytes = encodeMessage(message)
      for (let length = 0; length < bytes.length; length++) expect(decodeMessage(bytes.subarray(0, length)).ok).toBe(false)
      expect(decodeMessage(Uint8Array.from([...bytes, 0]))).toMatchObject({ ok: false, error: { code: 'trailing' } })
    })

    it(`F4: ${name}: with any bit flipped it is refused, or is another message with exactly those bytes`, () => {
      const bytes = encodeMessage(message)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Uint8Array.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const decoded = decodeMessage(flipped)
        if (decoded.ok) expect(equalBytes(encodeMessage(decoded.value), flipped)).toBe(true)
      }
    })
  }

  it('every kind of message has a golden sample', () => {
    // A kind left out here does not compile.
    const kinds: Record<Message['kind'], true> = {
      'pre-prepare': true,
      vote: true,
      certificate: true,
      sum: true,
      'view-change': true,
      'new-view': true,
      status: true,
      fetch: true,
      blocks: true,
      block: true,
      'view-claim': true,
      snapshot: true,
      chunk: true,
      'blob-part': true,
      'blob-held': true,
      'blob-absent': true,
      evidence: true,
      'compact-pre-prepare': true,
      'block-transactions': true,
    }
    expect([...new Set(Object.values({ ...SAMPLES, ...WITH_SHARES }).map((message) => message.kind))].sort()).toEqual(
      Object.keys(kinds).sort(),
    )
    expect(Object.keys(GOLDEN).sort()).toEqual(Object.keys({ ...SAMPLES, ...WITH_SHARES }).sort())
  })

  it('decode(encode(x)) is x, for any message', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const decoded = decodeMessage(encodeMessage(message))
        expect(decoded).toEqual({ ok: true, value: message })
      }),
      { numRuns: 300 },
    )
  })

  it('E6: random bytes, and lengths that promise gigabytes, are refused and never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(24), (rest, tag) => {
        const bytes = Uint8Array.from([tag, ...rest])
        const decoded = decodeMessage(bytes)
        if (decoded.ok) expect(equalBytes(encodeMessage(decoded.value), bytes)).toBe(true)
        else expect(decoded.error.message.length).toBeGreaterThan(0)
      }),
      { numRuns: 2000 },
    )
    const sample = encodeMessage(SAMPLES['new-view'] ?? voteMessage(0, 'prepare', 0, one))
    sample.set([0xff, 0xff, 0xff, 0xff], 17) // the count of VIEW-CHANGEs
    expect(decodeMessage(sample)).toMatchObject({ ok: false, error: { code: 'too-many' } })
    expect(decodeMessage(new Uint8Array(0))).toMatchObject({ ok: false, error: { code: 'truncated' } })
  })
})

describe('blocks (protocol.md §2)', () => {
  it('S8: the hash covers every field of the header', () => {
    const { header, body } = bound
    const other = (value: Header[keyof Header]): Header[keyof Header] => {
      if (typeof value === 'bigint') return value + 1n
      if (typeof value === 'number') return (value + 1) as never
      const bytes = Uint8Array.from(value)
      bytes[31] = (bytes[31] ?? 0) ^ 1
      return bytes as Hash
    }
    const keys = Object.keys(header) as (keyof Header)[]
    expect(keys.length).toBe(15)
    const hashes = keys.map((key) => toHex(createBlock({ ...header, [key]: other(header[key]) } as Header, body).hash))
    expect(new Set([...hashes, toHex(bound.hash)]).size).toBe(keys.length + 1)
  })

  it('S8: a body other than the header binds is refused, whichever part was changed', () => {
    const bodies: Body[] = [
      { ...bound.body, transactions: [transaction('slipped in')] },
      { ...bound.body, evidence: [transaction('evidence')] },
      { ...bound.body, lastCertificate: null },
      { ...bound.body, lastCertificate: certificateOf('commit', 0, one, [1, 2, 3]) },
    ]
    const codes = bodies.map((body) => decodeBlock(encodeBlock({ ...bound, body })))
    expect(codes.map((result) => (result.ok ? 'ok' : result.error.code))).toEqual([
      'transactions-root',
      'evidence-root',
      'certificate-hash',
      'certificate-hash',
    ])
  })

  it('A9: the hash does not depend on which certificate proves the block', () => {
    const decoded = decodeBlock(encodeBlock(one))
    expect(decoded.ok && equalBytes(decoded.value.hash, one.hash)).toBe(true)
    expect(equalBytes(certificateOf('commit', 0, one, [0, 1, 2]).blockHash, certificateOf('commit', 0, one, [1, 2, 3]).blockHash)).toBe(
      true,
    )
  })

  it('F4: different lists never share a root: grouping, order, repetition and count all matter', () => {
    const item = fc.uint8Array({ maxLength: 3 })
    const list = fc.array(item, { maxLength: 6 })
    const keyed = (items: readonly Uint8Array[]): string => JSON.stringify(items.map((bytes) => toHex(bytes)))
    fc.assert(
      fc.property(list, list, (a, b) => equalBytes(listRoot('t', a), listRoot('t', b)) === (keyed(a) === keyed(b))),
      { numRuns: 2000 },
    )
    const [x, y] = [transaction('x'), transaction('y')]
    const roots = [[], [x], [x, x], [x, y], [y, x], [x, y, y], [x, y, y, y], [x, y, x, y], [listRoot('t', [x, y])]].map((items) =>
      toHex(listRoot('t', items)),
    )
    expect(new Set(roots).size).toBe(roots.length)
    expect(equalBytes(transactionsRootOf([x]), evidenceRootOf([x]))).toBe(false)
    expect(lastCertificateHashOf(null).every((byte) => byte === 0)).toBe(true)
  })
})

// --- arbitrary messages -----------------------------------------------------------------------------------------------

const aHash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => hash(bytes))
const aSignature: fc.Arbitrary<Signature> = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => signature(bytes))
const aNumber = fc.oneof(fc.nat(20), fc.maxSafeNat())
const anEpoch = aNumber.map(epoch)
const aView = aNumber.map(view)
const aHeight = aNumber.map(height)
const anIndex = fc.nat(65_535).map(validatorIndex)
const aBallot: fc.Arbitrary<Ballot> = fc.record({
  kind: fc.constantFrom('prepare' as const, 'commit' as const),
  epoch: anEpoch,
  view: aView,
  height: aHeight,
  blockHash: aHash,
})
const aBitmap = fc
  .integer({ min: 0, max: 70 })
  .chain((size) => fc.uniqueArray(fc.nat(Math.max(0, size - 1)), { maxLength: size }).map((set) => bitmapOf(size, size === 0 ? [] : set)))
const aCertificate = fc
  .tuple(aBallot, aBitmap, fc.array(aSignature, { maxLength: 5 }))
  .map(([ballot, signers, signatures]) => ({ ...ballot, scheme: 'ed25519' as const, signers, signatures }))
const aBlock = fc
  .record({
    transactions: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 4 }),
    lastCertificate: fc.option(aCertificate),
    at: aHeight,
    inView: aView,
    totalDifficulty: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
    parent: aHash,
  })
  .map(({ transactions, lastCertificate, at, inView, totalDifficulty, parent }) => {
    const body: Body = { transactions, evidence: [], lastCertificate }
    const header: Header = {
      ...one.header,
      height: at,
      view: inView,
      parent,
      totalDifficulty,
      transactionsRoot: transactionsRootOf(transactions),
      lastCertificateHash: lastCertificateHashOf(lastCertificate),
    }
    return createBlock(header, body)
  })
const anEntry: fc.Arbitrary<ViewChangeEntry> = fc.record({
  epoch: anEpoch,
  newView: aView,
  highest: fc.option(aBallot),
  committedHeight: aHeight,
  sender: anIndex,
  signature: aSignature,
})
const aSlot: fc.Arbitrary<StatusSlot> = fc.record({ height: aHeight, accepted: fc.option(aHash), prepares: aBitmap, commits: aBitmap })
const aTransaction = fc.uint8Array({ maxLength: 20 })
const aPosition = fc.nat(65_535)
const aNamed: fc.Arbitrary<NamedTransaction> = fc.oneof(fc.record({ id: aHash }), fc.record({ bytes: aTransaction }))
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: fc.constant('pre-prepare' as const),
    epoch: anEpoch,
    view: aView,
    block: aBlock,
    sender: anIndex,
    signature: aSignature,
  }),
  fc
    .tuple(aBallot, anIndex, aSignature)
    .map(([ballot, sender, signatureBytes]) => ({ kind: 'vote' as const, vote: { ...ballot, sender, signature: signatureBytes } })),
  fc.record({ kind: fc.constant('certificate' as const), certificate: aCertificate }),
  fc.record({ kind: fc.constant('view-change' as const), entry: anEntry, certificate: fc.option(aCertificate) }),
  fc.record({
    kind: fc.constant('new-view' as const),
    epoch: anEpoch,
    newView: aView,
    viewChanges: fc.array(anEntry, { maxLength: 4 }),
    certificate: fc.option(aCertificate),
    sender: anIndex,
    signature: aSignature,
  }),
  fc.record({
    kind: fc.constant('status' as const),
    epoch: anEpoch,
    view: aView,
    phase: fc.constantFrom('active' as const, 'changing' as const),
    committedHeight: aHeight,
    complaint: fc.constantFrom('slow-leader' as const, 'starved-transaction' as const, null),
    slots: fc.array(aSlot, { maxLength: 4 }),
    sender: anIndex,
    signature: aSignature,
  }),
  fc.record({ kind: fc.constant('fetch' as const), want: fc.constant('committed' as const), from: aHeight }),
  fc.record({ kind: fc.constant('fetch' as const), want: fc.constant('block' as const), hash: aHash }),
  fc.record({
    kind: fc.constant('blocks' as const),
    blocks: fc.array(aBlock, { maxLength: 3 }),
    links: fc.array(
      aBlock.map((each) => each.header),
      { maxLength: 3 },
    ),
    certificate: aCertificate,
  }),
  fc.record({ kind: fc.constant('block' as const), block: aBlock }),
  fc
    .record({
      epoch: anEpoch,
      view: aView,
      block: aBlock,
      sender: anIndex,
      signature: aSignature,
      named: fc.array(aNamed, { maxLength: 4 }),
    })
    .map(({ named, ...proposal }) => compactPrePrepareOf({ kind: 'pre-prepare', ...proposal }, named)),
  fc.record({
    kind: fc.constant('fetch' as const),
    want: fc.constant('transactions' as const),
    hash: aHash,
    positions: fc.uniqueArray(aPosition, { maxLength: 5 }).map((positions) => positions.sort((a, b) => a - b)),
  }),
  fc.record({
    kind: fc.constant('block-transactions' as const),
    hash: aHash,
    transactions: fc.array(fc.record({ position: aPosition, bytes: aTransaction }), { maxLength: 4 }),
  }),
)

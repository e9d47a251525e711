/** What peers send and what blocks hold: decoders, then the edge checks with signatures that verify half of the time. */
import { decode, epoch, equalBytes, height, keyOf, utf8, validatorIndex, view } from '@aethel/codec'
import {
  assembleCertificate,
  ballotBytes,
  checkBlockEvidence,
  checkEvidenceForm,
  checkForkProof,
  createMessageChecker,
  createValidatorSet,
  decodeBlock,
  decodeEvidence,
  decodeForkProof,
  decodeMessage,
  encodeBlock,
  encodeCertificate,
  encodeEvidence,
  encodeForkProof,
  encodeMessage,
  equivocationOf,
  hashHeader,
  offenceFits,
  readCertificate,
  transactionPath,
  verifyCertificate,
  viewClaimBytes,
  voteBytes,
} from '@aethel/consensus'
import { FRAME, FrameReader, frameOf } from '../../packages/network/dist/frames.js'
import { idealKey, idealSign, verifyIdeal } from '../../packages/simulator/dist/ideal-hash-signatures.js'
import { CHAIN, Cluster, programOf, validatorsOf } from '../lib/cluster.js'
import { Broken } from '../lib/properties.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const VALIDATORS = validatorsOf(4)
/** Also signatures whose last bit is clear: so that what lies behind a signature is reached. @type {import('@aethel/consensus').VerifySignature} */
const verifySignature = (key, message, signature) => ((signature[63] ?? 1) & 1) === 0 || verifyIdeal(key, message, signature)
const CONTEXT = { chainId: CHAIN, validators: VALIDATORS, verifySignature }
/** The same validators on a chain of BLS certificates. */
export const BLS_VALIDATORS = withBlsKeys(VALIDATORS)
/** Also here half of the sums are good, whatever the points are: so that what lies behind them is reached. @type {import('@aethel/consensus').VerifyAggregate} */
export const verifyAggregate = (keys, _, aggregate) => keys.length > 0 && ((aggregate[95] ?? 1) & 1) === 0
const BLS_CONTEXT = { ...CONTEXT, validators: BLS_VALIDATORS, verifyAggregate }
const CONTEXTS = [CONTEXT, BLS_CONTEXT]
const EVIDENCE_CONTEXT = {
  chainId: CHAIN,
  validatorsOf: (/** @type {number} */ inEpoch) => (inEpoch === 0 ? VALIDATORS : undefined),
  verifySignature,
}

/** @param {import('@aethel/consensus').ValidatorSet} set */
function withBlsKeys({ validators }) {
  const set = createValidatorSet(
    epoch(0),
    validators.map((validator, index) => ({
      ...validator,
      blsKey: /** @type {import('@aethel/codec').BlsPublicKey} */ (new Uint8Array(48).fill(0x80 + index)),
    })),
  )
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

/** Four validators, one of them faulty, that commit a few blocks and change the view. */
const PROGRAM = Uint8Array.from(
  [
    [0, 3, 7, 3, 23, 3, 23, 3, 23, 7, 3, 23, 12, 0, 0, 0, 3, 0, 0, 12, 1, 0, 0, 3, 0, 0, 17, 0, 0, 0, 0, 17, 1, 0, 0, 0],
    [17, 2, 0, 0, 0, 0, 0, 0, 0, 17, 4, 0, 0, 0, 11, 3, 23, 16, 0, 3, 4, 0, 1, 2, 1, 2, 1, 2, 4, 4, 0, 0, 0, 10, 3, 23],
    [14, 4, 0, 200, 3, 3, 0, 0, 3, 23, 3, 23, 7, 3, 23, 13, 0, 65, 1, 1, 0, 0, 0, 10, 3, 23, 10, 3, 23, 15, 3, 0, 0, 0],
  ].flat(),
)

/** @type {readonly import('@aethel/consensus').Message[]} */
let harvested = []

/** One message of each kind and some more. */
function messages() {
  if (harvested.length > 0) return harvested
  const cluster = new Cluster(PROGRAM)
  cluster.run()
  /** @type {Map<string, number>} */
  const counts = new Map()
  harvested = cluster.seen.filter(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return count <= 3
  })
  const block = [...cluster.blocks.values()][0]
  if (block === undefined) throw new Error('the program of the seeds proposes no block')
  const certificate = certificateOf(block)
  harvested = [
    ...harvested,
    ...harvested.flatMap((each) => withShare(each)),
    ...harvested.flatMap((each) =>
      each.kind === 'new-view' || each.kind === 'view-change' ? [{ ...each, certificate: aggregateOf(block) }] : [],
    ),
    { kind: 'blocks', blocks: [block], links: [], certificate: aggregateOf(block) },
    { kind: 'certificate', certificate: aggregateOf(block) },
    { kind: 'certificate', certificate },
    { kind: 'sum', sum: /** @type {import('@aethel/consensus').Aggregate} */ (aggregateOf(block, [1])) },
    { kind: 'evidence', evidence: encodeEvidence(CHAIN, equivocationWithShares()) },
    { kind: 'block', block },
    { kind: 'blocks', blocks: [block], links: [], certificate },
    { kind: 'blocks', blocks: [block], links: [], certificate, gas: [block.body.transactions.map((_, at) => at)] },
    { kind: 'evidence', evidence: encodeEvidence(CHAIN, equivocation()) },
    { kind: 'fetch', want: 'block', hash: block.hash },
    { kind: 'fetch', want: 'committed', from: height(1) },
    { kind: 'fetch', want: 'view', nonce: CHAIN },
    { kind: 'fetch', want: 'transactions', hash: block.hash, positions: [0, 2, 7] },
    { kind: 'block-transactions', hash: block.hash, transactions: block.body.transactions.map((bytes, position) => ({ position, bytes })) },
    ...harvested.flatMap((each) => (each.kind === 'pre-prepare' ? compact(each) : [])),
    viewClaim(),
  ]
  return harvested
}

/** By ids, of which some are itself, without and with a share. @param {import('@aethel/consensus').PrePrepare} proposal @returns {import('@aethel/consensus').Message[]} */
function compact({ block, ...proposal }) {
  const { transactions, evidence, lastCertificate } = block.body
  const named = transactions.flatMap((bytes) => [{ id: block.hash }, { bytes }])
  const head = { ...proposal, header: block.header, hash: block.hash, transactions: named, evidence, lastCertificate }
  const message = { ...head, kind: /** @type {const} */ ('compact-pre-prepare') }
  return [message, { ...message, share: shareBy(proposal.sender) }]
}

/** As on a chain of BLS certificates: PRE-PREPARE, PREPARE and COMMIT with a share. @param {import('@aethel/consensus').Message} message @returns {import('@aethel/consensus').Message[]} */
function withShare(message) {
  if (message.kind === 'vote') return [{ ...message, vote: shared(message.vote) }]
  return message.kind === 'pre-prepare' ? [{ ...message, share: shareBy(message.sender) }] : []
}

/** @param {import('@aethel/consensus').Vote} vote @returns {import('@aethel/consensus').Vote} */
function shared(vote) {
  const share = shareBy(vote.sender)
  return { ...vote, share, signature: idealSign(idealKey(vote.sender), voteBytes(CHAIN, { ...vote, share })) }
}

/** Even, so that `verifyAggregate` takes it. @param {number} sender */
function shareBy(sender) {
  return /** @type {import('@aethel/codec').BlsSignature} */ (new Uint8Array(96).fill(2 * sender))
}

/** @returns {import('@aethel/consensus').ViewClaim} */
function viewClaim() {
  const unsigned = { kind: /** @type {const} */ ('view-claim'), epoch: epoch(0), view: view(2), nonce: CHAIN, sender: validatorIndex(3) }
  return { ...unsigned, signature: idealSign(idealKey(3), viewClaimBytes(CHAIN, unsigned)) }
}

/**
 * @param {'prepare' | 'commit'} kind
 * @param {Pick<import('@aethel/consensus').Block, 'hash' | 'header'>} block
 * @param {number} sender
 * @returns {import('@aethel/consensus').Vote}
 */
function vote(kind, block, sender) {
  /** @type {import('@aethel/consensus').Ballot} */
  const ballot = { kind, epoch: epoch(0), view: view(0), height: block.header.height, blockHash: block.hash }
  return { ...ballot, sender: validatorIndex(sender), signature: idealSign(idealKey(sender), ballotBytes(CHAIN, ballot)) }
}

/** @param {Pick<import('@aethel/consensus').Block, 'hash' | 'header'>} block */
export function certificateOf(block, signers = [0, 1, 2]) {
  const votes = signers.map((sender) => vote('commit', block, sender))
  return assembleCertificate(/** @type {import('@aethel/consensus').Vote} */ (votes[0]), 4, votes)
}

/** The sum of votes instead. @param {Pick<import('@aethel/consensus').Block, 'hash' | 'header'>} block */
export function aggregateOf(block, signers = [0, 1, 2]) {
  const votes = signers.map((sender) => vote('commit', block, sender))
  return assembleCertificate(/** @type {import('@aethel/consensus').Vote} */ (votes[0]), 4, votes, shareBy(7))
}

/** @param {import('@aethel/consensus').Block} block @returns {import('@aethel/consensus').EpochLink} */
export function blsLink({ hash, header }) {
  return { header, certificate: aggregateOf({ hash, header }), nextValidators: BLS_VALIDATORS.validators }
}

function blocks() {
  const found = messages().flatMap((message) => (message.kind === 'pre-prepare' || message.kind === 'block' ? [message.block] : []))
  return [...new Map(found.map((block) => [keyOf(block.hash), block])).values()]
}

/** The blocks of the seeds that stand on each other, from the first on. */
export function chainOfBlocks() {
  const [first, ...others] = blocks().toSorted((a, b) => a.header.height - b.header.height)
  if (first === undefined) return []
  const chain = [first]
  for (const block of others) {
    const top = /** @type {import('@aethel/consensus').Block} */ (chain.at(-1))
    if (equalBytes(block.header.parent, top.hash)) chain.push(block)
  }
  return chain
}

function equivocation() {
  const [a, b] = rivals()
  return equivocationOf(vote('prepare', a, 3), vote('prepare', b, 3))
}

function equivocationWithShares() {
  const [a, b] = rivals()
  return equivocationOf(shared(vote('commit', a, 3)), shared(vote('commit', b, 3)))
}

/** Two blocks of one height. */
function rivals() {
  const cluster = new Cluster(PROGRAM)
  cluster.run()
  const block = /** @type {import('@aethel/consensus').Block} */ ([...cluster.blocks.values()][0])
  const header = { ...block.header, timestampMs: block.header.timestampMs + 1 }
  return /** @type {const} */ ([block, { ...block, header, hash: hashHeader(header) }])
}

const TAGS = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 20, 21, 22, 23, 24].map((tag) => Uint8Array.of(tag)),
  CHAIN,
  VALIDATORS.hash,
  Uint8Array.of(0, 4, 15),
  new Uint8Array(8),
  new Uint8Array(4),
]

/** @type {Target} */
export const message = {
  name: 'messages',
  what: 'consensus messages as peers send them, and the checks at the edge',
  seeds: () => messages().map(encodeMessage),
  dictionary: TAGS,
  decode: decodeMessage,
  encode: encodeMessage,
  use: (value) => {
    for (const context of CONTEXTS) expectRefusal(createMessageChecker(context).check(value))
  },
}

/** @type {Target} */
export const block = {
  name: 'blocks',
  what: 'blocks, and the evidence in them',
  seeds: () => blocks().map(encodeBlock),
  dictionary: TAGS,
  decode: decodeBlock,
  encode: encodeBlock,
  use: (value) => {
    expectRefusal(checkBlockEvidence(value.body.evidence, EVIDENCE_CONTEXT))
  },
}

/** @type {Target} */
export const certificate = {
  name: 'certificates',
  what: 'certificates and their full check',
  seeds: () =>
    blocks().flatMap((each) =>
      [[0, 1, 2], [0, 1, 2, 3], [1]].flatMap((signers) =>
        [certificateOf, aggregateOf].map((make) => encodeCertificate(make(each, signers))),
      ),
    ),
  dictionary: TAGS,
  decode: (bytes) => decode(bytes, readCertificate),
  encode: encodeCertificate,
  use: (value) => {
    for (const context of CONTEXTS) expectRefusal(verifyCertificate(context, value))
  },
}

/** @type {Target} */
export const evidence = {
  name: 'evidence',
  what: 'evidence of both types, and whether it fits a block',
  seeds: () => {
    const transactions = [utf8('a'), utf8('b'), utf8('c')]
    const [base] = blocks()
    if (base === undefined) return []
    const accused = vote('prepare', base, 3)
    return [
      encodeEvidence(CHAIN, equivocation()),
      encodeEvidence(CHAIN, equivocationWithShares()),
      ...[accused, shared(accused)].map((each) =>
        encodeEvidence(CHAIN, {
          type: 'invalid-verification',
          vote: each,
          header: base.header,
          transaction: /** @type {Uint8Array} */ (transactions[1]),
          path: transactionPath(transactions, 1),
        }),
      ),
    ]
  },
  dictionary: TAGS,
  decode: decodeEvidence,
  encode: (value) => encodeEvidence(value.chainId, value.evidence),
  use: (_, bytes) => {
    const checked = checkEvidenceForm(bytes, EVIDENCE_CONTEXT)
    expectRefusal(checked)
    if (checked.ok) expectRefusal(offenceFits(checked.value.offence, height(1000)))
  },
}

/** @type {Target} */
export const fork = {
  name: 'fork-proofs',
  what: 'proofs that two branches of one chain were committed',
  seeds: () => {
    const [a, b] = rivals()
    const [lower, higher] = [a, b].toSorted((one, other) => Buffer.compare(one.hash, other.hash))
    /** @param {typeof certificateOf} make @returns {[import('@aethel/consensus').Branch, import('@aethel/consensus').Branch]} */
    const sides = (make) => [
      { headers: [lower.header], certificate: make(lower, [0, 1, 2]) },
      { headers: [higher.header], certificate: make(higher, [1, 2, 3]) },
    ]
    const [branches, sums] = [sides(certificateOf), sides(aggregateOf)]
    const votes = [vote('prepare', a, 3), vote('prepare', b, 3)]
    const certificates = [aggregateOf(a, [0, 1, 3]), aggregateOf(b)]
    return [
      encodeForkProof({ chainId: CHAIN, branches, votes: [], entries: [], certificates: [] }),
      encodeForkProof({ chainId: CHAIN, branches, votes, entries: entries(), certificates: [] }),
      encodeForkProof({ chainId: CHAIN, branches: sums, votes: [], entries: [], certificates: [] }),
      encodeForkProof({ chainId: CHAIN, branches: sums, votes: votes.map(shared), entries: entries(), certificates }),
    ]
  },
  dictionary: [...TAGS, 'aethel-fork-proof'],
  decode: decodeForkProof,
  encode: encodeForkProof,
  use: (_, bytes) => {
    for (const context of CONTEXTS) expectRefusal(checkForkProof(bytes, context))
  },
}

function entries() {
  return messages()
    .flatMap((each) => (each.kind === 'view-change' ? [each.entry] : []))
    .slice(0, 2)
}

const MAX_FRAME = 4096

/** @type {Target} */
export const frames = {
  name: 'frames',
  what: "the network's frame reader: the same frames however the stream is cut",
  seeds: () => [
    frameOf(FRAME.ping, new Uint8Array(0)),
    Uint8Array.from([
      ...frameOf(FRAME.hello, utf8('hello')),
      ...frameOf(FRAME.message, new Uint8Array(300)),
      ...frameOf(FRAME.pong, CHAIN),
    ]),
  ],
  dictionary: [1, 2, 3, 4, 5].map((kind) => Uint8Array.of(0, 0, 0, 1, kind)),
  decode: (bytes) => ({ ok: true, value: readFrames(bytes, [bytes.length]) }),
  use: (whole, bytes) => {
    const text = JSON.stringify(whole)
    const sizes = [...bytes.subarray(0, 8)].map((byte) => 1 + (byte % 13))
    for (const cuts of [[1], [5], [7, 1], sizes]) {
      const cut = readFrames(bytes, cuts)
      if (JSON.stringify(cut) !== text)
        throw new Broken(`cut at ${cuts.join(', ')} the stream reads as ${JSON.stringify(cut).slice(0, 200)}`)
    }
    const again = Buffer.concat(
      whole.frames.map((/** @type {{ kind: 1, payload: string }} */ { kind, payload }) => frameOf(kind, Buffer.from(payload, 'hex'))),
    )
    if (!equalBytes(again, bytes.subarray(0, again.length))) throw new Broken('the frames read are not the bytes of the stream')
  },
}

/**
 * @param {Uint8Array} bytes
 * @param {readonly number[]} sizes of the chunks, in turn
 */
function readFrames(bytes, sizes) {
  /** @type {{ kind: number, payload: string }[]} */
  const read = []
  /** @type {string | null} */
  let broken = null
  const reader = new FrameReader(MAX_FRAME, {
    onFrame: (kind, payload) => {
      if (broken !== null) throw new Broken('a frame came out of a broken stream')
      if (payload.length + 1 > MAX_FRAME) throw new Broken(`a frame of ${payload.length} bytes passed`)
      read.push({ kind, payload: Buffer.from(payload).toString('hex') })
    },
    onBroken: (code) => {
      broken = code
    },
  })
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  return { frames: read, broken }
}

/** Programs' words: what a step of a faulty validator, or of the network, looks like (lib/cluster.js). To honest replica 0, 1 or 2: 69, 70, 71. */
const TO = [69, 70, 71, 0]
const STEPS = [
  [3, 23],
  [3, 5],
  [7],
  [10],
  [11],
  ...[0, 1, 2].map((cut) => [6, cut]),
  ...TO.flatMap((to) => [1, 2].map((which) => [13, 0, 65, which, which, 0, 0, to])),
  ...TO.flatMap((to) => [0, 1].flatMap((block) => [0, 1].map((kind) => [12, block, 0, kind, 3, 0, 0, to]))),
  ...TO.map((to) => [14, 4, 0, 200, 3, 3, 0, to]),
  ...TO.map((to) => [15, 3, 0, 0, 0, 0, 0, 0, 0, to]),
  // Certificates of what was sent, a sum that does not hold, votes whose shares prove nothing.
  ...TO.flatMap((to) => [0, 1].map((of) => [17, 6, of, 0, 0, to])),
  ...[230, 255].flatMap((honesty) => TO.map((to) => [17, 6, 0, honesty, 0, to])),
  ...[170, 210, 250].map((share) => [12, 0, 0, 0, 3, 0, share, 0, 0]),
  // Proposals by ids, each in another way not those of the block; transactions that were asked for, or others.
  ...[0, 1, 2, 3, 4, 5, 6].flatMap((way) => TO.map((to) => [17, 8, 0, 65, 1, way, 1, 0, 0, 0, 0, 0, way, 0, to])),
  ...TO.flatMap((to) => [0, 255].map((other) => [17, 10, 0, 0, other, 0, to])),
  [17, 11, 0, 1, 0, 0],
]
/** Work, and deliveries enough for a few blocks. */
const DELIVERIES = Array.from({ length: 10 }, () => [3, 23]).flat()
const DILIGENCE = Array.from({ length: 3 }, () => [7, 3, 23, 3, 23, 3, 23, 3, 23, 3, 23]).flat()
const WAYS = /** @type {const} */ (['collectors', 'tree'])
const programOfSteps = (/** @type {readonly (readonly number[])[]} */ ...steps) => Uint8Array.from(steps.flat())
/** The faulty one tells everybody votes of both phases whose shares are none of its own, before honest ones have voted. */
export const BAD_SHARES = (/** @type {typeof WAYS[number]} */ way) =>
  programOfSteps([programOf('bls12-381', way, 'never'), 3, 7], [12, 0, 0, 0, 3, 0, 170, 0, 0, 12, 0, 0, 1, 3, 0, 170, 0, 0], DILIGENCE, [
    11,
    ...DELIVERIES,
    11,
    ...DELIVERIES,
  ])
/** Four of them say nothing. */
export const TREE_OF_THIRTEEN = programOfSteps(
  [programOf('bls12-381', 'tree', 'never', 3), 3, 7],
  ...Array.from({ length: 6 }, () => [...DELIVERIES.slice(0, 10), 11]),
)
/** The leader is faulty and proposes one block to two replicas, which prepare it, and another to the third, which is shown the certificate of the first. */
export const CERTIFIED_RIVAL = programOfSteps(
  [programOf('bls12-381', 'mesh', 'never'), 0],
  [13, 0, 65, 1, 1, 0, 0, 0, 69, 13, 1, 0, 0, 0, 0, 70, 13, 0, 65, 2, 2, 0, 0, 0, 71],
  [3, 23, 17, 6, 0, 0, 0, 71, 3, 23, 10, 3, 23, 3, 23],
  DILIGENCE,
)
/** The leader is faulty and names, of a block with a transaction that nobody has, that one, another, none or itself; asked, it tells the truth. */
export const LYING_IDS = (/** @type {number} */ way) =>
  programOfSteps(
    [programOf('ed25519', 'mesh', 'always'), 0, 7],
    [17, 8, 0, 65, 1, 1, 0, 0, 0, 0, 0, way, 0, 0, 3, 23, 11, 3, 23],
    [17, 10, 0, 0, 0, 0, 0, 10, 3, 23],
    DILIGENCE,
  )
/** The leader is faulty and proposes two blocks, each to one replica, with its votes of both phases for each: with a quorum of half both are committed. */
export const EQUIVOCATION = (/** @type {number} */ count) =>
  Uint8Array.from(
    [
      [count, 0],
      [1, 70],
      [2, 71],
    ].flatMap(([which = 0, to = 0], i) =>
      i === 0 ? [which, to] : [13, 0, 65, which, which, 0, 0, to, 12, which - 1, 0, 0, 3, 0, 0, to, 12, which - 1, 0, 1, 3, 0, 0, to],
    ),
  )

/**
 * A block is committed by one replica alone, which nobody hears any more; the faulty leader of the next view begins it with its own VIEW-CHANGE and
 * those of the two others, and proposes another block of that height. Who forgets what it prepared commits it.
 */
export const FORGETTING = Uint8Array.from(
  [
    [0, 1, 7, ...Array.from({ length: 9 }, () => [3, 0]).flat(), 6, 1, 6, 2, 3, 23, 10, 6, 0],
    ...[64, 65].map((to) => [15, 3, 0, 0, 0, 2, 0, to]),
    [6, 0, 13, 0, 65, 9, 9, 0, 0, 64, 13, 2, 0, 0, 0, 65, 6, 0, 3, 1, 6, 0, 3, 1, 6, 0],
    ...[64, 65].map((to) => [12, 1, 0, 0, 3, 0, 0, to]),
    [6, 0, 3, 1, 6, 0, 3, 1],
    ...[64, 65].map((to) => [12, 1, 0, 1, 3, 0, 0, to]),
    [6, 0, 3, 23],
  ].flat(),
)

/** @type {Target} */
export const replicaSequence = {
  name: 'replica-sequence',
  what: 'whole replicas: bytes choose certificates, dissemination, deliveries, losses, timers and what faulty validators sign',
  dictionary: STEPS.map((step) => Uint8Array.from(step)),
  seeds: () => [
    PROGRAM,
    EQUIVOCATION(0),
    FORGETTING,
    Uint8Array.of(...EQUIVOCATION(0), 3, 23, 10, 3, 23, 11, 3, 23, 7, 3, 23),
    Uint8Array.of(0, 3, 7, 3, 23, 3, 23, 3, 23),
    TREE_OF_THIRTEEN,
    ...WAYS.flatMap((way) => [
      BAD_SHARES(way),
      programOfSteps([programOf('bls12-381', way, 'never', 3), 3], DILIGENCE, [11, ...DELIVERIES, 11, ...DELIVERIES]),
      programOfSteps([programOf('bls12-381', way, 'always', 1), 3], DILIGENCE, [10], DILIGENCE),
    ]),
    // A certificate that names everybody, and that the faulty one alone has signed.
    programOfSteps([programOf('bls12-381', 'collectors', 'never'), 3, 7, 0, 0, 0, 0, 0, 0, 17, 6, 0, 255, 0, 0], DILIGENCE),
    ...[0, 1, 2, 3, 4, 5, 6].map((way) => LYING_IDS(way)),
    CERTIFIED_RIVAL,
    Uint8Array.of(programOf('bls12-381', 'mesh', 'never'), 3, ...DILIGENCE),
    // What is named is delivered before it is heard of: the last that was sent goes first.
    Uint8Array.of(programOf('ed25519', 'mesh', 'always'), 3, 7, ...Array.from({ length: 24 }, () => [0, 250]).flat(), ...DILIGENCE),
    Uint8Array.of(0, 3, 10, 3, 23, 7, 3, 23, 3, 23),
    Uint8Array.of(0, 3, 7, 3, 8, 10, 3, 23, 10, 3, 23, 11, 3, 23, 7, 3, 23),
    Uint8Array.of(3, 2, 7, 3, 23, 13, 0, 65, 1, 1, 0, 0, 0, 12, 0, 0, 0, 3, 0, 0, 3, 23),
    Uint8Array.of(0, 0, 13, 0, 65, 1, 1, 0, 0, 70, 13, 0, 67, 2, 2, 0, 0, 71, 3, 23, 10, 3, 23, 7, 3, 23, 3, 23),
    ...Array.from({ length: 8 }, (_, i) => Uint8Array.from({ length: 120 }, (__, k) => (k * k * (i + 3) + k * 7 + i) % 251)),
  ],
  maxBytes: 512,
  // A sequence is up to 160 steps, many of them deliveries to several replicas: the 50 ms hold for each step.
  slowMs: 1000,
  decode: (bytes) => {
    new Cluster(bytes).run()
    return { ok: true, value: null }
  },
}

/** @param {{ ok: boolean, error?: { code: string, message: string } }} result */
function expectRefusal(result) {
  if (!result.ok && !(result.error !== undefined && result.error.code.length > 0 && result.error.message.length > 0))
    throw new Broken('refused without a code and a sentence')
}

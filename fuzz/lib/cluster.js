/**
 * Replicas of the consensus core, and what puts compact proposals together around it, steered by bytes: what certificates are made of and
 * how votes and proposals travel, which message arrives, which is lost, whose timer fires, and what the
 * faulty validators (as many as the protocol tolerates) sign with their own keys. Every message passes codec and edge.
 * Whatever the bytes say, honest replicas commit one chain, never sign two things for one slot, and nothing throws.
 */
import { bitmapOf, blsSignature, encode, epoch, equalBytes, height, keyOf, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  BLOCK_VERSION,
  ballotBytes,
  checkBody,
  compareCertificates,
  createBlock,
  createConsensus,
  createMessageChecker,
  createValidatorSet,
  decodeMessage,
  encodeEvidence,
  encodeMessage,
  equivocationOf,
  evidenceRootOf,
  isQuorum,
  isWeakQuorum,
  lastCertificateHashOf,
  leaderOf,
  maxFaulty,
  newViewBytes,
  statusBytes,
  transactionsRootOf,
  verifyCertificate,
  viewChangeBytes,
  voteBytes,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { compactOf, transactionIdOf } from '@aethel/replica'
import { groupsOf } from '../../packages/consensus/dist/dissemination.js'
import { CompactProposals } from '../../packages/replica/dist/compact-proposals.js'
import { idealKey, idealSign, verifyIdeal } from '../../packages/simulator/dist/ideal-hash-signatures.js'
import { createIdealShares } from '../../packages/simulator/dist/shares.js'
import { Broken } from './properties.js'

export const CHAIN = hashTagged('aethel/fuzz-chain/v1', ZERO_HASH)
const START_MS = 1_000_000
const TIMERS = { floorMs: 1000, commitFactor: 4, allowanceMs: 200, capMs: 8000, statusMs: 250, batchMs: 5 }
/** Bytes of one program that are read: a run stays within its time. */
const MAX_STEPS = 160
/** What may be under way; more is lost. */
const MAX_PENDING = 256
const MAX_DELIVERIES_AT_ONCE = 24
/** What faulty validators remember to say again. */
const MAX_SEEN = 512
const MAX_BLOCKS_SERVED = 8
/** A transaction with this byte makes its block invalid. */
const FALSE = 0xff
const WINDOW = 4
/** Of all transactions of a block: most that are built fit, some that the faulty make do not. */
const BLOCK_BYTES = 64
/** For the next height and the one after, of this view and the next (consensus/wanted.ts): two windows of each, and a block that is proposed again. */
const MAX_AWAITED = 2 * (2 * WINDOW + 1)
/**
 * By the first byte of a program: what certificates are made of, how votes and proposals travel, and whether proposals name their
 * transactions. A tree of four or a collector among four is everybody; of thirteen it is not.
 *
 * @type {readonly { scheme: 'ed25519' | 'bls12-381', dissemination: 'mesh' | 'collectors' | 'tree', compact: 'never' | 'always', counts: readonly number[] }[]}
 */
const KINDS = [
  { scheme: 'ed25519', dissemination: 'mesh', compact: 'never', counts: [4, 4, 5, 7] },
  { scheme: 'ed25519', dissemination: 'mesh', compact: 'always', counts: [4, 4, 5, 7] },
  { scheme: 'bls12-381', dissemination: 'mesh', compact: 'never', counts: [4, 4, 5, 7] },
  { scheme: 'bls12-381', dissemination: 'collectors', compact: 'never', counts: [4, 7, 10, 13] },
  { scheme: 'bls12-381', dissemination: 'tree', compact: 'never', counts: [4, 7, 10, 13] },
  { scheme: 'bls12-381', dissemination: 'collectors', compact: 'always', counts: [4, 7, 10, 13] },
  { scheme: 'bls12-381', dissemination: 'tree', compact: 'always', counts: [4, 7, 10, 13] },
]
/** The first byte of a program on so many of the validators of a kind: the place in `counts`. */
export const programOf = (
  /** @type {typeof KINDS[number]['scheme']} */ scheme,
  /** @type {typeof KINDS[number]['dissemination']} */ dissemination,
  /** @type {'never' | 'always'} */ compact,
  count = 0,
) => 4 * KINDS.findIndex((kind) => kind.scheme === scheme && kind.dissemination === dissemination && kind.compact === compact) + count

const EXTREMES = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 2 ** 32, 65_536, 1024, 256, 100, 64]

/** @typedef {import('@aethel/consensus').Message} Message */
/** @typedef {import('@aethel/consensus').Block} Block */
/** @typedef {import('@aethel/consensus').Certificate} Certificate */
/** @typedef {import('@aethel/consensus').Vote} Vote */
/** @typedef {import('@aethel/codec').Hash} Hash */

/**
 * @param {number} count
 * @param {import('../../packages/simulator/dist/shares.js').SimulatedShares | null} shares
 */
export function validatorsOf(count, shares = null) {
  const set = createValidatorSet(
    epoch(0),
    Array.from({ length: count }, (_, index) => ({
      publicKey: idealKey(index),
      power: 1n,
      ...(shares === null ? {} : { blsKey: shares.keyOf(index) }),
    })),
  )
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

class Program {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  get ended() {
    return this.at >= this.bytes.length
  }

  byte() {
    return this.bytes[this.at++] ?? 0
  }

  /**
   * @template T
   * @param {readonly T[]} items
   * @returns {T | undefined}
   */
  pick(items) {
    const byte = this.byte()
    return items.length === 0 ? undefined : items[byte % items.length]
  }

  /** Mostly near `base`, at times far out. @param {number} base */
  near(base) {
    const byte = this.byte()
    if (byte >= 240) return EXTREMES[byte % EXTREMES.length] ?? 0
    return Math.max(0, base + (byte % 8) - 3)
  }
}

class Honest {
  /**
   * @param {Cluster} cluster
   * @param {number} index
   */
  constructor(cluster, index) {
    this.cluster = cluster
    this.index = index
    this.nowMs = START_MS
    /** @type {Map<string, number>} */
    this.timers = new Map()
    /** @type {{ block: Block, certificate: Certificate }[]} */
    this.chain = []
    /** Of (kind, view, height): the hash signed. @type {Map<string, string>} */
    this.signed = new Map()
    /** @type {import('@aethel/consensus').Input[]} */
    this.local = []
    this.transactions = 0
    /** @type {(event: import('@aethel/consensus').ConsensusEvent) => void} */
    this.onEvent = () => undefined
    /** Durable. @type {Certificate | null} */
    this.highest = null
    /** What was heard of and what was built: by `keyOf(id)`. @type {Map<string, Uint8Array>} */
    this.mempool = new Map()
    this.checker = createMessageChecker(cluster.certificates)
    this.proposals = new CompactProposals(this.#compactHost())
    this.core = createConsensus(
      {
        chainId: CHAIN,
        validators: cluster.validators,
        self: validatorIndex(index),
        window: WINDOW,
        dissemination: cluster.kind.dissemination,
        ...(cluster.shares === null ? {} : { shares: cluster.shares.schemeOf(index) }),
        clockDriftMs: 5000,
        timers: TIMERS,
        sign: (bytes) => idealSign(idealKey(index), bytes),
      },
      {
        view: view(0),
        phase: 'active',
        newView: null,
        viewChange: null,
        votes: [],
        blocks: [],
        highest: null,
        lastCommit: null,
        committed: { height: height(0), hash: CHAIN, timestampMs: START_MS - 1000 },
        recent: [{ height: height(0), hash: CHAIN }],
      },
    )
    this.step({ kind: 'start', nowMs: this.nowMs })
  }

  /** @param {import('@aethel/consensus').Input} input */
  step(input) {
    this.local.push(input)
    for (let next = this.local.shift(); next !== undefined; next = this.local.shift()) {
      const before = this.core.view
      for (const effect of this.core.step(next)) this.#carryOut(effect)
      if (this.core.view < before) throw new Broken(`replica ${this.index} went back from view ${before} to ${this.core.view}`)
    }
  }

  /**
   * What the replica's part for compact proposals sees of it, and the core (packages/replica/src/replica.ts).
   *
   * @param {number} from
   * @param {Message} message
   */
  wants(from, message) {
    if (message.kind === 'block-transactions') return this.proposals.wantsTransactions(validatorIndex(from), message.hash)
    if (message.kind === 'block' && this.proposals.wantsBlock(message.block.hash)) return true
    if (message.kind === 'compact-pre-prepare' && (from !== message.sender || !this.proposals.wants(message))) return false
    return this.core.wants(validatorIndex(from), message)
  }

  /**
   * @param {number} sender
   * @param {import('@aethel/consensus').VerifiedMessage} message
   */
  receive(sender, message) {
    const from = validatorIndex(sender)
    if (message.kind === 'compact-pre-prepare') this.proposals.onProposal(from, message, undefined)
    else if (message.kind === 'block-transactions') this.proposals.onAnswer(from, message)
    else {
      if (message.kind === 'fetch' && (message.want === 'transactions' || message.want === 'block'))
        this.proposals.noteAsked(from, message.hash)
      this.step({ kind: 'message', from, message, nowMs: this.nowMs })
      if (message.kind === 'block') this.proposals.onBlock(message.block)
    }
    const { size } = this.proposals
    if (size > MAX_AWAITED) throw new Broken(`replica ${this.index} puts ${size} proposals together`)
  }

  /** @param {readonly Uint8Array[]} transactions */
  hear(transactions) {
    const heard = transactions.map((bytes) => ({ idKey: keyOf(transactionIdOf(bytes)), bytes }))
    for (const { idKey, bytes } of heard) this.mempool.set(idKey, bytes)
    this.proposals.onTransactions(heard)
  }

  /** @returns {import('../../packages/replica/dist/compact-proposals.js').CompactHost} */
  #compactHost() {
    const { cluster, index } = this
    const replica = this
    return {
      when: cluster.kind.compact,
      blockBytes: BLOCK_BYTES,
      get view() {
        return replica.core.view
      },
      get committed() {
        return replica.core.committed.height
      },
      peers: cluster.validators.validators.flatMap((_, peer) => (peer === index ? [] : [validatorIndex(peer)])),
      known: (idKey) => this.mempool.get(idKey),
      block: (hash) => this.core.blockOf(hash),
      idsOf: () => undefined,
      isWeakQuorum: (peers) => isWeakQuorum(cluster.validators, BigInt(peers.size)),
      ask: (peer, wish) => cluster.send(index, peer, wish),
      deliver: (from, message) => {
        const checked = this.checker.check(message)
        if (!checked.ok)
          throw new Broken(`replica ${index} put together a ${message.kind} that no edge lets pass: ${checked.error.message}`)
        this.step({ kind: 'message', from, message, nowMs: this.nowMs })
      },
      blame: (peer, { message }) => {
        if (!cluster.faulty.includes(peer)) throw new Broken(`replica ${index} blames honest replica ${peer}: ${message}`)
      },
      emit: () => undefined,
    }
  }

  /** @param {import('@aethel/consensus').Effect} effect */
  #carryOut(effect) {
    switch (effect.kind) {
      case 'send': {
        const { to, message } = effect
        this.#checkSigned(message)
        if (to !== 'all' || message.kind !== 'pre-prepare') return this.cluster.send(this.index, to, message)
        this.cluster.blocks.set(keyOf(message.block.hash), message.block)
        return this.cluster.send(this.index, to, this.proposals.outgoing(message))
      }
      case 'validate':
        this.local.push({ kind: 'validated', hash: effect.block.hash, result: verdictOn(effect.block), nowMs: this.nowMs })
        return
      case 'build': {
        this.transactions++
        const transactions = [Uint8Array.of(this.index, this.transactions)]
        if (this.cluster.kind.compact === 'always') {
          for (const more of [1, 2]) transactions.push(Uint8Array.of(this.index, this.transactions, more))
          this.hear(transactions)
          this.cluster.gossip(this.index, transactions)
        }
        const proposal = { transactions, evidence: [], stateRoot: rootAfter(effect.parent, transactions), totalDifficulty: 0n }
        this.local.push({ kind: 'built', height: effect.height, view: effect.view, proposal, nowMs: this.nowMs })
        this.local.push({ kind: 'work', waiting: 0, full: false, nowMs: this.nowMs })
        return
      }
      case 'serve':
        return this.#serve(effect.to, effect.from)
      case 'commit':
        return this.#commit(effect.block, effect.certificate)
      case 'set-timer':
        this.timers.set(effect.timer, this.nowMs + effect.afterMs)
        return
      case 'cancel-timer':
        this.timers.delete(effect.timer)
        return
      case 'persist':
        for (const record of effect.records) if (record.kind === 'highest') this.#checkHighest(record.certificate)
        return
      case 'proposed':
      case 'abandon':
      case 'evidence':
        return
      case 'event':
        return this.onEvent(effect.event)
    }
  }

  /** @param {Message} message */
  #checkSigned(message) {
    const vote = message.kind === 'vote' ? message.vote : message.kind === 'pre-prepare' ? leaderVoteOf(message) : null
    if (vote === null || vote.sender !== this.index) return
    const slot = `${vote.kind} in view ${vote.view} at height ${vote.height}`
    const hash = keyOf(vote.blockHash)
    this.#checkProven(vote)
    const before = this.signed.get(slot)
    if (before !== undefined && before !== hash) throw new Broken(`replica ${this.index} signed a second ${slot}`)
    this.signed.set(slot, hash)
  }

  /** A COMMIT rests on a certificate for its block, or on a higher one. @param {Vote} vote */
  #checkProven(vote) {
    if (vote.kind !== 'commit') return
    const { highest } = this
    const order = highest === null ? -1 : compareCertificates(highest, { ...ballotOf(vote), kind: 'prepare' })
    if (order < 0 || (order === 0 && !equalBytes(highest?.blockHash ?? CHAIN, vote.blockHash)))
      throw new Broken(`replica ${this.index} signed a COMMIT at height ${vote.height} that no certificate of it stands for`)
  }

  /** Views are chosen by it. @param {Certificate} certificate */
  #checkHighest(certificate) {
    this.highest = certificate
    const verified = verifyCertificate(this.cluster.certificates, certificate)
    if (!verified.ok) throw new Broken(`replica ${this.index} relies on a certificate that proves nothing: ${verified.error.message}`)
  }

  /**
   * @param {Block} block
   * @param {Certificate} certificate
   */
  #commit(block, certificate) {
    const at = this.chain.length + 1
    const parent = this.chain.at(-1)?.block.hash ?? CHAIN
    if (block.header.height !== at || !equalBytes(block.header.parent, parent))
      throw new Broken(`replica ${this.index} committed height ${block.header.height} where ${at} on its own chain was next`)
    if (verdictOn(block).status !== 'valid') throw new Broken(`replica ${this.index} committed an invalid block at height ${at}`)
    if (!checkBody(block).ok) throw new Broken(`replica ${this.index} committed a block at height ${at} whose body is not its header's`)
    if (certificate.kind !== 'commit' || !verifyCertificate(this.cluster.certificates, certificate).ok)
      throw new Broken(`replica ${this.index} committed height ${at} without a good certificate`)
    this.cluster.agree(at, block.hash, this.index)
    this.chain.push({ block, certificate })
  }

  /**
   * @param {number} to
   * @param {number} from
   */
  #serve(to, from) {
    const blocks = this.chain.slice(from - 1, from - 1 + MAX_BLOCKS_SERVED)
    const last = blocks.at(-1)
    if (from < 1 || last === undefined) return
    const upTo = last.certificate.height
    if (upTo > this.chain.length) return
    const links = this.chain.slice(last.block.header.height, upTo).map(({ block }) => block.header)
    this.cluster.send(this.index, to, {
      kind: 'blocks',
      blocks: blocks.map(({ block }) => block),
      links,
      certificate: last.certificate,
    })
  }
}

export class Cluster {
  /** @param {Uint8Array} bytes the first two choose how many validators there are and which are faulty */
  constructor(bytes) {
    this.program = new Program(bytes)
    const chosen = this.program.byte()
    this.kind = /** @type {typeof KINDS[number]} */ (KINDS[(chosen >> 2) % KINDS.length])
    const count = this.kind.counts[chosen % 4] ?? 4
    const first = this.program.byte() % count
    this.shares = this.kind.scheme === 'bls12-381' ? createIdealShares() : null
    this.validators = validatorsOf(count, this.shares)
    this.certificates = {
      chainId: CHAIN,
      validators: this.validators,
      verifySignature: verifyIdeal,
      ...(this.shares === null ? {} : { verifyAggregate: this.shares.verify }),
    }
    this.faulty = Array.from({ length: maxFaulty(count) }, (_, i) => (first + i) % count)
    /** @type {{ from: number, to: number, message: Message | { kind: 'transactions', transactions: readonly Uint8Array[] } }[]} */
    this.pending = []
    /** @type {Message[]} */
    this.seen = []
    /** @type {Map<string, Block>} */
    this.blocks = new Map()
    /** @type {Map<number, string>} */
    this.committed = new Map()
    /** @type {(Honest | null)[]} */
    this.replicas = []
    for (let index = 0; index < count; index++) this.replicas.push(this.faulty.includes(index) ? null : new Honest(this, index))
    this.honest = this.replicas.filter((replica) => replica !== null)
    this.refused = 0
  }

  run() {
    const { program } = this
    for (let steps = 0; steps < MAX_STEPS && !program.ended; steps++) this.#act(program.byte())
  }

  /** @param {number} byte */
  #act(byte) {
    const { program } = this
    switch (byte % 20) {
      case 0:
      case 1:
      case 2:
        return this.#deliver(program.byte())
      case 3:
      case 4: {
        const most = 1 + (program.byte() % MAX_DELIVERIES_AT_ONCE)
        for (let i = 0; i < most; i++) this.#deliver(0)
        return
      }
      case 5:
        if (this.pending.length > 0) this.pending.splice(program.byte() % this.pending.length, 1)
        return
      case 6: {
        const cut = program.pick(this.honest)
        this.pending = this.pending.filter(({ to }) => to !== cut?.index)
        return
      }
      case 7:
        for (const replica of this.honest) replica.step({ kind: 'work', waiting: 2, full: false, nowMs: replica.nowMs })
        return
      case 8:
      case 9:
        return this.#fire(program.pick(this.honest))
      case 10:
        for (const replica of this.honest) this.#fireNamed(replica, 'view')
        return
      case 11:
        for (const replica of this.honest) this.#fireNamed(replica, 'status')
        return
      case 12:
        return this.#speak(this.#vote())
      case 13:
        return this.#speak(this.#prePrepare())
      case 14:
        return this.#speak(this.#viewChange())
      case 15:
        return this.#speak(this.#newView())
      case 16:
        return this.#speak(this.#status())
      case 17:
        return this.#speak(this.#other())
      case 18:
        return this.#speak(program.pick(this.seen))
      case 19: {
        const replica = program.pick(this.honest)
        const peer = program.pick(this.replicas.map((_, index) => index)) ?? 0
        if (replica !== undefined && peer !== replica.index)
          replica.step({ kind: 'connected', peer: validatorIndex(peer), nowMs: replica.nowMs })
        return
      }
    }
  }

  /** @param {Honest | undefined} replica */
  #fire(replica) {
    const name = this.program.pick([...(replica?.timers.keys() ?? [])].sort())
    if (replica !== undefined && name !== undefined) this.#fireNamed(replica, name)
  }

  /**
   * @param {Honest} replica
   * @param {string} name
   */
  #fireNamed(replica, name) {
    const due = replica.timers.get(name)
    if (due === undefined) return
    replica.timers.delete(name)
    replica.nowMs = Math.max(replica.nowMs, due)
    replica.step({ kind: 'timer', timer: /** @type {import('@aethel/consensus').TimerName} */ (name), nowMs: replica.nowMs })
    if (name === 'status') replica.proposals.onTick()
  }

  /** @param {number} choice */
  #deliver(choice) {
    const [sent] = this.pending.length === 0 ? [] : this.pending.splice(choice % this.pending.length, 1)
    if (sent !== undefined) this.#arrive(sent.from, sent.to, sent.message)
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {Message | { kind: 'transactions', transactions: readonly Uint8Array[] }} message
   */
  #arrive(from, to, message) {
    const replica = this.replicas[to]
    if (replica === null || replica === undefined) return
    if (message.kind === 'transactions') return replica.hear(message.transactions)
    if (!replica.wants(from, message)) return
    const checked = replica.checker.check(message)
    if (!checked.ok) {
      this.refused++
      if (!this.faulty.includes(from)) throw new Broken(`a ${message.kind} of honest replica ${from} is refused: ${checked.error.message}`)
      return
    }
    replica.nowMs++
    replica.receive(from, checked.value)
  }

  /**
   * @param {number} from
   * @param {readonly Uint8Array[]} transactions
   */
  gossip(from, transactions) {
    for (const replica of this.honest)
      if (replica.index !== from && this.pending.length < MAX_PENDING)
        this.pending.push({ from, to: replica.index, message: { kind: 'transactions', transactions } })
  }

  /**
   * @param {number} from
   * @param {number | 'all'} to
   * @param {Message} message
   */
  send(from, to, message) {
    const decoded = decodeMessage(encodeMessage(message))
    if (!decoded.ok) throw new Broken(`replica ${from} sent a ${message.kind} that does not decode: ${decoded.error.message}`)
    this.#remember(decoded.value)
    const all = this.replicas.map((_, index) => index).filter((index) => index !== from)
    for (const index of to === 'all' ? all : [to])
      if (this.pending.length < MAX_PENDING) this.pending.push({ from, to: index, message: decoded.value })
  }

  /** @param {Message} message */
  #remember(message) {
    if (this.seen.length < MAX_SEEN) this.seen.push(message)
    if (message.kind === 'pre-prepare' || message.kind === 'block') this.blocks.set(keyOf(message.block.hash), message.block)
  }

  /**
   * @param {number} at
   * @param {Hash} hash
   * @param {number} by
   */
  agree(at, hash, by) {
    const before = this.committed.get(at)
    if (before !== undefined && before !== keyOf(hash)) throw new Broken(`replica ${by} committed another block at height ${at}`)
    this.committed.set(at, keyOf(hash))
  }

  // --- what faulty validators say ---------------------------------------------------------------------------------

  /** To one replica or to all, at once. @param {Message | null | undefined} message */
  #speak(message) {
    const from = this.program.pick(this.faulty) ?? 0
    const choice = this.program.byte()
    if (message === null || message === undefined) return
    const decoded = decodeMessage(encodeMessage(message))
    if (!decoded.ok) throw new Broken(`a forged ${message.kind} does not decode: ${decoded.error.message}`)
    this.#remember(decoded.value)
    const to = choice < 64 ? this.honest : [this.honest[choice % this.honest.length]]
    for (const replica of to) if (replica !== undefined) this.#arrive(from, replica.index, decoded.value)
  }

  #ahead() {
    return this.honest.reduce((most, { core }) => Math.max(most, core.view), 0)
  }

  /** @returns {Vote | null} */
  #signedVote() {
    const { program } = this
    const block = program.pick([...this.blocks.values()])
    const sender = validatorIndex(program.pick(this.faulty) ?? 0)
    const kind = program.byte() % 2 === 0 ? 'prepare' : 'commit'
    const inView = view(program.near(this.#ahead()))
    const shift = program.byte()
    if (block === undefined) return null
    /** @type {import('@aethel/consensus').Ballot} */
    const ballot = {
      kind,
      epoch: epoch(0),
      view: inView,
      height: height(shift < 200 ? block.header.height : block.header.height + (shift % 4)),
      blockHash: block.hash,
    }
    return this.#signed(ballot, sender, this.shares === null ? 0 : program.byte())
  }

  /**
   * On a chain of BLS certificates with a share: mostly a good one, at times one of another ballot, of another validator, or of nobody.
   *
   * @param {import('@aethel/consensus').Ballot} ballot
   * @param {number} by
   * @param {number} quality
   * @returns {Vote}
   */
  #signed(ballot, by, quality = 0) {
    const sender = validatorIndex(by)
    const bytes = ballotBytes(CHAIN, ballot)
    if (this.shares === null) return { ...ballot, sender, signature: idealSign(idealKey(by), bytes) }
    const heard = this.seen.flatMap((message) => (message.kind === 'vote' ? (message.vote.share ?? []) : []))
    const share =
      (quality < 160
        ? this.shares.schemeOf(by).sign(bytes)
        : quality < 200
          ? this.shares.schemeOf(by).sign(CHAIN)
          : quality < 240
            ? heard[quality % Math.max(1, heard.length)]
            : undefined) ?? blsSignature(new Uint8Array(96).fill(quality))
    return { ...ballot, share, sender, signature: idealSign(idealKey(by), voteBytes(CHAIN, { ...ballot, share })) }
  }

  /** @returns {Message | null} */
  #vote() {
    const vote = this.#signedVote()
    return vote === null ? null : { kind: 'vote', vote }
  }

  /** Known, or new on a known one. @returns {Block} */
  #block() {
    const { program } = this
    const parent = program.pick([undefined, ...this.blocks.values()])
    const options = program.byte()
    if (parent !== undefined && options < 64) return parent
    const firstView = view(options < 128 ? this.#ahead() : program.near(this.#ahead()))
    /** @type {Uint8Array[]} */
    const transactions = options % 2 === 0 ? [] : [Uint8Array.of(program.byte(), program.byte())]
    // Some that honest replicas have, too: those they look up.
    for (let more = this.kind.compact === 'never' ? 0 : program.byte() % 3; more > 0; more--) transactions.push(...this.#heard())
    const evidence = options % 8 === 7 ? this.#evidence() : []
    const certificate = options % 4 === 3 ? this.#certificate('commit') : null
    const below = parent?.hash ?? CHAIN
    return createBlock(
      {
        version: BLOCK_VERSION,
        chainId: CHAIN,
        epoch: epoch(0),
        height: height(options >= 250 ? program.near(this.committed.size) : Math.min((parent?.header.height ?? 0) + 1, 2 ** 40)),
        parent: below,
        view: firstView,
        proposer: leaderOf(this.validators, firstView),
        timestampMs: Math.min(
          Number.MAX_SAFE_INTEGER,
          options >= 240 ? program.near(START_MS) : (parent?.header.timestampMs ?? START_MS) + 1,
        ),
        transactionsRoot: transactionsRootOf(transactions),
        evidenceRoot: evidenceRootOf(evidence),
        lastCertificateHash: lastCertificateHashOf(certificate),
        stateRoot: rootAfter(below, transactions),
        validatorsHash: this.validators.hash,
        nextValidatorsHash: this.validators.hash,
        totalDifficulty: 0n,
      },
      { transactions, evidence, lastCertificate: certificate },
    )
  }

  /** Two votes of one faulty validator for one slot. @returns {Uint8Array[]} */
  #evidence() {
    /** @type {Map<string, Vote>} */
    const votes = new Map()
    for (const message of this.seen) {
      if (message.kind !== 'vote') continue
      const { kind, view: inView, height: at, sender, blockHash } = message.vote
      const slot = `${sender} ${kind} ${inView} ${at}`
      const before = votes.get(slot)
      if (before !== undefined && !equalBytes(before.blockHash, blockHash))
        return [encodeEvidence(CHAIN, equivocationOf(before, message.vote))]
      votes.set(slot, message.vote)
    }
    return []
  }

  /** @returns {import('@aethel/consensus').PrePrepare} */
  #prePrepare() {
    const block = this.#block()
    this.blocks.set(keyOf(block.hash), block)
    const inView = view(this.program.byte() < 160 ? block.header.view : this.program.near(this.#ahead()))
    const sender = leaderOf(this.validators, inView)
    // Who is not the leader has no signature of its key.
    const signer = this.faulty.includes(sender) ? sender : (this.faulty[0] ?? 0)
    /** @type {import('@aethel/consensus').Ballot} */
    const ballot = { kind: 'prepare', epoch: epoch(0), view: inView, height: block.header.height, blockHash: block.hash }
    const { signature, share } = this.#signed(ballot, signer, this.shares === null ? 0 : this.program.byte())
    return { kind: 'pre-prepare', epoch: epoch(0), view: inView, block, sender, signature, ...(share === undefined ? {} : { share }) }
  }

  /**
   * What was really said for one ballot, and what the faulty may say.
   *
   * @param {'prepare' | 'commit' | null} wanted
   */
  #votesForOne(wanted) {
    const votes = this.seen
      .map((message) =>
        message.kind === 'vote'
          ? message.vote
          : message.kind === 'pre-prepare' || message.kind === 'compact-pre-prepare'
            ? leaderVoteOf(message)
            : null,
      )
      .filter((vote) => vote !== null && (wanted === null || vote.kind === wanted))
    const ballot = this.program.pick(votes)
    if (ballot === undefined || ballot === null) return null
    /** @type {Map<number, Vote>} */
    const bySender = new Map()
    const about = ballotOf(ballot)
    for (const sender of this.faulty) bySender.set(sender, this.#signed(about, sender))
    for (const vote of votes) {
      if (vote === null || vote.kind !== ballot.kind || vote.view !== ballot.view || vote.height !== ballot.height) continue
      if (equalBytes(vote.blockHash, ballot.blockHash) && !this.faulty.includes(vote.sender)) bySender.set(vote.sender, vote)
    }
    return { about, bySender }
  }

  /** Of a group of the tree, or of some others; sometimes more are named than are in it. @returns {Message | null} */
  #sum() {
    const found = this.#votesForOne(null)
    if (found === null || this.shares === null) return null
    const { about, bySender } = found
    const options = this.program.byte()
    const groups = this.faulty.flatMap((index) => groupsOf(this.validators, about.view, validatorIndex(index)))
    const group = options < 224 ? this.program.pick(groups) : this.#some(this.replicas.length)
    const used = [...bySender.values()].filter(({ sender }) => group?.includes(sender))
    const added = options % 4 === 3 ? used.slice(1) : used
    const sum = this.shares.schemeOf(0).aggregate(added.flatMap(({ share }) => share ?? []))
    if (sum === null || used.length === 0) return null
    const aggregate = assembleCertificate(about, this.validators.validators.length, used, sum)
    return { kind: 'sum', sum: /** @type {import('@aethel/consensus').Aggregate} */ (aggregate) }
  }

  /**
   * Of votes that were really sent, and those of the faulty; or one seen in a message.
   *
   * @param {'prepare' | 'commit' | null} wanted
   * @returns {Certificate | null}
   */
  #certificate(wanted) {
    const { program } = this
    const found = this.#votesForOne(wanted)
    if (found === null) return null
    const { about, bySender } = found
    const honesty = this.shares === null ? 0 : program.byte()
    // Named are all, and only the faulty have signed.
    if (honesty >= 240) for (const sender of this.replicas.keys()) bySender.set(sender, this.#signed(about, sender))
    if (!isQuorum(this.validators, BigInt(bySender.size))) return null
    const used = [...bySender.values()]
    const count = this.validators.validators.length
    if (this.shares === null) return assembleCertificate(about, count, used)
    const added = used.filter(({ sender }, nth) => (honesty >= 240 ? this.faulty.includes(sender) : honesty < 224 || nth > 0))
    const sum = this.shares.schemeOf(0).aggregate(added.flatMap(({ share }) => share ?? []))
    return sum === null ? null : assembleCertificate(about, count, used, sum)
  }

  /** A transaction that an honest replica has built a block with. @returns {Uint8Array[]} */
  #heard() {
    const heard = this.program.pick(this.honest.flatMap(({ mempool }) => [...mempool.values()]))
    return heard === undefined ? [] : [heard]
  }

  /** By ids, as the leader has it or with one of them changed. @returns {Message} */
  #compact() {
    const { program } = this
    const message = compactOf(this.#prePrepare(), program.byte() < 128 ? 'all' : 'long')
    const transactions = [...message.transactions]
    const at = program.byte() % Math.max(1, transactions.length)
    const [other = Uint8Array.of(1)] = this.#heard()
    switch (program.byte() % 8) {
      case 0:
        transactions.splice(at, 1)
        break
      case 1:
        transactions.splice(at, 0, { id: transactionIdOf(other) })
        break
      case 2:
        transactions.splice(at, 1, { id: CHAIN })
        break
      case 3:
        transactions.splice(at, 1, { bytes: other })
        break
      case 4:
        transactions.push(...transactions.slice(at, at + 1))
        break
      case 5:
        transactions.reverse()
        break
    }
    return { ...message, transactions }
  }

  /** Some of a block, at its place or another, or what the block does not have. @returns {Message} */
  #transactions() {
    const { program } = this
    const block = program.pick([...this.blocks.values()])
    const shift = program.byte() < 160 ? 0 : 1
    const isOther = program.byte() >= 160
    const transactions = (block?.body.transactions ?? []).map((bytes, position) => ({
      position: position + shift,
      bytes: isOther ? Uint8Array.of(program.byte()) : bytes,
    }))
    return { kind: 'block-transactions', hash: block?.hash ?? CHAIN, transactions }
  }

  /** @returns {Extract<Message, { kind: 'view-change' }>} */
  #viewChange(newView = this.program.near(this.#ahead() + 1), by = this.program.pick(this.faulty) ?? 0) {
    const certificate = this.program.byte() < 128 ? null : this.#certificate(null)
    const unsigned = {
      epoch: epoch(0),
      newView: view(newView),
      highest: certificate === null ? null : ballotOf(certificate),
      committedHeight: height(this.program.near(this.committed.size)),
      sender: validatorIndex(by),
    }
    const signature = idealSign(idealKey(by), viewChangeBytes(CHAIN, unsigned))
    return { kind: 'view-change', entry: { ...unsigned, signature }, certificate }
  }

  /** @returns {Message | null} */
  #newView() {
    const newView = view(this.program.near(this.#ahead()))
    const sender = leaderOf(this.validators, newView)
    if (!this.faulty.includes(sender)) return null
    /** @type {Map<number, Extract<Message, { kind: 'view-change' }>>} */
    const changes = new Map()
    for (const message of this.seen) {
      if (message.kind === 'view-change' && message.entry.newView === newView && this.program.byte() < 230)
        changes.set(message.entry.sender, message)
    }
    for (const index of this.faulty) changes.set(index, this.#viewChange(newView, index))
    const listed = [...changes.values()].sort((a, b) => a.entry.sender - b.entry.sender)
    /** @type {Certificate | null} */
    let certificate = null
    for (const change of listed) {
      const better = change.certificate
      if (better !== null && (certificate === null || compareCertificates(better, certificate) > 0)) certificate = better
    }
    const unsigned = {
      kind: /** @type {const} */ ('new-view'),
      epoch: epoch(0),
      newView,
      viewChanges: listed.map(({ entry }) => entry),
      certificate,
      sender,
    }
    return { ...unsigned, signature: idealSign(idealKey(sender), newViewBytes(CHAIN, unsigned)) }
  }

  /** @param {number} count */
  #some(count) {
    const byte = this.program.byte()
    return Array.from({ length: count }, (_, index) => index).filter((index) => ((byte >> (index % 8)) & 1) === 1)
  }

  /** @returns {Message} */
  #status() {
    const { program } = this
    const sender = validatorIndex(program.pick(this.faulty) ?? 0)
    const count = this.validators.validators.length
    const options = program.byte()
    const first = program.near(this.committed.size + 1)
    const slots = Array.from({ length: first < 2 ** 40 ? options % 4 : 0 }, (_, i) => ({
      height: height(first + i),
      accepted: program.pick([null, ...[...this.blocks.values()].map(({ hash }) => hash)]) ?? null,
      prepares: bitmapOf(count, this.#some(count)),
      commits: bitmapOf(count, this.#some(count)),
    }))
    /** @type {Omit<import('@aethel/consensus').Status, 'signature'>} */
    const unsigned = {
      kind: 'status',
      epoch: epoch(0),
      view: view(program.near(this.#ahead())),
      phase: options < 128 ? 'active' : 'changing',
      committedHeight: height(program.near(this.committed.size)),
      slots,
      complaint: program.pick([null, null, 'slow-leader', 'starved-transaction']) ?? null,
      sender,
    }
    return { ...unsigned, signature: idealSign(idealKey(sender), statusBytes(CHAIN, unsigned)) }
  }

  /** @returns {Message | null} */
  #other() {
    const { program } = this
    switch (program.byte() % 12) {
      case 7:
        return this.#sum()
      case 6: {
        const certificate = this.#certificate(null)
        return certificate === null ? null : { kind: 'certificate', certificate }
      }
      case 8:
      case 9:
        return this.#compact()
      case 10:
        return this.#transactions()
      case 11: {
        const hash = program.pick([...this.blocks.values()])?.hash ?? CHAIN
        return { kind: 'fetch', want: 'transactions', hash, positions: [program.byte() % 3, 3] }
      }
      case 0:
        return { kind: 'fetch', want: 'committed', from: height(program.near(this.committed.size)) }
      case 1:
        return { kind: 'fetch', want: 'block', hash: program.pick([...this.blocks.values()])?.hash ?? CHAIN }
      case 2:
        return { kind: 'block', block: this.#block() }
      case 3:
        return { kind: 'fetch', want: 'view', nonce: CHAIN }
      case 4: {
        const [evidence] = this.#evidence()
        return evidence === undefined ? null : { kind: 'evidence', evidence }
      }
      default: {
        const certificate = this.#certificate('commit')
        const block = certificate === null ? undefined : this.blocks.get(keyOf(certificate.blockHash))
        return certificate === null || block === undefined ? null : { kind: 'blocks', blocks: [block], links: [], certificate }
      }
    }
  }
}

/**
 * @param {import('@aethel/consensus').Ballot} certificate or vote
 * @returns {import('@aethel/consensus').Ballot}
 */
function ballotOf({ kind, epoch: inEpoch, view: inView, height: at, blockHash }) {
  return { kind, epoch: inEpoch, view: inView, height: at, blockHash }
}

/**
 * @param {Extract<Message, { kind: 'pre-prepare' | 'compact-pre-prepare' }>} message
 * @returns {Vote}
 */
function leaderVoteOf(message) {
  const { epoch: inEpoch, view: inView, sender, signature, share } = message
  const { header, hash } = message.kind === 'pre-prepare' ? message.block : message
  /** @type {Vote} */
  const vote = { kind: 'prepare', epoch: inEpoch, view: inView, height: header.height, blockHash: hash, sender, signature }
  return share === undefined ? vote : { ...vote, share }
}

/**
 * @param {Hash} parent
 * @param {readonly Uint8Array[]} transactions
 */
function rootAfter(parent, transactions) {
  return hashTagged(
    'aethel/fuzz-root/v1',
    encode((writer) => writer.raw(parent).list(transactions, (w, bytes) => w.bytes(bytes))),
  )
}

/**
 * @param {Block} block
 * @returns {import('@aethel/consensus').ValidationResult}
 */
function verdictOn({ header, body }) {
  if (body.transactions.some((bytes) => bytes.includes(FALSE))) return { status: 'invalid', code: 'false', message: 'a false proof' }
  if (!equalBytes(header.stateRoot, rootAfter(header.parent, body.transactions)))
    return { status: 'invalid', code: 'state-root', message: 'another state root' }
  return { status: 'valid' }
}

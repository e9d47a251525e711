/**
 * Replicas of the consensus core steered by bytes: which message arrives, which is lost, whose timer fires, and what the
 * faulty validators (as many as the protocol tolerates) sign with their own keys. Every message passes codec and edge.
 * Whatever the bytes say, honest replicas commit one chain, never sign two things for one slot, and nothing throws.
 */
import { encode, epoch, equalBytes, height, keyOf, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  BLOCK_VERSION,
  ballotBytes,
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
  lastCertificateHashOf,
  leaderOf,
  maxFaulty,
  newViewBytes,
  statusBytes,
  transactionsRootOf,
  verifyCertificate,
  viewChangeBytes,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { idealKey, idealSign, verifyIdeal } from '../../packages/simulator/dist/ideal-hash-signatures.js'
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
const EXTREMES = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 2 ** 32, 65_536, 1024, 256, 100, 64]

/** @typedef {import('@aethel/consensus').Message} Message */
/** @typedef {import('@aethel/consensus').Block} Block */
/** @typedef {import('@aethel/consensus').Certificate} Certificate */
/** @typedef {import('@aethel/consensus').Vote} Vote */
/** @typedef {import('@aethel/codec').Hash} Hash */

/** @param {number} count */
export function validatorsOf(count) {
  const set = createValidatorSet(
    epoch(0),
    Array.from({ length: count }, (_, index) => ({ publicKey: idealKey(index), power: 1n })),
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
    this.checker = createMessageChecker({ chainId: CHAIN, validators: cluster.validators, verifySignature: verifyIdeal })
    this.core = createConsensus(
      {
        chainId: CHAIN,
        validators: cluster.validators,
        self: validatorIndex(index),
        window: 4,
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

  /** @param {import('@aethel/consensus').Effect} effect */
  #carryOut(effect) {
    switch (effect.kind) {
      case 'send':
        this.#checkSigned(effect.message)
        return this.cluster.send(this.index, effect.to, effect.message)
      case 'validate':
        this.local.push({ kind: 'validated', hash: effect.block.hash, result: verdictOn(effect.block), nowMs: this.nowMs })
        return
      case 'build': {
        this.transactions++
        const transactions = [Uint8Array.of(this.index, this.transactions)]
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
      case 'proposed':
      case 'abandon':
      case 'evidence':
      case 'event':
        return
    }
  }

  /** @param {Message} message */
  #checkSigned(message) {
    const vote = message.kind === 'vote' ? message.vote : message.kind === 'pre-prepare' ? leaderVoteOf(message) : null
    if (vote === null || vote.sender !== this.index) return
    const slot = `${vote.kind} in view ${vote.view} at height ${vote.height}`
    const hash = keyOf(vote.blockHash)
    const before = this.signed.get(slot)
    if (before !== undefined && before !== hash) throw new Broken(`replica ${this.index} signed a second ${slot}`)
    this.signed.set(slot, hash)
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
    const count = [4, 4, 5, 7][this.program.byte() % 4] ?? 4
    const first = this.program.byte() % count
    this.validators = validatorsOf(count)
    this.certificates = { chainId: CHAIN, validators: this.validators, verifySignature: verifyIdeal }
    this.faulty = Array.from({ length: maxFaulty(count) }, (_, i) => (first + i) % count)
    /** @type {{ from: number, to: number, message: Message }[]} */
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
  }

  /** @param {number} choice */
  #deliver(choice) {
    const [sent] = this.pending.length === 0 ? [] : this.pending.splice(choice % this.pending.length, 1)
    if (sent !== undefined) this.#arrive(sent.from, sent.to, sent.message)
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {Message} message
   */
  #arrive(from, to, message) {
    const replica = this.replicas[to]
    if (replica === null || replica === undefined) return
    if (!replica.core.wants(validatorIndex(from), message)) return
    const checked = replica.checker.check(message)
    if (!checked.ok) {
      this.refused++
      if (!this.faulty.includes(from)) throw new Broken(`a ${message.kind} of honest replica ${from} is refused: ${checked.error.message}`)
      return
    }
    replica.nowMs++
    replica.step({ kind: 'message', from: validatorIndex(from), message: checked.value, nowMs: replica.nowMs })
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
    return { ...ballot, sender, signature: idealSign(idealKey(sender), ballotBytes(CHAIN, ballot)) }
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
    const transactions = options % 2 === 0 ? [] : [Uint8Array.of(program.byte(), program.byte())]
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
        timestampMs: options >= 240 ? program.near(START_MS) : (parent?.header.timestampMs ?? START_MS) + 1,
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

  /** @returns {Message} */
  #prePrepare() {
    const block = this.#block()
    this.blocks.set(keyOf(block.hash), block)
    const inView = view(this.program.byte() < 160 ? block.header.view : this.program.near(this.#ahead()))
    const sender = leaderOf(this.validators, inView)
    // Who is not the leader has no signature of its key.
    const signer = this.faulty.includes(sender) ? sender : (this.faulty[0] ?? 0)
    /** @type {import('@aethel/consensus').Ballot} */
    const ballot = { kind: 'prepare', epoch: epoch(0), view: inView, height: block.header.height, blockHash: block.hash }
    const signature = idealSign(idealKey(signer), ballotBytes(CHAIN, ballot))
    return { kind: 'pre-prepare', epoch: epoch(0), view: inView, block, sender, signature }
  }

  /**
   * Of votes that were really sent, and those of the faulty; or one seen in a message.
   *
   * @param {'prepare' | 'commit' | null} wanted
   * @returns {Certificate | null}
   */
  #certificate(wanted) {
    const { program } = this
    const votes = this.seen
      .map((message) => (message.kind === 'vote' ? message.vote : message.kind === 'pre-prepare' ? leaderVoteOf(message) : null))
      .filter((vote) => vote !== null && (wanted === null || vote.kind === wanted))
    const ballot = program.pick(votes)
    if (ballot === undefined || ballot === null) return null
    /** @type {Map<number, Vote>} */
    const bySender = new Map()
    for (const sender of this.faulty)
      bySender.set(sender, {
        ...ballot,
        sender: validatorIndex(sender),
        signature: idealSign(idealKey(sender), ballotBytes(CHAIN, ballot)),
      })
    for (const vote of votes) {
      if (vote === null || vote.kind !== ballot.kind || vote.view !== ballot.view || vote.height !== ballot.height) continue
      if (equalBytes(vote.blockHash, ballot.blockHash) && !this.faulty.includes(vote.sender)) bySender.set(vote.sender, vote)
    }
    if (!isQuorum(this.validators, BigInt(bySender.size))) return null
    return assembleCertificate(ballot, this.validators.validators.length, [...bySender.values()])
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
      prepares: { size: count, bits: Uint8Array.of(program.byte() % 2 ** count) },
      commits: { size: count, bits: Uint8Array.of(program.byte() % 2 ** count) },
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
    switch (program.byte() % 6) {
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
 * @param {Certificate} certificate
 * @returns {import('@aethel/consensus').Ballot}
 */
function ballotOf({ kind, epoch: inEpoch, view: inView, height: at, blockHash }) {
  return { kind, epoch: inEpoch, view: inView, height: at, blockHash }
}

/**
 * @param {Extract<Message, { kind: 'pre-prepare' }>} message
 * @returns {Vote}
 */
function leaderVoteOf({ epoch: inEpoch, view: inView, block, sender, signature }) {
  return { kind: 'prepare', epoch: inEpoch, view: inView, height: block.header.height, blockHash: block.hash, sender, signature }
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

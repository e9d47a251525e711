/**
 * The mesh: one mutual TLS 1.3 connection per pair of validators, dialled by the lower network key, authenticated by pinned
 * Ed25519 network keys (no authority, no names). What the local side sends is queued and leaves in one write per peer at
 * `flush`, at the end of the driver's turn.
 *
 * A connection delivers a prefix of what was sent on it. When a peer does not read and its backlog exceeds the bound, the
 * connection is closed and the backlog dropped as a whole; on the next connection STATUS makes up for what was lost
 * (protocol.md §7). A peer that sends what no honest one sends is disconnected, named to `onMisbehaving`, and shut out for
 * a time that doubles with each repetition.
 */
import { connect, type TLSSocket } from 'node:tls'
import { assert, compareBytes, type Hash, keyOf, type PublicKey, toHex, type ValidatorIndex } from '@aethel/codec'
import type { SecretSeed } from '@aethel/crypto'
import { Allowance } from './allowance.js'
import { createTlsIdentity, keyOfCertificate, type TlsIdentity } from './certificate.js'
import { Door, type Endpoint } from './door.js'
import { FRAME, type Frame, frameOf } from './frames.js'
import { transactionFrames } from './gossip.js'
import { HANDSHAKE_MS } from './handshakes.js'
import { PROTOCOL_VERSION, Session, type Traffic } from './session.js'

/** A BLOCKS answer is at most 4 MiB and one block; blocks are at most 8 MiB (genesis limits are checked against this). */
export const MAX_FRAME_BYTES: number = 16 * 1024 * 1024
/** Two of the largest frames may wait for a slow peer; a chain adds what a window of its blocks takes (`maxBacklogBytes`). */
export const MAX_BACKLOG_BYTES: number = 2 * MAX_FRAME_BYTES
/**
 * While this much waits for a peer, it is not sent what will come again anyway: transactions, and bodies that it asks for or seems to
 * lack. Votes would wait behind them; and who has not read the first copy still says that it lacks it.
 */
export const UNREAD_BYTES: number = 8 * 1024 * 1024

const PING_EVERY_MS = 1_000
/** Without a byte for ten pings a connection is dead, whatever TCP thinks. */
const SILENCE_MS: number = 10 * PING_EVERY_MS
const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2_000
const FIRST_SHUTOUT_MS = 1_000
const LAST_SHUTOUT_MS = 60_000
/** After this long without a fault a peer's record is clean again. */
const FORGIVE_MS = 600_000
const STRANGER_REPORT_MS = 1_000
const THROTTLE_REPORT_MS = 60_000
const VERSION_REPORT_MS = 60_000
/** It is looked at again so soon: whoever upgrades waits for no more than that. */
const OTHER_VERSION_MS = 1_000

export interface PeerAddress {
  readonly index: ValidatorIndex
  readonly host: string
  readonly port: number
  readonly networkKey: PublicKey
}

export interface MeshHandlers {
  /** Bytes of one consensus message; a view, valid during the call and afterwards as long as it is referenced. */
  onMessage(from: ValidatorIndex, bytes: Uint8Array): void
  onTransactions(from: ValidatorIndex, transactions: readonly Uint8Array[]): void
  onConnected(peer: ValidatorIndex): void
  onLost(peer: ValidatorIndex, reason: string): void
  /** `shutOutMs`: for how long the peer is refused now. */
  onMisbehaving(peer: ValidatorIndex, code: string, message: string, shutOutMs: number): void
  /** A peer runs software of another protocol version: no fault, but nothing can be said to it. Told once a minute and peer, and when it changes. */
  onOtherVersion?(peer: ValidatorIndex, theirs: number, ours: number): void
  /** Somebody who is no validator of this chain; at most one report a second, with how many there were since the last. */
  onStranger(address: string, code: string, message: string, count: number): void
  onRoundTrip(peer: ValidatorIndex, roundTripMs: number): void
  /** It has caused more work by what was of no use than it is allowed, and is not read for a while; told once a minute and peer. */
  onThrottled?(peer: ValidatorIndex, pauseMs: number): void
}

export interface MeshOptions {
  readonly chainId: Hash
  /** Seed of the own network key. */
  readonly seed: SecretSeed
  readonly listen: Endpoint
  /** All others that are known at the start, each with a number of its own. */
  readonly peers: readonly PeerAddress[]
  readonly handlers: MeshHandlers
  readonly maxFrameBytes?: number
  /** Of what waits for one peer, at least `MAX_BACKLOG_BYTES`, which is also what it is if left out. */
  readonly maxBacklogBytes?: number
}

export interface PeerStatus {
  readonly index: ValidatorIndex
  readonly connected: boolean
  /** Smoothed; null before the first measurement. */
  readonly roundTripMs: number | null
  /** For how long nothing has come from it, connected or not; null: nothing ever has, or it is not read for a while (`onThrottled`). */
  readonly silentMs: number | null
}

export interface Mesh {
  readonly address: Endpoint
  /** Bytes from and to all peers since the start, those that are none any more included. */
  readonly traffic: { readonly bytesIn: number; readonly bytesOut: number }
  /** Queues one consensus message; dropped if the peer is not connected. */
  send(to: ValidatorIndex | 'all', message: Uint8Array): void
  /** The same for what may be lost: left out while the peer has much unread. */
  sendIfRead(to: ValidatorIndex, message: Uint8Array): void
  /** `send` of what `messageFrame` has made: for what goes to several peers, one after the other. */
  sendFrame(to: ValidatorIndex, frame: Frame): void
  /** Queues transactions for one peer or for all; whoever has much unread already does not get them. */
  gossip(to: ValidatorIndex | 'all', transactions: readonly Uint8Array[]): void
  /** Writes what is queued, once per peer. */
  flush(): void
  /** The driver's verdict on what a peer sent: disconnects it and shuts it out for a while. */
  misbehaved(peer: ValidatorIndex, code: string, message: string): void
  /** What a peer has sent cost so much work: who causes more than it is allowed is read more slowly (decision 0121). */
  charge(peer: ValidatorIndex, microseconds: number): void
  /** The chain has moved on, and everybody may cause so much more work. */
  grant(microseconds: number): void
  peers(): readonly PeerStatus[]
  /** Another peer, or one that has moved, or has another key or another index; the same once more changes nothing. */
  addPeer(address: PeerAddress): void
  /** Closes everything at once. Idempotent. */
  close(): Promise<void>
}

/**
 * Listens, and keeps one connection to each peer, dialled by whoever has the lower network key. Resolves when it listens; port 0 is a free one, then in
 * `address`. Throws a `NetworkError` (`port-in-use`, `listen-failed`). What peers do wrong is told to the handlers. Bounds: docs/operations.md, "The mesh".
 */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  const mesh = new TlsMesh(options)
  await mesh.open()
  return mesh
}

interface Peer {
  readonly address: PeerAddress
  session: Session | null
  dialling: TLSSocket | null
  /** Replaced: not dialled any more. */
  isForgotten: boolean
  retryTimer: NodeJS.Timeout | null
  retryMs: number
  faults: number
  lastFaultAt: number
  shutOutUntil: number
  /** What was last told of its protocol version; null: that it is another was never told. */
  otherVersion: { readonly version: number; readonly toldAt: number } | null
  throttledAt: number
  readonly traffic: Traffic
}

class TlsMesh implements Mesh {
  readonly #options: MeshOptions
  readonly #identity: TlsIdentity
  readonly #maxFrameBytes: number
  readonly #maxBacklogBytes: number
  readonly #peers = new Map<ValidatorIndex, Peer>()
  readonly #forgotten = { bytesIn: 0, bytesOut: 0 }
  readonly #peerOfKey = new Map<string, Peer>()
  readonly #door: Door
  /** Something waits for `flush`. */
  readonly #dirty = new Set<Session>()
  #pingTimer: NodeJS.Timeout | null = null
  #closed = false
  #strangers = 0
  #lastStrangerAt = Number.NEGATIVE_INFINITY
  #address: Endpoint

  constructor(options: MeshOptions) {
    this.#options = options
    this.#identity = createTlsIdentity(options.seed)
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES
    this.#maxBacklogBytes = options.maxBacklogBytes ?? MAX_BACKLOG_BYTES
    this.#address = options.listen
    for (const address of options.peers) this.#register(address)
    this.#door = new Door(this.#tlsOptions(), options.peers.length, {
      onSecure: (socket) => this.#accept(socket),
      onStranger: (address, code, message) => this.#stranger(address, code, message),
    })
  }

  async open(): Promise<void> {
    this.#address = await this.#door.open(this.#options.listen)
    this.#pingTimer = setInterval(() => this.#pingAll(), PING_EVERY_MS)
    for (const peer of this.#peers.values()) if (this.#dials(peer)) this.#dial(peer)
  }

  get address(): Endpoint {
    return this.#address
  }

  // --- peers ------------------------------------------------------------------------------------------------------

  #register(address: PeerAddress): Peer {
    assert(compareBytes(address.networkKey, this.#identity.publicKey) !== 0, 'a mesh has no connection to itself')
    const peer: Peer = {
      address,
      session: null,
      dialling: null,
      isForgotten: false,
      retryTimer: null,
      retryMs: FIRST_RETRY_MS,
      faults: 0,
      lastFaultAt: 0,
      shutOutUntil: 0,
      otherVersion: null,
      throttledAt: Number.NEGATIVE_INFINITY,
      traffic: {
        roundTripMs: null,
        heardAt: null,
        bytesIn: 0,
        bytesOut: 0,
        allowance: new Allowance(Math.max(this.#options.peers.length, this.#peers.size + 1), performance.now()),
      },
    }
    this.#peers.set(address.index, peer)
    this.#peerOfKey.set(keyOf(address.networkKey), peer)
    return peer
  }

  addPeer(address: PeerAddress): void {
    if (this.#closed) return
    const known = this.#peers.get(address.index)
    if (known !== undefined) {
      const { host, port, networkKey } = known.address
      if (host === address.host && port === address.port && compareBytes(networkKey, address.networkKey) === 0) return
      this.#forget(known)
    }
    // One node has one key: by another index it is known no more.
    const former = this.#peerOfKey.get(keyOf(address.networkKey))
    if (former !== undefined) this.#forget(former)
    const peer = this.#register(address)
    this.#door.expect(this.#peers.size)
    if (this.#dials(peer)) this.#dial(peer)
  }

  #forget(peer: Peer): void {
    if (peer.retryTimer !== null) clearTimeout(peer.retryTimer)
    this.#peers.delete(peer.address.index)
    this.#door.forget(peer.address.index)
    this.#peerOfKey.delete(keyOf(peer.address.networkKey))
    peer.isForgotten = true
    peer.dialling?.destroy()
    if (peer.session !== null) this.#end(peer, peer.session, 'the peer has moved')
    this.#forgotten.bytesIn += peer.traffic.bytesIn
    this.#forgotten.bytesOut += peer.traffic.bytesOut
  }

  peers(): readonly PeerStatus[] {
    const now = performance.now()
    return [...this.#peers.values()].map(({ address, session, traffic }) => ({
      index: address.index,
      connected: session?.isGreeted ?? false,
      roundTripMs: traffic.roundTripMs,
      silentMs: traffic.heardAt === null || session?.isPaused === true ? null : now - traffic.heardAt,
    }))
  }

  get traffic(): { readonly bytesIn: number; readonly bytesOut: number } {
    const all = [...this.#peers.values()].map(({ traffic }) => traffic)
    return {
      bytesIn: all.reduce((sum, { bytesIn }) => sum + bytesIn, this.#forgotten.bytesIn),
      bytesOut: all.reduce((sum, { bytesOut }) => sum + bytesOut, this.#forgotten.bytesOut),
    }
  }

  // --- connections ------------------------------------------------------------------------------------------------

  #tlsOptions(): {
    cert: string
    key: string
    minVersion: 'TLSv1.3'
    maxVersion: 'TLSv1.3'
    rejectUnauthorized: false
    ALPNProtocols: string[]
  } {
    // No certificate authority decides here: `#authenticate` compares the key that the handshake has proven with the pinned one.
    return {
      cert: this.#identity.certificate,
      key: this.#identity.privateKey,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      rejectUnauthorized: false,
      ALPNProtocols: ['aethel/1'],
    }
  }

  /** Keys decide, as both sides know the same ones: by what number each knows the other is its own affair. */
  #dials(peer: Peer): boolean {
    return !peer.isForgotten && compareBytes(this.#identity.publicKey, peer.address.networkKey) < 0
  }

  #dial(peer: Peer): void {
    peer.retryTimer = null
    if (this.#closed || peer.session !== null) return
    const { host, port } = peer.address
    const socket = connect({ ...this.#tlsOptions(), host, port })
    peer.dialling = socket
    let established = false
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      if (this.#authenticate(socket) !== peer) {
        const reason = `expected network key ${toHex(peer.address.networkKey)} at ${host}:${port}, got another one`
        this.#stranger(`${host}:${port}`, 'wrong-key', reason)
        socket.destroy()
        return
      }
      established = true
      peer.dialling = null
      this.#begin(peer, socket)
    })
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(timer)
      if (established) return
      peer.dialling = null
      this.#dialLater(peer)
    })
  }

  #dialLater(peer: Peer): void {
    if (this.#closed || peer.retryTimer !== null || !this.#dials(peer)) return
    const shutOut = peer.shutOutUntil - performance.now()
    // Spread by up to a half, so that validators restarted together do not dial in step.
    const delay = Math.max(shutOut, peer.retryMs * (1 + Math.random() / 2))
    peer.retryMs = Math.min(LAST_RETRY_MS, peer.retryMs * 2)
    peer.retryTimer = setTimeout(() => this.#dial(peer), delay)
  }

  #accept(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy())
    const peer = this.#authenticate(socket)
    if (peer === undefined) {
      this.#stranger(socket.remoteAddress, 'unknown-key', 'expected the network key of a validator, got another one or none')
      socket.destroy()
      return
    }
    this.#door.recognise(peer.address.index, socket.remoteAddress)
    if (this.#dials(peer) || performance.now() < peer.shutOutUntil) {
      socket.destroy()
      return
    }
    if (peer.session !== null) this.#end(peer, peer.session, 'replaced by a new connection')
    this.#begin(peer, socket)
  }

  /** The validator whose pinned key the other side has proven to hold. */
  #authenticate(socket: TLSSocket): Peer | undefined {
    const certificate = socket.getPeerX509Certificate()
    const key = certificate === undefined ? undefined : keyOfCertificate(certificate)
    return key === undefined ? undefined : this.#peerOfKey.get(keyOf(key))
  }

  #begin(peer: Peer, socket: TLSSocket): void {
    const { chainId, handlers } = this.#options
    const { index } = peer.address
    const bounds = { maxFrameBytes: this.#maxFrameBytes, maxBacklogBytes: this.#maxBacklogBytes }
    const session: Session = new Session(
      socket,
      { chainId, ...bounds, traffic: peer.traffic },
      {
        onGreeted: () => {
          peer.retryMs = FIRST_RETRY_MS
          handlers.onConnected(index)
        },
        onOtherVersion: (version) => this.#onOtherVersion(peer, session, version),
        onMessage: (bytes) => handlers.onMessage(index, bytes),
        onTransactions: (transactions) => handlers.onTransactions(index, transactions),
        onRoundTrip: (roundTripMs) => handlers.onRoundTrip(index, roundTripMs),
        onPaused: (pauseMs) => this.#onPaused(peer, pauseMs),
        onQueued: () => this.#dirty.add(session),
        onFault: (code, message) => this.#fault(peer, session, code, message),
        onBroken: (reason) => this.#end(peer, session, reason),
      },
    )
    peer.session = session
    session.begin()
  }

  #end(peer: Peer, session: Session, reason: string): void {
    session.stop()
    this.#dirty.delete(session)
    if (peer.session !== session) return
    peer.session = null
    if (this.#closed) return
    if (session.isGreeted) this.#options.handlers.onLost(peer.address.index, reason)
    this.#dialLater(peer)
  }

  /** An upgrade under way: the connection ends, and nobody is shut out for longer and longer. */
  #onOtherVersion(peer: Peer, session: Session, version: number): void {
    const now = performance.now()
    peer.shutOutUntil = now + OTHER_VERSION_MS
    const told = peer.otherVersion
    if (told?.version !== version || now - told.toldAt >= VERSION_REPORT_MS) {
      peer.otherVersion = { version, toldAt: now }
      this.#options.handlers.onOtherVersion?.(peer.address.index, version, PROTOCOL_VERSION)
    }
    this.#end(peer, session, `speaks protocol version ${version}`)
  }

  #pingAll(): void {
    const now = performance.now()
    for (const peer of this.#peers.values()) {
      const { session } = peer
      if (session === null) continue
      if (session.silentMs(now) > SILENCE_MS) this.#end(peer, session, `silent for ${SILENCE_MS} ms`)
      else if (session.isGreeted) session.ping()
    }
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  misbehaved(index: ValidatorIndex, code: string, message: string): void {
    const peer = this.#peers.get(index)
    if (peer?.session) this.#fault(peer, peer.session, code, message)
  }

  charge(index: ValidatorIndex, microseconds: number): void {
    this.#peers.get(index)?.session?.charge(microseconds)
  }

  grant(microseconds: number): void {
    for (const { traffic } of this.#peers.values()) traffic.allowance.grant(microseconds)
  }

  #onPaused(peer: Peer, pauseMs: number): void {
    const now = performance.now()
    if (now - peer.throttledAt < THROTTLE_REPORT_MS) return
    peer.throttledAt = now
    this.#options.handlers.onThrottled?.(peer.address.index, pauseMs)
  }

  #fault(peer: Peer, session: Session, code: string, message: string): void {
    if (peer.session !== session) return
    const now = performance.now()
    if (now - peer.lastFaultAt > FORGIVE_MS) peer.faults = 0
    const shutOutMs = Math.min(LAST_SHUTOUT_MS, FIRST_SHUTOUT_MS * 2 ** peer.faults)
    peer.faults++
    peer.lastFaultAt = now
    peer.shutOutUntil = now + shutOutMs
    this.#options.handlers.onMisbehaving(peer.address.index, code, message, shutOutMs)
    this.#end(peer, session, `misbehaved: ${code}`)
  }

  #stranger(address: string | undefined, code: string, message: string): void {
    if (this.#closed) return
    this.#strangers++
    const now = performance.now()
    if (now - this.#lastStrangerAt < STRANGER_REPORT_MS) return
    this.#options.handlers.onStranger(address ?? 'unknown', code, message, this.#strangers)
    this.#lastStrangerAt = now
    this.#strangers = 0
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  send(to: ValidatorIndex | 'all', message: Uint8Array): void {
    this.#queueFor(to, frameOf(FRAME.message, message))
  }

  sendIfRead(to: ValidatorIndex, message: Uint8Array): void {
    this.#queueFor(to, frameOf(FRAME.message, message), UNREAD_BYTES)
  }

  sendFrame(to: ValidatorIndex, frame: Frame): void {
    this.#queueFor(to, frame)
  }

  gossip(to: ValidatorIndex | 'all', transactions: readonly Uint8Array[]): void {
    for (const frame of transactionFrames(transactions, this.#maxFrameBytes)) this.#queueFor(to, frame, UNREAD_BYTES)
  }

  /** `most`: who has more waiting is left out. */
  #queueFor(to: ValidatorIndex | 'all', frame: Uint8Array, most: number = Number.POSITIVE_INFINITY): void {
    assert(frame.length - 4 <= this.#maxFrameBytes, `a frame of ${frame.length} bytes exceeds the maximum of ${this.#maxFrameBytes}`)
    const peers = to === 'all' ? this.#peers.values() : [this.#peers.get(to)]
    for (const peer of peers) {
      const session = peer?.session
      if (session?.isGreeted && session.unsentBytes <= most) session.queue(frame)
    }
  }

  flush(): void {
    for (const session of this.#dirty) {
      this.#dirty.delete(session)
      session.write()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#pingTimer !== null) clearInterval(this.#pingTimer)
    for (const peer of this.#peers.values()) {
      if (peer.retryTimer !== null) clearTimeout(peer.retryTimer)
      peer.dialling?.destroy()
      peer.session?.stop()
    }
    await this.#door.close()
  }
}

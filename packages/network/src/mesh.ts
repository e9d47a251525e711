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
import { type AddressInfo, createServer as createListener, type Server as Listener, type Socket } from 'node:net'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import {
  assert,
  byteStrings,
  compareBytes,
  decode,
  encode,
  type Hash,
  keyOf,
  type PublicKey,
  toHex,
  type ValidatorIndex,
} from '@aethel/codec'
import type { SecretSeed } from '@aethel/crypto'
import { Allowance } from './allowance.js'
import { createTlsIdentity, keyOfCertificate, type TlsIdentity } from './certificate.js'
import { NetworkError } from './errors.js'
import { FRAME, type Frame, type FrameKind, FrameReader, frameOf } from './frames.js'
import { burstFor, HandshakeLimit } from './handshakes.js'
import { Lobby } from './lobby.js'

/** Rises with every change of what a frame, a message or a signature means to its reader: an older build could not tell that from an attack. */
export const PROTOCOL_VERSION = 3
/** Of a greeting. */
const VERSION_BYTES = 2

/** A BLOCKS answer is at most 4 MiB and one block; blocks are at most 8 MiB (genesis limits are checked against this). */
export const MAX_FRAME_BYTES: number = 16 * 1024 * 1024
/** Two of the largest frames may wait for a slow peer; a chain adds what a window of its blocks takes (`maxBacklogBytes`). */
export const MAX_BACKLOG_BYTES: number = 2 * MAX_FRAME_BYTES
/**
 * While this much waits for a peer, it is not sent what will come again anyway: transactions, and bodies that it asks for or seems to
 * lack. Votes would wait behind them; and who has not read the first copy still says that it lacks it.
 */
export const UNREAD_BYTES: number = 8 * 1024 * 1024
const MAX_GOSSIP_TRANSACTIONS = 4096
/** Frames up to this size together are joined into one write; larger ones are written as they are. */
const JOIN_BYTES = 256 * 1024

const PING_EVERY_MS = 1_000
/** Without a byte for ten pings a connection is dead, whatever TCP thinks. */
const SILENCE_MS: number = 10 * PING_EVERY_MS
const HANDSHAKE_MS = 10_000
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
/** An honest peer pings once a second. */
const PING_US = 20
/** A connection costs two handshakes and what is sent to whoever has just come: STATUS, evidence, up to 4 MiB of transactions. */
const CONNECT_US = 20_000

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
  readonly listen: { readonly host: string; readonly port: number }
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
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface Mesh {
  readonly address: { readonly host: string; readonly port: number }
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

export async function createMesh(options: MeshOptions): Promise<Mesh> {
  const mesh = new TlsMesh(options)
  await mesh.open()
  return mesh
}

interface Peer {
  address: PeerAddress
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
  roundTripMs: number | null
  /** Over all its connections; null: never. */
  heardAt: number | null
  bytesIn: number
  bytesOut: number
  /** Of the peer, not of a connection: coming back does not fill it. */
  readonly allowance: Allowance
  throttledAt: number
}

/** One authenticated connection. */
interface Session {
  readonly peer: Peer
  readonly socket: TLSSocket
  readonly reader: FrameReader
  greeted: boolean
  queue: Uint8Array[]
  queuedBytes: number
  lastReceivedAt: number
  pingSentAt: number
  pingId: number
  /** While it is not read. */
  pause: NodeJS.Timeout | null
}

class TlsMesh implements Mesh {
  readonly #options: MeshOptions
  readonly #identity: TlsIdentity
  readonly #maxFrameBytes: number
  readonly #maxBacklogBytes: number
  readonly #peers = new Map<ValidatorIndex, Peer>()
  readonly #peerOfKey = new Map<string, Peer>()
  readonly #listener: Listener
  /** Does handshakes for the connections that the listener hands it. */
  readonly #server: Server
  readonly #handshakes: HandshakeLimit
  /** Accepted and not closed. */
  readonly #sockets = new Set<{ destroy(): void }>()
  /** Of these, not yet authenticated. */
  readonly #lobby = new Lobby()
  readonly #dirty = new Set<Session>()
  #pingTimer: NodeJS.Timeout | null = null
  #closed = false
  #strangers = 0
  #lastStrangerAt = Number.NEGATIVE_INFINITY
  #address: { host: string; port: number }

  constructor(options: MeshOptions) {
    this.#options = options
    this.#identity = createTlsIdentity(options.seed)
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES
    this.#maxBacklogBytes = options.maxBacklogBytes ?? MAX_BACKLOG_BYTES
    this.#address = options.listen
    for (const address of options.peers) this.#register(address)
    this.#server = createServer({
      ...this.#tlsOptions(),
      requestCert: true,
      handshakeTimeout: HANDSHAKE_MS,
    })
    this.#listener = createListener()
    this.#lobby.expect(burstFor(options.peers.length))
    this.#handshakes = new HandshakeLimit(options.peers.length, performance.now())
  }

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
      roundTripMs: null,
      heardAt: null,
      bytesIn: 0,
      bytesOut: 0,
      allowance: new Allowance(Math.max(this.#options.peers.length, this.#peers.size + 1), performance.now()),
      throttledAt: Number.NEGATIVE_INFINITY,
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
    this.#lobby.expect(burstFor(this.#peers.size))
    this.#handshakes.expect(this.#peers.size)
    if (this.#dials(peer)) this.#dial(peer)
  }

  #forget(peer: Peer): void {
    if (peer.retryTimer !== null) clearTimeout(peer.retryTimer)
    this.#peers.delete(peer.address.index)
    this.#handshakes.forget(peer.address.index)
    this.#peerOfKey.delete(keyOf(peer.address.networkKey))
    peer.isForgotten = true
    peer.dialling?.destroy()
    if (peer.session !== null) this.#end(peer.session, 'the peer has moved')
  }

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

  get address(): { readonly host: string; readonly port: number } {
    return this.#address
  }

  async open(): Promise<void> {
    const { host, port } = this.#options.listen
    const server = this.#server
    const listener = this.#listener
    listener.on('connection', (socket) => {
      socket.on('error', () => socket.destroy())
      if (!this.#handshakes.admit(socket.remoteAddress ?? '', performance.now())) {
        this.#stranger(socket.remoteAddress, 'too-many-handshakes', 'expected fewer connections of this address, or of all strangers')
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      const name = nameOf(socket)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        this.#lobby.leave(name)
      })
      this.#lobby.enter(this.#handshakes.knownNetwork(socket.remoteAddress ?? ''), name, socket)
      server.emit('connection', socket)
    })
    server.on('secureConnection', (socket) => {
      this.#lobby.leave(nameOf(socket))
      this.#accept(socket)
    })
    server.on('tlsClientError', (error, socket) => {
      this.#stranger(socket.remoteAddress, 'handshake', `expected a TLS 1.3 handshake with a client certificate, got ${error.message}`)
      socket.destroy()
    })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error: NodeJS.ErrnoException) => reject(listenError(host, port, error)))
      listener.listen({ host, port }, resolve)
    })
    listener.removeAllListeners('error')
    listener.on('error', () => {}) // accept failures (out of descriptors) pass; peers dial again
    this.#address = { host, port: (listener.address() as AddressInfo).port }
    this.#pingTimer = setInterval(() => this.#pingAll(), PING_EVERY_MS)
    for (const peer of this.#peers.values()) if (this.#dials(peer)) this.#dial(peer)
  }

  /** Keys decide, as both sides know the same ones: by what number each knows the other is its own affair. */
  #dials(peer: Peer): boolean {
    return !peer.isForgotten && compareBytes(this.#identity.publicKey, peer.address.networkKey) < 0
  }

  // --- connections ------------------------------------------------------------------------------------------------

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
    this.#handshakes.recognise(peer.address.index, socket.remoteAddress ?? '')
    if (this.#dials(peer) || performance.now() < peer.shutOutUntil) {
      socket.destroy()
      return
    }
    if (peer.session !== null) this.#end(peer.session, 'replaced by a new connection')
    this.#begin(peer, socket)
  }

  /** The validator whose pinned key the other side has proven to hold. */
  #authenticate(socket: TLSSocket): Peer | undefined {
    const certificate = socket.getPeerX509Certificate()
    const key = certificate === undefined ? undefined : keyOfCertificate(certificate)
    return key === undefined ? undefined : this.#peerOfKey.get(keyOf(key))
  }

  #begin(peer: Peer, socket: TLSSocket): void {
    const now = performance.now()
    const session: Session = {
      peer,
      socket,
      greeted: false,
      queue: [],
      queuedBytes: 0,
      lastReceivedAt: now,
      pingSentAt: 0,
      pingId: 0,
      pause: null,
      reader: new FrameReader(this.#maxFrameBytes, {
        onFrame: (kind, payload) => this.#onFrame(session, kind, payload),
        onBroken: (code, message) => this.#fault(session, code, message),
      }),
    }
    peer.session = session
    socket.setNoDelay(true)
    this.#charge(session, CONNECT_US) // overdrawn, its greeting is read later, and nothing is sent before
    socket.on('data', (chunk: Buffer) => {
      session.lastReceivedAt = performance.now()
      peer.heardAt = session.lastReceivedAt
      peer.bytesIn += chunk.length
      session.reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    })
    socket.once('close', () => this.#end(session, 'connection closed'))
    const hello = encode((writer) => writer.u16(PROTOCOL_VERSION).raw(this.#options.chainId))
    this.#queue(session, frameOf(FRAME.hello, hello))
    this.flush()
  }

  #end(session: Session, reason: string): void {
    const { peer } = session
    session.reader.stop()
    session.socket.destroy()
    if (session.pause !== null) clearTimeout(session.pause)
    this.#dirty.delete(session)
    if (peer.session !== session) return
    peer.session = null
    if (this.#closed) return
    if (session.greeted) this.#options.handlers.onLost(peer.address.index, reason)
    this.#dialLater(peer)
  }

  // --- receiving --------------------------------------------------------------------------------------------------

  #onFrame(session: Session, kind: FrameKind, payload: Uint8Array): void {
    if (this.#closed) return
    const { handlers } = this.#options
    const from = session.peer.address.index
    if (kind === FRAME.hello) return this.#onHello(session, payload)
    if (!session.greeted) return this.#fault(session, 'no-hello', `expected a greeting first, got frame kind ${kind}`)
    switch (kind) {
      case FRAME.message:
        return handlers.onMessage(from, payload)
      case FRAME.transactions: {
        const transactions = decode(payload, (reader) => reader.longList(MAX_GOSSIP_TRANSACTIONS, byteStrings(this.#maxFrameBytes)))
        if (!transactions.ok) return this.#fault(session, transactions.error.code, transactions.error.message)
        return handlers.onTransactions(from, transactions.value)
      }
      case FRAME.ping:
        if (payload.length !== 4) return this.#fault(session, 'ping', `expected 4 bytes, got ${payload.length}`)
        this.#charge(session, PING_US)
        this.#queue(session, frameOf(FRAME.pong, payload))
        return this.#write(session)
      case FRAME.pong:
        return this.#onPong(session, payload)
    }
  }

  #onHello(session: Session, payload: Uint8Array): void {
    if (session.greeted) return this.#fault(session, 'hello', 'expected one greeting')
    // In every version the greeting begins with it; what follows is that version's own.
    const version = decode(payload.subarray(0, VERSION_BYTES), (reader) => reader.u16())
    if (version.ok && version.value !== PROTOCOL_VERSION) return this.#onOtherVersion(session, version.value)
    const hello = decode(payload, (reader) => ({ version: reader.u16(), chainId: reader.hash() }))
    if (!hello.ok) return this.#fault(session, 'hello', 'expected a greeting of 34 bytes')
    if (keyOf(hello.value.chainId) !== keyOf(this.#options.chainId)) {
      return this.#fault(session, 'chain', `expected chain ${toHex(this.#options.chainId)}, got ${toHex(hello.value.chainId)}`)
    }
    session.greeted = true
    session.peer.retryMs = FIRST_RETRY_MS
    this.#options.handlers.onConnected(session.peer.address.index)
    this.#ping(session, performance.now())
  }

  /** An upgrade under way: the connection ends, and nobody is shut out for longer and longer. */
  #onOtherVersion(session: Session, version: number): void {
    const { peer } = session
    const now = performance.now()
    peer.shutOutUntil = now + OTHER_VERSION_MS
    const told = peer.otherVersion
    if (told?.version !== version || now - told.toldAt >= VERSION_REPORT_MS) {
      peer.otherVersion = { version, toldAt: now }
      this.#options.handlers.onOtherVersion?.(peer.address.index, version, PROTOCOL_VERSION)
    }
    this.#end(session, `speaks protocol version ${version}`)
  }

  #pingAll(): void {
    const now = performance.now()
    for (const peer of this.#peers.values()) {
      const { session } = peer
      if (session === null) continue
      if (now - session.lastReceivedAt > SILENCE_MS && session.pause === null) this.#end(session, `silent for ${SILENCE_MS} ms`)
      else if (session.greeted) this.#ping(session, now)
    }
  }

  #ping(session: Session, now: number): void {
    session.pingId = (session.pingId + 1) >>> 0
    session.pingSentAt = now
    this.#queue(
      session,
      frameOf(
        FRAME.ping,
        encode((writer) => writer.u32(session.pingId)),
      ),
    )
    this.#write(session)
  }

  #onPong(session: Session, payload: Uint8Array): void {
    const id = decode(payload, (reader) => reader.u32())
    if (!id.ok) return this.#fault(session, 'pong', id.error.message)
    if (id.value !== session.pingId) return // an answer to an older ping: too late to measure
    const sample = performance.now() - session.pingSentAt
    const { peer } = session
    peer.roundTripMs = peer.roundTripMs === null ? sample : peer.roundTripMs + (sample - peer.roundTripMs) / 8
    this.#options.handlers.onRoundTrip(peer.address.index, peer.roundTripMs)
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  misbehaved(index: ValidatorIndex, code: string, message: string): void {
    const session = this.#peers.get(index)?.session
    if (session) this.#fault(session, code, message)
  }

  charge(index: ValidatorIndex, microseconds: number): void {
    const session = this.#peers.get(index)?.session
    if (session) this.#charge(session, microseconds)
  }

  #charge(session: Session, microseconds: number): void {
    const { peer, socket } = session
    const now = performance.now()
    const pauseMs = peer.allowance.spend(microseconds, now)
    if (pauseMs === 0 || session.pause !== null) return
    socket.pause()
    session.pause = setTimeout(() => {
      session.pause = null
      session.lastReceivedAt = performance.now()
      peer.heardAt = session.lastReceivedAt
      socket.resume()
    }, pauseMs)
    if (now - peer.throttledAt < THROTTLE_REPORT_MS) return
    peer.throttledAt = now
    this.#options.handlers.onThrottled?.(peer.address.index, pauseMs)
  }

  grant(microseconds: number): void {
    for (const peer of this.#peers.values()) peer.allowance.grant(microseconds)
  }

  #fault(session: Session, code: string, message: string): void {
    const { peer } = session
    if (peer.session !== session) return
    const now = performance.now()
    if (now - peer.lastFaultAt > FORGIVE_MS) peer.faults = 0
    const shutOutMs = Math.min(LAST_SHUTOUT_MS, FIRST_SHUTOUT_MS * 2 ** peer.faults)
    peer.faults++
    peer.lastFaultAt = now
    peer.shutOutUntil = now + shutOutMs
    this.#options.handlers.onMisbehaving(peer.address.index, code, message, shutOutMs)
    this.#end(session, `misbehaved: ${code}`)
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
    for (let from = 0; from < transactions.length; ) {
      let end = from
      let bytes = 4
      while (
        end < transactions.length &&
        end - from < MAX_GOSSIP_TRANSACTIONS &&
        (end === from || bytes + (transactions[end] as Uint8Array).length + 4 < this.#maxFrameBytes / 4)
      ) {
        bytes += (transactions[end++] as Uint8Array).length + 4
      }
      const payload = encode((writer) => writer.list(transactions.slice(from, end), (w, transaction) => w.bytes(transaction)))
      this.#queueFor(to, frameOf(FRAME.transactions, payload), UNREAD_BYTES)
      from = end
    }
  }

  /** `most`: who has more waiting is left out. */
  #queueFor(to: ValidatorIndex | 'all', frame: Uint8Array, most: number = Number.POSITIVE_INFINITY): void {
    assert(frame.length - 4 <= this.#maxFrameBytes, `a frame of ${frame.length} bytes exceeds the maximum of ${this.#maxFrameBytes}`)
    const peers = to === 'all' ? this.#peers.values() : [this.#peers.get(to)]
    for (const peer of peers) {
      const session = peer?.session
      if (!session?.greeted) continue
      if (session.socket.writableLength + session.queuedBytes <= most) this.#queue(session, frame)
    }
  }

  #queue(session: Session, frame: Uint8Array): void {
    session.queue.push(frame)
    session.queuedBytes += frame.length
    this.#dirty.add(session)
  }

  flush(): void {
    for (const session of this.#dirty) this.#write(session)
  }

  #write(session: Session): void {
    this.#dirty.delete(session)
    const { queue, queuedBytes, socket } = session
    if (queue.length === 0) return
    session.queue = []
    session.queuedBytes = 0
    if (socket.writableLength + queuedBytes > this.#maxBacklogBytes) {
      return this.#end(session, `does not read: more than ${this.#maxBacklogBytes} bytes are waiting`)
    }
    session.peer.bytesOut += queuedBytes
    const [only] = queue
    if (queue.length === 1 && only !== undefined) socket.write(only)
    else if (queuedBytes <= JOIN_BYTES) socket.write(Buffer.concat(queue, queuedBytes))
    else {
      socket.cork()
      for (const frame of queue) socket.write(frame)
      socket.uncork()
    }
  }

  // --- the rest ---------------------------------------------------------------------------------------------------

  peers(): readonly PeerStatus[] {
    const now = performance.now()
    return [...this.#peers.values()].map((peer) => ({
      index: peer.address.index,
      connected: peer.session?.greeted ?? false,
      roundTripMs: peer.roundTripMs,
      silentMs: peer.heardAt === null || (peer.session?.pause ?? null) !== null ? null : now - peer.heardAt,
      bytesIn: peer.bytesIn,
      bytesOut: peer.bytesOut,
    }))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#pingTimer !== null) clearInterval(this.#pingTimer)
    for (const peer of this.#peers.values()) {
      if (peer.retryTimer !== null) clearTimeout(peer.retryTimer)
      peer.dialling?.destroy()
      if (peer.session?.pause != null) clearTimeout(peer.session.pause)
      peer.session?.socket.destroy()
    }
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => {
      this.#listener.close(() => resolve())
    })
  }
}

/** Of an open connection, at both its layers. */
function nameOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

function listenError(host: string, port: number, error: NodeJS.ErrnoException): NetworkError {
  if (error.code === 'EADDRINUSE') {
    return new NetworkError(
      'port-in-use',
      `port ${port} on ${host} is in use`,
      'stop the program that uses it, or choose another port in config.json',
      error,
    )
  }
  return new NetworkError(
    'listen-failed',
    `cannot listen on ${host}:${port}: ${error.message}`,
    'check host and port in config.json',
    error,
  )
}

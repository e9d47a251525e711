/**
 * A session: one authenticated connection to a peer. It greets, cuts what comes into frames, measures round trips, keeps what waits to be
 * sent until `write`, and is read more slowly while the peer has overdrawn its account. What a fault or an end means for the peer is the
 * mesh's affair.
 */
import type { TLSSocket } from 'node:tls'
import { decode, encode, type Hash, keyOf, toHex } from '@aethel/codec'
import type { Allowance } from './allowance.js'
import { FRAME, type FrameKind, FrameReader, frameOf } from './frames.js'
import { decodeTransactions } from './gossip.js'

/** Rises with every change of what a frame, a message or a signature means to its reader: an older build could not tell that from an attack. */
export const PROTOCOL_VERSION = 3
/** Of a greeting. */
const VERSION_BYTES = 2
/** Frames up to this size together are joined into one write; larger ones are written as they are. */
const JOIN_BYTES = 256 * 1024
/** An honest peer pings once a second. */
const PING_US = 20
/** A connection costs two handshakes and what is sent to whoever has just come: STATUS, evidence, up to 4 MiB of transactions. */
const CONNECT_US = 20_000

/** What is counted and measured of a peer, over all its sessions. */
export interface Traffic {
  /** Smoothed; null before the first measurement. */
  roundTripMs: number | null
  /** Null: never. */
  heardAt: number | null
  bytesIn: number
  bytesOut: number
  /** Of the peer, not of a connection: coming back does not fill it. */
  readonly allowance: Allowance
}

export interface SessionOptions {
  readonly chainId: Hash
  readonly maxFrameBytes: number
  readonly maxBacklogBytes: number
  readonly traffic: Traffic
}

export interface SessionHandlers {
  /** The peer speaks this version, of this chain: messages may follow, and may be sent. */
  onGreeted(): void
  onOtherVersion(version: number): void
  onMessage(bytes: Uint8Array): void
  onTransactions(transactions: readonly Uint8Array[]): void
  onRoundTrip(roundTripMs: number): void
  /** It is not read for so long. */
  onPaused(pauseMs: number): void
  /** Something waits for `write`. */
  onQueued(): void
  /** The peer sent what no honest one sends. */
  onFault(code: string, message: string): void
  /** The connection is of no use any more. */
  onBroken(reason: string): void
}

export class Session {
  readonly #socket: TLSSocket
  readonly #options: SessionOptions
  readonly #traffic: Traffic
  readonly #handlers: SessionHandlers
  readonly #reader: FrameReader
  #isGreeted = false
  #isStopped = false
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #lastReceivedAt: number
  #pingSentAt = 0
  #pingId = 0
  /** While it is not read. */
  #pause: NodeJS.Timeout | null = null

  constructor(socket: TLSSocket, options: SessionOptions, handlers: SessionHandlers) {
    this.#socket = socket
    this.#options = options
    this.#traffic = options.traffic
    this.#handlers = handlers
    this.#lastReceivedAt = performance.now()
    this.#reader = new FrameReader(options.maxFrameBytes, {
      onFrame: (kind, payload) => this.#onFrame(kind, payload),
      onBroken: (code, message) => handlers.onFault(code, message),
    })
  }

  /** Begins to read, and greets. */
  begin(): void {
    const socket = this.#socket
    socket.setNoDelay(true)
    this.charge(CONNECT_US) // overdrawn, its greeting is read later, and nothing is sent before
    socket.on('data', (chunk: Buffer) => {
      this.#noteHeard()
      this.#traffic.bytesIn += chunk.length
      this.#reader.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
    })
    socket.once('close', () => this.#handlers.onBroken('connection closed'))
    const hello = encode((writer) => writer.u16(PROTOCOL_VERSION).raw(this.#options.chainId))
    this.queue(frameOf(FRAME.hello, hello))
    this.write()
  }

  /** Nothing is read, sent or told any more. */
  stop(): void {
    this.#isStopped = true
    this.#reader.stop()
    this.#socket.destroy()
    if (this.#pause !== null) clearTimeout(this.#pause)
  }

  get isGreeted(): boolean {
    return this.#isGreeted
  }

  /** Not read for a while, for what the peer has cost. */
  get isPaused(): boolean {
    return this.#pause !== null
  }

  /** Bytes that wait for the peer to read. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#queuedBytes
  }

  /** Milliseconds since the peer was last heard here; 0 while it is not read. */
  silentMs(now: number): number {
    return this.isPaused ? 0 : now - this.#lastReceivedAt
  }

  #noteHeard(): void {
    this.#lastReceivedAt = performance.now()
    this.#traffic.heardAt = this.#lastReceivedAt
  }

  // --- receiving --------------------------------------------------------------------------------------------------

  #onFrame(kind: FrameKind, payload: Uint8Array): void {
    if (this.#isStopped) return
    if (kind === FRAME.hello) return this.#onHello(payload)
    const handlers = this.#handlers
    if (!this.#isGreeted) return handlers.onFault('no-hello', `expected a greeting first, got frame kind ${kind}`)
    switch (kind) {
      case FRAME.message:
        return handlers.onMessage(payload)
      case FRAME.transactions: {
        const transactions = decodeTransactions(payload, this.#options.maxFrameBytes)
        if (!transactions.ok) return handlers.onFault(transactions.error.code, transactions.error.message)
        return handlers.onTransactions(transactions.value)
      }
      case FRAME.ping:
        if (payload.length !== 4) return handlers.onFault('ping', `expected 4 bytes, got ${payload.length}`)
        this.charge(PING_US)
        this.queue(frameOf(FRAME.pong, payload))
        return this.write()
      case FRAME.pong:
        return this.#onPong(payload)
    }
  }

  #onHello(payload: Uint8Array): void {
    const handlers = this.#handlers
    if (this.#isGreeted) return handlers.onFault('hello', 'expected one greeting')
    // In every version the greeting begins with it; what follows is that version's own.
    const version = decode(payload.subarray(0, VERSION_BYTES), (reader) => reader.u16())
    if (version.ok && version.value !== PROTOCOL_VERSION) return handlers.onOtherVersion(version.value)
    const hello = decode(payload, (reader) => ({ version: reader.u16(), chainId: reader.hash() }))
    if (!hello.ok) return handlers.onFault('hello', 'expected a greeting of 34 bytes')
    const { chainId } = this.#options
    if (keyOf(hello.value.chainId) !== keyOf(chainId)) {
      return handlers.onFault('chain', `expected chain ${toHex(chainId)}, got ${toHex(hello.value.chainId)}`)
    }
    this.#isGreeted = true
    handlers.onGreeted()
    this.ping()
  }

  ping(): void {
    this.#pingId = (this.#pingId + 1) >>> 0
    this.#pingSentAt = performance.now()
    const payload = encode((writer) => writer.u32(this.#pingId))
    this.queue(frameOf(FRAME.ping, payload))
    this.write()
  }

  #onPong(payload: Uint8Array): void {
    const id = decode(payload, (reader) => reader.u32())
    if (!id.ok) return this.#handlers.onFault('pong', id.error.message)
    if (id.value !== this.#pingId) return // an answer to an older ping: too late to measure
    const sample = performance.now() - this.#pingSentAt
    const traffic = this.#traffic
    traffic.roundTripMs = traffic.roundTripMs === null ? sample : traffic.roundTripMs + (sample - traffic.roundTripMs) / 8
    this.#handlers.onRoundTrip(traffic.roundTripMs)
  }

  /** Work that the peer has caused: beyond its allowance it is not read for a while. */
  charge(microseconds: number): void {
    const pauseMs = this.#traffic.allowance.spend(microseconds, performance.now())
    if (pauseMs === 0 || this.isPaused) return
    const socket = this.#socket
    socket.pause()
    this.#pause = setTimeout(() => {
      this.#pause = null
      this.#noteHeard()
      socket.resume()
    }, pauseMs)
    this.#handlers.onPaused(pauseMs)
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  queue(frame: Uint8Array): void {
    this.#queue.push(frame)
    this.#queuedBytes += frame.length
    this.#handlers.onQueued()
  }

  /** What is queued leaves; a peer that does not read is given up. */
  write(): void {
    const queue = this.#queue
    const queuedBytes = this.#queuedBytes
    if (queue.length === 0) return
    this.#queue = []
    this.#queuedBytes = 0
    const socket = this.#socket
    const { maxBacklogBytes } = this.#options
    if (socket.writableLength + queuedBytes > maxBacklogBytes) {
      return this.#handlers.onBroken(`does not read: more than ${maxBacklogBytes} bytes are waiting`)
    }
    this.#traffic.bytesOut += queuedBytes
    const [only] = queue
    if (queue.length === 1 && only !== undefined) socket.write(only)
    else if (queuedBytes <= JOIN_BYTES) socket.write(Buffer.concat(queue, queuedBytes))
    else {
      socket.cork()
      for (const frame of queue) socket.write(frame)
      socket.uncork()
    }
  }
}

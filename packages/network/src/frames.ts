/**
 * Frames on a stream: four bytes of length (of what follows), one byte of kind, the payload. The length is checked against
 * the maximum before anything is kept, and bytes are only gathered as they arrive, so a large claim costs nothing (trap E6).
 */
import { encode, type Writer } from '@aethel/codec'

/** What a frame carries. */
export const FRAME = {
  /** First on every connection: protocol version and chain. */
  hello: 1,
  /** Canonical bytes of one consensus message. */
  message: 2,
  /** A canonical list of transaction bytes. */
  transactions: 3,
  ping: 4,
  pong: 5,
} as const

export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

export const FRAME_HEADER_BYTES = 5

/** A message as it travels: for whoever sends the same one to several, or has it written where it leaves from. */
export type Frame = Uint8Array & { readonly __brand: 'Frame' }

export function messageFrame(write: (writer: Writer) => void): Frame {
  const frame = encode((writer) => write(writer.u32(0).u8(FRAME.message)))
  writeLength(frame)
  return frame as Frame
}

export interface FrameSink {
  onFrame(kind: FrameKind, payload: Uint8Array): void
  /** The stream is beyond repair; nothing after this is parsed. */
  onBroken(code: string, message: string): void
}

export function frameOf(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length)
  writeLength(frame)
  frame[4] = kind
  frame.set(payload, FRAME_HEADER_BYTES)
  return frame
}

function writeLength(frame: Uint8Array): void {
  const length = frame.length - 4
  frame[0] = length >>> 24
  frame[1] = (length >>> 16) & 0xff
  frame[2] = (length >>> 8) & 0xff
  frame[3] = length & 0xff
}

function isKind(value: number): value is FrameKind {
  return value >= FRAME.hello && value <= FRAME.pong
}

/** Smaller pieces are gathered: each that is kept for itself costs hundreds of bytes, and a peer may send them one byte at a time. */
const SMALL_BYTES = 4 * 1024
const GATHERED_BYTES: number = 4 * SMALL_BYTES

export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #sink: FrameSink
  /** What has come of a frame that is not whole: the pieces, and behind them what is gathered. */
  #pieces: Uint8Array[] = []
  readonly #gathered = new Uint8Array(GATHERED_BYTES)
  #gatheredBytes = 0
  /** Bytes of both. */
  #held = 0
  /** Bytes needed before parsing can go on. */
  #needed = FRAME_HEADER_BYTES
  #stopped = false

  constructor(maxFrameBytes: number, sink: FrameSink) {
    this.#maxFrameBytes = maxFrameBytes
    this.#sink = sink
  }

  /** Ignores everything from now on. */
  stop(): void {
    this.#stopped = true
    this.#pieces = []
    this.#gatheredBytes = 0
    this.#held = 0
  }

  push(chunk: Uint8Array): void {
    if (this.#stopped) return
    if (this.#held + chunk.length < this.#needed) {
      this.#keep(chunk)
      return
    }
    let bytes = chunk
    if (this.#held > 0) {
      this.#endGathering()
      this.#pieces.push(chunk)
      bytes = joined(this.#pieces, this.#held + chunk.length)
      this.#pieces = []
      this.#held = 0
    }
    this.#parse(bytes)
  }

  #keep(piece: Uint8Array): void {
    this.#held += piece.length
    if (piece.length >= SMALL_BYTES || this.#gatheredBytes + piece.length > GATHERED_BYTES) this.#endGathering()
    if (piece.length >= SMALL_BYTES) this.#pieces.push(piece)
    else {
      this.#gathered.set(piece, this.#gatheredBytes)
      this.#gatheredBytes += piece.length
    }
  }

  #endGathering(): void {
    if (this.#gatheredBytes > 0) this.#pieces.push(this.#gathered.slice(0, this.#gatheredBytes))
    this.#gatheredBytes = 0
  }

  #parse(bytes: Uint8Array): void {
    let at = 0
    this.#needed = FRAME_HEADER_BYTES
    while (bytes.length - at >= FRAME_HEADER_BYTES && !this.#stopped) {
      const length =
        (((bytes[at] as number) << 24) |
          ((bytes[at + 1] as number) << 16) |
          ((bytes[at + 2] as number) << 8) |
          (bytes[at + 3] as number)) >>>
        0
      const kind = bytes[at + 4] as number
      if (length < 1 || length > this.#maxFrameBytes)
        return this.#break('frame-length', `expected a frame of 1..${this.#maxFrameBytes} bytes, got a length of ${length}`)
      if (!isKind(kind)) return this.#break('frame-kind', `expected a frame kind 1..5, got ${kind}`)
      if (bytes.length - at < 4 + length) {
        this.#needed = 4 + length
        break
      }
      this.#sink.onFrame(kind, bytes.subarray(at + FRAME_HEADER_BYTES, at + 4 + length))
      at += 4 + length
    }
    if (at === bytes.length || this.#stopped) return
    const rest = bytes.subarray(at)
    this.#keep(at === 0 || rest.length < SMALL_BYTES ? rest : rest.slice()) // a small one is copied anyway, a large one must not keep the frames before it
  }

  #break(code: string, message: string): void {
    this.stop()
    this.#sink.onBroken(code, message)
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

/** What a run leaves behind: lines for a reader, and a hash by which two runs of one seed are compared. */
import type { Hash } from '@aethel/codec'
import type { Message } from '@aethel/consensus'

/** `node` is -1 for what concerns the network as a whole. */
export interface TraceLine {
  readonly atMs: number
  readonly node: number
  readonly what: string
  readonly [detail: string]: unknown
}

/** Writes one of them, of now. */
export type Trace = (node: number, what: string, detail?: object) => void

const KIND_CODES = {
  'pre-prepare': 1,
  vote: 2,
  'view-change': 3,
  'new-view': 4,
  status: 5,
  fetch: 6,
  blocks: 7,
  block: 8,
  'view-claim': 9,
  snapshot: 11,
  chunk: 12,
  'blob-part': 13,
  'blob-held': 14,
  'blob-absent': 15,
  evidence: 20,
  'compact-pre-prepare': 21,
  'block-transactions': 23,
  certificate: 24,
  sum: 25,
} as const

/** Two lanes of 32 bits over every delivery and every commit: cheap, and any difference spreads to all that follows. */
export class TraceHash {
  #a = 0x12345678
  #b = 0x9e3779b9 | 0

  #fold(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x85ebca6b)
    this.#a ^= this.#a >>> 15
    this.#b = (Math.imul(this.#b, 0x01000193) + value) ^ this.#a
  }

  message(atMs: number, from: number, to: number, message: Message): void {
    this.#fold(Math.round(atMs * 1_024))
    this.#fold((from << 16) ^ (to << 4) ^ KIND_CODES[message.kind])
    if (message.kind === 'vote') this.#fold(message.vote.view * 65_536 + message.vote.height)
  }

  commit(node: number, hash: Hash): void {
    this.#fold(node)
    for (let at = 0; at < 32; at += 4) {
      this.#fold(
        ((hash[at] as number) << 24) | ((hash[at + 1] as number) << 16) | ((hash[at + 2] as number) << 8) | (hash[at + 3] as number),
      )
    }
  }

  get text(): string {
    return [this.#a, this.#b].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }
}

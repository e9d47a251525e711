/**
 * From sender to receiver: the network says when the copies of a message arrive (network.ts), and here they become events. What one
 * sender says to many at once is one place in the queue.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Payload } from './edge.js'
import type { EventQueue } from './events.js'
import type { Network } from './network.js'
import type { WorldEvent } from './world-events.js'

/** Fewer are put into the queue one by one: that costs less than a flock. */
const FLOCK_RECEIVERS = 16

/**
 * While so much waits for each of the others, transactions are left out, which come again: as in the mesh (UNREAD_BYTES), where a block may have 8 MiB
 * and this much, too, may be unread. Here a block has 64 KiB. Without it a validator that was behind, and offered what was final already at every tick, asked
 * for blocks later and later (seed 510051 with the ledger), until replicas offered less (docs/protocol.md §7).
 */
const UNREAD_BYTES: number = 64 * 1_024

export interface LinesOptions {
  readonly events: EventQueue<WorldEvent>
  readonly network: Pick<Network, 'route' | 'backlogBytes'>
  readonly validators: number
}

export class Lines {
  readonly #events: EventQueue<WorldEvent>
  readonly #network: LinesOptions['network']
  readonly #validators: number
  /** Sent so far, each receiver counted. */
  messages = 0
  /** Of all messages and transactions sent, lost ones too, in the size that `roughBytes` gives them. */
  bytesSent = 0

  constructor({ events, network, validators }: LinesOptions) {
    this.#events = events
    this.#network = network
    this.#validators = validators
  }

  /** The same to one, or to everybody else. */
  send(from: number, to: ValidatorIndex | 'all', payload: Payload): void {
    if (to !== 'all') return this.transmit(from, to, payload)
    this.transmitAll(from, this.#validators, identity, () => payload)
  }

  /** Transactions: not to who has much unread. */
  gossip(from: number, to: ValidatorIndex | 'all', payload: Payload): void {
    const unread = this.#network.backlogBytes(from, this.#events.nowMs) / Math.max(1, this.#validators - 1)
    if (unread <= UNREAD_BYTES) this.send(from, to, payload)
  }

  /** `afterMs`: the sender holds it back for so long. */
  transmit(from: number, to: number, payload: Payload, afterMs = 0): void {
    if (from === to) return
    this.messages++
    this.bytesSent += payload.bytes
    for (const arrivesMs of this.#network.route(from, to, payload.bytes, this.#events.nowMs)) {
      this.#events.push(arrivesMs + afterMs, { kind: 'deliver', from, to, payload })
    }
  }

  /** To each of these in turn. */
  transmitAll(from: number, count: number, toOf: (position: number) => number, payloadOf: (position: number) => Payload): void {
    if (count < FLOCK_RECEIVERS) {
      for (let position = 0; position < count; position++) this.transmit(from, toOf(position), payloadOf(position))
      return
    }
    const [times, positions]: [number[], number[]] = [[], []]
    for (let position = 0; position < count; position++) {
      const to = toOf(position)
      if (from === to) continue
      const { bytes } = payloadOf(position)
      this.messages++
      this.bytesSent += bytes
      for (const arrivesMs of this.#network.route(from, to, bytes, this.#events.nowMs)) {
        times.push(arrivesMs)
        positions.push(position)
      }
    }
    this.#events.pushMany(times, (nth) => {
      const position = positions[nth] as number
      return { kind: 'deliver', from, to: toOf(position), payload: payloadOf(position) }
    })
  }
}

function identity(position: number): number {
  return position
}

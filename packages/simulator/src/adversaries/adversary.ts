/** The face of a faulty validator: an unmodified replica whose messages pass through a strategy. */
import type { Signature, ValidatorIndex } from '@aethel/codec'
import type { Message } from '@aethel/consensus'
import type { CompactKnobs } from '../knobs.js'
import type { Random } from '../random.js'
import type { Conspiracy } from './conspiracy.js'

export interface AdversaryContext {
  readonly self: ValidatorIndex
  readonly peers: readonly ValidatorIndex[]
  readonly conspiracy: Conspiracy
  readonly random: Random
  /** Of proposals that go by the ids of their transactions; null: none do, but those of whose strategy it is. */
  readonly compact: CompactKnobs | null
  nowMs(): number
  /** Nothing is lost any more, and everybody is up. */
  isHealed(): boolean
  /** What its own replica would wait for a leader: a good guess of what the others do. */
  viewTimeoutMs(): number
  /** Power over the network: until then nothing reaches or leaves `victim`. No effect after healing. */
  isolate(victim: ValidatorIndex, forMs: number): void
  /** A lie was told: for coverage. */
  note(lie: string): void
}

export interface Outgoing {
  readonly to: ValidatorIndex
  readonly message: Message
  /** Held back by the sender for so long. */
  readonly afterMs?: number
}

/** One faulty validator's behaviour; keeps what it needs to remember. */
export interface Adversary {
  /** What really goes out when the replica wants to send `message` to `to`. */
  onSend(to: ValidatorIndex | 'all', message: Message): readonly Outgoing[]
  /** What it sends of its own accord on seeing `message`. */
  onReceive(from: ValidatorIndex, message: Message): readonly Outgoing[]
  /** What it sends of its own accord as time goes by, every `ADVERSARY_TICK_MS`. */
  onTick(): readonly Outgoing[]
  /** Whether it passes transactions on. */
  readonly gossips: boolean
}

export const ADVERSARY_TICK_MS = 50

export type Sign = (bytes: Uint8Array) => Signature

/** What an honest validator would do: the ground every strategy starts from. */
export function obedient(context: AdversaryContext): Adversary {
  return {
    onSend: (to, message) => spread(context, to, message),
    onReceive: () => [],
    onTick: () => [],
    gossips: true,
  }
}

export function spread(context: AdversaryContext, to: ValidatorIndex | 'all', message: Message): Outgoing[] {
  return to === 'all' ? broadcast(context, message) : [{ to, message }]
}

export function broadcast(context: AdversaryContext, message: Message): Outgoing[] {
  return context.peers.map((to) => ({ to, message }))
}

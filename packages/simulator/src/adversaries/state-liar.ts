/** What a sync liar makes of the states it is asked for: offers that nobody certified, and chunks of everything but the state. */
import { concatBytes, type Hash, height, ZERO_HASH } from '@aethel/codec'
import type { ChunkMessage, Message, SnapshotMessage } from '@aethel/consensus'
import type { AdversaryContext } from './adversary.js'
import { spoil } from './spoil.js'

type Lie<T> = (context: AdversaryContext, message: T, before: T | null) => Message | null

const OFFER_LIES: Readonly<Record<string, Lie<SnapshotMessage>>> = {
  nothing: () => null,
  'another root': (_, { offer }) => ({
    kind: 'snapshot',
    offer: { ...offer, header: { ...offer.header, stateRoot: offer.header.parent } },
  }),
  'another height': (context, { offer }) => ({
    kind: 'snapshot',
    offer: { ...offer, header: { ...offer.header, height: height(offer.header.height + 1 + context.random.below(9)) } },
  }),
  'a spoiled certificate': (context, { offer }) => ({
    kind: 'snapshot',
    offer: { ...offer, certificate: spoil(context, offer.certificate, context.random) },
  }),
  'the certificate of another': (context, { offer }) => ({
    kind: 'snapshot',
    offer: { ...offer, certificate: context.conspiracy.certificates.at(0) ?? offer.certificate },
  }),
  'no links': (_, { offer }) => ({ kind: 'snapshot', offer: { ...offer, links: [] } }),
  'validators of its own': (_, { offer }) => ({
    kind: 'snapshot',
    offer: { ...offer, links: offer.links.map((link) => ({ ...link, nextValidators: link.nextValidators.slice(0, 1) })) },
  }),
  'an old one': (_, message, before) => before ?? message,
  'the truth': (_, message) => message,
}

const CHUNK_LIES: Readonly<Record<string, Lie<ChunkMessage>>> = {
  nothing: () => null,
  'wrong bytes': (context, message) => ({ ...message, chunk: flipped(message.chunk, context.random.below(8 * message.chunk.length)) }),
  truncated: (context, message) => ({ ...message, chunk: message.chunk.slice(0, context.random.below(message.chunk.length)) }),
  'too much': (_, message) => ({ ...message, chunk: concatBytes(message.chunk, Uint8Array.of(0)) }),
  'the root itself': (_, message) => ({
    ...message,
    chunk: concatBytes(message.cursor.length === 0 ? ZERO_HASH : (message.cursor as Hash), new Uint8Array(4)),
  }),
  'of another state': (_, message, before) => (before === null ? null : { ...message, chunk: before.chunk }),
  'of another height': (_, message) => ({ ...message, height: height(message.height + 1) }),
  'of another place': (_, message) => ({ ...message, cursor: message.chunk.slice(0, 32) }),
  'the truth': (_, message) => message,
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = bytes.slice()
  changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
  return changed
}

/** Remembers what it served before, to serve it again where it does not belong. */
export function stateLiar(context: AdversaryContext): (message: SnapshotMessage | ChunkMessage) => Message | null {
  let offer: SnapshotMessage | null = null
  let chunk: ChunkMessage | null = null
  // One lie about an offer and nobody asks for chunks: so offers are true most of the time.
  const lie = <T>(lies: Readonly<Record<string, Lie<T>>>, what: string, message: T, before: T | null): Message | null => {
    const name = what === 'offered' && context.random.chance(0.7) ? 'the truth' : context.random.pick(Object.keys(lies))
    context.note(`${what} ${name}`)
    return (lies[name] as Lie<T>)(context, message, before)
  }
  return (message) => {
    if (message.kind === 'snapshot') {
      const told = lie(OFFER_LIES, 'offered', message, offer)
      offer ??= message
      return told
    }
    const told = lie(CHUNK_LIES, 'chunk:', message, chunk)
    if (chunk === null || message.height !== chunk.height) chunk = message
    return told
  }
}

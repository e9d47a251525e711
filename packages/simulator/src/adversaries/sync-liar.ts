/** A peer that makes catching up hard: claims heights it does not have, serves garbage, or nothing. */
import { bitmapOf, height, type ValidatorIndex } from '@aethel/codec'
import type { Block, Blocks, Message, Status } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, type Outgoing, obedient, spread } from './adversary.js'
import { rivalOf } from './proposers.js'
import { spoil } from './spoil.js'
import { stateLiar } from './state-liar.js'

type Reply = (context: AdversaryContext, message: Blocks) => Message | null

const REPLIES: Readonly<Record<string, Reply>> = {
  nothing: () => null,
  'rival blocks': (_, { gas: _gas, ...message }) => ({ ...message, blocks: message.blocks.map(rivalOf) }),
  'a gap': (_, { gas: _gas, ...message }) => ({ ...message, blocks: message.blocks.filter((_each, position) => position !== 1) }),
  'no blocks': (_, { gas: _gas, ...message }) => ({ ...message, blocks: [] }),
  'links left out': (_, { gas: _gas, ...message }) => ({ ...message, links: [], blocks: message.blocks.slice(0, -1) }),
  'a spoiled certificate': (context, message) => ({ ...message, certificate: spoil(context, message.certificate, context.random) }),
  'the certificate of another': (context, message) => ({
    ...message,
    certificate: context.conspiracy.certificates.at(0) ?? message.certificate,
  }),
  'other gas': (_, message) =>
    message.gas === undefined ? message : { ...message, gas: message.gas.map((each) => each.map((gas) => gas + 1)) },
  'another body': (_, { gas: _gas, ...message }) => ({
    ...message,
    blocks: message.blocks.map((block, position) => (position === message.blocks.length - 1 ? withoutBody(block) : block)),
  }),
  'only the first': (_, { gas: _gas, ...message }) => ({ ...message, blocks: message.blocks.slice(0, 1) }),
  'the truth': (_, message) => message,
}

/** The header is the certified one, and says otherwise. */
function withoutBody(block: Block): Block {
  const transactions = block.body.transactions.length > 0 ? [] : [Uint8Array.of(1)]
  return { ...block, body: { ...block.body, transactions } }
}

export const SYNC_REPLIES: readonly string[] = Object.keys(REPLIES)

export function syncLiar(context: AdversaryContext): Adversary {
  const { random, self } = context
  const lieAboutState = stateLiar(context)
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind === 'status' && message.sender === self) return tell(context, to, message)
      if (message.kind === 'blocks') {
        const name = random.pick(SYNC_REPLIES)
        context.note(`served ${name}`)
        const reply = (REPLIES[name] as Reply)(context, message)
        return reply === null ? [] : spread(context, to, reply)
      }
      if (message.kind === 'block') {
        const other = random.pick([...context.conspiracy.blocks.values(), message.block])
        context.note('served another body')
        // Of the block asked for under the header of that block; and where that is the same, as it is.
        const block = random.chance(0.3) ? null : { ...message.block, body: other.body }
        return block === null ? [] : spread(context, to, { kind: 'block', block })
      }
      if (message.kind === 'snapshot' || message.kind === 'chunk') {
        const told = lieAboutState(message)
        return told === null ? [] : spread(context, to, told)
      }
      if (message.kind === 'blob-part') return lieAboutBlob(context, to, message)
      return spread(context, to, message)
    },
  }
}

/** Another byte, another place, nothing at all, or that it has none. */
function lieAboutBlob(context: AdversaryContext, to: ValidatorIndex | 'all', message: Extract<Message, { kind: 'blob-part' }>): Outgoing[] {
  const { random } = context
  const { blob, part } = message
  switch (random.below(5)) {
    case 0: {
      context.note('served another chunk of a blob')
      const chunk = part.chunk.slice()
      const at = random.below(chunk.length)
      chunk[at] = (chunk[at] as number) ^ 1
      return spread(context, to, { ...message, part: { ...part, chunk } })
    }
    case 1:
      context.note('served a chunk of a blob with another path')
      return spread(context, to, { ...message, part: { ...part, path: part.path.slice(1) } })
    case 2:
      return []
    case 3:
      return spread(context, to, { kind: 'blob-absent', blob })
    default:
      return spread(context, to, message)
  }
}

/** Each peer hears of another height; sometimes of votes held that are not, so that nobody sends them again. */
function tell(context: AdversaryContext, to: ValidatorIndex | 'all', message: Status): Outgoing[] {
  const { conspiracy, random } = context
  const count = conspiracy.validators.validators.length
  const everybody = bitmapOf(
    count,
    Array.from({ length: count }, (_, index) => index),
  )
  return spread(context, to, message).map(({ to: peer }) => {
    const { signature: _, ...fields } = message
    const draw = random.below(4)
    if (draw === 0) return { to: peer, message }
    context.note(['', 'claimed more than committed', 'claimed nothing committed', 'claimed every vote'][draw] as string)
    if (draw === 1)
      return {
        to: peer,
        message: conspiracy.status({ ...fields, committedHeight: height(message.committedHeight + 1 + random.below(50)) }),
      }
    if (draw === 2) return { to: peer, message: conspiracy.status({ ...fields, committedHeight: height(0), slots: [] }) }
    const slots = message.slots.map((slot) => ({ ...slot, prepares: everybody, commits: everybody }))
    return { to: peer, message: conspiracy.status({ ...fields, slots }) }
  })
}

/**
 * Proposals by the ids of their transactions, as faulty leaders send them: to each peer another list for one and the same header, of which most lead nowhere.
 * The signature covers the header alone, so every one of these passes the edge.
 */
import { type Hash, hash, keyOf, type ValidatorIndex } from '@aethel/codec'
import type { CompactPrePrepare, Message, NamedTransaction, PrePrepare } from '@aethel/consensus'
import { compactOf, transactionIdOf } from '@aethel/replica'
import { type Adversary, type AdversaryContext, type Outgoing, obedient, spread } from './adversary.js'

type List = readonly NamedTransaction[]
/** Null: this list offers no way to tell the lie. */
type Lie = (list: List, context: AdversaryContext, message: CompactPrePrepare) => List | null

/** Drawn, so that nobody has such a transaction. */
function nobodysId({ random }: AdversaryContext): Hash {
  return hash(Uint8Array.from({ length: 32 }, () => random.below(256)))
}

const LIES: Readonly<Record<string, Lie>> = {
  'one that nobody has': (list, context) => list.with(context.random.below(list.length), { id: nobodysId(context) }),
  'all that nobody has': (list, context) => list.map(() => ({ id: nobodysId(context) })),
  'another order': (list) => (list.length < 2 ? null : [...list].reverse()),
  'one twice': (list, { random }) => [...list, list[random.below(list.length)] as NamedTransaction],
  'one left out': (list) => list.slice(1),
  'those of another block': (_, { conspiracy }, { header, hash: own }) => {
    const other = [...conspiracy.blocks.values()].find((block) => keyOf(block.hash) !== keyOf(own) && block.header.height === header.height)
    return other === undefined ? null : other.body.transactions.map((bytes) => ({ id: transactionIdOf(bytes) }))
  },
  'another itself': (list) => list.with(0, { bytes: Uint8Array.of(1, 2, 3) }),
}
export const COMPACT_LIES: readonly string[] = Object.keys(LIES)

/** The proposal in its compact form, with ids that are true or not. */
function compactLie(context: AdversaryContext, proposal: PrePrepare, lieRate: number): CompactPrePrepare {
  const { random, note } = context
  const message = compactOf(proposal, 'all')
  if (message.transactions.length === 0 || !random.chance(lieRate)) return message
  const name = random.pick(COMPACT_LIES)
  const transactions = (LIES[name] as Lie)(message.transactions, context, message)
  if (transactions === null) return message
  note(`ids: ${name}`)
  return { ...message, transactions }
}

/** Some of the proposals that a strategy sends go out compact, each for itself. */
export function someCompact(context: AdversaryContext, outgoing: readonly Outgoing[]): readonly Outgoing[] {
  const { compact, random } = context
  if (compact === null) return outgoing
  return outgoing.map((each) =>
    each.message.kind === 'pre-prepare' && random.chance(0.5)
      ? { ...each, message: compactLie(context, each.message, compact.lieRate) }
      : each,
  )
}

const LIE_RATE = 0.7

/** As leader it names transactions that nobody has, or other ones to each; what it is asked for it does not answer. */
export function hollow(context: AdversaryContext): Adversary {
  const { random } = context
  return {
    ...obedient(context),
    onSend: (to: ValidatorIndex | 'all', message: Message) => {
      if (message.kind === 'block-transactions' || message.kind === 'block') return random.chance(0.5) ? [] : badAnswer(to, message)
      const outgoing = spread(context, to, message)
      if (message.kind !== 'pre-prepare' || message.sender !== context.self) return outgoing
      return outgoing.map((each) => ({ ...each, message: compactLie(context, message, LIE_RATE) }))
    },
  }
}

/** Transactions asked for, with one of them changed. */
function badAnswer(to: ValidatorIndex | 'all', message: Extract<Message, { kind: 'block-transactions' | 'block' }>): Outgoing[] {
  if (to === 'all') return []
  if (message.kind === 'block') return [{ to, message }]
  const transactions = message.transactions.map((each, at) => (at === 0 ? { ...each, bytes: Uint8Array.of(4, 5, 6) } : each))
  return [{ to, message: { ...message, transactions } }]
}

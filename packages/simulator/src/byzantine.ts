/**
 * Faulty validators: an unmodified replica with its own key whose outgoing messages pass through a strategy that may hold
 * them back, change them, sign rivals, or say different things to different peers. They can sign with their own keys only.
 */
import { type Hash, height, keyOf, type Signature, type ValidatorIndex } from '@aethel/codec'
import {
  type Ballot,
  type Block,
  ballotBytes,
  createBlock,
  type Message,
  type PrePrepare,
  type ViewChange,
  type Vote,
  viewChangeBytes,
} from '@aethel/consensus'
import type { ByzantineStrategy } from './knobs.js'
import type { Random } from './random.js'

export interface ByzantineContext {
  readonly self: ValidatorIndex
  readonly count: number
  readonly chainId: Hash
  readonly random: Random
  sign(bytes: Uint8Array): Signature
}

export interface Outgoing {
  readonly to: ValidatorIndex
  readonly message: Message
}

/** One faulty validator's behaviour; keeps what it needs to remember. */
export interface Adversary {
  /** What really goes out when the replica wants to send `message` to `to`. */
  onSend(to: ValidatorIndex | 'all', message: Message): Outgoing[]
  /** What it sends of its own accord on seeing `message`. */
  onReceive(message: Message): Outgoing[]
}

const MAX_REMEMBERED = 256

export function createAdversary(strategy: ByzantineStrategy, context: ByzantineContext): Adversary {
  const peers = Array.from({ length: context.count }, (_, index) => index as ValidatorIndex).filter((index) => index !== context.self)
  const spread = (to: ValidatorIndex | 'all', message: Message): Outgoing[] =>
    (to === 'all' ? peers : [to]).map((peer) => ({ to: peer, message }))
  const honest = { onSend: spread, onReceive: (): Outgoing[] => [] }
  switch (strategy) {
    case 'silent':
      return { onSend: () => [], onReceive: () => [] }
    case 'equivocate':
      return {
        ...honest,
        onSend: (to, message) => (message.kind === 'pre-prepare' ? equivocate(context, peers, message) : spread(to, message)),
      }
    case 'two-faced':
      return twoFaced(context, peers, spread)
    case 'liar':
      return { ...honest, onSend: (to, message) => spread(to, message.kind === 'view-change' ? forget(context, message) : message) }
    case 'replay':
      return replay(context, peers, spread)
    case 'selective':
      return {
        ...honest,
        onSend: (to, message) =>
          spread(to, message).filter(({ to: peer }) => (peer + context.self) % 2 === 0 || context.random.chance(0.3)),
      }
  }
}

function vote(context: ByzantineContext, ballot: Ballot): Vote {
  return { ...ballot, sender: context.self, signature: context.sign(ballotBytes(context.chainId, ballot)) }
}

/** The same proposal with another timestamp: executes alike, hashes differently. */
function rival(block: Block): Block {
  return createBlock({ ...block.header, timestampMs: block.header.timestampMs + 1 }, block.body)
}

/** Two blocks for one slot, each half of the peers gets one; some get both. */
function equivocate(context: ByzantineContext, peers: readonly ValidatorIndex[], message: PrePrepare): Outgoing[] {
  const block = rival(message.block)
  const ballot: Ballot = { kind: 'prepare', epoch: message.epoch, view: message.view, height: block.header.height, blockHash: block.hash }
  const other: PrePrepare = { ...message, block, signature: vote(context, ballot).signature }
  return peers.flatMap((to) => {
    const draw = context.random.below(5)
    if (draw < 2) return [{ to, message }]
    if (draw < 4) return [{ to, message: other }]
    return [
      { to, message },
      { to, message: other },
    ]
  })
}

/** Equivocates when leading, and votes PREPARE and COMMIT for everything it ever hears of, to everybody. */
function twoFaced(context: ByzantineContext, peers: readonly ValidatorIndex[], spread: Adversary['onSend']): Adversary {
  const seen = new Set<string>()
  const support = (ballot: Ballot): Outgoing[] => {
    const key = `${ballot.view}/${ballot.height}/${keyOf(ballot.blockHash)}`
    if (seen.has(key)) return []
    if (seen.size > MAX_REMEMBERED) seen.clear()
    seen.add(key)
    const votes = (['prepare', 'commit'] as const).map((kind) => vote(context, { ...ballot, kind }))
    return peers.flatMap((to) => votes.map((each) => ({ to, message: { kind: 'vote' as const, vote: each } })))
  }
  return {
    onSend: (to, message) => {
      if (message.kind === 'vote' && message.vote.sender === context.self) return []
      return message.kind === 'pre-prepare' ? equivocate(context, peers, message) : spread(to, message)
    },
    onReceive: (message) => {
      if (message.kind === 'vote') return support(message.vote)
      if (message.kind !== 'pre-prepare') return []
      const { epoch, view, block } = message
      return support({ kind: 'prepare', epoch, view, height: block.header.height, blockHash: block.hash })
    },
  }
}

/** A VIEW-CHANGE that claims to know no certificate at all: always possible, never harmful. */
function forget(context: ByzantineContext, message: ViewChange): ViewChange {
  const { signature: _, ...fields } = message.entry
  const unsigned = { ...fields, highest: null, committedHeight: height(0) }
  return {
    kind: 'view-change',
    entry: { ...unsigned, signature: context.sign(viewChangeBytes(context.chainId, unsigned)) },
    certificate: null,
  }
}

/** Sends everything it ever saw again, at random. */
function replay(context: ByzantineContext, peers: readonly ValidatorIndex[], spread: Adversary['onSend']): Adversary {
  const remembered: Message[] = []
  const remember = (message: Message): void => {
    if (remembered.length < MAX_REMEMBERED) remembered.push(message)
    else remembered[context.random.below(MAX_REMEMBERED)] = message
  }
  return {
    onSend: (to, message) => {
      remember(message)
      return spread(to, message)
    },
    onReceive: (message) => {
      remember(message)
      if (!context.random.chance(0.3)) return []
      return [{ to: context.random.pick(peers), message: context.random.pick(remembered) }]
    },
  }
}

/** Faulty leaders that propose good blocks in bad places: two for one slot, or a rival of the tip that NEW-VIEW prescribes. */
import { keyOf } from '@aethel/codec'
import { type Ballot, type Block, createBlock, type PrePrepare } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, broadcast, type Outgoing, obedient, spread } from './adversary.js'
import { ballotIn, firstTime, votesFor } from './ballots.js'

/** The same proposal with another timestamp: executes alike, hashes differently. */
export function rivalOf(block: Block): Block {
  return createBlock({ ...block.header, timestampMs: block.header.timestampMs + 1 }, block.body)
}

/** Two blocks for one slot; each half of the peers gets one, some get both. */
export function equivocate(context: AdversaryContext, message: PrePrepare): Outgoing[] {
  const other = context.conspiracy.prePrepare(context.self, message.view, rivalOf(message.block))
  return context.peers.flatMap((to) => {
    const draw = context.random.below(5)
    if (draw < 2) return [{ to, message }]
    if (draw < 4) return [{ to, message: other }]
    return [
      { to, message },
      { to, message: other },
    ]
  })
}

export function equivocator(context: AdversaryContext): Adversary {
  return {
    ...obedient(context),
    onSend: (to, message) => (message.kind === 'pre-prepare' ? equivocate(context, message) : spread(context, to, message)),
  }
}

/** As leader it shows one block to one half and another block to the other half, and helps each half along with its votes. */
export function split(context: AdversaryContext): Adversary {
  const { conspiracy, self } = context
  const lead = (message: PrePrepare): Outgoing[] => {
    const rival = conspiracy.rivals.get(keyOf(message.block.hash)) ?? rivalOf(message.block)
    conspiracy.rivals.set(keyOf(message.block.hash), rival)
    const other = conspiracy.prePrepare(self, message.view, rival)
    const proposals = context.peers.map((to) => ({ to, message: conspiracy.side[to] === 1 && !conspiracy.isMember(to) ? other : message }))
    const first = ballotIn(message)
    const second = ballotIn(other)
    return [...proposals, ...(first === null ? [] : votesFor(context, first, 0)), ...(second === null ? [] : votesFor(context, second, 1))]
  }
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind === 'pre-prepare' && message.sender === self) return lead(message)
      if (message.kind === 'vote' && conspiracy.rivals.has(keyOf(message.vote.blockHash))) return []
      return spread(context, to, message)
    },
    onReceive: splitVotes(context),
  }
}

/** Two consistent worlds: each half of the validators sees one block of every split slot, and only the votes for that one. */
function splitVotes(context: AdversaryContext): Adversary['onReceive'] {
  const isNew = firstTime()
  return (_, message) => {
    const first = ballotIn(message)
    if (first === null || !isNew(first)) return []
    const rival = context.conspiracy.rivals.get(keyOf(first.blockHash))
    if (rival === undefined) return []
    const second: Ballot = { ...first, blockHash: rival.hash }
    return [first, second].flatMap((ballot, side) => votesFor(context, ballot, side))
  }
}

/**
 * Where NEW-VIEW prescribes a tip it proposes something else at that height: a fresh block beside it, or the tip's parent
 * again, one height below. Sometimes it reopens a height that is committed already.
 */
export function tipRival(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  const beside = (block: Block, at: PrePrepare['view']): Block =>
    createBlock({ ...block.header, view: at, proposer: self, timestampMs: block.header.timestampMs + 1 }, block.body)
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind !== 'pre-prepare' || message.sender !== self) return spread(context, to, message)
      if (message.block.header.view < message.view) {
        const parent = conspiracy.blocks.get(keyOf(message.block.header.parent))
        const draw = random.below(4)
        if (draw === 0 && parent !== undefined) {
          context.note('re-proposed the parent of the tip')
          return broadcast(context, conspiracy.prePrepare(self, message.view, parent))
        }
        context.note('proposed a rival of the tip')
        const rival = conspiracy.prePrepare(self, message.view, beside(message.block, message.view))
        return draw === 1
          ? context.peers.map((peer) => ({ to: peer, message: peer % 2 === 0 ? rival : message }))
          : broadcast(context, rival)
      }
      const reopened = random.chance(0.3) ? conspiracy.blockAt(message.block.header.height - 1) : undefined
      if (reopened === undefined || reopened.header.view >= message.view) return spread(context, to, message)
      context.note('reopened a height')
      return [
        ...broadcast(context, conspiracy.prePrepare(self, message.view, beside(reopened, message.view))),
        ...spread(context, to, message),
      ]
    },
  }
}

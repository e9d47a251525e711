/** Faulty voters: votes for rival blocks, votes before looking, votes that were never cast. */
import { height, signature, validatorIndex, view } from '@aethel/codec'
import type { Message, Vote } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, broadcast, obedient, spread } from './adversary.js'
import { ballotIn, bothVotes, firstTime } from './ballots.js'
import { equivocate } from './proposers.js'

function isOwnVote(context: AdversaryContext, message: Message): boolean {
  return message.kind === 'vote' && message.vote.sender === context.self
}

/** Equivocates when leading, and votes PREPARE and COMMIT for everything it ever hears of, to everybody. */
export function twoFaced(context: AdversaryContext): Adversary {
  const isNew = firstTime()
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (isOwnVote(context, message)) return []
      return message.kind === 'pre-prepare' ? equivocate(context, message) : spread(context, to, message)
    },
    onReceive: (_, message) => {
      const ballot = ballotIn(message)
      if (ballot === null || !isNew(ballot)) return []
      return bothVotes(context, ballot).flatMap((vote) => broadcast(context, vote))
    },
  }
}

/** Votes PREPARE and COMMIT for whatever a leader proposes, at once and without looking. */
export function lazy(context: AdversaryContext): Adversary {
  const isNew = firstTime()
  return {
    ...obedient(context),
    onSend: (to, message) => (isOwnVote(context, message) ? [] : spread(context, to, message)),
    onReceive: (_, message) => {
      const ballot = message.kind === 'pre-prepare' ? ballotIn(message) : null
      if (ballot === null || !isNew(ballot)) return []
      context.note('voted without verifying')
      return bothVotes(context, ballot).flatMap((vote) => broadcast(context, vote))
    },
  }
}

type Transplant = (context: AdversaryContext, vote: Vote) => Vote

/** Another one's signature under something it was not given for; and its own name under another one's signature. */
const TRANSPLANTS: Readonly<Record<string, Transplant>> = {
  phase: (_, vote) => ({ ...vote, kind: vote.kind === 'prepare' ? 'commit' : 'prepare' }),
  view: (_, vote) => ({ ...vote, view: view(vote.view + 1) }),
  height: (_, vote) => ({ ...vote, height: height(vote.height + 1) }),
  sender: ({ random, peers }, vote) => ({ ...vote, sender: random.pick(peers) }),
  'unknown sender': ({ peers }, vote) => ({ ...vote, sender: validatorIndex(peers.length + 1) }),
  block: ({ random, conspiracy }, vote) => {
    const blocks = [...conspiracy.blocks.values()]
    return blocks.length === 0 ? vote : { ...vote, blockHash: random.pick(blocks).hash }
  },
  signature: (_, vote) => ({ ...vote, signature: signature(new Uint8Array(64)) }),
  /** Signed by the framer itself, in the name of its victim. */
  key: ({ conspiracy, self }, vote) => ({ ...vote, signature: conspiracy.vote(self, vote).signature }),
}
const TRANSPLANT_NAMES = Object.keys(TRANSPLANTS)

/** Tries to make honest validators look as if they had signed what they did not. */
export function framer(context: AdversaryContext): Adversary {
  const { random } = context
  return {
    ...obedient(context),
    onReceive: (_, message) => {
      const victim = message.kind === 'vote' && message.vote.sender !== context.self && random.chance(0.2) ? message.vote : null
      if (victim === null) return []
      const name = random.pick(TRANSPLANT_NAMES)
      const vote = (TRANSPLANTS[name] as Transplant)(context, victim)
      context.note(`framed by ${name}`)
      return [{ to: random.pick(context.peers), message: { kind: 'vote', vote } }]
    },
  }
}

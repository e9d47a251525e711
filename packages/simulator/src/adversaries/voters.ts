/** Faulty voters: votes for rival blocks, votes before looking. */
import type { Message } from '@aethel/consensus'
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

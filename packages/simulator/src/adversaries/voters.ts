/** Faulty voters: votes for rival blocks, votes before looking, votes with shares that prove nothing, sums of what nobody said. */
import { type Aggregate, leaderVote, type Message, proposalOf, type SumMessage } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, broadcast, obedient, spread } from './adversary.js'
import { ballotIn, bothVotes, firstTime } from './ballots.js'
import { equivocate } from './proposers.js'
import { spoil } from './spoil.js'

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

/** On a chain of BLS certificates: its votes are good for some of the others, and for the rest they have a share that proves nothing. */
export function badShares(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  const spoiled = (message: Message): Message => {
    if (message.kind === 'vote' && message.vote.sender === self) return { ...message, vote: conspiracy.spoiledVote(message.vote) }
    if (message.kind !== 'pre-prepare' || message.sender !== self) return message
    return proposalOf(conspiracy.spoiledVote(leaderVote(message)), message.block)
  }
  return {
    ...obedient(context),
    onSend: (to, message) =>
      spread(context, to, message).map((out) => {
        if (!random.chance(0.5)) return out
        const sent = spoiled(out.message)
        if (sent !== out.message) context.note('a share that proves nothing')
        return { ...out, message: sent }
      }),
  }
}

/** As an inner node of a tree: of the sums that it should send some prove nothing, some come many times over, some do not come. */
export function badSums(context: AdversaryContext): Adversary {
  const { random } = context
  const lies = {
    false: (message: SumMessage) => [{ ...message, sum: spoil(context, message.sum, random) as Aggregate }],
    repeated: (message: SumMessage) => new Array<SumMessage>(SUM_REPETITIONS).fill(message),
    kept: () => [],
  } as const
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind !== 'sum' || random.chance(0.2)) return spread(context, to, message)
      const lie = random.pick(Object.keys(lies) as (keyof typeof lies)[])
      context.note(`sum: ${lie}`)
      return lies[lie](message).flatMap((each) => spread(context, to, each))
    },
  }
}

/** More than anybody may send. */
const SUM_REPETITIONS = 12

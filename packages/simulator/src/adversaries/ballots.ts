/** What there is to vote for, and votes for it. */
import { keyOf, type ValidatorIndex } from '@aethel/codec'
import type { Ballot, Message } from '@aethel/consensus'
import type { AdversaryContext, Outgoing } from './adversary.js'

const MAX_REMEMBERED = 256

/** True the first time a ballot is seen; forgets when full. */
export function firstTime(): (ballot: Ballot) => boolean {
  const seen = new Set<string>()
  return (ballot) => {
    const key = `${ballot.view}/${ballot.height}/${keyOf(ballot.blockHash)}`
    if (seen.has(key)) return false
    if (seen.size > MAX_REMEMBERED) seen.clear()
    seen.add(key)
    return true
  }
}

/** What a message gives one to vote for. */
export function ballotIn(message: Message): Ballot | null {
  if (message.kind === 'vote') return message.vote
  if (message.kind !== 'pre-prepare') return null
  const { epoch, view: at, block } = message
  return { kind: 'prepare', epoch, view: at, height: block.header.height, blockHash: block.hash }
}

export function bothVotes(context: AdversaryContext, ballot: Ballot): Message[] {
  return (['prepare', 'commit'] as const).map((kind) => ({
    kind: 'vote',
    vote: context.conspiracy.vote(context.self, { ...ballot, kind }),
  }))
}

/** Both votes for a ballot, to the validators of one side only. */
export function votesFor(context: AdversaryContext, ballot: Ballot, side: number): Outgoing[] {
  const audience = context.peers.filter((peer: ValidatorIndex) => context.conspiracy.side[peer] === side)
  return bothVotes(context, ballot).flatMap((message) => audience.map((to) => ({ to, message })))
}

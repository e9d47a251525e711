/** Too many faulty validators (docs/protocol.md §12): some that forget what they committed, and some that are merely away. */
import type { Message } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, type Outgoing, obedient, spread } from './adversary.js'
import { ballotIn, firstTime, votesFor } from './ballots.js'

/**
 * Works honestly with one half of the others, of whom the other half hears nothing. To that one it is helpful as well: it asks
 * for each view that is asked for there, naming no certificate at all, and votes for whatever is proposed there.
 */
export function forgetful(context: AdversaryContext): Adversary {
  const { conspiracy, self } = context
  const isNew = firstTime()
  let askedFor = 0
  const isOfOtherWorld = (index: number): boolean => conspiracy.side[index] === 1 && !conspiracy.isMember(index)
  const toOtherWorld = (message: Message): Outgoing[] => context.peers.filter(isOfOtherWorld).map((to) => ({ to, message }))
  return {
    ...obedient(context),
    onSend: (to, message) => spread(context, to, message).filter((outgoing) => !isOfOtherWorld(outgoing.to)),
    onReceive: (from, message) => {
      if (!isOfOtherWorld(from)) return []
      if (message.kind === 'view-change' && message.entry.newView > askedFor) {
        askedFor = message.entry.newView
        context.note('forgot its COMMIT')
        return toOtherWorld(conspiracy.viewChange(self, message.entry.newView, null))
      }
      const ballot = ballotIn(message)
      return ballot === null || !isNew(ballot) ? [] : votesFor(context, ballot, 1)
    },
  }
}

/** Says nothing until the world heals, and is honest from then on. */
export function sleeper(context: AdversaryContext): Adversary {
  return {
    ...obedient(context),
    onSend: (to, message) => (context.isHealed() ? spread(context, to, message) : []),
    get gossips() {
      return context.isHealed()
    },
  }
}

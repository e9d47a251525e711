/** Signatures where they do not belong: of other phases, slots, chains and people, and the same vote signed over and over. */
import { epoch, height, type Signature, signature, validatorIndex, view } from '@aethel/codec'
import { leaderOf, type Message, type Vote } from '@aethel/consensus'
import { type Adversary, type AdversaryContext, broadcast, obedient, spread } from './adversary.js'

const NO_SIGNATURE: Signature = signature(new Uint8Array(64))

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
  signature: (_, vote) => ({ ...vote, signature: NO_SIGNATURE }),
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
      if (!random.chance(0.2)) return []
      const other = renamed(context, message)
      if (other !== null) return [{ to: random.pick(context.peers), message: other }]
      const victim = message.kind === 'vote' && message.vote.sender !== context.self ? message.vote : null
      if (victim === null) return []
      const name = random.pick(TRANSPLANT_NAMES)
      const vote = (TRANSPLANTS[name] as Transplant)(context, victim)
      context.note(`framed by ${name}`)
      return [{ to: random.pick(context.peers), message: { kind: 'vote', vote } }]
    },
  }
}

/** A VIEW-CHANGE in the name of another, or a proposal for a view that somebody else leads. */
function renamed(context: AdversaryContext, message: Message): Message | null {
  const { conspiracy, random, self } = context
  if (message.kind === 'view-change') {
    context.note('VIEW-CHANGE in the name of another')
    const sender = random.pick(context.peers)
    const entry = random.chance(0.5) ? { ...message.entry, sender } : { ...message.entry, newView: view(message.entry.newView + 1) }
    return { ...message, entry }
  }
  if (message.kind === 'pre-prepare' && leaderOf(conspiracy.validators, message.view) !== self) {
    context.note('proposal in the name of the leader')
    const own = conspiracy.prePrepare(self, message.view, message.block)
    return random.chance(0.5) ? own : { ...own, sender: message.sender }
  }
  return null
}

/** Of what is heard, where few are heard; of N, so that each of them brings as many votes as of ten. */
const BROUGHT_RATE = 0.2
const BROUGHT_OF = 10

/**
 * The honest validators run a second chain with the same keys, and a later epoch of this one. What they sign there, for the
 * same slots and other blocks, is brought here.
 */
export function sisterChain(context: AdversaryContext): Adversary {
  const { conspiracy, random, peers } = context
  const rate = BROUGHT_RATE * Math.min(1, BROUGHT_OF / peers.length)
  return {
    ...obedient(context),
    onReceive: (_, message) => {
      if (message.kind !== 'vote' || message.vote.sender === context.self || !random.chance(rate)) return []
      const { sender } = message.vote
      const blockHash = random.pick([message.vote.blockHash, conspiracy.validators.hash])
      const there = random.chance(0.5)
      context.note(there ? 'vote of a sister chain' : 'vote of another epoch')
      const abroad = conspiracy.voteAbroad(sender, { ...message.vote, blockHash }, there ? 'chain' : 'epoch')
      // Told as it was signed, and told as if it were of this epoch.
      const vote: Vote = random.chance(0.3) ? { ...abroad, epoch: epoch(message.vote.epoch + 1) } : abroad
      return broadcast(context, { kind: 'vote', vote })
    },
  }
}

/** Enough to fill a quorum of few validators; with many, as many as there are would be N^2 messages of each for each vote. */
const SIGNED_AGAIN = 8

/** Every vote of its own many times, under a fresh signature each. */
export function reSigner(context: AdversaryContext): Adversary {
  const { conspiracy, self } = context
  return {
    ...obedient(context),
    onSend: (to, message) => {
      const out = spread(context, to, message)
      if (message.kind !== 'vote' || message.vote.sender !== self) return out
      context.note('vote signed again and again')
      const again = Array.from(
        { length: Math.min(SIGNED_AGAIN, conspiracy.validators.validators.length) },
        (): Message => ({ kind: 'vote', vote: conspiracy.vote(self, message.vote) }),
      )
      return [...out, ...again.flatMap((each) => spread(context, to, each))]
    },
  }
}

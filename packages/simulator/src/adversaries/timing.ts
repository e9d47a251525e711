/** Faults of when and to whom, not of what: silence, crash, favourites, repetition, holding back, hoarding, whispering, dripping, flooding. */
import { EMPTY_BYTES, height, type ValidatorIndex, view } from '@aethel/codec'
import { type Ballot, collectorsOf, createBlock, leaderOf, type Message } from '@aethel/consensus'
import { ADVERSARY_TICK_MS, type Adversary, type AdversaryContext, type Outgoing, obedient, spread } from './adversary.js'

const MAX_REMEMBERED = 256

export function silent(context: AdversaryContext): Adversary {
  return { ...obedient(context), onSend: () => [], gossips: false }
}

/** Works well until it does not. */
export function crash(context: AdversaryContext): Adversary {
  const stopsAtMs = 100 + context.random.unit() * 4_000
  const isUp = (): boolean => context.nowMs() < stopsAtMs
  return {
    ...obedient(context),
    onSend: (to, message) => (isUp() ? spread(context, to, message) : []),
    get gossips() {
      return isUp()
    },
  }
}

/** Speaks to some peers only. */
export function selective(context: AdversaryContext): Adversary {
  const { random, self } = context
  return {
    ...obedient(context),
    onSend: (to, message) => spread(context, to, message).filter(({ to: peer }) => (peer + self) % 2 === 0 || random.chance(0.3)),
  }
}

/** Sends everything it ever saw again, at random. */
export function replay(context: AdversaryContext): Adversary {
  const { random } = context
  const remembered: Message[] = []
  const remember = (message: Message): void => {
    if (remembered.length < MAX_REMEMBERED) remembered.push(message)
    else remembered[random.below(MAX_REMEMBERED)] = message
  }
  return {
    ...obedient(context),
    onSend: (to, message) => {
      remember(message)
      return spread(context, to, message)
    },
    onReceive: (_, message) => {
      remember(message)
      if (!random.chance(0.3)) return []
      return [{ to: random.pick(context.peers), message: random.pick(remembered) }]
    },
  }
}

/** Does its own part, and nothing for others that they might miss: tells nobody of the certificates that it collects, passes no proposal on, adds up no votes. */
export function hoarder(context: AdversaryContext): Adversary {
  const isForOthers = (message: Message): boolean =>
    message.kind === 'certificate' || message.kind === 'sum' || (message.kind === 'pre-prepare' && message.sender !== context.self)
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (!isForOthers(message)) return spread(context, to, message)
      context.note(`kept a ${message.kind}`)
      return []
    },
  }
}

/**
 * Wants to be the first collector with a quorum, and the last who tells: its votes go to collectors of its own kind alone, if there are any, and what it
 * collects goes to the other collectors alone, who have no quorum of their own yet.
 */
export function whisperer(context: AdversaryContext): Adversary {
  const { conspiracy } = context
  const collectorsOfBallot = ({ view: inView, height: at }: Ballot): readonly ValidatorIndex[] =>
    collectorsOf(conspiracy.validators, inView, at).map((position) => conspiracy.nodeAt(position))
  return {
    ...obedient(context),
    onSend: (to, message) => {
      const out = spread(context, to, message)
      if (message.kind === 'certificate') {
        const collectors = collectorsOfBallot(message.certificate)
        context.note('whispered a certificate')
        return out.filter(({ to: peer }) => collectors.includes(peer))
      }
      if (message.kind !== 'vote') return out
      const friends = collectorsOfBallot(message.vote).filter((peer) => conspiracy.isMember(peer))
      return friends.length === 0 ? out : out.filter(({ to: peer }) => friends.includes(peer))
    },
  }
}

const MAX_HELD = 512

/** Holds messages of some kinds back, and lets them all go at once, in any order: at a change of view, or at random. */
export function withhold(context: AdversaryContext): Adversary {
  const { random, conspiracy } = context
  const kinds: readonly string[] = random.pick([
    ['vote'],
    ['pre-prepare'],
    ['vote', 'pre-prepare'],
    ['view-change', 'new-view'],
    ['vote', 'status'],
  ])
  let held: Outgoing[] = []
  let seenView = 0
  const release = (): Outgoing[] => {
    context.note('released what was withheld')
    const out = held
    held = []
    for (let i = out.length - 1; i > 0; i--) {
      const j = random.below(i + 1)
      const swap = out[i] as Outgoing
      out[i] = out[j] as Outgoing
      out[j] = swap
    }
    return out
  }
  return {
    ...obedient(context),
    onSend: (to, message) => {
      const out = spread(context, to, message)
      if (!kinds.includes(message.kind) || held.length + out.length > MAX_HELD || random.chance(0.1)) return out
      held.push(...out)
      return []
    },
    onTick: () => {
      const moved = conspiracy.highestView > seenView
      seenView = conspiracy.highestView
      return held.length > 0 && (moved ? random.chance(0.5) : random.chance(ADVERSARY_TICK_MS / 3_000)) ? release() : []
    },
  }
}

/** As leader it delivers one block at a time, each just before the others would give up on it. */
export function drip(context: AdversaryContext): Adversary {
  let nextAtMs = 0
  let lastHeight = 0
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind !== 'pre-prepare' || message.sender !== context.self) return spread(context, to, message)
      const nowMs = context.nowMs()
      if (message.block.header.height !== lastHeight) {
        lastHeight = message.block.header.height
        nextAtMs = Math.max(nextAtMs, nowMs) + context.viewTimeoutMs() * (0.7 + context.random.unit() * 0.25)
        context.note('dripped a proposal')
      }
      return spread(context, to, message).map((each) => ({ ...each, afterMs: Math.max(0, nextAtMs - nowMs) }))
    },
  }
}

const FLOOD_BUDGET = 3_000
const FLOOD_PER_TICK = 24

/** Well-signed messages that a replica must neither keep nor answer without end: far heights, far views, requests. */
export function flooder(context: AdversaryContext): Adversary {
  let budget = FLOOD_BUDGET
  return {
    ...obedient(context),
    onTick: () => {
      if (budget <= 0) return []
      const count = Math.min(budget, context.random.below(FLOOD_PER_TICK))
      budget -= count
      return Array.from({ length: count }, () => ({ to: context.random.pick(context.peers), message: noise(context) }))
    },
  }
}

function noise(context: AdversaryContext): Message {
  const { random, conspiracy, self } = context
  const { epoch } = conspiracy.validators
  const far = random.pick([1, 2, 3, 5, 17, 40, 1_000, 10 ** 12])
  const block = random.pick([...conspiracy.blocks.values(), null])
  switch (random.below(7)) {
    case 0: {
      const kind = random.pick(['prepare', 'commit'] as const)
      const ballot = {
        kind,
        epoch,
        view: view(conspiracy.highestView + random.pick([0, 1, 2, 3, far])),
        height: height(conspiracy.highestHeight + far),
        blockHash: block?.hash ?? conspiracy.validators.hash,
      }
      context.note('flood of votes')
      return { kind: 'vote', vote: conspiracy.vote(self, ballot) }
    }
    case 1:
      context.note('flood of VIEW-CHANGEs')
      return conspiracy.viewChange(self, view(conspiracy.highestView + far), null, height(10 ** 12))
    case 2:
      context.note('flood of FETCHes')
      return { kind: 'fetch', want: 'committed', from: height(1 + random.below(conspiracy.highestHeight + 2)) }
    case 5: {
      context.note('flood of FETCHes for states')
      const at = height(1 + random.below(conspiracy.highestHeight + 2))
      return random.pick<Message>([
        { kind: 'fetch', want: 'snapshot', epoch },
        { kind: 'fetch', want: 'chunk', height: at, lane: random.below(2), cursor: EMPTY_BYTES },
        { kind: 'fetch', want: 'view', nonce: conspiracy.validators.hash },
      ])
    }
    case 3:
      return { kind: 'fetch', want: 'block', hash: block?.hash ?? conspiracy.validators.hash }
    case 4:
      context.note('flood of bodies')
      if (block !== null) return { kind: 'block', block }
      return { kind: 'fetch', want: 'committed', from: height(10 ** 12) }
    default: {
      // A proposal far ahead, in a view it leads.
      const at = view(conspiracy.highestView + random.below(context.peers.length + 1))
      if (block === null || leaderOf(conspiracy.validators, at) !== self) {
        return { kind: 'fetch', want: 'committed', from: height(1) }
      }
      context.note('flood of proposals')
      const header = { ...block.header, view: at, proposer: self, height: height(conspiracy.highestHeight + random.below(40)) }
      return conspiracy.prePrepare(self, at, createBlock(header, block.body))
    }
  }
}

/** Cuts off whoever leads next, as long as the network is in its power, and says nothing to the leader after. */
export function targetLeader(context: AdversaryContext): Adversary {
  const { random, conspiracy } = context
  const leader = (ahead: number): ValidatorIndex => conspiracy.nodeAt(leaderOf(conspiracy.validators, view(conspiracy.highestView + ahead)))
  return {
    ...obedient(context),
    onSend: (to, message) => spread(context, to, message).filter(({ to: peer }) => peer !== leader(1)),
    onTick: () => {
      if (!random.chance(0.1)) return []
      const victim = leader(random.pick([0, 0, 1]))
      if (victim !== context.self) {
        context.note('isolated a leader')
        context.isolate(victim, 200 + random.unit() * 1_500)
      }
      return []
    },
  }
}

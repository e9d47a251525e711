/** Lies in VIEW-CHANGE and NEW-VIEW: claiming less than one has, leaving out the highest, naming what is not the maximum. */
import { keyOf, type Signature, signature, type ValidatorIndex, view } from '@aethel/codec'
import {
  type Certificate,
  compareCertificates,
  createBlock,
  highestOf,
  isQuorum,
  type NewView,
  type PrePrepare,
  type ViewChange,
  type ViewChangeEntry,
  type ViewClaim,
} from '@aethel/consensus'
import { type Adversary, type AdversaryContext, broadcast, type Outgoing, obedient, spread } from './adversary.js'

/** A VIEW-CHANGE that claims to know no certificate at all: always possible, never harmful. To whoever has lost its store it claims any view. */
export function liar(context: AdversaryContext): Adversary {
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind === 'view-claim' && message.sender === context.self) return spread(context, to, misclaim(context, message))
      return spread(context, to, message.kind === 'view-change' ? forget(context, message) : message)
    },
  }
}

function misclaim({ conspiracy, random, note }: AdversaryContext, { signature: _, ...fields }: ViewClaim): ViewClaim {
  note('claimed another view')
  return conspiracy.viewClaim({ ...fields, view: view(random.pick([0, 0, Math.max(0, fields.view - 1), fields.view + 3, 10 ** 12])) })
}

function forget({ conspiracy, self }: AdversaryContext, { entry }: ViewChange): ViewChange {
  return conspiracy.viewChange(self, entry.newView, null)
}

/** Asks for views near and far, again and again. */
export function viewPusher(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  return {
    ...obedient(context),
    onTick: () => {
      if (!random.chance(0.3)) return []
      const ahead = random.pick([1, 1, 2, 3, 1_000, 10 ** 12])
      context.note('pushed for a view')
      return broadcast(context, conspiracy.viewChange(self, view(conspiracy.highestView + ahead), null))
    },
  }
}

const NO_SIGNATURE: Signature = signature(new Uint8Array(64))

/** As the new leader it says different things to different validators about where the view begins. */
export function newViewLiar(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  /** Peers that were shown a NEW-VIEW on a lower certificate, by view. */
  const misled = new Map<number, { readonly peers: ReadonlySet<ValidatorIndex>; readonly base: Certificate | null }>()

  const tell = (message: NewView): Outgoing[] => {
    const honest = context.peers.map((to) => ({ to, message }))
    const lie = lieAbout(context, message)
    if (lie === null) return honest
    context.note(`NEW-VIEW: ${lie.name}`)
    const chosen = context.peers.filter((peer) => lie.toAll || conspiracy.side[peer] === 1)
    const peers = new Set(chosen)
    misled.set(message.newView, { peers, base: lie.message.certificate })
    if (misled.size > 8) misled.delete(Math.min(...misled.keys()))
    return honest.map((each) => (peers.has(each.to) ? { to: each.to, message: lie.message } : each))
  }

  /** Who was told of a lower base gets proposals that fit it. */
  const propose = (to: ValidatorIndex | 'all', message: PrePrepare): Outgoing[] => {
    const lie = misled.get(message.view)
    if (lie === undefined) return spread(context, to, message)
    const fresh = freshOn(context, lie.base, message)
    return spread(context, to, message).map((each) => (lie.peers.has(each.to) && fresh !== null ? { to: each.to, message: fresh } : each))
  }

  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind === 'view-change' && message.entry.sender === self && random.chance(0.5))
        return spread(context, to, forget(context, message))
      if (message.kind === 'new-view' && message.sender === self && to === 'all') return tell(message)
      if (message.kind === 'pre-prepare' && message.sender === self) return propose(to, message)
      return spread(context, to, message)
    },
  }
}

interface Lie {
  readonly name: string
  readonly message: NewView
  readonly toAll: boolean
}

/** The certificates of the VIEW-CHANGEs heard for a view, ascending. */
function lieAbout(context: AdversaryContext, message: NewView): Lie | null {
  const { conspiracy, random, self } = context
  const { newView } = message
  const heard = [...(conspiracy.viewChanges.get(newView)?.values() ?? [])]
  const own = conspiracy.members.map((member) => conspiracy.viewChange(member, newView, null))
  const others = heard.filter((each) => !conspiracy.isMember(each.entry.sender))
  const say = (entries: readonly ViewChangeEntry[], certificate: Certificate | null): NewView =>
    conspiracy.newView(
      self,
      newView,
      entries.toSorted((a, b) => a.sender - b.sender),
      certificate,
    )
  const entries = message.viewChanges
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2: {
      // The lowest quorum there is: every conspirator claims nothing, and honest ones are taken from the lowest up.
      const chosen = lowestQuorum(context, own, others)
      if (chosen === null) return null
      const certificate = certificateOf(chosen)
      return {
        name: 'lowest quorum',
        message: say(
          chosen.map((each) => each.entry),
          certificate,
        ),
        toAll: random.chance(0.3),
      }
    }
    case 3:
      return message.certificate === null ? null : { name: 'highest left out', message: say(entries, null), toAll: true }
    case 4: {
      const lower = conspiracy.certificates.find(
        (each) => message.certificate !== null && compareCertificates(each, message.certificate) < 0,
      )
      return lower === undefined ? null : { name: 'not the maximum', message: say(entries, lower), toAll: true }
    }
    case 5:
      return { name: 'short of a quorum', message: say(entries.slice(0, conspiracy.members.length + 1), certificateOf([])), toAll: true }
    case 6: {
      const own = entries.find((entry) => entry.sender === self)
      if (own === undefined) return null
      const repeated = entries.map(() => own)
      return { name: 'one VIEW-CHANGE repeated', message: say(repeated, null), toAll: true }
    }
    case 7: {
      // VIEW-CHANGEs that were given for an earlier view.
      const stale = [...conspiracy.viewChanges].find(([at, known]) => at < newView && known.size >= entries.length)?.[1]
      if (stale === undefined) return null
      return {
        name: 'VIEW-CHANGEs of another view',
        message: say(
          [...stale.values()].map((each) => each.entry),
          null,
        ),
        toAll: true,
      }
    }
    case 8: {
      const leader = random.pick(context.peers)
      return { name: 'for a view that another leads', message: { ...say(entries, message.certificate), sender: leader }, toAll: true }
    }
    default: {
      const absent = conspiracy.validators.validators.length
      const minted = Array.from({ length: absent }, (_, index): ViewChangeEntry => {
        const sender = index as ValidatorIndex
        const fields = { epoch: message.epoch, newView, highest: null, committedHeight: 0 as ViewChangeEntry['committedHeight'], sender }
        return conspiracy.isMember(index) ? conspiracy.entry(fields) : { ...fields, signature: NO_SIGNATURE }
      })
      return { name: 'minted VIEW-CHANGEs', message: say(minted, null), toAll: random.chance(0.5) }
    }
  }
}

function lowestQuorum(context: AdversaryContext, own: readonly ViewChange[], others: readonly ViewChange[]): ViewChange[] | null {
  const { validators } = context.conspiracy
  const rank = (a: ViewChange, b: ViewChange): number => {
    if (a.entry.highest === null || b.entry.highest === null) return (a.entry.highest === null ? 0 : 1) - (b.entry.highest === null ? 0 : 1)
    return compareCertificates(a.entry.highest, b.entry.highest)
  }
  const chosen = [...own]
  let power = own.reduce((sum, each) => sum + (validators.validators[each.entry.sender]?.power ?? 0n), 0n)
  for (const each of others.toSorted(rank)) {
    if (isQuorum(validators, power)) break
    chosen.push(each)
    power += validators.validators[each.entry.sender]?.power ?? 0n
  }
  return isQuorum(validators, power) ? chosen : null
}

function certificateOf(chosen: readonly ViewChange[]): Certificate | null {
  const highest = highestOf(chosen.map((each) => each.entry))
  return highest === null ? null : (chosen.find((each) => each.entry.highest === highest)?.certificate ?? null)
}

/** A fresh block for who believes that the view begins on `base`. */
function freshOn(context: AdversaryContext, base: Certificate | null, message: PrePrepare): PrePrepare | null {
  const { conspiracy, self } = context
  const at = base === null ? 1 : base.kind === 'commit' ? base.height + 1 : base.height
  const known = conspiracy.blockAt(at)
  if (known === undefined) return null
  if (base?.kind === 'prepare') {
    const tip = conspiracy.blocks.get(keyOf(base.blockHash))
    return tip === undefined ? null : conspiracy.prePrepare(self, message.view, tip)
  }
  const header = { ...known.header, view: message.view, proposer: self, timestampMs: known.header.timestampMs + 1 }
  return conspiracy.prePrepare(self, message.view, createBlock(header, known.body))
}

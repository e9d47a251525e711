/**
 * One thing wrong in every other message: each field that the edge looks at before it looks at a signature, and the signature itself, said
 * of views and heights near and far. What else can be wrong, and takes a good signature to be seen, is the business of the other strategies. No seed draws
 * this one, so that seeds stay the runs that they were; coverage.test.ts has it fill the table of what the edge can refuse.
 */
import {
  bitmapOf,
  epoch,
  type Hash,
  hash,
  height,
  type Signature,
  signature,
  type ValidatorIndex,
  validatorIndex,
  view,
  ZERO_HASH,
} from '@aethel/codec'
import type { Aggregate, Block, Header, Message, NewView, Status } from '@aethel/consensus'
import type { Random } from '../random.js'
import { type Adversary, type AdversaryContext, obedient, spread } from './adversary.js'
import type { Conspiracy } from './conspiracy.js'
import { spoil } from './spoil.js'

const NO_SIGNATURE: Signature = signature(new Uint8Array(64))
const OTHER_HASH: Hash = hash(new Uint8Array(32).fill(5))
/** Views and heights: behind, here, next, and beyond every window (64 at most). */
const SHIFTS = [-2, 0, 1, 100] as const
const OWN_SHARE = 0.5

type Kind<K extends Message['kind']> = Extract<Message, { kind: K }>
/** Null: nothing here to be wrong in this way. */
type Mangle<M> = (message: M, where: Where) => Message | null

interface Where {
  readonly random: Random
  /** How far from where it really is. */
  readonly shift: number
  /** Validators. */
  readonly count: number
  readonly conspiracy: Conspiracy
  note(what: string): void
}

function shifted(value: number, by: number): number {
  return Math.max(0, value + by)
}

function next(sender: ValidatorIndex, count: number): ValidatorIndex {
  return validatorIndex((sender + 1) % count)
}

/** The hash stays: it is computed anew by whoever decodes this. */
function withHeader(block: Block, change: Partial<Header>): Block {
  return { ...block, header: { ...block.header, ...change } }
}

const HEADERS: Readonly<Record<string, (header: Header, count: number) => Partial<Header>>> = {
  'another chain': () => ({ chainId: ZERO_HASH }),
  'another epoch': (header) => ({ epoch: epoch(header.epoch + 1) }),
  'height 0': () => ({ height: height(0) }),
  'another proposer': (header, count) => ({ proposer: next(header.proposer, count) }),
  'other validators': () => ({ validatorsHash: OTHER_HASH }),
}

function withFlaw(block: Block, { random, count, shift }: Where): Block {
  const flaw = HEADERS[random.pick(Object.keys(HEADERS))] as (header: Header, count: number) => Partial<Header>
  return withHeader(block, { height: height(shifted(block.header.height, shift)), ...flaw(block.header, count) })
}

const BODIES: Readonly<Record<string, (block: Block) => Block>> = {
  'another transaction': (block) => ({ ...block, body: { ...block.body, transactions: [...block.body.transactions, Uint8Array.of(1)] } }),
  'other evidence': (block) => ({ ...block, body: { ...block.body, evidence: [...block.body.evidence, Uint8Array.of(1)] } }),
  'no ancestor certificate': (block) =>
    block.body.lastCertificate === null
      ? withHeader(block, { lastCertificateHash: OTHER_HASH })
      : { ...block, body: { ...block.body, lastCertificate: null } },
}

function withBody(block: Block, { random }: Where): Block {
  return (BODIES[random.pick(Object.keys(BODIES))] as (block: Block) => Block)(block)
}

const PRE_PREPARES: readonly Mangle<Kind<'pre-prepare'>>[] = [
  (message, { shift }) => ({ ...message, view: view(shifted(message.view, shift)), sender: message.sender, signature: NO_SIGNATURE }),
  (message, { count }) => ({ ...message, sender: next(message.sender, count) }),
  (message, { count, shift }) => ({ ...message, sender: next(message.sender, count), view: view(shifted(message.view, shift)) }),
  (message, { shift }) => ({
    ...message,
    block: withHeader(message.block, { height: height(1 + shifted(message.block.header.height, shift)) }),
  }),
  (message, { count }) => ({ ...message, block: withHeader(message.block, { view: view(message.view + count) }) }),
]

const VOTES: readonly Mangle<Kind<'vote'>>[] = [
  ({ kind, vote }, { shift }) => ({ kind, vote: { ...vote, view: view(shifted(vote.view, shift)), signature: NO_SIGNATURE } }),
  ({ kind, vote }, { shift }) => ({ kind, vote: { ...vote, height: height(shifted(vote.height, shift)), signature: NO_SIGNATURE } }),
  ({ kind, vote }, { count }) => ({ kind, vote: { ...vote, sender: validatorIndex(count) } }),
]

const VIEW_CHANGES: readonly Mangle<Kind<'view-change'>>[] = [
  (message, { shift }) => ({
    ...message,
    entry: { ...message.entry, newView: view(1 + shifted(message.entry.newView, shift)), signature: NO_SIGNATURE },
  }),
  (message, { count }) => ({ ...message, entry: { ...message.entry, sender: validatorIndex(count) } }),
  ({ kind, entry, certificate }) =>
    entry.highest === null ? null : { kind, certificate, entry: { ...entry, highest: { ...entry.highest, view: entry.newView } } },
]

/** Of the same leader: views go round. */
function sameLeader(message: NewView, { count, shift }: Where): number {
  return shifted(message.newView, Math.sign(shift) * count * (Math.abs(shift) > 2 ? 30 : 1))
}

const NEW_VIEWS: readonly Mangle<Kind<'new-view'>>[] = [
  (message, { count, shift }) => ({ ...message, sender: next(message.sender, count), newView: view(shifted(message.newView, shift)) }),
  (message) => ({ ...message, viewChanges: [...message.viewChanges].reverse() }),
  (message, where) => ({ ...message, newView: view(sameLeader(message, where)), viewChanges: message.viewChanges.slice(0, 2) }),
  (message) => ({ ...message, viewChanges: message.viewChanges.slice(0, 1) }),
  (message) => ({ ...message, certificate: null, signature: NO_SIGNATURE }),
  (message) => ({ ...message, signature: NO_SIGNATURE }),
]

function withHeight(message: Status, shift: number): Status {
  return { ...message, committedHeight: height(shifted(message.committedHeight, shift)) }
}

const STATUSES: readonly Mangle<Kind<'status'>>[] = [
  (message, { shift }) => ({ ...withHeight(message, shift), signature: NO_SIGNATURE }),
  (message, { count, shift }) => ({ ...withHeight(message, shift), sender: validatorIndex(count) }),
  (message, { shift, count }) => {
    const none = bitmapOf(count, [])
    const slot = message.slots[0] ?? { height: height(message.committedHeight + 1), accepted: null, prepares: none, commits: none }
    return { ...withHeight(message, shift), slots: [slot, slot] }
  },
  (message, { shift, count }) => {
    const all = bitmapOf(count + 8, [])
    return {
      ...withHeight(message, shift),
      slots: [{ height: height(message.committedHeight + 1), accepted: null, prepares: all, commits: all }],
    }
  },
]

const CLAIMS: readonly Mangle<Kind<'view-claim'>>[] = [
  (message, { shift }) => ({ ...message, view: view(shifted(message.view, shift)), signature: NO_SIGNATURE }),
  (message, { count, shift }) => ({ ...message, view: view(shifted(message.view, shift)), sender: validatorIndex(count) }),
  // Well signed, of whoever holds the key: another view than it is in.
  ({ signature: _, ...fields }, { conspiracy, shift }) =>
    conspiracy.isMember(fields.sender) ? conspiracy.viewClaim({ ...fields, view: view(shifted(fields.view, shift)) }) : null,
]

const BLOCKS: readonly Mangle<Kind<'blocks'>>[] = [
  ({ kind, links, certificate }) => ({ kind, blocks: [], links, certificate }),
  ({ gas: _, ...message }) => ({ ...message, certificate: { ...message.certificate, kind: 'prepare' } }),
  ({ gas: _, ...message }, where) => ({ ...message, blocks: message.blocks.map((block) => withFlaw(block, where)) }),
  ({ gas: _, ...message }, { shift }) => {
    const [first, ...rest] = message.blocks
    return first === undefined
      ? null
      : { ...message, blocks: [withHeader(first, { height: height(1 + shifted(first.header.height, shift)) }), ...rest] }
  },
  // Good, and not what was asked for.
  ({ gas: _, ...message }, { random }) =>
    message.blocks.length < 2 ? null : { ...message, blocks: message.blocks.slice(1 + random.below(message.blocks.length - 1)) },
  ({ gas: _, ...message }) => (message.blocks.length < 2 ? null : { ...message, blocks: [...message.blocks].reverse() }),
  ({ gas: _, ...message }, where) => ({ ...message, blocks: message.blocks.map((block) => withBody(block, where)) }),
]

const ONE_BLOCK: readonly Mangle<Kind<'block'>>[] = [
  ({ kind, block }, where) => ({ kind, block: withFlaw(block, where) }),
  ({ kind, block }, where) => ({ kind, block: withBody(block, where) }),
]

const EVIDENCE: readonly Mangle<Kind<'evidence'>>[] = [
  ({ kind, evidence }, { random }) => {
    const changed = evidence.slice()
    // Half of the time in what stands before the signatures.
    const at = random.below(random.chance(0.5) ? Math.min(changed.length, 64) : changed.length)
    changed[at] = (changed[at] as number) ^ (1 << random.below(8))
    return { kind, evidence: changed }
  },
  ({ kind, evidence }, { random }) => ({ kind, evidence: evidence.slice(0, random.below(evidence.length)) }),
]

/** The message with one thing wrong; null if there is nothing about it that could be. A FETCH is never wrong: it may ask for what nobody has. */
function mangled(message: Message, where: Where): Message | null {
  const { random } = where
  switch (message.kind) {
    case 'pre-prepare':
      return random.pick(PRE_PREPARES)(message, where)
    case 'vote':
      return random.pick(VOTES)(message, where)
    case 'certificate':
      return { ...message, certificate: spoil(where, message.certificate, random) }
    case 'sum':
      return { ...message, sum: spoil(where, message.sum, random) as Aggregate }
    case 'view-change':
      return random.pick(VIEW_CHANGES)(message, where)
    case 'new-view':
      return random.pick(NEW_VIEWS)(message, where)
    case 'status':
      return random.pick(STATUSES)(message, where)
    case 'view-claim':
      return random.pick(CLAIMS)(message, where)
    case 'blocks':
      return random.pick(BLOCKS)(message, where)
    case 'block':
      return random.pick(ONE_BLOCK)(message, where)
    case 'evidence':
      return random.pick(EVIDENCE)(message, where)
    case 'fetch':
      return message.want === 'committed' ? { ...message, from: height(shifted(message.from, where.shift)) } : null
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'compact-pre-prepare': // its own are made of whole ones, mangled or not (compact-lies.ts)
    case 'block-transactions':
      return null
  }
}

/** What it sends is right or mangled; of what it hears of others, some comes again, mangled. */
export function mangler(context: AdversaryContext): Adversary {
  const { random, peers, conspiracy } = context
  const lieAbout = (message: Message): Message | null => {
    const count = conspiracy.validators.validators.length
    const lie = mangled(message, { random, shift: random.pick(SHIFTS), count, conspiracy, note: (what) => context.note(what) })
    if (lie !== null) context.note(`mangled ${message.kind}`)
    return lie
  }
  return {
    ...obedient(context),
    onSend: (to, message) => {
      const told = (random.chance(OWN_SHARE) ? lieAbout(message) : null) ?? message
      // Nobody but who has lost its store ever asks for a claim: others are shown one as well.
      const strays = told.kind === 'view-claim' ? peers.map((peer) => ({ to: peer, message: told })) : []
      return [...spread(context, to, told), ...strays]
    },
    onReceive: (_, message) => {
      const lie = random.chance(0.05) ? lieAbout(message) : null
      return lie === null ? [] : [{ to: random.pick(peers), message: lie }]
    },
  }
}

/**
 * Going on from a state that was not reached by executing (protocol.md §7, snapshots). To the core it is what committing every
 * block up to there would have been: within the epoch the view, the votes above and the highest certificate stay; in a later
 * epoch all of that is over.
 */
import { assert, equalBytes, type Hash, type Height, view } from '@aethel/codec'
import type { Certificate } from './certificate.js'
import { ForkFound } from './halting.js'
import type { CommittedTip, DurableState, PersistRecord, Recovery } from './interface.js'
import { mayChangeView, type State } from './state.js'
import type { ValidatorSet } from './validators.js'

/** Where the core goes on. */
export interface Landing {
  readonly committed: CommittedTip
  /** Of the epoch that the next block belongs to. */
  readonly validators: ValidatorSet
  /** Commit certificate of the block or of a descendant. */
  readonly certificate: Certificate
  /** Ascending, as `DurableState.recent`. */
  readonly recent: readonly { readonly height: Height; readonly hash: Hash }[]
}

/** The state is of a chain that contradicts the own one: more than a third of the power is Byzantine (halting.ts). */
export function forkAt(state: State, { certificate, recent }: Landing): ForkFound | null {
  for (const { height: at, hash } of recent) {
    const own = state.recent.get(at)
    if (own !== undefined && !equalBytes(own, hash)) return new ForkFound(at, certificate)
  }
  return null
}

export function jumpOf(state: State, landing: Landing): { durable: DurableState; records: readonly PersistRecord[] } {
  const { committed, certificate, recent, validators } = landing
  assert(committed.height > state.committed.height, 'a state is taken over only from above the committed one')
  const chain = { committed, recent, lastCommit: certificate }
  if (validators.epoch !== state.config.validators.epoch) return intoLaterEpoch(state, landing, chain)
  const { phase } = state
  const durable: DurableState = {
    ...chain,
    view: state.view,
    phase: phase.kind,
    newView: phase.kind === 'active' ? phase.newView : null,
    viewChange: phase.kind === 'changing' ? phase.viewChange : null,
    votes: [...state.own].flatMap(([at, { prepare, commit }]) =>
      at <= committed.height ? [] : [prepare, commit].filter((vote) => vote !== undefined),
    ),
    blocks: [...state.blocks.values()].flatMap(({ block, voted }) => (voted && block.header.height > committed.height ? [block] : [])),
    highest: state.highest,
    recovery: state.recovery,
  }
  // R3 (§6): what this replica knows as its highest certificate is what it names from now on, also after a crash.
  const records: PersistRecord[] = state.highest === null || state.highestIsDurable ? [] : [{ kind: 'highest', certificate: state.highest }]
  return { durable, records }
}

function intoLaterEpoch(
  state: State,
  { validators }: Landing,
  chain: Pick<DurableState, 'committed' | 'recent' | 'lastCommit'>,
): { durable: DurableState; records: readonly PersistRecord[] } {
  assert(validators.epoch > state.config.validators.epoch, 'epochs do not go back')
  const recovery = recoveryAfter(state)
  const durable: DurableState = {
    ...chain,
    view: view(0),
    phase: 'active',
    newView: null,
    viewChange: null,
    votes: [],
    blocks: [],
    highest: null,
    recovery,
  }
  return { durable, records: recovery === null ? [] : [{ kind: 'recovery', recovery }] }
}

/**
 * Whoever has forgotten what it signed and is not provably past it asks again where it lands: claims made in one epoch say
 * something about the next one only if both have the same validators, and of those in between nothing is known here.
 */
function recoveryAfter(state: State): Recovery | null {
  const { recovery } = state
  if (recovery === null) return null
  const isPast = recovery.status === 'released' && mayChangeView(state) && state.config.validators.epoch >= recovery.forgottenUpTo
  return isPast ? null : { status: 'asking' }
}

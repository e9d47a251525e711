/**
 * A small state machine for simulations: accounts with nonces that append to a hash chain. Some transactions carry work
 * that a verifier must do first, and some of that work turns out invalid. Cheap, deterministic, and strict enough that a
 * lost, doubled or reordered transaction changes the root.
 */
import { encode, type Hash, type Height, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { offenceKey, type Validator } from '@aethel/consensus'
import type { Application, Executed, Readiness } from '@aethel/replica'
import { tallySnapshots } from './tally-snapshots.js'
import { decodeTally, rootWith, rootWithOffence, type TallyState, type TallyTransaction } from './tally-state.js'

export * from './tally-state.js'

function readiness(state: TallyState, transaction: TallyTransaction): Readiness {
  const expected = state.nonces[transaction.account] ?? 0
  if (transaction.nonce < expected) return { status: 'never', code: 'nonce-used', message: `expected nonce ${expected}` }
  if (transaction.nonce > expected) return { status: 'later', code: 'nonce-gap', message: `expected nonce ${expected}` }
  return { status: 'ready' }
}

/** After the last block of an epoch: who the next epoch's validators are, drawn from the state. Null: the same. */
export type Membership = (at: Height, root: Hash) => readonly Validator[] | null

export function createTallyMachine(initial: TallyState, membership: Membership = () => null): Application<TallyState> {
  return {
    initial: { state: initial, stateRoot: initial.root },
    decode: decodeTally,
    readiness: (state, transaction) => readiness(state, transaction as TallyTransaction),
    statementOf: () => undefined,
    offenceRefusal: (state, offence) =>
      state.offences.includes(offenceKey(offence)) ? { code: 'offence-recorded', message: 'expected a new offence' } : null,
    execute(parent, context, transactions, recorded = []): Result<Executed<TallyState>, Refusal> {
      const nonces = [...parent.nonces]
      const offences = [...parent.offences]
      let { log, root } = parent
      for (const offence of recorded) {
        const key = offenceKey(offence)
        if (offences.includes(key)) return refuse('offence-recorded', `expected each offence once, got ${key} again`)
        offences.push(key)
        log = { below: log, rootBelow: root, item: { offence: key } }
        root = rootWithOffence(root, key)
      }
      for (const { transaction } of transactions) {
        const tally = transaction as TallyTransaction
        if (tally.nonce !== nonces[tally.account]) return refuse('nonce', `expected nonce ${nonces[tally.account]}, got ${tally.nonce}`)
        nonces[tally.account] = tally.nonce + 1
        log = { below: log, rootBelow: root, item: { transaction: tally.bytes } }
        root = rootWith(root, tally.id)
      }
      return ok({ state: { root, nonces, offences, log }, stateRoot: root, nextValidators: membership(context.height, root) })
    },
    writes: (_parent, state) => ({
      puts: [[Uint8Array.of(0), encode((writer) => writer.raw(state.root).list(state.nonces, (w, n) => w.u64(n)))]],
      deletes: [],
    }),
    snapshots: tallySnapshots,
  }
}

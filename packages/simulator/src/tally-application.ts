/** The tally machine as the application of a run: work is true or false by a number in it, and everybody can see which. */
import { equalBytes, type Hash } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import type { Application, StagedSnapshot } from '@aethel/replica'
import type { Author, Commit, Judge, Liar, SimulatedApplication, State, StoredState, Verifiers } from './application.js'
import { TallyAuthor, type TallyAuthorOptions } from './tally-author.js'
import {
  createTallyMachine,
  decodeTally,
  encodeTally,
  isTallyAcceptable,
  type Membership,
  TALLY_GENESIS,
  type TallyState,
  tallyBlob,
  tallyBlobRef,
  tallyGasOf,
  tallyRootAfter,
  tallySaltOfBlob,
  verifyTally,
} from './tally-machine.js'
import { tallySnapshots } from './tally-snapshots.js'

export function tallyChainId(validators: number): Hash {
  return hashTagged('aethel/simulated-chain', Uint8Array.from([validators & 255]))
}

export interface TallyApplicationOptions extends TallyAuthorOptions {
  readonly chainId: Hash
  /** The state does not say who validates next: the run draws it. */
  readonly membership: Membership
}

export function createTallyApplication({ chainId, membership, ...drawn }: TallyApplicationOptions): SimulatedApplication {
  const author: Author = new TallyAuthor(drawn)
  return {
    chainId,
    genesis: { state: TALLY_GENESIS, stateRoot: TALLY_GENESIS.root },
    open: ({ state }: StoredState): Application<State> => createTallyMachine(state as TallyState, membership),
    decode: decodeTally,
    createVerifiers: () => verifiers,
    judge: createJudge(),
    liar,
    author,
    blobIn(transaction) {
      const salt = tallySaltOfBlob(transaction)
      return salt === undefined ? undefined : { ref: tallyBlobRef(salt), content: () => tallyBlob(salt) }
    },
  }
}

const verifiers: Verifiers = {
  verify({ work }) {
    const verdict = verifyTally(work.claim)
    return verdict.status === 'valid' ? verdict : { ...verdict, code: 'tally-invalid', message: 'expected valid work' }
  },
}

function createJudge(): Judge {
  /** What was found about these very bytes, which nobody changes: every validator that votes for a block has the same ones looked at. */
  const acceptable = new WeakMap<Uint8Array, boolean>()
  return {
    isAcceptable(bytes) {
      let found = acceptable.get(bytes)
      if (found === undefined) {
        found = isTallyAcceptable(bytes)
        acceptable.set(bytes, found)
      }
      return found
    },
    gasOf: tallyGasOf,
    execute(before, { block, transactions, offences }: Commit) {
      const { height, timestampMs, proposer } = block.header
      const machine = createTallyMachine(before as TallyState)
      return machine.execute(
        before as TallyState,
        { height, timestampMs, proposer },
        transactions.map((transaction) => ({ transaction, difficulty: 0 })),
        offences,
      )
    },
    restore: ({ target, puts }: StagedSnapshot) => tallySnapshots.restore(target.header.stateRoot, puts),
    isSame: (one, other) => isSameTally(one as TallyState, other as TallyState),
    onFirstCommit: () => undefined,
  }
}

function isSameTally(one: TallyState, other: TallyState): boolean {
  return equalBytes(one.root, other.root) && String(one.nonces) === String(other.nonces) && String(one.offences) === String(other.offences)
}

/** Of whom nobody honest hears. */
const CROWD_ACCOUNT = 7

const liar: Liar = {
  withFalseWork(transaction) {
    const decoded = decodeTally(transaction)
    if (!decoded.ok) return null
    const { account, nonce, salt } = decoded.value
    return encodeTally(account, nonce, 'invalid', salt)
  },
  repeat: (below, own) => below ?? own ?? null,
  crowd: (count) => Array.from({ length: count }, (_, nonce) => encodeTally(CROWD_ACCOUNT, nonce, 'none', 1)),
  outcomeOf: (rootBelow, _, transactions) => ({
    stateRoot: tallyRootAfter(rootBelow, transactions),
    totalDifficulty: transactions.reduce((sum, bytes) => sum + BigInt(tallyGasOf(bytes)), 0n),
  }),
}

/** What a faulty leader makes of blocks of the ledger: on top of what is committed, with an account that nothing of is ever final. */
import { type Hash, type Height, keyOf } from '@aethel/codec'
import type { Header } from '@aethel/consensus'
import { decodeTransaction, type LedgerState } from '@aethel/ledger'
import type { Application } from '@aethel/replica'
import type { Liar, Outcome } from '../application.js'
import type { Random } from '../random.js'
import type { Claims } from './claims.js'
import { AXIOMS, type Theorem } from './library.js'
import type { Pen } from './pen.js'
import type { ProofDrawer } from './proofs.js'

/** No client's. */
const ACCOUNT = 100
const MAX_STATES = 64
/** Mostly what no header and no id shows: another proof of a claim in the same block. */
const REPEATS_OWN_RATE = 0.75
const REPEATS_CLAIM_RATE = 0.75

export interface LedgerLiarOptions {
  readonly random: Random
  readonly claims: Claims
  readonly pen: Pen
  readonly drawer: ProofDrawer
  readonly ledger: Application<LedgerState>
}

export class LedgerLiar implements Liar {
  readonly #options: LedgerLiarOptions
  /** Committed ones, by `keyOf` the root; the newest. */
  readonly #states = new Map<string, LedgerState>()

  constructor(options: LedgerLiarOptions) {
    this.#options = options
    this.learn(options.ledger.initial.stateRoot, options.ledger.initial.state)
  }

  learn(root: Hash, state: LedgerState): void {
    this.#states.set(keyOf(root), state)
    for (const key of this.#states.keys()) {
      if (this.#states.size <= MAX_STATES) return
      this.#states.delete(key)
    }
  }

  withFalseWork(): Uint8Array {
    const { random, drawer, pen, claims } = this.#options
    const base = random.pick(AXIOMS) as Theorem
    const draw = random.pick([
      () => drawer.test('invalid'),
      () => drawer.falseRefutation(),
      () => drawer.brokenModel(),
      () => drawer.falseScript(),
      () => drawer.falseTheorem(base),
      () => drawer.brokenTheorem(base),
    ])
    const bytes = pen.write(ACCOUNT, 0, draw())
    claims.noteFalse(bytes)
    return bytes
  }

  /** The very transaction, or its claim under another name. */
  repeat(below: Uint8Array | undefined, own: Uint8Array | undefined): Uint8Array | null {
    const { random, pen } = this.#options
    const said = random.chance(REPEATS_OWN_RATE) ? (own ?? below) : (below ?? own)
    if (said === undefined) return null
    const decoded = decodeTransaction(said)
    const isClaim = decoded.ok && decoded.value.action.type === 'submit-proof'
    return isClaim && random.chance(REPEATS_CLAIM_RATE) ? pen.write(ACCOUNT, 0, decoded.value.action) : said
  }

  crowd(count: number): Uint8Array[] {
    const { pen, drawer, claims } = this.#options
    return Array.from({ length: count }, (_, nonce) => {
      const bytes = pen.write(ACCOUNT, nonce, drawer.note())
      claims.noteFalse(bytes)
      return bytes
    })
  }

  /** The ledger takes the word of whoever executes about proofs: that they are good, and what they cost. */
  outcomeOf(rootBelow: Hash, { height, timestampMs, proposer }: Header, transactions: readonly Uint8Array[]): Outcome | null {
    const { ledger, claims } = this.#options
    const below = this.#states.get(keyOf(rootBelow))
    if (below === undefined) return null
    const inputs = []
    let totalDifficulty = 0n
    for (const bytes of transactions) {
      const decoded = ledger.decode(bytes)
      if (!decoded.ok) return null
      const { gas: difficulty } = claims.judge(bytes)
      inputs.push({ transaction: decoded.value, difficulty })
      totalDifficulty += BigInt(difficulty)
    }
    const executed = ledger.execute(below, { height: height as Height, timestampMs, proposer }, inputs)
    return executed.ok ? { stateRoot: executed.value.stateRoot, totalDifficulty } : null
  }
}

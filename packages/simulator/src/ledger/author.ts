/**
 * What clients of the ledger write: notes, proofs of all kinds, theorems that cite what others have proven or are about to, and now and
 * then a proof of what somebody else is proving just now, of which one only can be final. One more client changes the validators, where
 * they change.
 */
import { keyOf } from '@aethel/codec'
import { type Action, decodeTransaction, type SubmitProof } from '@aethel/ledger'
import { claimIdOf } from '@aethel/proofs'
import type { Author } from '../application.js'
import type { Coverage } from '../coverage.js'
import { drawFalsehood, type FalsehoodOptions } from './falsehoods.js'
import { AXIOMS, type Theorem } from './library.js'

const PROVERS = 4
const RIVAL_RATE = 0.15
const NOTE_RATE = 0.2
const TEST_RATE = 0.2
const MODEL_RATE = 0.15
const SCRIPT_RATE = 0.2
const REFUTATION_RATE = 0.3
/** Cites what is not final yet: it has to wait. */
const EAGER_RATE = 0.3
/** The newest, which are cited and claimed again. */
const MAX_REMEMBERED = 64

/** What a client has written, and waits for. */
interface Work {
  readonly client: number
  readonly action: Action
  /** Of the claim; null: it claims nothing. */
  readonly claimKey: string | null
  readonly theorem: Theorem | null
}

export interface LedgerAuthorOptions extends FalsehoodOptions {
  readonly coverage: Coverage
}

export class LedgerAuthor implements Author {
  readonly clients: number
  readonly #options: LedgerAuthorOptions
  /** By `keyOf` the transaction. */
  readonly #awaited = new Map<string, Work>()
  readonly #theorems: Theorem[] = [...AXIOMS]
  readonly #proofs: SubmitProof[] = []
  readonly #finalClaims = new Set<string>()
  /** By client. */
  readonly #usedNonces = new Map<number, number>()

  constructor(options: LedgerAuthorOptions) {
    this.#options = options
    this.clients = PROVERS + (options.governor === null ? 0 : 1)
  }

  write(client: number, nonce: number): Uint8Array {
    const { governor, pen } = this.#options
    const work =
      client === PROVERS && governor !== null
        ? { client, action: governor.propose(), claimKey: null, theorem: null }
        : (this.#rivalOf(client) ?? this.#draw(client))
    const bytes = pen.write(client, nonce, work.action)
    this.#awaited.set(keyOf(bytes), work)
    return bytes
  }

  /** The claim of somebody who waits for it to be final. */
  #rivalOf(client: number): Work | null {
    const { random, coverage } = this.#options
    const claimed = [...this.#awaited.values()].filter((work) => work.client !== client && work.claimKey !== null)
    if (claimed.length === 0 || !random.chance(RIVAL_RATE)) return null
    coverage.hit('ledger: two prove one claim')
    return { ...random.pick(claimed), client }
  }

  #draw(client: number): Work {
    const { random, drawer } = this.#options
    if (random.chance(NOTE_RATE)) return { client, action: drawer.note(), claimKey: null, theorem: null }
    if (random.chance(TEST_RATE)) return workOf(client, drawer.test('valid'), null)
    if (random.chance(MODEL_RATE)) return workOf(client, drawer.model(), null)
    if (random.chance(SCRIPT_RATE)) return workOf(client, drawer.script(), null)
    if (random.chance(REFUTATION_RATE)) return workOf(client, drawer.refutation(), null)
    const theorem = drawer.theoremFrom(random.pick(this.#citable()))
    return workOf(client, drawer.ofTheorem(theorem), theorem)
  }

  /** Mostly what is final. */
  #citable(): readonly Theorem[] {
    const { random, coverage } = this.#options
    const awaited = [...this.#awaited.values()].flatMap(({ theorem }) => theorem ?? [])
    if (awaited.length === 0 || !random.chance(EAGER_RATE)) return this.#theorems
    coverage.hit('ledger: a theorem is cited that is not final yet')
    return awaited
  }

  writeFalse(client: number, nonce: number): Uint8Array {
    const usedNonces = this.#usedNonces.get(client) ?? 0
    return drawFalsehood(this.#options, { account: client, nonce }, { theorems: this.#theorems, proofs: this.#proofs, usedNonces })
  }

  onFinal(transaction: Uint8Array): void {
    const key = keyOf(transaction)
    const work = this.#awaited.get(key)
    if (work === undefined) return this.#onFinalOfOthers(transaction)
    this.#awaited.delete(key)
    const { client, action, claimKey, theorem } = work
    this.#usedNonces.set(client, (this.#usedNonces.get(client) ?? 0) + 1)
    if (claimKey === null || action.type !== 'submit-proof') return
    this.#finalClaims.add(claimKey)
    this.#proofs.push(action)
    if (this.#proofs.length > MAX_REMEMBERED) this.#proofs.shift()
    if (theorem === null) return
    this.#theorems.push(theorem)
    if (this.#theorems.length > MAX_REMEMBERED) this.#theorems.splice(AXIOMS.length, 1)
  }

  /** A faulty validator's, say. */
  #onFinalOfOthers(transaction: Uint8Array): void {
    const decoded = decodeTransaction(transaction)
    if (!decoded.ok || decoded.value.action.type !== 'submit-proof') return
    const { kind, claim } = decoded.value.action
    this.#finalClaims.add(keyOf(claimIdOf(kind, claim)))
  }

  isOutdone(transaction: Uint8Array): boolean {
    const key = keyOf(transaction)
    const claimKey = this.#awaited.get(key)?.claimKey ?? null
    if (claimKey === null || !this.#finalClaims.has(claimKey)) return false
    this.#awaited.delete(key)
    this.#options.coverage.hit('ledger: outdone by a proof of the same claim')
    return true
  }
}

function workOf(client: number, action: SubmitProof, theorem: Theorem | null): Work {
  return { client, action, claimKey: keyOf(claimIdOf(action.kind, action.claim)), theorem }
}

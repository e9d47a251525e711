/**
 * What a replica does with evidence of offences (protocol.md §11): from the moment it turns up, through the check of a proof that somebody
 * voted for, until it is on the chain or no longer heard. Held evidence is written down and shown to everybody, so that whoever leads next
 * puts it into a block.
 */
import { assert, type Epoch, keyOf, type Refusal, type ValidatorIndex } from '@aethel/codec'
import {
  accusedVote,
  type Block,
  decodeEvidence,
  type EpochStart,
  type Evidence,
  MAX_BLOCK_OFFENCES,
  MAX_EVIDENCE_BYTES,
  type Offence,
  offenceFits,
  offenceKey,
  offenceOf,
  type ValidatorSet,
} from '@aethel/consensus'
import type { Application, BlockContext, VerificationWork } from './application.js'
import { EvidencePool, type HeldEvidence } from './evidence-pool.js'
import type { Ground } from './ground.js'
import type { CitedStatement, ReplicaEffect, VerificationJob, VerificationOutcome } from './interface.js'
import type { VerdictCache } from './verdicts.js'
import type { Verifications } from './verifications.js'

/** Evidence whose proof is being checked again before anybody is accused with it. */
interface Suspicion {
  readonly item: HeldEvidence
  readonly key: string
}

/** Of these, one per offence: what peers send beyond is looked at when it comes again. */
const MAX_SUSPICIONS = 64
/** Evidence sent to a peer that has just connected: one block's worth. */
const EVIDENCE_ON_CONNECT: number = MAX_BLOCK_OFFENCES

/** Who withholds a blob could keep everybody from judging; so votes for false blobs are refused, and accuse nobody (protocol.md §11). */
const BLOB_ACCUSATION: Refusal = {
  code: 'evidence-blob',
  message: 'expected a proof that is in its transaction, got one that is a blob, which not everybody may have',
}

export interface AccusationsHost<State> {
  readonly application: Application<State>
  readonly ground: Ground<State>
  readonly verdicts: VerdictCache
  readonly verifications: Verifications
  /** The epoch under way. */
  readonly epoch: EpochStart
  /** Whom to pass on to what is new. */
  readonly passOn: readonly (ValidatorIndex | 'all')[]
  push(effect: ReplicaEffect): void
}

export class Accusations<State> {
  readonly #host: AccusationsHost<State>
  readonly #pool = new EvidencePool()
  /** By `offenceKey`. */
  readonly #suspicions = new Map<string, Suspicion>()
  /** None of the evidence held could go into the last block asked for; until a commit or new evidence. */
  #isStalled = false

  constructor(host: AccusationsHost<State>) {
    this.#host = host
  }

  get size(): number {
    return this.#pool.size
  }

  list(): readonly HeldEvidence[] {
    return this.#pool.list()
  }

  // --- as it turns up ---

  /** From a peer or from before a restart; the form is good. */
  hear(bytes: Uint8Array): void {
    const decoded = decodeEvidence(bytes)
    if (decoded.ok) this.take(decoded.value.evidence, bytes)
  }

  take(evidence: Evidence, bytes: Uint8Array): void {
    const validators = this.#accusable(accusedVote(evidence).epoch)
    if (bytes.length > MAX_EVIDENCE_BYTES || validators === undefined) return
    const offence = offenceOf(evidence, validators)
    const item: HeldEvidence = { offence, bytes, refutes: evidence.type === 'invalid-verification' }
    if (!this.#isWorthHolding(item)) return
    if (evidence.type === 'equivocation') return this.#hold(item)
    const { application, ground, verdicts, verifications } = this.#host
    const work = this.#accusedWork(evidence.transaction)
    const cited = 'code' in work ? undefined : citedIn(application, ground.state, work)
    if ('code' in work || cited === undefined) return
    const verdict = verdicts.get(work.key)
    if (verdict?.status === 'invalid') return this.#hold(item)
    if (verdict !== undefined || this.#suspicions.size >= MAX_SUSPICIONS) return
    this.#suspicions.set(offenceKey(offence), { item, key: keyOf(work.key) })
    verifications.request(work, cited, 'mempool')
  }

  /** Whether the verdict on this proof decides an accusation; `key` is `keyOf(work.key)`. */
  awaits(key: string): boolean {
    for (const suspicion of this.#suspicions.values()) if (suspicion.key === key) return true
    return false
  }

  onVerified(key: string, outcome: VerificationOutcome): void {
    for (const [name, suspicion] of [...this.#suspicions]) {
      if (suspicion.key !== key) continue
      this.#suspicions.delete(name)
      if (outcome.status === 'invalid' && this.#isWorthHolding(suspicion.item)) this.#hold(suspicion.item)
    }
  }

  onConnected(peer: ValidatorIndex): void {
    for (const { bytes } of this.list().slice(0, EVIDENCE_ON_CONNECT)) this.#sendTo(peer, bytes)
  }

  #isWorthHolding(item: HeldEvidence): boolean {
    const { offence } = item
    const { application, ground } = this.#host
    if (this.#pool.has(offence) || this.#suspicions.has(offenceKey(offence)) || !this.#pool.hasRoomFor(item)) return false
    if (!offenceFits(offence, ground.nextHeight).ok) return false
    return application.offenceRefusal(ground.state, offence) === null
  }

  /** Kept, written down, and shown to everybody. */
  #hold(item: HeldEvidence): void {
    if (!this.#pool.add(item)) return
    this.#isStalled = false
    this.#host.push({ kind: 'evidence', offence: item.offence, bytes: item.bytes })
    for (const to of this.#host.passOn) this.#sendTo(to, item.bytes)
  }

  #sendTo(to: ValidatorIndex | 'all', evidence: Uint8Array): void {
    this.#host.push({ kind: 'send', to, message: { kind: 'evidence', evidence } })
  }

  // --- into blocks ---

  /**
   * For a block on this state, oldest first. Of offences that may be recorded each by itself, but not all together (so many of a validator
   * count at all), it is those that go with the ones before; the others are refused in the next block, or go into it.
   */
  choose(context: BlockContext, parent: State): HeldEvidence[] {
    const { application } = this.#host
    const each = this.#pool.choose(context.height, (offence) => application.offenceRefusal(parent, offence) === null)
    const areRecordable = (items: readonly HeldEvidence[]): boolean =>
      items.length === 0 ||
      application.execute(
        parent,
        context,
        [],
        items.map(({ offence }) => offence),
      ).ok
    if (areRecordable(each)) return each
    const chosen: HeldEvidence[] = []
    for (const item of each) if (areRecordable([...chosen, item])) chosen.push(item)
    return chosen
  }

  /** No block could be made of what is held. */
  stall(): void {
    this.#isStalled = true
  }

  /** Whether a leader has something to put on record beside what its proposals do. */
  hasUnproposed(beingBuilt: readonly Offence[]): boolean {
    if (this.#pool.size === 0 || this.#isStalled) return false
    const { ground } = this.#host
    const proposed = ground.proposedOffences
    for (const offence of beingBuilt) proposed.add(offenceKey(offence))
    return this.list().some(({ offence }) => !proposed.has(offenceKey(offence)) && offenceFits(offence, ground.nextHeight).ok)
  }

  /** Offences of a block whose evidence passed the edge; what is left is their age, and proofs to be checked again. */
  ofBlock(block: Block): { offences: Offence[]; accused: VerificationWork[] } | Refusal {
    const offences: Offence[] = []
    const accused: VerificationWork[] = []
    for (const bytes of block.body.evidence) {
      const { offence, transaction } = this.#read(bytes)
      const fits = offenceFits(offence, block.header.height)
      if (!fits.ok) return fits.error
      offences.push(offence)
      if (transaction === null) continue
      const work = this.#accusedWork(transaction)
      if ('code' in work) return work
      accused.push(work)
    }
    return { offences, accused }
  }

  #read(bytes: Uint8Array): { offence: Offence; transaction: Uint8Array | null } {
    const decoded = decodeEvidence(bytes)
    assert(decoded.ok, 'evidence passed the edge and does not decode')
    const { evidence } = decoded.value
    const transaction = evidence.type === 'invalid-verification' ? evidence.transaction : null
    const validators = this.#accusable(accusedVote(evidence).epoch)
    assert(validators !== undefined, 'evidence passed the edge and is of an epoch that is not heard')
    return { offence: offenceOf(evidence, validators), transaction }
  }

  #accusedWork(transaction: Uint8Array): VerificationWork | Refusal {
    const decoded = this.#host.application.decode(transaction)
    if (!decoded.ok) return { code: 'evidence-transaction', message: `expected a well-formed transaction: ${decoded.error.message}` }
    const { work } = decoded.value
    if (work?.blob !== undefined) return BLOB_ACCUSATION
    return work ?? { code: 'evidence-transaction', message: 'expected a transaction with a proof, got one without' }
  }

  // --- until it is over ---

  /** After a commit: what is on record, or no longer heard, need not be held. */
  settle(): void {
    this.#isStalled = false
    const { application, ground } = this.#host
    for (const { offence } of this.#pool.list()) {
      const isOver = offence.height < ground.nextHeight && !offenceFits(offence, ground.nextHeight).ok
      if (!isOver && application.offenceRefusal(ground.state, offence) === null) continue
      this.#forget(offence)
    }
  }

  /** A new epoch: evidence is heard in the epoch of the offence and in the next; older sets of validators nobody need remember. */
  enterEpoch(): void {
    for (const [name, { item }] of [...this.#suspicions])
      if (this.#accusable(item.offence.epoch) === undefined) this.#suspicions.delete(name)
    for (const { offence } of this.#pool.list()) if (this.#accusable(offence.epoch) === undefined) this.#forget(offence)
  }

  #forget(offence: Offence): void {
    this.#pool.remove(offence)
    this.#host.push({ kind: 'forget-evidence', offence })
  }

  /** Whose evidence is heard: the validators of this epoch and of the one before; the same at every replica. */
  #accusable(inEpoch: Epoch): ValidatorSet | undefined {
    const { validators, previousValidators } = this.#host.epoch
    if (inEpoch === validators.epoch) return validators
    return previousValidators?.epoch === inEpoch ? previousValidators : undefined
  }
}

/**
 * Statements that a proof under accusation cites, from an agreed state. A claim's id is a hash of its statement, so who has
 * a statement at all has the right one, and the verdict is the same everywhere; if one is missing, nobody is accused.
 */
export function citedIn<State>(
  application: Application<State>,
  state: State,
  work: VerificationWork,
): VerificationJob['cited'] | undefined {
  const cited: CitedStatement[] = []
  for (const key of work.cites) {
    const statement = application.statementOf(state, key)
    if (statement === undefined) return undefined
    cited.push({ key, statement })
  }
  return cited
}

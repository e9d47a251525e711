/**
 * Blocks being validated: decoded, held against the bounds, their proofs and blobs awaited, executed when the last is in. A proof is verified
 * here whatever its proposer says (proofs.md §6); what stands between a block and a vote for it stands in this file. Results are
 * given as `ValidationResult`s; what consensus does with one may abandon other blocks under way, so each is looked up anew.
 */
import { assert, equalBytes, type Hash, type Height, keyOf, type Refusal, type ValidatorIndex } from '@aethel/codec'
import { type BlobRef, type Block, blobKey, type Effect, type Offence, type ValidationResult } from '@aethel/consensus'
import { type Accusations, citedIn } from './accusations.js'
import {
  type Application,
  type Executed,
  type ExecutionInput,
  type Transaction,
  transactionIdOf,
  type VerificationWork,
} from './application.js'
import type { ReplicaBlobs } from './blobs.js'
import { DecodedInBlocks } from './decoded.js'
import type { NextValidators } from './epochs.js'
import { blobsOf, type Ground } from './ground.js'
import type { BlockLimits, CitedStatement, ReplicaEffect, VerificationOutcome } from './interface.js'
import type { Verdict, VerdictCache } from './verdicts.js'
import type { Verifications } from './verifications.js'

export interface ValidationsHost<State> {
  readonly application: Application<State>
  readonly ground: Ground<State>
  readonly limits: BlockLimits
  /** protocol.md §7: proofs of blocks that peers serve with their certificate are not verified again. */
  readonly trustCertificates: boolean
  readonly verdicts: VerdictCache
  readonly verifications: Verifications
  readonly accusations: Accusations<State>
  /** Null: a chain without blobs. */
  readonly blobs: ReplicaBlobs | null
  /** Already decoded: in the mempool, or on the way there. */
  known(id: Hash): Transaction | undefined
  /** Gas of a pooled transaction's proof. */
  pooledGas(id: Hash): number | undefined
  /** Null unless the block is the last of its epoch. */
  nextValidators(at: Height, executed: Executed<State>): NextValidators | null
  /** Who may have a proposal's blobs; null: this replica itself, or nobody that can be reached. */
  peerOf(proposer: ValidatorIndex): ValidatorIndex | null
  push(effect: ReplicaEffect): void
}

/** A block being validated: execution starts when the last verdict is in. */
interface Validation {
  readonly block: Block
  readonly transactions: readonly Transaction[]
  readonly offences: readonly Offence[]
  /** Keys of proofs that the block's evidence says are false. */
  readonly accused: ReadonlySet<string>
  /** Gas per proof, by work key, as verdicts come in. */
  readonly gas: Map<string, number>
  readonly awaited: Set<string>
  /** Blobs that are not here: nothing is verified or voted for before they are. By `blobKey`. */
  readonly blobs: Map<string, BlobRef>
  /** Proven committed when it was to be validated: it is executed, and not voted for. */
  readonly certified: boolean
}

/** Takes the result of a block whose validation was under way. */
type Conclude = (hash: Hash, result: ValidationResult) => void

const FALSE_ACCUSATION: ValidationResult = {
  status: 'invalid',
  code: 'evidence-proof',
  message: 'expected evidence of a proof that does not verify, got a proof that does',
}

export class Validations<State> {
  readonly #host: ValidationsHost<State>
  /** By `keyOf(hash)`. */
  readonly #underWay = new Map<string, Validation>()
  readonly #decoded = new DecodedInBlocks()

  constructor(host: ValidationsHost<State>) {
    this.#host = host
  }

  /** A transaction that was decoded for a block just now. */
  decoded(id: Hash): Transaction | undefined {
    return this.decodedByKey(keyOf(id))
  }

  /** The same by `keyOf(id)`. */
  decodedByKey(idKey: string): Transaction | undefined {
    return this.#decoded.get(idKey)
  }

  /** Whether a block under way refers to this blob; by `blobKey`. */
  refersTo(blob: string): boolean {
    for (const { transactions } of this.#underWay.values()) if (blobsOf(transactions).some((each) => blobKey(each) === blob)) return true
    return false
  }

  abandon(hash: Hash): void {
    this.#underWay.delete(keyOf(hash))
  }

  clear(): void {
    this.#underWay.clear()
  }

  /** Null: something is awaited, and the result comes later. */
  begin({ block, certifiedGas }: Extract<Effect, { kind: 'validate' }>): ValidationResult | null {
    const { limits, accusations } = this.#host
    const count = block.body.transactions.length
    const bytes = block.body.transactions.reduce((sum, transaction) => sum + transaction.length, 0)
    if (count > limits.transactions || bytes > limits.bytes) {
      const message = `expected at most ${limits.transactions} transactions and ${limits.bytes} bytes, got ${count} and ${bytes}`
      return { status: 'invalid', code: 'block-limits', message } // before any is hashed or decoded
    }
    const transactions = this.#decodeAll(block)
    if ('code' in transactions) return { status: 'invalid', ...transactions }
    const tooLarge = blobLimit(limits.blobBytes, transactions)
    if (tooLarge !== null) return tooLarge
    if (block.header.totalDifficulty > BigInt(limits.gas)) {
      return blockGas(limits.gas, block.header.totalDifficulty) // before anything is verified
    }
    const evidence = accusations.ofBlock(block)
    if ('code' in evidence) return { status: 'invalid', ...evidence }
    const validation: Validation = {
      block,
      transactions,
      offences: evidence.offences,
      accused: new Set(evidence.accused.map((work) => keyOf(work.key))),
      gas: new Map(),
      awaited: new Set(),
      blobs: new Map(),
      certified: certifiedGas !== null,
    }
    if (certifiedGas !== null && this.#host.trustCertificates && this.#holdsAsCertified(validation, certifiedGas))
      return { status: 'valid' }
    const missing = this.#requestRefutations(validation, evidence.accused) ?? this.#requestMissingVerdicts(validation)
    if (missing !== null) return missing
    if (isReady(validation)) return this.#executeBlock(validation)
    this.#awaitBlobs(validation)
    this.#underWay.set(keyOf(block.hash), validation)
    return null
  }

  /**
   * protocol.md §7: a quorum has verified the proofs, so none is verified again; everything else is checked, and the state
   * root says whether the gas that a peer named is what the quorum found. If it is not, the block is verified like any other.
   */
  #holdsAsCertified(validation: Validation, certifiedGas: readonly number[]): boolean {
    let proofs = 0
    const gas = new Map<string, number>()
    for (const [position, { work }] of validation.transactions.entries()) {
      if (work === null) continue
      gas.set(keyOf(work.key), certifiedGas[position] as number)
      proofs++
    }
    const { height, hash } = { height: validation.block.header.height, hash: validation.block.hash }
    const isGood = this.#executeBlock({ ...validation, gas }).status === 'valid'
    const name = isGood ? ('verdicts-trusted' as const) : ('verdicts-doubted' as const)
    if (proofs > 0) this.#host.push({ kind: 'event', event: { name, height, hash, proofs } })
    return isGood
  }

  #decodeAll(block: Block): readonly Transaction[] | Refusal {
    const transactions: Transaction[] = []
    for (const [position, bytes] of block.body.transactions.entries()) {
      const id = transactionIdOf(bytes)
      const known = this.#host.known(id)
      if (known !== undefined) {
        transactions.push(known)
        continue
      }
      const decoded = this.#host.application.decode(bytes, id)
      if (!decoded.ok) return { code: decoded.error.code, message: `transaction ${position}: ${decoded.error.message}` }
      this.#decoded.add(decoded.value)
      transactions.push(decoded.value)
    }
    return transactions
  }

  /** Asks for verdicts not yet known; an answer means the block is invalid as it stands. */
  #requestMissingVerdicts(validation: Validation): ValidationResult | null {
    const parent = this.#host.ground.stateAt(validation.block.header.parent)
    assert(parent !== undefined, 'consensus validates on executed blocks only')
    const inBlock = new Map<string, Uint8Array>()
    for (const [position, { id, work }] of validation.transactions.entries()) {
      if (work === null) continue
      const verdict = this.#verdictOn(id, work)
      if (verdict?.status === 'invalid')
        return { status: 'invalid', code: verdict.code, message: `transaction ${position}: ${verdict.message}`, refuted: position }
      if (this.#lacksBlob(validation, work, verdict)) continue
      if (verdict !== undefined) validation.gas.set(keyOf(work.key), verdict.gas)
      else {
        const cited: CitedStatement[] = []
        for (const key of work.cites) {
          const statement = inBlock.get(key) ?? this.#host.application.statementOf(parent, key)
          if (statement === undefined) {
            return {
              status: 'invalid',
              code: 'citation-missing',
              message: `transaction ${position} cites a claim that is not finalised before it`,
            }
          }
          cited.push({ key, statement })
        }
        validation.awaited.add(keyOf(work.key))
        this.#host.verifications.request(work, cited, 'block')
      }
      inBlock.set(keyOf(work.claimId), work.claim)
    }
    return null
  }

  /** What this validator has found about a proof; undefined if it has not looked. */
  #verdictOn(id: Hash, work: VerificationWork): Verdict | undefined {
    const gas = this.#host.pooledGas(id)
    return gas === undefined ? this.#host.verdicts.get(work.key) : { status: 'valid', gas }
  }

  #executeBlock(validation: Validation): ValidationResult {
    const { block, transactions } = validation
    const { header } = block
    const parent = this.#host.ground.stateAt(header.parent)
    if (parent === undefined) return { status: 'aborted', reason: 'another block was committed below it while its proofs were checked' }
    const inputs: ExecutionInput[] = []
    let totalDifficulty = 0n
    for (const transaction of transactions) {
      const difficulty = transaction.work === null ? 0 : validation.gas.get(keyOf(transaction.work.key))
      assert(difficulty !== undefined, 'a block is executed when every verdict is in')
      inputs.push({ transaction, difficulty })
      totalDifficulty += BigInt(difficulty)
    }
    if (totalDifficulty !== header.totalDifficulty) {
      return {
        status: 'invalid',
        code: 'difficulty',
        message: `expected total difficulty ${totalDifficulty}, got ${header.totalDifficulty}`,
      }
    }
    const context = { height: header.height, timestampMs: header.timestampMs, proposer: header.proposer }
    const executed = this.#host.application.execute(parent, context, inputs, validation.offences)
    if (!executed.ok) return { status: 'invalid', code: executed.error.code, message: executed.error.message }
    if (!equalBytes(executed.value.stateRoot, header.stateRoot)) {
      return { status: 'invalid', code: 'state-root', message: 'expected the state root that execution gives, got another' }
    }
    const next = this.#host.nextValidators(header.height, executed.value)
    if (next !== null && !equalBytes(next.validators.hash, header.nextValidatorsHash)) {
      const message = 'expected the hash of the validators that execution gives for the next epoch, got another'
      return { status: 'invalid', code: 'next-validators', message }
    }
    this.#host.ground.add(block.hash, {
      executed: executed.value,
      height: header.height,
      transactions,
      gas: inputs.map(({ difficulty }) => difficulty),
      offences: validation.offences,
    })
    return { status: 'valid' }
  }

  #requestRefutations(validation: Validation, accused: readonly VerificationWork[]): ValidationResult | null {
    const parent = this.#host.ground.stateAt(validation.block.header.parent)
    assert(parent !== undefined, 'consensus validates on executed blocks only')
    for (const work of accused) {
      const cited = citedIn(this.#host.application, parent, work)
      if (cited === undefined)
        return { status: 'invalid', code: 'evidence-citation', message: 'expected evidence about a proof whose citations are final' }
      const verdict = this.#host.verdicts.get(work.key)
      if (verdict?.status === 'valid') return FALSE_ACCUSATION
      if (verdict !== undefined) continue
      validation.awaited.add(keyOf(work.key))
      this.#host.verifications.request(work, cited, 'block')
    }
    return null
  }

  onVerified(key: string, outcome: VerificationOutcome, conclude: Conclude): void {
    for (const [name, validation] of [...this.#underWay]) {
      if (this.#underWay.get(name) !== validation || !validation.awaited.delete(key)) continue // or abandoned just now
      if (outcome.status === 'valid') validation.gas.set(key, outcome.gas)
      const result = this.#verdictOnBlock(validation, key, outcome)
      if (result === null) continue
      this.#underWay.delete(name)
      conclude(validation.block.hash, result)
    }
  }

  #verdictOnBlock(validation: Validation, key: string, outcome: VerificationOutcome): ValidationResult | null {
    switch (outcome.status) {
      case 'aborted':
        return { status: 'aborted', reason: outcome.reason }
      case 'invalid': {
        const refuted = validation.transactions.findIndex(({ work }) => work !== null && keyOf(work.key) === key)
        const message = `the block holds a proof that does not verify: ${outcome.message}`
        if (refuted >= 0) return { status: 'invalid', code: outcome.code, message, refuted }
        break
      }
      case 'valid':
        if (validation.accused.has(key)) return FALSE_ACCUSATION
        break
    }
    return isReady(validation) ? this.#executeBlock(validation) : null
  }

  /**
   * A vote attests that the blob is here and was checked, so a verdict remembered is not enough for one. A block that a quorum has
   * committed is executed on the verdict alone: its blobs may be pruned everywhere.
   */
  #lacksBlob(validation: Validation, { blob }: VerificationWork, verdict: Verdict | undefined): boolean {
    if (blob === undefined || (validation.certified && verdict !== undefined)) return false
    if (this.#host.blobs?.isHeld(blob) === true) return false
    validation.blobs.set(blobKey(blob), blob)
    return true
  }

  #awaitBlobs({ block, blobs }: Validation): void {
    if (blobs.size === 0) return
    const { proposer, height } = block.header
    const from = this.#host.peerOf(proposer)
    for (const blob of blobs.values()) this.#host.blobs?.want(blob, 'block', from)
    this.#host.push({ kind: 'event', event: { name: 'block-awaits-blobs', height, hash: block.hash, blobs: blobs.size } })
  }

  onBlobHeld(key: string, conclude: Conclude): void {
    for (const [name, validation] of [...this.#underWay]) {
      if (this.#underWay.get(name) !== validation || !validation.blobs.delete(key) || validation.blobs.size > 0) continue
      const missing = this.#requestMissingVerdicts(validation)
      if (missing === null && !isReady(validation)) continue
      this.#underWay.delete(name)
      conclude(validation.block.hash, missing ?? this.#executeBlock(validation))
    }
  }

  /** A blob that was here when a block came, and is not here for the vote: the block is tried again, and waits for it. */
  onBlobLost(key: string, conclude: Conclude): void {
    for (const [name, validation] of [...this.#underWay]) {
      if (this.#underWay.get(name) !== validation || validation.certified || validation.blobs.has(key)) continue
      if (!blobsOf(validation.transactions).some((blob) => blobKey(blob) === key)) continue
      this.#underWay.delete(name)
      conclude(validation.block.hash, { status: 'aborted', reason: LOST_BEFORE_THE_VOTE })
    }
  }

  /**
   * Nobody serves the blobs that a block waits for, or the store has no room for them: it is tried again, since by then its certificate may be here with the gas of its
   * proofs, or a state above it (§7).
   */
  giveUpStarved(conclude: Conclude): void {
    for (const [name, { block, blobs }] of [...this.#underWay]) {
      if (![...blobs.keys()].some((key) => this.#host.blobs?.isStarved(key) === true)) continue
      this.#underWay.delete(name)
      const reason = `${blobs.size} blobs that its transactions refer to are served by nobody, or find no room here`
      conclude(block.hash, { status: 'aborted', reason })
    }
  }
}

export const LOST_BEFORE_THE_VOTE = 'a blob that its transactions refer to was lost here'

/** Verified, and its blobs are here. */
function isReady({ awaited, blobs }: Validation): boolean {
  return awaited.size === 0 && blobs.size === 0
}

function blobLimit(most: number | undefined, transactions: readonly Transaction[]): ValidationResult | null {
  const bytes = blobsOf(transactions).reduce((sum, blob) => sum + blob.bytes, 0)
  if (most === undefined || bytes <= most) return null
  return { status: 'invalid', code: 'block-limits', message: `expected blobs of at most ${most} bytes in a block, got ${bytes}` }
}

function blockGas(most: number, got: bigint): ValidationResult {
  return { status: 'invalid', code: 'block-gas', message: `expected at most ${most} gas, got ${got}` }
}

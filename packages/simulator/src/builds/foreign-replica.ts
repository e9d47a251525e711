/**
 * A replica of the other build in this world: what it starts with is read from the store's bytes by its own code, what it orders is written in its own
 * bytes and read from them by this build, whose disk, network and judges never see an object of the other's. What has no bytes (timers, events, parts of
 * blobs, what a state writes) is plain data and passes as it is.
 */
import { assert, type Refusal, type Result, type ValidatorIndex } from '@aethel/codec'
import type {
  CommittedTip,
  DurableState,
  EpochStart,
  ForkMaterial,
  Header,
  Held,
  Message,
  PersistRecord,
  SnapshotOffer,
  SnapshotRecord,
  StagedSnapshot,
} from '@aethel/consensus'
import type { Replica, ReplicaEffect, ReplicaInput, ReplicaInspection, ReplicaOptions, Restored, Transaction } from '@aethel/replica'
import type { State } from '../application.js'
import type { RunningReplica } from '../node.js'
import { Violation } from '../violation.js'
import { incompatible, type Passage } from './passage.js'

export interface ForeignReplicaOptions {
  readonly passage: Passage
  /** What this build would start with; but `application` is the other's. */
  readonly options: ReplicaOptions<State>
  /** How this build reads a transaction. */
  decode(bytes: Uint8Array): Result<Transaction, Refusal>
  readonly index: number
}

/** Whatever a build has, a replica in this world must have these. */
const ASKED: readonly (keyof RunningReplica)[] = [
  'step',
  'wants',
  'epoch',
  'committed',
  'position',
  'self',
  'held',
  'snapshotsServed',
  'needsBlob',
  'inspect',
  'forkMaterial',
]

export class ForeignReplica implements RunningReplica {
  readonly #options: ForeignReplicaOptions
  readonly #replica: Replica<State>

  constructor(options: ForeignReplicaOptions) {
    this.#options = options
    const { passage } = options
    this.#replica = this.#guarded('starts on its store', () =>
      passage.other.replica.createReplica(translatedOptions(passage, options.options)),
    )
    const missing = ASKED.filter((each) => !(each in this.#replica))
    if (missing.length > 0)
      throw incompatible(
        `${passage.other.name} cannot be put into this world: its replicas have no ${missing.join(', no ')}, which is asked for here`,
      )
  }

  step(input: ReplicaInput): ReplicaEffect[] {
    const translated = this.#inputOf(input)
    return this.#guarded(`takes the input "${input.kind}"`, () => this.#replica.step(translated)).map((effect) => this.#effectOf(effect))
  }

  /** `message`: as its own edge has let it pass. */
  wants(from: ValidatorIndex, message: Message): boolean {
    return this.#replica.wants(from, message)
  }

  get epoch(): EpochStart {
    return this.#options.passage.epochStart('current', this.#replica.epoch)
  }

  get committed(): CommittedTip {
    return this.#replica.committed
  }

  get position(): Replica<State>['position'] {
    return this.#replica.position
  }

  get self(): ValidatorIndex | null {
    return this.#replica.self
  }

  get held(): Held {
    return this.#replica.held
  }

  get snapshotsServed(): Replica<State>['snapshotsServed'] {
    return this.#replica.snapshotsServed
  }

  needsBlob(blob: Parameters<Replica<State>['needsBlob']>[0]): boolean {
    return this.#replica.needsBlob(blob)
  }

  inspect(): ReplicaInspection {
    return this.#replica.inspect()
  }

  /** For runs beyond what the protocol bears, which have one build. */
  forkMaterial(): ForkMaterial {
    return this.#replica.forkMaterial()
  }

  /** An assertion of the other build that fails is a finding like one of ours; anything else that it throws may be for want of understanding. */
  #guarded<T>(what: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof Violation || !(error instanceof Error)) throw error
      const { passage, index } = this.#options
      if (error.name === 'AssertionError') assert(false, `(${passage.other.name}) ${error.message}`)
      throw incompatible(`validator ${index}, which runs ${passage.other.name}, threw as it ${what}: ${error.name}: ${error.message}`)
    }
  }

  // --- what comes -----------------------------------------------------------------------------------------------------

  #inputOf(input: ReplicaInput): ReplicaInput {
    switch (input.kind) {
      case 'submit':
        return { ...input, transaction: this.#decoded(input.transaction) }
      case 'transactions':
        return { ...input, transactions: input.transactions.map((each) => this.#decoded(each)) }
      default:
        return input
    }
  }

  #decoded({ bytes }: Transaction): Transaction {
    const decoded = this.#options.options.application.decode(bytes)
    if (decoded.ok) return decoded.value
    const { code, message } = decoded.error
    throw incompatible(`${this.#options.passage.other.name} does not read a transaction that the current build takes: ${code}, ${message}`)
  }

  // --- what it orders -------------------------------------------------------------------------------------------------

  #effectOf(effect: ReplicaEffect): ReplicaEffect {
    const { passage } = this.#options
    switch (effect.kind) {
      case 'persist':
        return { ...effect, records: effect.records.map((record) => recordToCurrent(passage, record)) }
      case 'send':
        return { ...effect, message: passage.cross('current', 'message', effect.message, `${effect.message.kind} message`) }
      case 'gossip':
        return { ...effect, transactions: effect.transactions.map((each) => this.#known(each)) }
      case 'commit':
        return {
          ...effect,
          block: passage.cross('current', 'block', effect.block),
          certificate: passage.cross('current', 'certificate', effect.certificate),
          transactions: effect.transactions.map((each) => this.#known(each)),
          nextEpoch: effect.nextEpoch === null ? null : passage.epochStart('current', effect.nextEpoch),
        }
      case 'serve-offer': {
        const { links: _, ...offer } = passage.cross('current', 'offer', { ...effect.offer, links: [] })
        return { ...effect, offer }
      }
      case 'snapshot':
        return { ...effect, record: this.#snapshotRecord(effect.record) }
      case 'restored':
        return { ...effect, restored: this.#restored(effect.restored) }
      case 'verify':
      case 'hasten-verification':
      case 'cancel-verification':
      case 'serve':
      case 'blame':
      case 'admission':
      case 'dropped':
      case 'set-timer':
      case 'cancel-timer':
      case 'evidence':
      case 'forget-evidence':
      case 'fork':
      case 'event':
      case 'blob-open':
      case 'blob-write':
      case 'blob-seal':
      case 'blob-serve':
      case 'blob-drop':
        return effect
      default:
        throw incompatible(`${passage.other.name} orders something that this world does not know: "${(effect as { kind: string }).kind}"`)
    }
  }

  #known({ bytes }: Transaction): Transaction {
    const decoded = this.#options.decode(bytes)
    if (decoded.ok) return decoded.value
    const { code, message } = decoded.error
    throw incompatible(
      `the current build does not read a transaction that ${this.#options.passage.other.name} passes on: ${code}, ${message}`,
    )
  }

  #snapshotRecord(record: SnapshotRecord): SnapshotRecord {
    const { passage } = this.#options
    switch (record.kind) {
      case 'begin':
        return { kind: 'begin', target: passage.cross('current', 'offer', record.target) }
      case 'headers':
        return { kind: 'headers', headers: passage.cross('current', 'headers', record.headers) }
      case 'chunk':
      case 'forget':
        return record
    }
  }

  #restored({ target, headers, start }: Restored): Restored {
    const { passage } = this.#options
    return {
      target: passage.cross('current', 'offer', target),
      headers: passage.cross('current', 'headers', headers),
      start: passage.epochStart('current', start),
    }
  }
}

function recordToCurrent(passage: Passage, record: PersistRecord): PersistRecord {
  switch (record.kind) {
    case 'view':
      return passage.cross('current', 'view', record)
    case 'vote':
      return { kind: 'vote', vote: passage.cross('current', 'vote', record.vote) }
    case 'block':
      return { kind: 'block', block: passage.cross('current', 'block', record.block) }
    case 'highest':
      return { kind: 'highest', certificate: passage.cross('current', 'certificate', record.certificate) }
    case 'recovery':
      return { kind: 'recovery', recovery: passage.cross('current', 'recovery', record.recovery) }
    case 'forget-block':
      return record
  }
}

// --- what it starts with ----------------------------------------------------------------------------------------------

function translatedOptions(passage: Passage, options: ReplicaOptions<State>): ReplicaOptions<State> {
  const { consensus, durable, epochs, sync } = options
  const { snapshots } = sync ?? {}
  return {
    ...options,
    consensus: { ...consensus, validators: passage.validators('other', consensus.validators) },
    durable: durableState(passage, durable),
    ...(epochs === undefined
      ? {}
      : {
          epochs: {
            ...epochs,
            previousValidators: epochs.previousValidators === null ? null : passage.validators('other', epochs.previousValidators),
          },
        }),
    ...(sync === undefined || snapshots === undefined
      ? {}
      : { sync: { ...sync, snapshots: { ...snapshots, stored: storedForSnapshots(passage, snapshots.stored) } } }),
  }
}

function durableState(passage: Passage, durable: DurableState): DurableState {
  const { view, phase, newView, viewChange, votes, blocks, recovery, highest, lastCommit, committed } = durable
  const record = passage.cross('other', 'view', { kind: 'view', view, phase, newView, viewChange })
  const certificate = <T extends DurableState['highest']>(each: T) => (each === null ? null : passage.cross('other', 'certificate', each))
  return {
    ...durable,
    newView: record.newView,
    viewChange: record.viewChange,
    votes: votes.map((vote) => passage.cross('other', 'vote', vote)),
    blocks: blocks.map((block) => passage.cross('other', 'block', block)),
    ...(recovery === undefined ? {} : { recovery: recovery === null ? null : passage.cross('other', 'recovery', recovery) }),
    highest: certificate(highest),
    lastCommit: certificate(lastCommit),
    committed: lastCommit === null ? committed : passage.cross('other', 'tip', { tip: committed, lastCommit }).tip,
  }
}

type Stored = NonNullable<NonNullable<ReplicaOptions<State>['sync']>['snapshots']>['stored']

function storedForSnapshots(passage: Passage, { headers, certificate, staged }: Stored): Stored {
  return {
    headers: headers.length === 0 ? headers : headersOf(passage, headers),
    certificate: certificate === null ? null : passage.cross('other', 'certificate', certificate),
    staged: staged === null ? null : stagedOf(passage, staged),
  }
}

function stagedOf(passage: Passage, staged: StagedSnapshot): StagedSnapshot {
  const target: SnapshotOffer = passage.cross('other', 'offer', staged.target)
  return { ...staged, target, headers: staged.headers === null ? null : headersOf(passage, staged.headers) }
}

/** As many at a time as one record holds. */
const HEADERS_AT_ONCE = 256

function headersOf(passage: Passage, headers: readonly Header[]): Header[] {
  const crossed: Header[] = []
  for (let from = 0; from < headers.length; from += HEADERS_AT_ONCE)
    crossed.push(...passage.cross('other', 'headers', headers.slice(from, from + HEADERS_AT_ONCE)))
  return crossed
}

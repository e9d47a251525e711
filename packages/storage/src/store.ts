/**
 * One LevelDB per home: what a validator must remember to be safe (protocol.md §5), the committed chain, and the application's state.
 * Here is what a store can do, and how its parts are put together; each part has a file:
 *
 * - `opening.ts`, `file-check.ts`: whether the files are sound and whose they are, before anything is read;
 * - `sealed-batch.ts`, `group-commit.ts`: how records become durable, and what a failed write means;
 * - `safety-records.ts`: votes, views, uncommitted blocks, and the last guard on votes;
 * - `committed-chain.ts`: blocks, certificates, epochs, and their indexes;
 * - `areas.ts`, `area-entries.ts`: the application's state, and one that is being fetched.
 */
import { assert, type Epoch, type Hash, type Height, hash, toHex } from '@aethel/codec'
import type { Block, Certificate, CommittedTip, DurableState, EpochStart, Header, StagedSnapshot } from '@aethel/consensus'
import { loadStaged, readState, type StateEntries } from './area-entries.js'
import { putAreas, StateAreas } from './areas.js'
import { CommittedChain } from './committed-chain.js'
import { damaged } from './errors.js'
import { type BatchListeners, GroupCommit } from './group-commit.js'
import { BASE_KEY, evidenceKey, indexKey, PREFIX, rangeOfArea, verdictKey } from './keys.js'
import { type OpenedLevel, type OpeningOptions, openLevel } from './opening.js'
import { type BlockGap, decodeBase, decodeVerdict, encodeVerdict, type StoredVerdict, type TransactionPlace } from './records.js'
import { SafetyRecords } from './safety-records.js'
import { unseal } from './seal.js'
import { SealedBatch } from './sealed-batch.js'
import { SealedReader } from './sealed-reader.js'
import type { StoreRecord } from './store-record.js'

export type StoreOptions = OpeningOptions & BatchListeners

export interface Store {
  /** What survived; `genesis` where nothing was stored yet. Throws a `StoreError` naming the first record that is not as written. */
  loadDurable(genesis: CommittedTip): Promise<DurableState>
  /** All entries of the application's state, in key order. */
  loadState(): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  /** Queues records; `onDurable` runs after they and everything appended before them are on disk. */
  append(records: readonly StoreRecord[], onDurable: () => void): void
  /** Queues records that nobody waits for: they are written with what is appended next, and before it. */
  stage(records: readonly StoreRecord[]): void
  /** Resolves when everything appended so far is durable; rejects if the store has failed. */
  flushed(): Promise<void>
  readonly tip: CommittedTip | undefined
  /** Undefined above the tip, and in a gap. */
  committedBlock(at: Height): Block | undefined
  /** Of a committed block, also of some in gaps: the newest below a state that was taken over, and the last of each epoch. */
  header(at: Height): Header | undefined
  /** Blocks that are not here, because a state above them was taken over. */
  readonly gaps: readonly BlockGap[]
  /** Of the newest blocks, ascending: at least `RECENT_HASHES` where the chain is that long. */
  readonly recentHeaders: readonly Header[]
  /** Of each transaction's proof in a committed block; undefined: not known. */
  gasOf(at: Height): readonly number[] | undefined
  /** A state that was being fetched when the process ended. To be called once, after `loadDurable`. */
  loadStaged(): Promise<StagedSnapshot | null>
  /** The lowest stored commit certificate for `at` or a height above it. */
  certificateFrom(at: Height): Certificate | undefined
  /** Where an epoch began and with whom; undefined for the first, and for those that have not begun. */
  epoch(of: Epoch): Pick<EpochStart, 'validators' | 'origin'> | undefined
  transactionPlace(id: Hash): TransactionPlace | undefined
  /** At most `limit` entries of the index with keys in a half-open range, from the highest down. */
  searchIndex(range: {
    readonly gte: Uint8Array
    readonly lt: Uint8Array
    readonly limit: number
  }): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]>
  /** Evidence that waits to be put on the chain, canonical bytes. */
  evidence(): Promise<readonly Uint8Array[]>
  /** Verdicts that were recorded and not forgotten. */
  verdicts(): Promise<readonly { readonly key: Hash; readonly verdict: StoredVerdict }[]>
  /** Writes what is queued, then closes. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the store in this folder, and holds it alone until `close`. What was damaged, belongs to another chain or is in use elsewhere throws a
 * `StoreError`; what goes wrong later is told to `onFailure`, once, and nothing is written after it. Source: docs/protocol.md §5 and §7.
 */
export async function openStore(path: string, options: StoreOptions): Promise<Store> {
  return new LevelStore(await openLevel(path, options), options)
}

/** Of a batch that is being written. */
interface BatchMark {
  readonly tipHeight: number
  /** Areas that nobody reads any more once it is durable. */
  readonly superfluous: readonly number[]
}

class LevelStore implements Store {
  readonly #reader: SealedReader
  /** Everything that is written goes through it: in it or, cleared, beside it. */
  readonly #queue: SealedBatch
  readonly #commits: GroupCommit<BatchMark>
  readonly #safety: SafetyRecords
  readonly #areas = new StateAreas()
  readonly #chain: CommittedChain
  #loaded = false

  constructor({ level, newestLog }: OpenedLevel, listeners: BatchListeners) {
    const reader = new SealedReader(level)
    const queue = new SealedBatch(level)
    const safety = new SafetyRecords(reader, queue)
    const areas = this.#areas
    const chain = new CommittedChain({ reader, queue, safety, areas })
    const owner = {
      endBatch: (): BatchMark => {
        safety.putSummary()
        return { tipHeight: chain.tip?.height ?? -1, superfluous: areas.takeSuperfluous() }
      },
      onDurable: ({ tipHeight }: BatchMark) => chain.onDurable(tipHeight),
      onAnnounced: ({ superfluous }: BatchMark) => {
        for (const area of superfluous) this.#commits.clearLater(rangeOfArea(area))
      },
    }
    this.#reader = reader
    this.#queue = queue
    this.#safety = safety
    this.#chain = chain
    this.#commits = new GroupCommit({ level, newestLog, queue, owner, listeners })
  }

  // --- writing ----------------------------------------------------------------------------------------------------

  stage(records: readonly StoreRecord[]): void {
    assert(this.#loaded, 'loadDurable comes before the first append')
    if (!this.#commits.isOpen) return
    for (const record of records) this.#put(record)
  }

  append(records: readonly StoreRecord[], onDurable: () => void): void {
    this.stage(records)
    this.#commits.append(onDurable)
  }

  #put(record: StoreRecord): void {
    switch (record.kind) {
      case 'view':
        return this.#safety.putView(record)
      case 'vote':
        return this.#safety.putVote(record.vote)
      case 'block':
        return this.#safety.putBlock(record.block)
      case 'forget-block':
        return this.#safety.forgetBlock(record.height, record.hash)
      case 'recovery':
        return this.#safety.putRecovery(record.recovery)
      case 'highest':
        return this.#safety.putHighest(record.certificate)
      case 'commit':
        return this.#chain.putCommit(record)
      case 'snapshot':
        return putAreas(this.#queue, this.#areas.stage(record.record))
      case 'restored':
        return this.#chain.putRestored(record.restored)
      case 'evidence':
        this.#queue.put(evidenceKey(record.offence), record.bytes)
        return
      case 'forget-evidence':
        return this.#queue.delete(evidenceKey(record.offence))
      case 'verdict':
        this.#queue.put(verdictKey(record.key), encodeVerdict(record.verdict))
        return
      case 'forget-verdict':
        return this.#queue.delete(verdictKey(record.key))
    }
  }

  flushed(): Promise<void> {
    return this.#commits.flushed()
  }

  close(): Promise<void> {
    return this.#commits.close()
  }

  // --- loading ----------------------------------------------------------------------------------------------------

  async loadDurable(genesis: CommittedTip): Promise<DurableState> {
    const safety = await this.#safety.load()
    this.#areas.load(this.#reader.decoded('base', BASE_KEY, decodeBase), null)
    await this.#chain.load(safety.tip, genesis)
    this.#loaded = true
    const committed = safety.tip?.tip ?? genesis
    return {
      view: safety.view?.view ?? (0 as DurableState['view']),
      phase: safety.view?.phase ?? 'active',
      newView: safety.view?.newView ?? null,
      viewChange: safety.view?.viewChange ?? null,
      votes: safety.votes,
      blocks: safety.blocks,
      recovery: safety.recovery ?? null,
      highest: safety.highest ?? null,
      lastCommit: this.#chain.lastCommit,
      committed,
      recent: this.#chain.loadRecent(committed, genesis),
    }
  }

  loadState(): Promise<StateEntries> {
    return readState(this.#reader, this.#areas.live)
  }

  loadStaged(): Promise<StagedSnapshot | null> {
    return loadStaged(this.#reader, this.#areas, (range) => this.#commits.clear(range))
  }

  // --- reading ----------------------------------------------------------------------------------------------------

  get tip(): CommittedTip | undefined {
    return this.#chain.tip
  }

  get gaps(): readonly BlockGap[] {
    return this.#areas.gaps
  }

  get recentHeaders(): readonly Header[] {
    return this.#chain.recentHeaders
  }

  committedBlock(at: Height): Block | undefined {
    return this.#chain.block(at)
  }

  header(at: Height): Header | undefined {
    return this.#chain.header(at)
  }

  gasOf(at: Height): readonly number[] | undefined {
    return this.#chain.gasOf(at)
  }

  certificateFrom(at: Height): Certificate | undefined {
    return this.#chain.certificateFrom(at)
  }

  epoch(of: Epoch): Pick<EpochStart, 'validators' | 'origin'> | undefined {
    return this.#chain.epoch(of)
  }

  transactionPlace(id: Hash): TransactionPlace | undefined {
    return this.#chain.transactionPlace(id)
  }

  async searchIndex({
    gte,
    lt,
    limit,
  }: {
    readonly gte: Uint8Array
    readonly lt: Uint8Array
    readonly limit: number
  }): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]> {
    const found = await this.#reader.valuesDown('index entry', { gte: indexKey(gte), lt: indexKey(lt) }, limit)
    return found.map(([key, value]) => [key.slice(1), value])
  }

  async verdicts(): Promise<readonly { readonly key: Hash; readonly verdict: StoredVerdict }[]> {
    return (await this.#reader.entries(PREFIX.verdict)).map(([key, stored]) => {
      const opened = unseal(key, stored)
      const verdict = opened === undefined ? undefined : decodeVerdict(opened.value)
      if (verdict === undefined || !verdict.ok) throw damaged(`the verdict ${toHex(key)} is not what was written`)
      return { key: hash(key.slice(1)), verdict: verdict.value }
    })
  }

  async evidence(): Promise<readonly Uint8Array[]> {
    return (await this.#reader.entries(PREFIX.evidence)).map(([key, stored]) => {
      const opened = unseal(key, stored)
      if (opened === undefined) throw damaged(`the evidence ${toHex(key)} is not what was written`)
      return opened.value
    })
  }
}

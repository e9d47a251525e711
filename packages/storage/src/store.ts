/**
 * One LevelDB per home: what a validator must remember to be safe (protocol.md §5), the committed chain, and the
 * application's state. Writes are grouped: `append` queues, one synced batch is in flight, and it takes with it everything
 * queued since the one before. What was appended becomes durable in order, and its callback runs when it is.
 *
 * A failed write poisons the store: nothing is retried on the same files (trap C3), no later callback runs, and `onFailure`
 * is told once. Votes are guarded a last time here: a second, different vote for the same view, height and kind is our own
 * bug and never reaches the disk.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  assert,
  decode,
  type Epoch,
  equalBytes,
  type Hash,
  type Height,
  hash,
  height,
  keyOf,
  type Refusal,
  type Result,
  toHex,
} from '@aethel/codec'
import {
  type Block,
  type Certificate,
  type CommittedTip,
  createValidatorSet,
  type DurableState,
  decodeBlock,
  decodeHeaders,
  decodeWholeBlock,
  type EpochStart,
  encodeBlock,
  encodeCertificate,
  type Header,
  hashHeader,
  type Offence,
  type PersistRecord,
  RECENT_HASHES,
  type Restored,
  readCertificate,
  readHeader,
  type SnapshotRecord,
  type StagedSnapshot,
  type Vote,
} from '@aethel/consensus'
import { type BatchOperation, type ChainedBatch, ClassicLevel } from 'classic-level'
import { type AreaOperations, headersOf, StateAreas } from './areas.js'
import { damaged, StoreError, unread } from './errors.js'
import {
  areaPrefix,
  BASE_KEY,
  certificateKey,
  committedKey,
  epochKey,
  evidenceKey,
  gasKey,
  HIGHEST_KEY,
  headerKey,
  indexKey,
  META_KEY,
  PREFIX,
  RECOVERY_KEY,
  rangeOf,
  rangeOfAreas,
  rangeOfLanes,
  STAGED_HEADERS_KEY,
  STAGED_TARGET_KEY,
  SUMMARY_KEY,
  stateKey,
  TIP_KEY,
  transactionKey,
  uncommittedKey,
  VIEW_KEY,
  verdictKey,
  voteKey,
} from './keys.js'
import { damageInLog } from './log-check.js'
import { type Manifest, readManifest } from './manifest.js'
import { missedLog, NewestLog } from './newest-log.js'
import {
  type BlockGap,
  decodeBase,
  decodeEpoch,
  decodeFormat,
  decodeGas,
  decodeMeta,
  decodePlace,
  decodeRecovery,
  decodeStagedLane,
  decodeStagedTarget,
  decodeTip,
  decodeVerdict,
  decodeView,
  decodeVote,
  encodeEpoch,
  encodeGas,
  encodeHeader,
  encodeMeta,
  encodePlace,
  encodeRecovery,
  encodeTip,
  encodeVerdict,
  encodeView,
  encodeVote,
  STORE_FORMAT,
  type StoredVerdict,
  type TransactionPlace,
  type ViewRecord,
} from './records.js'
import { Summary, sealed, sealOf, unseal } from './seal.js'
import { damageInTable } from './table-check.js'

/** A committed block with everything that changes with it; one atomic record group. */
export interface CommitRecord {
  readonly kind: 'commit'
  readonly block: Block
  /** Of the block, or of a descendant. */
  readonly certificate: Certificate
  /** Changes of the application's state. */
  readonly writes: {
    readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
    readonly deletes: readonly Uint8Array[]
  }
  /** Ids of the block's transactions, in block order. */
  readonly transactionIds: readonly Hash[]
  /** With the last block of an epoch: what the next one starts from. */
  readonly nextEpoch?: EpochStart | null
  /** Of each transaction's proof, 0 without one. */
  readonly gas?: readonly number[]
  /** Entries of an index for searching, whose keys are the application's own; never deleted. */
  readonly index?: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
}

/** Of a state that is being fetched: beside the one in use, which it does not touch. */
export interface SnapshotStoreRecord {
  readonly kind: 'snapshot'
  readonly record: SnapshotRecord
}

/** The fetched state takes the place of the one in use, with its block as the newest; one atomic record group. */
export interface RestoredRecord {
  readonly kind: 'restored'
  readonly restored: Restored
}

export interface EvidenceRecord {
  readonly kind: 'evidence'
  readonly offence: Offence
  /** Canonical evidence. */
  readonly bytes: Uint8Array
}

/** The offence is on the chain, or too old to be heard. */
export interface ForgetEvidenceRecord {
  readonly kind: 'forget-evidence'
  readonly offence: Offence
}

/** What checking a proof found here. Losing it costs a second check, so nothing waits for it to be durable. */
export interface VerdictRecord {
  readonly kind: 'verdict'
  /** Of the work: kind, claim and proof. */
  readonly key: Hash
  readonly verdict: StoredVerdict
}

/** The proof is final, or the verdict too old to keep. */
export interface ForgetVerdictRecord {
  readonly kind: 'forget-verdict'
  readonly key: Hash
}

export type StoreRecord =
  | PersistRecord
  | CommitRecord
  | SnapshotStoreRecord
  | RestoredRecord
  | EvidenceRecord
  | ForgetEvidenceRecord
  | VerdictRecord
  | ForgetVerdictRecord

export interface StoreOptions {
  /** Hash of genesis; a store of another chain is refused. */
  readonly chainId: Hash
  /**
   * What to do where no store is yet. `genesis` (the default): begin one, for a key that has never signed. `recover`: begin one
   * that does not vote until it is provably past what this key may have signed. `refuse`: fail with `store-missing`.
   */
  readonly whenMissing?: 'genesis' | 'recover' | 'refuse'
  /** For tests; `CHECKED_WHOLE_BYTES` otherwise. */
  readonly checkedWholeBytes?: number
  /** Called once, with the reason, when a write has failed; the store accepts nothing afterwards. */
  readonly onFailure?: (error: StoreError) => void
  /** Called after each durable batch, for metrics. */
  readonly onBatch?: (batch: { readonly milliseconds: number; readonly operations: number; readonly groups: number }) => void
}

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

/** Above every area that will ever be. */
const LAST_AREA = 0xffff_ffff

type Operation = BatchOperation<ClassicLevel<Uint8Array, Uint8Array>, Uint8Array, Uint8Array>
type Level = ClassicLevel<Uint8Array, Uint8Array>
/** Takes a copy of each key and value at once, and costs a quarter of what a list of operations does. */
type Batch = ChainedBatch<Level, Uint8Array, Uint8Array>

/** Most records are shorter; longer ones get memory of their own. */
const JOINED_BYTES = 4096

export async function openStore(path: string, options: StoreOptions): Promise<Store> {
  checkFiles(path, options.checkedWholeBytes ?? CHECKED_WHOLE_BYTES)
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
  try {
    await level.open()
  } catch (error) {
    throw openingError(path, error)
  }
  try {
    await checkMeta(level, path, options)
  } catch (error) {
    await level.close()
    throw error
  }
  return new LevelStore(level, options, new NewestLog(path))
}

/**
 * Tables up to this together are checked whole at every start, about a second's work; of larger ones the parts that a start loads. What is
 * not checked is found when it is read: by its seal, or by an assertion of LevelDB's that ends the process (decision 0120).
 */
const CHECKED_WHOLE_BYTES: number = 1024 * 1024 * 1024

/**
 * LevelDB trusts its files (see `log-check.ts`, `table-check.ts`), so they are looked over before it opens them: the log, and
 * every table that the MANIFEST lists; each must be there.
 */
function checkFiles(path: string, checkedWholeBytes: number): void {
  if (!existsSync(path)) return
  try {
    const names = readdirSync(path).toSorted()
    const { tables, log } = manifestIn(path, names)
    const present = new Set(names.filter(isData).map((name) => `${Number.parseInt(name, 10)}${name.slice(name.indexOf('.'))}`))
    for (const table of tables) if (!present.has(`${table}.ldb`)) throw damaged(`the table ${table} is missing`)
    if (log > 0 && !present.has(`${log}.log`)) throw damaged(`the log ${log} is missing, and the newest votes with it`)
    const missed = missedLog(path, names, log)
    if (missed !== undefined) throw damaged(missed)
    const isTable = (name: string): boolean => name.endsWith('.ldb') && tables.has(Number.parseInt(name, 10))
    const tableBytes = names.filter(isTable).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
    const isChecked = tableBytes <= checkedWholeBytes ? () => true : isLoadedAtStart
    for (const name of names) {
      const isLog = name.endsWith('.log')
      if (!isLog && !isTable(name)) continue
      const bytes = readFileSync(join(path, name))
      const damage = isLog ? damageInLog(bytes) : damageInTable(bytes, isChecked)
      if (damage !== undefined) throw damaged(`${name}: ${damage}`)
    }
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError(
      'store-unreadable',
      `cannot read the store ${path}: ${messageOf(error)}`,
      'check that it is a directory and that this user may read it',
      error,
    )
  }
}

/** A store that was never opened to its end has no CURRENT, and no data either: LevelDB begins its first log later. */
function manifestIn(path: string, names: readonly string[]): Manifest {
  if (!names.includes('CURRENT')) {
    const data = names.find(isData)
    if (data !== undefined) throw damaged(`CURRENT is missing, and ${data} is there`)
    return { tables: new Set(), log: 0 }
  }
  const name = readFileSync(join(path, 'CURRENT'), 'latin1').trim()
  if (!/^MANIFEST-\d+$/.test(name)) throw damaged('CURRENT does not name a MANIFEST')
  if (!existsSync(join(path, name))) throw damaged(`${name} is missing`)
  const manifest = readManifest(readFileSync(join(path, name)))
  if (manifest === undefined) throw damaged(`${name}: an edit is not as LevelDB writes it`)
  return manifest
}

function isData(name: string): boolean {
  return /^\d+\.(log|ldb)$/.test(name)
}

/** Whether a run of keys touches what is read at start; the committed chain is checked when it is served. */
function isLoadedAtStart(after: Uint8Array, upTo: Uint8Array): boolean {
  return (after[0] ?? 0) < PREFIX.committed || (upTo[0] ?? 0xff) >= PREFIX.state
}

function openingError(path: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { code?: unknown }).code
  if (code === 'LEVEL_LOCKED') {
    return new StoreError(
      'store-locked',
      `the store ${path} is in use by another process`,
      'stop the other validator of this home first; two processes with one key would sign conflicting votes',
      error,
    )
  }
  if (code === 'LEVEL_CORRUPTION') return damaged(messageOf(cause))
  if (isDiskFull(cause)) return diskFull(error)
  return new StoreError(
    'store-unreadable',
    `cannot open the store ${path}: ${messageOf(cause)}`,
    'check that the directory exists, is a store, and may be written by this user',
    error,
  )
}

async function checkMeta(level: Level, path: string, options: StoreOptions): Promise<void> {
  const { chainId } = options
  const found = await level.get(META_KEY).catch((error: unknown) => {
    throw unread('the record "meta"', error)
  })
  const stored = found === undefined ? undefined : plain(found)
  if (stored === undefined) {
    for await (const _ of level.keys({ limit: 1 })) throw damaged('the record "meta" is missing')
    if (options.whenMissing === 'refuse') {
      throw new StoreError(
        'store-missing',
        `expected the store ${path} of a validator that has run before, but there is none`,
        'put the store back if you have it as it was at the last stop; otherwise start with --recover: the validator then follows without voting until it is past everything it may have signed',
      )
    }
    await level.batch(firstRecords(options), { sync: true }).catch((error: unknown) => {
      throw writeError(error)
    })
    return
  }
  const format = decodeFormat(stored)
  const opened = unseal(META_KEY, stored)
  if (opened === undefined) {
    if (format !== undefined && format !== STORE_FORMAT) throw unknownFormat(path, format)
    throw damaged('the record "meta" is not what was written')
  }
  if (format !== STORE_FORMAT) throw unknownFormat(path, format ?? 0)
  const meta = decodeMeta(opened.value)
  if (!meta.ok) throw damaged(`the record "meta": ${meta.error.message}`)
  if (!equalBytes(meta.value.chainId, chainId)) {
    throw new StoreError(
      'store-chain',
      `the store ${path} belongs to chain ${toHex(meta.value.chainId)}, expected chain ${toHex(chainId)}`,
      'use the genesis file this store was made with, or another home',
    )
  }
}

/** One batch: a store that exists always knows whether its key may have signed something it does not remember. */
function firstRecords({ chainId, whenMissing }: StoreOptions): Operation[] {
  const put = (key: Uint8Array, value: Uint8Array): Operation => ({ type: 'put', key, value: sealed(value, sealOf(key, value)) })
  const meta = put(META_KEY, encodeMeta({ format: STORE_FORMAT, chainId }))
  if (whenMissing !== 'recover') return [meta]
  const recovery = encodeRecovery({ status: 'asking' })
  const summary = new Summary()
  summary.put(keyOf(RECOVERY_KEY), sealOf(RECOVERY_KEY, recovery))
  return [meta, put(RECOVERY_KEY, recovery), put(SUMMARY_KEY, summary.bytes())]
}

function unknownFormat(path: string, format: number): StoreError {
  return new StoreError(
    'store-format',
    `the store ${path} has format ${format}, expected format ${STORE_FORMAT}`,
    'use the version of the software that wrote it',
  )
}

/** The same bytes without Buffer's methods: its `slice` shares memory where everybody else's copies. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function isDiskFull(error: unknown): boolean {
  return /no space left|ENOSPC|disk quota/i.test(messageOf(error))
}

function diskFull(cause: unknown): StoreError {
  return new StoreError(
    'store-full',
    'the disk is full: a write to the store failed',
    'free some space, then start the validator again',
    cause,
  )
}

function writeError(error: unknown): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (isDiskFull(cause) || isDiskFull(error)) return diskFull(error)
  return new StoreError(
    'store-write',
    `a write to the store failed: ${messageOf(cause)}`,
    'check the disk, then start the validator again',
    error,
  )
}

class LevelStore implements Store {
  readonly #level: Level
  readonly #options: StoreOptions
  readonly #newestLog: NewestLog
  #batch: Batch | null = null
  /** Values and their seals are joined here; the batch copies them. */
  readonly #joined = new Uint8Array(JOINED_BYTES)
  #callbacks: (() => void)[] = []
  #inFlight: Promise<void> | null = null
  #failure: StoreError | null = null
  #closing: Promise<void> | null = null

  /** Mirror of what is stored or queued: the safety records' seals, and which votes and uncommitted blocks there are. */
  readonly #summary = new Summary()
  #summaryChanged = false
  readonly #votes = new Map<string, { readonly key: Uint8Array; readonly vote: Vote }>()
  readonly #uncommitted = new Map<string, { readonly key: Uint8Array; readonly height: Height; readonly bytes: Uint8Array }>()
  readonly #areas = new StateAreas()
  #clearing: Promise<void> = Promise.resolve()
  /** Ascending, the newest. */
  #headers: Header[] = []
  #tip: CommittedTip | undefined
  #lastCommit: Certificate | null = null
  #loaded = false
  /** Height of the first block there is a record of, once there is one; nothing is read before it is known. */
  #firstCommitted = Number.POSITIVE_INFINITY
  /** Of the newest committed block that is on disk. */
  #durableHeight = -1

  constructor(level: Level, options: StoreOptions, newestLog: NewestLog) {
    this.#level = level
    this.#options = options
    this.#newestLog = newestLog
  }

  get tip(): CommittedTip | undefined {
    return this.#tip
  }

  // --- writing ----------------------------------------------------------------------------------------------------

  stage(records: readonly StoreRecord[]): void {
    assert(this.#loaded, 'loadDurable comes before the first append')
    if (this.#failure !== null || this.#closing !== null) return
    for (const record of records) this.#queueRecord(record)
  }

  append(records: readonly StoreRecord[], onDurable: () => void): void {
    this.stage(records)
    if (this.#failure !== null || this.#closing !== null) return
    this.#callbacks.push(onDurable)
    if (this.#inFlight === null) this.#writeBatch()
  }

  #queueRecord(record: StoreRecord): void {
    switch (record.kind) {
      case 'view':
        return this.#queueView(record)
      case 'vote':
        return this.#queueVote(record.vote)
      case 'block': {
        const key = uncommittedKey(record.block.header.height, record.block.hash)
        const bytes = encodeBlock(record.block)
        this.#uncommitted.set(keyOf(key), { key, height: record.block.header.height, bytes })
        return this.#putSafety(key, bytes)
      }
      case 'forget-block':
        return this.#forgetBlock(uncommittedKey(record.height, record.hash))
      case 'recovery':
        return this.#putSafety(RECOVERY_KEY, encodeRecovery(record.recovery))
      case 'highest':
        return this.#putSafety(HIGHEST_KEY, encodeCertificate(record.certificate))
      case 'commit':
        return this.#queueCommit(record)
      case 'snapshot':
        return this.#queueAreas(this.#areas.stage(record.record))
      case 'restored':
        return this.#queueRestored(record.restored)
      case 'evidence':
        return this.#put(evidenceKey(record.offence), record.bytes)
      case 'forget-evidence':
        return this.#delete(evidenceKey(record.offence))
      case 'verdict':
        return this.#put(verdictKey(record.key), encodeVerdict(record.verdict))
      case 'forget-verdict':
        return this.#delete(verdictKey(record.key))
    }
  }

  #queueView(record: ViewRecord): void {
    this.#putSafety(VIEW_KEY, encodeView(record))
    this.#forgetVotes((vote) => vote.view < record.view)
  }

  #queueVote(vote: Vote): void {
    const key = voteKey(vote)
    const name = keyOf(key)
    const known = this.#votes.get(name)
    assert(
      known === undefined || equalBytes(known.vote.blockHash, vote.blockHash),
      `two different ${vote.kind} votes for view ${vote.view}, height ${vote.height}`,
    )
    this.#votes.set(name, { key, vote })
    this.#putSafety(key, encodeVote(vote))
  }

  #queueCommit(record: CommitRecord): void {
    const { block, certificate } = record
    const at = block.header.height
    assert(this.#tip === undefined || at === this.#tip.height + 1, `committed height ${at} after ${this.#tip?.height}`)
    const tip = { height: at, hash: block.hash, timestampMs: block.header.timestampMs }
    this.#tip = tip
    this.#put(committedKey(at), this.#uncommitted.get(keyOf(uncommittedKey(at, block.hash)))?.bytes ?? encodeBlock(block))
    for (const [index, id] of record.transactionIds.entries()) {
      this.#put(transactionKey(id), encodePlace({ height: at, index }))
    }
    if (this.#lastCommit === null || certificate.height > this.#lastCommit.height) {
      this.#lastCommit = certificate
      this.#put(certificateKey(certificate.height), encodeCertificate(certificate))
    }
    if (record.nextEpoch != null) {
      const { origin, validators } = record.nextEpoch
      const epoch = { originHeight: origin.height, originHash: origin.hash, validators: validators.validators }
      this.#put(epochKey(validators.epoch), encodeEpoch(epoch))
    }
    this.#putSafety(TIP_KEY, encodeTip({ tip, lastCommit: this.#lastCommit }))
    for (const [key, value] of record.index ?? []) this.#put(indexKey(key), value)
    const { live } = this.#areas
    for (const [key, value] of record.writes.puts) this.#put(stateKey(live, key), value)
    for (const key of record.writes.deletes) this.#delete(stateKey(live, key))
    if (record.gas?.some((each) => each > 0) === true) this.#put(gasKey(at), encodeGas(record.gas))
    this.#headers.push(block.header)
    if (this.#headers.length > 2 * RECENT_HASHES) this.#headers = this.#headers.slice(-RECENT_HASHES)
    this.#forgetUpTo(at)
  }

  #forgetUpTo(at: Height): void {
    this.#forgetVotes((vote) => vote.height <= at)
    for (const entry of this.#uncommitted.values()) if (entry.height <= at) this.#forgetBlock(entry.key)
  }

  #queueAreas({ puts, deletes }: AreaOperations): void {
    for (const key of deletes) this.#delete(key)
    for (const [key, value] of puts) this.#put(key, value)
  }

  /** What a commit of every block up to there would have left, less the blocks. */
  #queueRestored(restored: Restored): void {
    const { target, start, headers } = restored
    const { header, certificate, links } = target
    assert(this.#tip !== undefined && header.height > this.#tip.height, `a state of height ${header.height} after ${this.#tip?.height}`)
    this.#queueAreas(this.#areas.restore(restored, this.#tip.height))
    for (const each of headersOf(restored)) this.#put(headerKey(each.height), encodeHeader(each))
    for (const link of links) this.#put(certificateKey(link.header.height), encodeCertificate(link.certificate))
    this.#put(certificateKey(certificate.height), encodeCertificate(certificate))
    for (const link of links) {
      const epoch = { originHeight: link.header.height, originHash: hashHeader(link.header), validators: link.nextValidators }
      this.#put(epochKey((link.header.epoch + 1) as Epoch), encodeEpoch(epoch))
    }
    const tip = { height: header.height, hash: hashHeader(header), timestampMs: header.timestampMs }
    assert(start.origin.height <= tip.height, 'the next block belongs to an epoch that has begun')
    this.#tip = tip
    this.#lastCommit = certificate
    this.#headers = [...[...headers].reverse(), header]
    this.#putSafety(TIP_KEY, encodeTip({ tip, lastCommit: certificate }))
    this.#forgetUpTo(tip.height)
  }

  #forgetVotes(isOld: (vote: Vote) => boolean): void {
    for (const [name, { key, vote }] of this.#votes) {
      if (!isOld(vote)) continue
      this.#votes.delete(name)
      this.#deleteSafety(key, name)
    }
  }

  #forgetBlock(key: Uint8Array): void {
    const name = keyOf(key)
    if (this.#uncommitted.delete(name)) this.#deleteSafety(key, name)
  }

  get #queued(): Batch {
    this.#batch ??= this.#level.batch()
    return this.#batch
  }

  #putSealed(key: Uint8Array, value: Uint8Array, seal: Uint8Array): void {
    const length = value.length + seal.length
    if (length > this.#joined.length) {
      this.#queued.put(key, sealed(value, seal))
      return
    }
    this.#joined.set(value)
    this.#joined.set(seal, value.length)
    this.#queued.put(key, this.#joined.subarray(0, length))
  }

  #delete(key: Uint8Array): void {
    this.#queued.del(key)
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    this.#putSealed(key, value, sealOf(key, value))
  }

  #putSafety(key: Uint8Array, value: Uint8Array): void {
    const seal = sealOf(key, value)
    this.#putSealed(key, value, seal)
    this.#summary.put(keyOf(key), seal)
    this.#summaryChanged = true
  }

  #deleteSafety(key: Uint8Array, name: string): void {
    this.#delete(key)
    this.#summary.remove(name)
    this.#summaryChanged = true
  }

  #writeBatch(): void {
    if (this.#summaryChanged) {
      this.#put(SUMMARY_KEY, this.#summary.bytes())
      this.#summaryChanged = false
    }
    const superfluous = this.#areas.takeSuperfluous()
    const batch = this.#batch
    const operations = batch?.length ?? 0
    const callbacks = this.#callbacks
    this.#batch = null
    this.#callbacks = []
    const tipHeight = this.#tip?.height ?? -1
    const begun = performance.now()
    const write = batch === null ? Promise.resolve() : batch.write({ sync: true }).then(() => this.#newestLog.afterBatch())
    this.#inFlight = write.then(
      () => {
        this.#inFlight = null
        if (this.#failure !== null) return
        this.#durableHeight = tipHeight
        this.#options.onBatch?.({ milliseconds: performance.now() - begun, operations, groups: callbacks.length })
        for (const callback of callbacks) callback()
        for (const area of superfluous) this.#clearArea(area)
        if (this.#inFlight === null && this.#callbacks.length > 0 && this.#failure === null) this.#writeBatch()
      },
      (error: unknown) => {
        this.#inFlight = null
        this.#fail(error)
      },
    )
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return
    this.#failure = writeError(error)
    this.#batch = null
    this.#callbacks = []
    this.#options.onFailure?.(this.#failure)
  }

  /** Nobody reads it any more; what a crash leaves of it is cleared at the next start. A write that fails may have left half a record in the log. */
  #clearArea(area: number): void {
    const range = area === 0 ? rangeOf(PREFIX.state) : rangeOfAreas(area, area + 1)
    this.#clearing = this.#clearing.then(async () => {
      if (this.#failure === null) await this.#clear(range).catch((error: unknown) => this.#fail(error))
    })
  }

  #clear(range: { readonly gte: Uint8Array; readonly lt: Uint8Array }): Promise<void> {
    return this.#newestLog.beside(() => this.#level.clear(range))
  }

  async flushed(): Promise<void> {
    while (this.#inFlight !== null) await this.#inFlight
    if (this.#failure !== null) throw this.#failure
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      while (this.#inFlight !== null) await this.#inFlight
      await this.#clearing
      await this.#level.close()
      this.#newestLog.close()
    })()
    return this.#closing
  }

  // --- loading ----------------------------------------------------------------------------------------------------

  async loadDurable(genesis: CommittedTip): Promise<DurableState> {
    const viewRecord = this.#safetyRecord('view', VIEW_KEY, decodeView)
    const votes = (await this.#safetyRecords('vote', PREFIX.vote, decodeVote)).map(({ key, value: vote }) => {
      if (!equalBytes(key, voteKey(vote))) throw damaged('a vote is stored under the key of another')
      this.#votes.set(keyOf(key), { key, vote })
      return vote
    })
    const blocks = (await this.#safetyRecords('uncommitted block', PREFIX.uncommitted, decodeBlock)).map(({ key, value: block }) => {
      if (!equalBytes(key, uncommittedKey(block.header.height, block.hash))) throw damaged('a block is stored under the key of another')
      this.#uncommitted.set(keyOf(key), { key, height: block.header.height, bytes: encodeBlock(block) })
      return block
    })
    const decodeCertificate = (bytes: Uint8Array): Result<Certificate, Refusal> => decode(bytes, readCertificate)
    const highest = this.#safetyRecord('highest certificate', HIGHEST_KEY, decodeCertificate)
    const stored = this.#safetyRecord('tip', TIP_KEY, decodeTip)
    const recovery = this.#safetyRecord('recovery', RECOVERY_KEY, decodeRecovery) ?? null
    this.#checkSummary()
    this.#loadAreas()
    this.#tip = stored?.tip ?? genesis
    this.#lastCommit = stored?.lastCommit ?? null
    this.#durableHeight = this.#tip.height
    await this.#checkFirstCommitted(genesis)
    this.#loaded = true
    return {
      view: viewRecord?.view ?? (0 as DurableState['view']),
      phase: viewRecord?.phase ?? 'active',
      newView: viewRecord?.newView ?? null,
      viewChange: viewRecord?.viewChange ?? null,
      votes,
      blocks,
      recovery,
      highest: highest ?? null,
      lastCommit: this.#lastCommit,
      committed: this.#tip,
      recent: this.#recentHashes(this.#tip, genesis),
    }
  }

  /** The newest committed blocks, each checked to be the parent of the next. */
  #recentHashes(tip: CommittedTip, genesis: CommittedTip): { height: Height; hash: Hash }[] {
    const recent: { height: Height; hash: Hash }[] = []
    let expected = tip.hash
    for (let at: number = tip.height; at > genesis.height && recent.length < RECENT_HASHES; at--) {
      const header = this.header(height(at))
      if (header === undefined || !equalBytes(hashHeader(header), expected))
        throw damaged(`the committed block ${at} is missing or another one`)
      recent.push({ height: height(at), hash: expected })
      this.#headers.push(header)
      expected = header.parent
    }
    this.#headers.reverse()
    if (recent.length < RECENT_HASHES) {
      if (!equalBytes(expected, genesis.hash)) throw damaged('the committed chain does not begin at genesis')
      recent.push({ height: genesis.height, hash: genesis.hash })
    }
    return recent.reverse()
  }

  async #checkFirstCommitted(genesis: CommittedTip): Promise<void> {
    this.#firstCommitted = genesis.height + 1
    for (const { from, to } of this.#areas.gaps) if (from === this.#firstCommitted) this.#firstCommitted = to + 1
    if (this.#tip === undefined || this.#tip.height < this.#firstCommitted) return
    const expected = committedKey(height(this.#firstCommitted))
    const found = await this.#level.keys({ ...rangeOf(PREFIX.committed), limit: 1 }).all()
    if (found[0] === undefined || !equalBytes(plain(found[0]), expected)) throw damaged('the committed chain does not begin at genesis')
  }

  #safetyRecord<T>(name: string, key: Uint8Array, read: (bytes: Uint8Array) => Result<T, Refusal>): T | undefined {
    const stored = this.#get(name, key)
    return stored === undefined ? undefined : this.#openSafety(name, key, stored, read)
  }

  async #safetyRecords<T>(
    name: string,
    prefix: number,
    read: (bytes: Uint8Array) => Result<T, Refusal>,
  ): Promise<{ key: Uint8Array; value: T }[]> {
    const records: { key: Uint8Array; value: T }[] = []
    for (const [key, stored] of await this.#entries(prefix)) records.push({ key, value: this.#openSafety(name, key, stored, read) })
    return records
  }

  #openSafety<T>(name: string, key: Uint8Array, stored: Uint8Array, read: (bytes: Uint8Array) => Result<T, Refusal>): T {
    const opened = unseal(key, stored)
    if (opened === undefined) throw damaged(`the record "${name}" (key ${toHex(key)}) is not what was written`)
    const value = read(opened.value)
    if (!value.ok) throw damaged(`the record "${name}" (key ${toHex(key)}) does not decode: ${value.error.message}`)
    this.#summary.put(keyOf(key), opened.seal.slice())
    return value.value
  }

  #checkSummary(): void {
    const stored = this.#get('summary', SUMMARY_KEY)
    const actual = this.#summary.bytes()
    if (stored === undefined) {
      if (actual.some((byte) => byte !== 0)) throw damaged('the record "summary" is missing')
      return
    }
    const opened = unseal(SUMMARY_KEY, stored)
    if (opened === undefined) throw damaged('the record "summary" is not what was written')
    if (!equalBytes(opened.value, actual)) throw damaged('a vote, a block, or a record of the view is missing')
  }

  async loadState(): Promise<readonly (readonly [key: Uint8Array, value: Uint8Array])[]> {
    const entries: (readonly [Uint8Array, Uint8Array])[] = []
    const opened = await this.#openArea(this.#areas.live)
    if (opened.damage !== null) throw damaged(`the state entry ${toHex(opened.damage)} is not what was written`)
    entries.push(...opened.entries)
    return entries
  }

  async #openArea(area: number): Promise<{ entries: (readonly [Uint8Array, Uint8Array])[]; damage: Uint8Array | null }> {
    const entries: (readonly [Uint8Array, Uint8Array])[] = []
    const prefix = areaPrefix(area).length
    const range = area === 0 ? rangeOf(PREFIX.state) : rangeOfAreas(area, area + 1)
    for (const [key, stored] of await this.#entriesIn(range, area === 0 ? PREFIX.state : PREFIX.area)) {
      const opened = unseal(key, stored)
      if (opened === undefined) return { entries, damage: key.subarray(prefix) }
      entries.push([key.subarray(prefix), opened.value])
    }
    return { entries, damage: null }
  }

  #loadAreas(): void {
    const base = this.#decoded('base', BASE_KEY, decodeBase)
    this.#areas.load(base, null)
  }

  /**
   * Areas that are neither in use nor being filled are what a crash left of old ones. What is staged and not as it was written is
   * let go: it can be fetched again, and the state in use is not concerned.
   */
  async loadStaged(): Promise<StagedSnapshot | null> {
    const staged = await this.#readStaged()
    const { live, gaps } = this.#areas
    if (staged !== null) {
      const lanes = new Set(staged.snapshot.lanes.map(({ lane }) => lane))
      this.#areas.load({ area: live, gaps }, { area: staged.area, target: staged.snapshot.target, lanes })
    }
    const kept = [live, staged?.area ?? 0].filter((area) => area > 0).sort((a, b) => a - b)
    if (live !== 0) await this.#clear(rangeOf(PREFIX.state))
    let from = 1
    for (const area of [...kept, LAST_AREA]) {
      if (area > from) await this.#clear(rangeOfAreas(from, area))
      from = area + 1
    }
    if (staged === null) await this.#clear(rangeOf(PREFIX.staged))
    return staged?.snapshot ?? null
  }

  async #readStaged(): Promise<{ area: number; snapshot: StagedSnapshot } | null> {
    try {
      const staged = this.#decoded('staged state', STAGED_TARGET_KEY, decodeStagedTarget)
      if (staged === undefined) return null
      const lanes: { lane: number; next: Uint8Array | null }[] = []
      for (const [key, stored] of await this.#entriesIn(rangeOfLanes(), PREFIX.staged)) {
        const opened = unseal(key, stored)
        const next = opened === undefined ? undefined : decodeStagedLane(opened.value)
        if (next?.ok !== true) return null
        lanes.push({ lane: ((key[2] as number) << 8) | (key[3] as number), next: next.value })
      }
      const headers = this.#decoded('staged headers', STAGED_HEADERS_KEY, decodeHeaders) ?? null
      const { entries, damage } = await this.#openArea(staged.area)
      return damage !== null ? null : { area: staged.area, snapshot: { target: staged.target, lanes, puts: entries, headers } }
    } catch (error) {
      if (error instanceof StoreError && error.code === 'store-damaged') return null
      throw error
    }
  }

  #decoded<T>(name: string, key: Uint8Array, read: (bytes: Uint8Array) => Result<T, Refusal>): T | undefined {
    const bytes = this.#read(name, key)
    if (bytes === undefined) return undefined
    const value = read(bytes)
    if (!value.ok) throw damaged(`the record "${name}" does not decode: ${value.error.message}`)
    return value.value
  }

  #entries(prefix: number): Promise<[Uint8Array, Uint8Array][]> {
    return this.#entriesIn(rangeOf(prefix), prefix)
  }

  async #entriesIn(range: { gte: Uint8Array; lt: Uint8Array }, prefix: number): Promise<[Uint8Array, Uint8Array][]> {
    try {
      const entries = await this.#level.iterator(range).all()
      return entries.map(([key, value]) => [plain(key), plain(value)])
    } catch (error) {
      throw unread(`records 0x${prefix.toString(16)}`, error)
    }
  }

  // --- reading ----------------------------------------------------------------------------------------------------

  #get(name: string, key: Uint8Array): Uint8Array | undefined {
    try {
      const stored = this.#level.getSync(key)
      return stored === undefined ? undefined : plain(stored)
    } catch (error) {
      throw unread(`the record "${name}"`, error)
    }
  }

  #read(name: string, key: Uint8Array): Uint8Array | undefined {
    const stored = this.#get(name, key)
    if (stored === undefined) return undefined
    const opened = unseal(key, stored)
    if (opened === undefined) throw damaged(`the record "${name}" is not what was written`)
    return opened.value
  }

  committedBlock(at: Height): Block | undefined {
    const bytes = this.#read(`committed block ${at}`, committedKey(at))
    if (bytes === undefined) return this.#noBlock(at)
    const block = decodeWholeBlock(bytes)
    if (!block.ok) throw damaged(`the committed block ${at} does not decode: ${block.error.message}`)
    return block.value
  }

  /** Between the first block stored and the newest durable one there is a record for every height, or one was lost. */
  #noBlock(at: Height): undefined {
    if (at >= this.#firstCommitted && at <= this.#durableHeight && this.#areas.gapAt(at) === undefined)
      throw damaged(`the committed block ${at} is missing`)
    return undefined
  }

  /** Without the Merkle roots of the body: enough to follow the chain of hashes. */
  header(at: Height): Header | undefined {
    const bytes = this.#read(`committed block ${at}`, committedKey(at))
    if (bytes === undefined)
      return this.#decoded(`header ${at}`, headerKey(at), (stored) => decode(stored, readHeader)) ?? this.#noBlock(at)
    const header = decode(bytes, (reader) => {
      const read = readHeader(reader)
      reader.raw(reader.remaining)
      return read
    })
    if (!header.ok) throw damaged(`the committed block ${at} does not decode: ${header.error.message}`)
    return header.value
  }

  get gaps(): readonly BlockGap[] {
    return this.#areas.gaps
  }

  get recentHeaders(): readonly Header[] {
    return this.#headers
  }

  /** Of a block whose gas is all zero nothing is stored. */
  gasOf(at: Height): readonly number[] | undefined {
    return this.#decoded(`gas ${at}`, gasKey(at), decodeGas)
  }

  certificateFrom(at: Height): Certificate | undefined {
    const gap = this.#areas.gapAt(at)
    const last = gap === undefined || at === gap.to ? (this.#lastCommit?.height ?? -1) : at // in a gap there are those of the ends of epochs
    // Certificates are at most one window apart, so the search is short; it ends at the newest one.
    for (let candidate: number = at; candidate <= last; candidate++) {
      const bytes = this.#read(`certificate ${candidate}`, certificateKey(height(candidate)))
      if (bytes === undefined) continue
      const certificate = decode(bytes, readCertificate)
      if (!certificate.ok) throw damaged(`the certificate ${candidate} does not decode: ${certificate.error.message}`)
      return certificate.value
    }
    return undefined
  }

  epoch(of: Epoch): Pick<EpochStart, 'validators' | 'origin'> | undefined {
    const bytes = this.#read(`epoch ${of}`, epochKey(of))
    if (bytes === undefined) return undefined
    const record = decodeEpoch(bytes)
    const validators = record.ok ? createValidatorSet(of, record.value.validators) : record
    if (!record.ok || !validators.ok) throw damaged(`the record of epoch ${of} does not decode`)
    return { validators: validators.value, origin: { height: record.value.originHeight, hash: record.value.originHash } }
  }

  transactionPlace(id: Hash): TransactionPlace | undefined {
    const bytes = this.#read('index of transactions', transactionKey(id))
    if (bytes === undefined) return undefined
    const place = decodePlace(bytes)
    if (!place.ok) throw damaged(`the index entry of transaction ${toHex(id)} does not decode`)
    return place.value
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
    const found: (readonly [Uint8Array, Uint8Array])[] = []
    for await (const [key, stored] of this.#level.iterator({ gte: indexKey(gte), lt: indexKey(lt), reverse: true, limit })) {
      const opened = unseal(plain(key), plain(stored))
      if (opened === undefined) throw damaged(`the index entry ${toHex(key)} is not what was written`)
      found.push([plain(key).slice(1), opened.value])
    }
    return found
  }

  async verdicts(): Promise<readonly { readonly key: Hash; readonly verdict: StoredVerdict }[]> {
    return (await this.#entries(PREFIX.verdict)).map(([key, stored]) => {
      const opened = unseal(key, stored)
      const verdict = opened === undefined ? undefined : decodeVerdict(opened.value)
      if (verdict === undefined || !verdict.ok) throw damaged(`the verdict ${toHex(key)} is not what was written`)
      return { key: hash(key.slice(1)), verdict: verdict.value }
    })
  }

  async evidence(): Promise<readonly Uint8Array[]> {
    return (await this.#entries(PREFIX.evidence)).map(([key, stored]) => {
      const opened = unseal(key, stored)
      if (opened === undefined) throw damaged(`the evidence ${toHex(key)} is not what was written`)
      return opened.value
    })
  }
}

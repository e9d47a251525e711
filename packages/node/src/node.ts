/** One validator in this process: opens its home, restores its state, joins the mesh, serves HTTP, until it is closed. */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { equalBytes, hash, height, toHex, validatorIndex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, type ConsensusConfig } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { genesisTip, type LedgerState, restoreLedger } from '@aethel/ledger'
import { createMesh, type Endpoint, MAX_BACKLOG_BYTES, type Mesh } from '@aethel/network'
import { type Application, type BlobOptions, createReplica, type MempoolLimits } from '@aethel/replica'
import { BlobFiles, openStore, type Store, StoreError } from '@aethel/storage'
import type { FastifyInstance } from 'fastify'
import { BlobKeeper } from './blob-keeper.js'
import { placeOf, rangeOfBlob } from './claim-index.js'
import type { ConsensusKey } from './consensus-key.js'
import { Driver, type ProvableState } from './driver.js'
import { epochOptions, epochToStartIn } from './epochs.js'
import { AethelError, EXIT_INTERNAL, toAethelError } from './errors.js'
import { consumeFirstStart, meaningOfNoStore } from './first-start.js'
import { refuseIfForked } from './fork-proof.js'
import { HOME_FILES, type Home, type LogLevel, openHome, readConfig } from './home.js'
import { serveHttp } from './http.js'
import { API_VERSION } from './http-status.js'
import { createLog, type Log, type LogSink } from './log.js'
import { Metrics } from './metrics.js'
import { PeerNames } from './peer-names.js'
import { ProofPool } from './proof-pool.js'
import { syncOptions } from './snapshots.js'
import { httpUrl } from './urls.js'
import { loadVerifiers, verifierUrl } from './verifier-modules.js'

export interface NodeOptions {
  /** Directory written by `createTestnet`. */
  readonly home: string
  /** Where JSON log lines go; standard output by default. */
  readonly log?: LogSink
  /** The store is lost: begin a new one, and vote only when past everything this key may have signed (protocol.md §7). */
  readonly recover?: boolean
  /** Overrides the configuration. */
  readonly logLevel?: LogLevel
}

export interface Node {
  /** Of a validator of genesis; null: one that has joined, or has yet to. */
  readonly index: number | null
  readonly chainId: string
  readonly http: { readonly host: string; readonly port: number; readonly url: string }
  readonly mesh: { readonly host: string; readonly port: number }
  /** Null after `close`; the reason after a fatal stop (disk failure, broken invariant). */
  readonly stopped: Promise<AethelError | null>
  /** Writes what is acknowledged, closes everything. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** View timer floor: above any honest step on a busy machine; the timer adapts upwards from here. */
const TIMERS = { floorMs: 2_000, commitFactor: 8, allowanceMs: 1_000, capMs: 60_000, statusMs: 500, batchMs: 20 } as const
const WORD_BYTES = 4
const CLOCK_DRIFT_MS = 5_000
const MEMPOOL: MempoolLimits = {
  transactions: 20_000,
  bytes: 128 * 1024 * 1024,
  perSender: 8_192,
  waiting: 8_192,
  maxWaitBlocks: 64,
  verdicts: 65_536,
}

interface Parts {
  home: Home
  log: Log
  store: Store
  driver: Driver
  mesh: Mesh
  pool: ProofPool
  http: FastifyInstance
  blobs: BlobKeeper
}

/**
 * Runs one validator in this process until `close`. Resolves when it listens and has its state back; throws an `AethelError` whose `code` is one of
 * those in docs/operations.md, "When it does not start, or stops". A later failure resolves `stopped`, and nothing is signed after it.
 */
export async function startNode(options: NodeOptions): Promise<Node> {
  const parts: Partial<Parts> = {}
  let onStopped = (_error: AethelError | null): void => undefined
  const stopped = new Promise<AethelError | null>((resolve) => {
    onStopped = resolve
  })
  let closing: Promise<void> | null = null
  const close = (error: AethelError | null): Promise<void> => {
    closing ??= closeParts(parts, error).then(() => onStopped(error))
    return closing
  }
  try {
    await assemble(options, parts, (error) => void close(toAethelError(error)))
  } catch (error) {
    const failure = toAethelError(error)
    await close(failure)
    throw failure
  }
  if (closing !== null) {
    // Stopped by a fatal error while it was still starting: what was opened since then is closed here.
    await closing
    await closeParts(parts, null)
    throw (await stopped) ?? new AethelError('stopped', 'the validator was closed while it was starting', 'start it again')
  }
  const { home, mesh, http } = parts as Parts
  const { host, port } = listening(home, http)
  return {
    index: home.self,
    chainId: toHex(home.chainId),
    http: { host, port, url: httpUrl({ host, port }) },
    mesh: mesh.address,
    stopped,
    close: () => close(null),
    [Symbol.asyncDispose]: () => close(null),
  }
}

async function assemble(options: NodeOptions, parts: Partial<Parts>, onFatal: (error: unknown) => void): Promise<void> {
  const startedAt = performance.now()
  const modules = readConfig(options.home).verifiers.map((module) => verifierUrl(options.home, module))
  const home = openHome(options.home, await loadVerifiers(modules))
  parts.home = home
  refuseIfForked(home.path)
  const log = createLog(options.log ?? process.stdout, options.logLevel ?? home.config.logLevel, { validator: home.self })
  parts.log = log
  let gauges = (): ReturnType<ConstructorParameters<typeof Metrics>[0]> => ({
    height: 0,
    view: 0,
    pooled: 0,
    unverified: 0,
    queuedVerifications: 0,
    workersReady: 0,
    peersConnected: 0,
    bytesIn: 0,
    bytesOut: 0,
    evidenceHeld: 0,
  })
  const metrics = new Metrics(() => gauges())
  const store = await openStore(home.storePath, {
    chainId: home.chainId,
    whenMissing: meaningOfNoStore(home.path, options.recover === true),
    onFailure: onFatal,
    onBatch: (batch) => metrics.onBatch(batch.milliseconds),
  })
  parts.store = store
  const durable = await store.loadDurable(genesisTip(home.genesis))
  const { recovery = null } = durable
  if (options.recover === true && recovery === null) {
    throw new AethelError(
      'store-exists',
      `expected no store in ${home.storePath}, because --recover begins a new one, but there is one that remembers its votes`,
      'start without --recover; if the store is damaged, move it away first',
    )
  }
  consumeFirstStart(home.path)
  const application = await restoreState(home, store)
  const { parameters } = home.genesis
  const start = epochToStartIn(home, store, durable.committed)
  const names = new PeerNames(home)
  const epochs = epochOptions(home, start, names)
  const consensus: ConsensusConfig = {
    chainId: home.chainId,
    validators: start.validators,
    origin: start.origin,
    epochLength: parameters.epochLength,
    self: home.self ?? validatorIndex(start.validators.validators.length),
    window: parameters.window,
    clockDriftMs: CLOCK_DRIFT_MS,
    timers: TIMERS,
    dissemination: parameters.dissemination ?? 'auto',
    ...signingOf(home),
    recoveryNonce: hash(Uint8Array.from(randomBytes(32))),
  }
  const block = {
    transactions: parameters.blockTransactions,
    bytes: parameters.blockBytes,
    gas: parameters.blockGas,
    blobBytes: parameters.maxBlobBytes,
  }
  const files = parameters.maxBlobBytes === 0 ? null : new BlobFiles(join(home.path, HOME_FILES.blobs), Date.now)
  const held = files === null ? [] : await heldBlobs(files, store)
  const verdicts = await store.verdicts()
  const replica = createReplica<LedgerState>({
    consensus,
    durable,
    application,
    mempool: MEMPOOL,
    block,
    order: parameters.mempoolOrder,
    ...(epochs === undefined ? {} : { epochs }),
    evidence: await store.evidence(),
    verdicts,
    sync: syncOptions(home, store, await store.loadStaged()),
    ...(files === null ? {} : { blobs: blobOptions(home, held) }),
  })
  const blobs =
    files === null
      ? null
      : new BlobKeeper({
          files,
          maxBlobBytes: parameters.maxBlobBytes,
          nowMs: Date.now,
          input: (input) => driver.input(input),
          send: (to, message) => driver.sendBlob(to, message),
          needs: (blob) => replica.needsBlob(blob),
          log: (line) => log.info(line),
        })
  if (blobs !== null) parts.blobs = blobs
  const provable = provableTip(store, application)
  const stored = verdicts.map(({ key }) => key)
  const driver = new Driver({
    home,
    names,
    application,
    replica,
    store,
    log,
    metrics,
    onBug: onFatal,
    provable,
    verdicts: stored,
    blobs,
  })
  parts.driver = driver
  const limitsOf = new Map(home.registry.kinds.map(({ verifier }) => [verifier.kind, verifier.limits]))
  const pool = new ProofPool({
    workers: home.config.proofWorkers,
    setup: { genesis: home.genesisBytes, libraries: home.libraryBytes, verifiers: modules },
    onOutcome: (job, outcome, milliseconds) => driver.onVerified(job, outcome, milliseconds),
    onWorkerLost: (reason) => {
      metrics.workersLost.inc()
      log.error({ event: 'proof-worker-lost', reason })
    },
    ...(files === null ? {} : { blobPlaceOf: (blob) => files.placeOf(blob) }),
    memoryBytesOf: (kind) => WORD_BYTES * (limitsOf.get(kind)?.memoryWords ?? 0),
  })
  parts.pool = pool
  const mesh = await createMesh({
    chainId: home.chainId,
    seed: home.networkSeed,
    listen: home.config.mesh,
    peers: home.config.peers,
    handlers: driver.meshHandlers,
    // A leader may have a window of full blocks on their way to each.
    maxBacklogBytes: MAX_BACKLOG_BYTES + parameters.window * parameters.blockBytes,
  })
  parts.mesh = mesh
  gauges = () => {
    const look = replica.inspect()
    const peers = mesh.peers()
    return {
      height: driver.publishedHeight,
      view: look.view,
      pooled: look.pooled,
      unverified: look.unverified,
      queuedVerifications: pool.queued,
      workersReady: pool.ready,
      peersConnected: peers.filter((peer) => peer.connected).length,
      ...mesh.traffic,
      evidenceHeld: look.evidenceHeld,
    }
  }
  driver.start(mesh, pool)
  parts.http = await serveHttp({ home, driver, replica, store, mesh, pool, metrics, startedAt, blobs })
  log.info({
    event: 'started',
    version: API_VERSION,
    chainId: toHex(home.chainId),
    height: durable.committed.height,
    view: durable.view,
    voting: replica.inspect().recovering === null,
    mesh: mesh.address,
    http: listening(home, parts.http),
    milliseconds: Math.round(performance.now() - startedAt),
  })
}

/** The port that was found where the configuration says 0. */
function listening(home: Home, http: FastifyInstance): Endpoint {
  return { host: home.config.http.host, port: (http.server.address() as AddressInfo).port }
}

/** With the first of its keys; on a chain with epochs the replica looks for the one that an epoch's validators have. */
function signingOf({ consensusKeys }: Home): Pick<ConsensusConfig, 'sign' | 'shares'> {
  const key = consensusKeys[0] as ConsensusKey
  const sign: ConsensusConfig['sign'] = (bytes) => key.sign(bytes)
  return key.shares === undefined ? { sign } : { sign, shares: key.shares }
}

/** State as it was committed; its root must be the one the newest block certifies. */
async function restoreState(home: Home, store: Store): Promise<Application<LedgerState>> {
  const restored = restoreLedger(home.genesis, home.registry, await store.loadState(), { verifySignature })
  const damaged = (what: string): StoreError =>
    new StoreError('store-damaged', `the store is damaged: ${what}`, 'restore this home from a backup, or keep it for inspection')
  if (!restored.ok) throw damaged(restored.error.message)
  const { tip } = store
  const header = tip === undefined ? undefined : store.header(tip.height)
  if (header !== undefined && !equalBytes(header.stateRoot, restored.value.initial.stateRoot)) {
    throw damaged(
      `the stored state has root ${toHex(restored.value.initial.stateRoot)}, block ${header.height} certifies ${toHex(header.stateRoot)}`,
    )
  }
  return restored.value
}

/** Pending ones together: as many of the largest. */
const PENDING_BLOBS = 4

function blobOptions(home: Home, held: BlobOptions['held']): BlobOptions {
  const pendingBytes = PENDING_BLOBS * home.genesis.parameters.maxBlobBytes
  return { chunkBytes: BLOB_CHUNK_BYTES, pendingBytes, ...home.config.blobs, held }
}

/** What is whole on the disk, each with the block that made its transaction final, if one did. */
async function heldBlobs(files: BlobFiles, store: Store): Promise<BlobOptions['held']> {
  const held: BlobOptions['held'][number][] = []
  for (const blob of files.whole) {
    const [newest] = await store.searchIndex({ ...rangeOfBlob(blob.root), limit: 1 })
    held.push({ ...blob, height: newest === undefined ? null : height(placeOf(newest[0]).height) })
  }
  return held
}

/** After a restart receipts are proven against the newest block, if that carries its own certificate. */
function provableTip(store: Store, application: Application<LedgerState>): ProvableState | null {
  const { tip } = store
  const header = tip === undefined ? undefined : store.header(tip.height)
  const certificate = tip === undefined ? undefined : store.certificateFrom(tip.height)
  if (header === undefined || certificate === undefined || certificate.height !== header.height) return null
  return { header, certificate, state: application.initial.state }
}

async function closeParts(parts: Partial<Parts>, error: AethelError | null): Promise<void> {
  if (error !== null)
    parts.log?.error({
      event: 'fatal',
      code: error.code,
      message: error.message,
      stack: error.exitCode === EXIT_INTERNAL ? causeStack(error) : undefined,
    })
  else parts.log?.info({ event: 'stopping' })
  parts.driver?.stop()
  parts.blobs?.close()
  await Promise.allSettled([parts.http?.close(), parts.mesh?.close(), parts.pool?.close()])
  await parts.store?.close().catch(() => undefined)
}

function causeStack(error: AethelError): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : error.stack
}

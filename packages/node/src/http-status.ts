/** How a validator is, over HTTP: its status, why nothing commits, what it holds against others, a fork if it has seen one, and its metrics. */
import { readFileSync } from 'node:fs'
import { height, toHex } from '@aethel/codec'
import { type Cause, hashHeader, isIndispensable, leaderOf, paragraphOf } from '@aethel/consensus'
import { offenceRecordOf } from '@aethel/ledger'
import type { ReplicaInspection } from '@aethel/replica'
import type { FastifyInstance } from 'fastify'
import type { Driver } from './driver.js'
import { knownValidators } from './epochs.js'
import { sentenceOf } from './fork-proof.js'
import type { HttpContext } from './http-context.js'
import { HttpError } from './http-error.js'
import { residentBytes } from './memory.js'
import { syncJson } from './snapshots.js'

/** Of the API and the program. */
export const API_VERSION = '0.1.0'

/** While this is so, another validator serves clients better; where all wait for the same thing, none does. */
const BETTER_ELSEWHERE: readonly Cause[] = [
  'stopped',
  'storage-stalled',
  'no-quorum-connected',
  'taking-over-state',
  'catching-up',
  'validation-aborted',
]

export function registerStatus(app: FastifyInstance, context: HttpContext): void {
  const { metrics, driver } = context
  app.get('/v1/status', async () => statusJson(context))
  app.get('/v1/why', async () => {
    const diagnosis = driver.explain()
    return { paragraph: inWords(driver), ...diagnosis }
  })
  app.get('/why', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(`${inWords(driver)}\n`))
  app.get('/v1/ready', async (_request, reply) => {
    const { cause } = driver.explain()
    const ready = !BETTER_ELSEWHERE.includes(cause)
    return reply.code(ready ? 200 : 503).send({ ready, cause, paragraph: inWords(driver) })
  })
  app.get('/v1/evidence', async () => evidenceJson(context))
  app.get('/v1/fork', async (_request, reply) => {
    const file = driver.fork?.file ?? null
    if (file === null) throw new HttpError(404, 'no-fork', 'this validator has seen no two blocks committed at one height')
    return reply.header('content-type', 'application/octet-stream').send(readFileSync(file))
  })
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
}

function statusJson(context: HttpContext): Record<string, unknown> {
  const { home, replica, mesh, metrics, pool, driver } = context
  const look = replica.inspect()
  const { verified } = metrics
  const header = driver.publishedHeight === 0 ? undefined : context.store.header(height(driver.publishedHeight))
  return {
    version: API_VERSION,
    chainId: toHex(home.chainId),
    index: home.self,
    epoch: replica.epoch.validators.epoch,
    /** Position among the validators of the epoch; null: none of them. */
    position: replica.self,
    validators: replica.epoch.validators.validators.length,
    view: look.view,
    phase: look.phase,
    leader: leaderOf(replica.epoch.validators, look.view),
    height: driver.publishedHeight,
    hash: toHex(header === undefined ? home.chainId : hashHeader(header)),
    stateRoot: toHex(header?.stateRoot ?? replica.state.entries.root),
    timestampMs: header?.timestampMs ?? home.genesis.genesisTimeMs,
    peers: mesh.peers().map((peer) => ({ index: peer.index, connected: peer.connected, rttMs: peer.roundTripMs })),
    mempool: { pending: look.pooled, waiting: look.unverified, ready: look.ready, bytes: look.poolBytes },
    verifications: { performed: verified.valid + verified.invalid + verified.aborted, ...verified, queued: pool.queued },
    viewChanges: metrics.viewChangeCount,
    viewTimeoutMs: look.viewTimeoutMs,
    voting: votingJson(context, look.recovering),
    sync: syncJson(home, context.store, replica),
    rss: residentBytes(),
    blobs: blobsJson(context, look),
    offences: offencesJson(context),
    uptimeMs: Math.round(performance.now() - context.startedAt),
  }
}

type Recovering = NonNullable<ReplicaInspection['recovering']>

/** A validator that lost its store says that it does not vote, and what it waits for. */
function votingJson({ driver, replica }: HttpContext, recovering: ReplicaInspection['recovering']): Record<string, unknown> {
  if (driver.fork !== null) return { votes: false, why: sentenceOf(driver.fork), forkedAt: driver.fork.height }
  if (recovering === null) return { votes: true }
  return { votes: false, why: whyForgetful(replica, recovering), ...recovering }
}

function whyForgetful({ epoch: { validators }, self }: HttpContext['replica'], { answers, above }: Recovering): string {
  if (self !== null && isIndispensable(validators, self))
    return 'its store was lost, and the others are no quorum without it: nobody can tell it what it may have signed, and the chain stands still for good'
  if (above !== null) return `its store was lost; it votes again when a block commits in a view above ${above}`
  const others = validators.validators.length - (self === null ? 0 : 1)
  return `its store was lost; ${answers} of ${others} other validators have named their view, a quorum is needed, and validators that lost theirs too cannot answer`
}

function blobsJson({ blobs }: HttpContext, { blobs: fetching }: ReplicaInspection): Record<string, unknown> | null {
  if (blobs === null) return null
  return {
    held: blobs.files.whole.length,
    bytes: blobs.files.wholeBytes,
    fetching: fetching.map(({ root, bytes, chunks, missing }) => ({ root: toHex(root), bytes, chunks, missing })),
  }
}

/** Offences on record, by validator, in the order of validators. */
function offencesJson({ home, replica }: HttpContext): { readonly validator: number; readonly count: number }[] {
  const counts = new Map<number, number>()
  for (const { publicKey: key, seat } of knownValidators(home, replica.state)) {
    const count = offenceRecordOf(replica.state, key)?.count ?? 0
    if (count > 0) counts.set(seat, (counts.get(seat) ?? 0) + count)
  }
  return [...counts].map(([validator, count]) => ({ validator, count }))
}

/** What is on record against validators, and what this one holds and would put on the chain. */
function evidenceJson({ home, replica }: HttpContext): Record<string, unknown> {
  const recorded = knownValidators(home, replica.state).flatMap(({ publicKey: key, seat: validator }) => {
    const record = offenceRecordOf(replica.state, key)
    if (record === null) return []
    const recent = record.recent.map(({ type, epoch, view, height: at, kind }) => ({ offence: type, epoch, view, height: at, phase: kind }))
    return [{ validator, publicKey: toHex(key), count: record.count, firstHeight: record.firstHeight, recent }]
  })
  const held = replica.evidence().map(({ offence, bytes }) => ({
    validator: offence.offender,
    offence: offence.type,
    epoch: offence.epoch,
    view: offence.view,
    height: offence.height,
    phase: offence.kind,
    evidence: toHex(bytes),
  }))
  return { recorded, held }
}

/** Why nothing commits, or that all is well; and what else whoever runs the validator should know. */
function inWords(driver: Driver): string {
  const alarm = driver.alarm.sentence(Date.now())
  return [paragraphOf(driver.explain()), ...(alarm === null ? [] : [alarm])].join(' ')
}

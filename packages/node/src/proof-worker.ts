/**
 * A worker thread that checks proofs and nothing else: batches in, outcomes out. Statements of cited claims are sent once and
 * kept until the pool says to forget them. It loads no more of the packages than it needs: after a power failure proofs wait for it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type Hash, keyOf } from '@aethel/codec'
import { decodeGenesis } from '@aethel/ledger/genesis'
import { createRegistry } from '@aethel/ledger/registry'
import { createMeter, decodeLibrary, type ProofVerifier, runMetered, runStreamed, type Verdict } from '@aethel/proofs'
import type { VerificationOutcome } from '@aethel/replica'
import { BlobDamaged, readBlob } from '@aethel/storage/blob-files'
import { boundedCode, boundedReason } from '@aethel/storage/records'
import { DAMAGED, decodeBatch, type ProofJob, SHARED } from './proof-batch.js'
import { ProofGarbage } from './proof-garbage.js'
import { loadVerifiers } from './verifier-modules.js'

export interface WorkerSetup {
  readonly genesis: Uint8Array
  readonly libraries: readonly Uint8Array[]
  /** URLs of modules with kinds from outside. */
  readonly verifiers: readonly string[]
}

/** What a worker says: once that it is ready, then the outcomes of each batch, in order; fewer than jobs if it was told to hurry. */
export type WorkerMessage = 'ready' | readonly VerificationOutcome[]

async function verifiersOf(setup: WorkerSetup): Promise<Map<string, ProofVerifier<unknown>>> {
  const genesis = decodeGenesis(setup.genesis)
  if (!genesis.ok) throw new Error(genesis.error.message)
  const libraries = setup.libraries.map((bytes) => {
    const library = decodeLibrary(bytes)
    if (!library.ok) throw new Error(library.error.message)
    return library.value
  })
  const registry = createRegistry(genesis.value, libraries, await loadVerifiers(setup.verifiers))
  if (!registry.ok) throw new Error(registry.error.message)
  return new Map(registry.value.kinds.map(({ verifier }) => [verifier.kind, verifier]))
}

const { setup, shared } = workerData as { readonly setup: WorkerSetup; readonly shared: SharedArrayBuffer }
const words = new Int32Array(shared)
const verifiers = await verifiersOf(setup)
const statements = new Map<string, Uint8Array>()
const garbage = new ProofGarbage()
const cited = { statementOf: (claimId: Hash): Uint8Array | undefined => statements.get(keyOf(claimId)) }

/** Allocated by the check at hand. */
let memoryWords = 0

function check(job: ProofJob): VerificationOutcome {
  const verifier = verifiers.get(job.kind)
  if (verifier === undefined)
    return { status: 'invalid', code: 'unknown-kind', message: `expected a kind of this chain, got ${job.kind}`, gas: 0 }
  const parsed = verifier.parseClaim(job.claim)
  if (!parsed.ok) return invalid(parsed.error, 0)
  try {
    const verdict = verdictOn(verifier, parsed.value.claim, job)
    return verdict.status === 'valid' ? { status: 'valid', gas: verdict.gas } : invalid(verdict, verdict.gas)
  } catch (error) {
    const reason = boundedReason(error instanceof Error ? error.message : String(error))
    return { status: 'aborted', reason: error instanceof BlobDamaged ? `${DAMAGED}${reason}` : reason }
  }
}

/** In the words that a restart finds in the store. */
function invalid(why: { readonly code: string; readonly message: string }, gas: number): VerificationOutcome {
  return { status: 'invalid', code: boundedCode(why.code), message: boundedReason(why.message), gas }
}

/** A blob is read as the check goes on: no more of it is in memory than a chunk. */
function verdictOn(verifier: ProofVerifier<unknown>, claim: unknown, job: ProofJob): Verdict {
  const { streamed } = verifier
  const limits = job.blob === null ? verifier.limits : streamed?.limits
  if (limits === undefined) throw new Error(`proofs of ${verifier.kind} cannot be checked in pieces`)
  const meter = createMeter(limits)
  const source = job.blob === null ? null : readBlob(job.blob)
  try {
    return source === null || streamed === undefined
      ? runMetered(verifier, claim, job.proof, cited, limits, meter)
      : runStreamed(streamed, claim, source, meter)
  } finally {
    source?.close()
    memoryWords = meter.memoryWords
  }
}

parentPort?.on('message', (bytes: Uint8Array) => {
  const batch = decodeBatch(bytes)
  if (batch.forget) statements.clear()
  for (const { claimId, statement } of batch.statements) statements.set(keyOf(claimId), statement)
  const outcomes: VerificationOutcome[] = []
  Atomics.store(words, SHARED.job, 0)
  Atomics.add(words, SHARED.batch, 1)
  for (const [position, job] of batch.jobs.entries()) {
    if (batch.mayStop && Atomics.load(words, SHARED.hurry) === 1) break
    Atomics.store(words, SHARED.job, position)
    memoryWords = 0
    outcomes.push(check(job))
    garbage.add(memoryWords)
  }
  parentPort?.postMessage(outcomes satisfies WorkerMessage)
})
parentPort?.postMessage('ready' satisfies WorkerMessage)

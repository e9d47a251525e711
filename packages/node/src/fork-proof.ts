/**
 * What a validator does when it learns that the chain has forked (docs/protocol.md §12): it writes the proof into its home,
 * durably, and signs nothing any more. The process stays up, so that it can be asked why; once it has ended it does not start
 * again in this home until its operator, who has to agree with the others on what is to be done, takes the file away.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Hash, type Height, height, type Refusal, type Result } from '@aethel/codec'
import {
  type AssembledFork,
  assembleForkProof,
  type Certificate,
  type EpochStart,
  type ForkMaterial,
  type Header,
  joinMaterial,
  MAX_BRANCH_HEADERS,
  type ProvenFork,
} from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import type { Store } from '@aethel/storage'
import { writeDurably } from './durable-file.js'
import { AethelError } from './errors.js'
import { HOME_FILES } from './home.js'

/** Committed heights from the fork upwards whose certificates go into the material. */
const CERTIFICATES_FROM_STORE = 64

/** A fork as this validator has seen it. */
export interface SeenFork {
  readonly height: Height
  /** Of the proof; null if not even two contradicting certificates could be put together. */
  readonly file: string | null
  /** A refusal if the proof does not say yet whose fault it is. */
  readonly proven: Result<ProvenFork, Refusal> | null
}

export function forkProofPath(home: string): string {
  return join(home, HOME_FILES.forkProof)
}

/** Before anything is signed. */
export function refuseIfForked(home: string): void {
  const file = forkProofPath(home)
  if (!existsSync(file)) return
  throw new AethelError(
    'chain-forked',
    `expected a chain that has not forked, but this validator wrote a proof that it has: ${file}`,
    `see who signed what with "aethel fork ${file} --trust trust.json"; agree with the other operators which branch stands, and move the file away when this home follows that one`,
  )
}

export interface ForkContext {
  readonly home: string
  readonly chainId: Hash
  readonly epoch: EpochStart
  readonly store: Store
}

export function recordFork({ home, chainId, epoch, store }: ForkContext, at: Height, seen: ForkMaterial): SeenFork {
  const assembled = assembleForkProof(
    { chainId, validators: epoch.validators, verifySignature },
    joinMaterial([materialFrom(store, at), seen]),
  )
  const file = assembled === null ? null : write(home, assembled)
  return { height: at, file, proven: assembled?.checked ?? null }
}

/** The committed chain from just below the fork on, and the certificates that were stored for it. */
function materialFrom(store: Store, at: Height): ForkMaterial {
  const headers: Header[] = []
  const certificates = new Map<number, Certificate>()
  const last = Math.min(store.tip?.height ?? 0, at + MAX_BRANCH_HEADERS - 1)
  for (let each: number = Math.max(1, at); each <= last; each++) {
    const header = store.committedBlock(height(each))?.header
    if (header === undefined) break
    headers.push(header)
    const certificate = each < at + CERTIFICATES_FROM_STORE ? store.certificateFrom(height(each)) : undefined
    if (certificate !== undefined) certificates.set(certificate.height, certificate)
  }
  return { certificates: [...certificates.values()], headers, votes: [], entries: [] }
}

function write(home: string, { bytes }: AssembledFork): string {
  const file = forkProofPath(home)
  writeDurably(file, bytes, 0o644)
  return file
}

/** For `aethel why`, the status page and the log. */
export function sentenceOf({ height: at, file, proven }: SeenFork): string {
  const culprits = proven?.ok === true ? proven.value.culprits.map(({ validator }) => validator) : []
  const blame =
    proven?.ok === true
      ? `; guilty are validators ${culprits.join(', ')}, with power ${proven.value.power} of ${proven.value.totalPower}`
      : '; whose fault it is takes the proof of a second validator as well ("aethel fork" takes several files)'
  const where = file === null ? 'no proof could be put together' : `the proof is ${file}`
  return `two blocks are committed at height ${at}: the chain has forked, and this validator signs nothing any more; ${where}${blame}`
}

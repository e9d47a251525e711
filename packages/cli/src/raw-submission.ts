/**
 * What `aethel submit` can say beside the proof: for a kind that this program does not know, the canonical claim as a file; for any, what
 * the submitter says about it. Nobody checks that: whoever shows it says so.
 */
import { type Hash, hash, utf8 } from '@aethel/codec'
import { sha256 } from '@aethel/crypto'
import {
  MAX_CLAIM_BYTES,
  MAX_PROOF_BYTES,
  MAX_TITLE_BYTES,
  MAX_TOOLCHAIN_BYTES,
  type ProofMetadata,
  type SubmitProof,
} from '@aethel/ledger'
import { usageError } from './exit.js'
import { MAX_DATABASE_BYTES, readInputFile } from './files.js'

export interface MetadataOptions {
  readonly title?: string
  readonly toolchain?: string
  readonly source?: string
}

/** Null: nothing was said. */
export function metadataFrom(options: MetadataOptions): ProofMetadata | null {
  const { title, toolchain, source } = options
  if (title === undefined && toolchain === undefined && source === undefined) return null
  requireShort('--title', title, MAX_TITLE_BYTES)
  requireShort('--toolchain', toolchain, MAX_TOOLCHAIN_BYTES)
  return { title: title ?? '', toolchain: toolchain ?? '', sourceDigest: source === undefined ? null : digestOf(source) }
}

function requireShort(option: string, text: string | undefined, maxBytes: number): void {
  const { length } = utf8(text ?? '')
  if (length > maxBytes) throw usageError('usage', `expected ${option} of at most ${maxBytes} bytes, got ${length}`)
}

function digestOf(path: string): Hash {
  return hash(sha256(readInputFile(path, 'the source of the claim', MAX_DATABASE_BYTES)))
}

/** The claim's bytes and the proof's, as the kind defines them. */
export function rawAction(kind: string, claimFile: string, proofFile: string | undefined): SubmitProof {
  if (proofFile === undefined) throw usageError('usage', `expected --proof with the proof of ${claimFile}`)
  const claim = readInputFile(claimFile, `the canonical claim of ${kind}`, MAX_CLAIM_BYTES)
  const proof = readInputFile(proofFile, `a proof of ${kind}`, MAX_PROOF_BYTES)
  return { type: 'submit-proof', kind, claim, proof, metadata: null }
}

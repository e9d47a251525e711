/**
 * What a proof kind is: a pure, metered checker of certificates. A verdict is a function of bytes: same bytes, same
 * verdict, same gas, on every machine, every time. No I/O, clock, randomness, floating point, locale, regular expressions
 * on input, unbounded recursion, or dependence on Map order.
 */
import type { Hash, Refusal, Result } from '@aethel/codec'

/** A claim that a proof leans on, named by content: the statement is looked up, never its proof. */
export interface ClaimReference {
  /** claimId of the cited claim. */
  readonly claimId: Hash
  /** How the proof calls it (a Metamath label); for messages only, never trusted. */
  readonly name: string
}

export interface ParsedClaim<Claim> {
  readonly claim: Claim
  /** H(kind, canonical claim bytes): identifies what is claimed, not how it is proved. */
  readonly claimId: Hash
}

/** Statements of the cited claims as canonical claim bytes. Undefined: not known to this validator. */
export interface CitedClaims {
  statementOf(claimId: Hash): Uint8Array | undefined
}

export interface VerifierLimits {
  readonly claimBytes: number
  readonly proofBytes: number
  readonly gas: number
  /** 32-bit words of working memory. */
  readonly memoryWords: number
}

/** Both are called before the work or the allocation; each throws `MeterExhausted` at its limit. */
export interface Meter {
  charge(gas: number): void
  /** Words of 32 bits; what is freed is not given back (peak is bounded by the sum). */
  allocate(words: number): void
  readonly gas: number
}

export type Verdict =
  | { readonly status: 'valid'; readonly gas: number; readonly summary: Readonly<Record<string, string | number>> }
  | {
      readonly status: 'invalid'
      /** Stable kebab-case code, for example 'gas-exhausted', 'syntax', 'missing-hint'. */
      readonly code: string
      /** One sentence for people: what was expected, what came, where. */
      readonly message: string
      /** Byte offset or step number, where there is one. */
      readonly at?: number
      readonly gas: number
    }

/** What only the runner may say: killed, crashed, host out of memory. The validator then abstains. */
export interface Aborted {
  readonly status: 'aborted'
  readonly reason: string
}

/** A proof in pieces, from first to last. How it is cut makes no difference to verdict and gas. */
export interface ProofSource {
  /** The next piece, undefined at the end; it may be overwritten at the next call. */
  next(): Uint8Array | undefined
}

/**
 * The same check for proofs that are too large for a transaction and come in pieces (protocol.md §9, blobs). Only kinds whose
 * proofs cite nothing have it: what a proof cites must be known before it is here.
 */
export interface StreamedCheck<Claim> {
  readonly limits: VerifierLimits
  verify(claim: Claim, proof: ProofSource, meter: Meter): Verdict
}

export interface ProofVerifier<Claim> {
  /** For example 'lrat/1'. Genesis pins it. */
  readonly kind: string
  readonly limits: VerifierLimits
  /** Canonical: exactly one byte string per claim is accepted. */
  parseClaim(bytes: Uint8Array): Result<ParsedClaim<Claim>, Refusal>
  /** The claims a proof cites, read without checking it; the ledger checks that they are finalised. */
  citationsOf(claim: Claim, proof: Uint8Array): Result<readonly ClaimReference[], Refusal>
  /** Synchronous and pure. */
  verify(claim: Claim, proof: Uint8Array, cited: CitedClaims, meter: Meter): Verdict
  /** Left out: its proofs travel in transactions only. */
  readonly streamed?: StreamedCheck<Claim>
}

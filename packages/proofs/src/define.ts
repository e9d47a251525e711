/**
 * Proof kinds from outside. A third party writes a definition (limits, prices, a parser of claims, a checker of proofs, its
 * specification and its test vectors); `defineVerifier` makes of it what validators run, and adds what no kind should have to write:
 * the bounds on sizes, the charge for bytes, the identity of a claim. Genesis pins the kind by the hash of specification and vectors, so
 * validators with another edition of it refuse to start. `@aethel/proofs/conformance` tests a definition.
 */
import { assert, encode, err, type Hash, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import { claimIdOf } from './claim-id.js'
import type { ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from './verifier.js'

/** What a checker finds; `defineVerifier` adds the gas. `at`: byte offset or step, where there is one. */
export type Finding =
  | { readonly status: 'valid'; readonly summary?: Readonly<Record<string, string | number>> }
  | { readonly status: 'invalid'; readonly code: string; readonly message: string; readonly at?: number }

export interface VerifierDefinition<Claim> {
  /** `name/version`, for example 'pratt/1'. */
  readonly kind: string
  /** From 1; to be raised whenever a verdict or a gas figure changes. */
  readonly revision: number
  readonly limits: VerifierLimits
  /** Charged before anything else: once per check, and for each byte of claim and proof. Both at least 1. */
  readonly intrinsicGas: { readonly proof: number; readonly byte: number }
  /** The text that another implementation would be written from. */
  readonly specification: string
  /** Test vectors, a JSON text (`KindVectors`). */
  readonly vectors: string
  /**
   * Canonical: exactly one byte string per claim is accepted, in time linear in its length. Must not keep or change `bytes`, and must
   * not throw. The id of a claim is a hash of kind and bytes.
   */
  parseClaim(bytes: Uint8Array): Result<Claim, Refusal>
  /** Pure and synchronous. Charges before the work, allocates before the allocation; what the meter throws goes through. */
  verify(claim: Claim, proof: Uint8Array, meter: Meter): Finding
  /** For tests only: whether a claim is true, by another method; undefined: cannot be told. */
  isTrue?(claim: Claim): boolean | undefined
}

/** What a claim has become inside a defined verifier: nobody else looks into it. */
export interface DefinedClaim<Claim> {
  readonly parsed: Claim
  readonly bytes: number
}

/** A proof kind made by `defineVerifier`: what a module of a third party exports as `verifier`. */
export interface DefinedVerifier<Claim = unknown> extends ProofVerifier<DefinedClaim<Claim>> {
  readonly revision: number
  /** H('aethel/kind/v1', kind, revision, limits, prices, specification, vectors): what genesis pins. */
  readonly digest: Hash
  readonly vectors: string
  isTrue(claim: DefinedClaim<Claim>): boolean | undefined
}

const MAX_LIMIT_BYTES: number = 4 * 1024 * 1024
/** One gas is meant to be about ten nanoseconds: ten seconds. */
const MAX_GAS = 1_000_000_000
const MAX_MEMORY_WORDS: number = 64 * 1024 * 1024

export function defineVerifier<Claim>(definition: VerifierDefinition<Claim>): DefinedVerifier<Claim> {
  const { kind, limits, revision, intrinsicGas, specification, vectors } = definition
  checkDefinition(definition)
  const digest = hashTagged(
    'aethel/kind/v1',
    encode((writer) => {
      writer.text(kind).u16(revision)
      writer.u64(limits.claimBytes).u64(limits.proofBytes).u64(limits.gas).u64(limits.memoryWords)
      writer.u64(intrinsicGas.proof).u64(intrinsicGas.byte).text(specification).text(vectors)
    }),
  )
  return {
    kind,
    revision,
    limits,
    digest,
    vectors,
    parseClaim: (bytes): Result<ParsedClaim<DefinedClaim<Claim>>, Refusal> => {
      if (bytes.length > limits.claimBytes) {
        return refuse('claim-too-large', `expected a claim of at most ${limits.claimBytes} bytes, got ${bytes.length}`)
      }
      const parsed = definition.parseClaim(bytes)
      if (!parsed.ok) return err(parsed.error)
      return ok({ claim: { parsed: parsed.value, bytes: bytes.length }, claimId: claimIdOf(kind, bytes) })
    },
    citationsOf: (): Result<readonly ClaimReference[], Refusal> => ok([]),
    verify: (claim, proof, _cited, meter): Verdict => {
      if (proof.length > limits.proofBytes) {
        const message = `expected a proof of at most ${limits.proofBytes} bytes, got ${proof.length}`
        return { status: 'invalid', code: 'proof-too-large', message, gas: meter.gas }
      }
      meter.charge(intrinsicGas.proof + intrinsicGas.byte * (claim.bytes + proof.length))
      const finding = definition.verify(claim.parsed, proof, meter)
      if (finding.status === 'valid') return { status: 'valid', gas: meter.gas, summary: finding.summary ?? {} }
      const { code, message, at } = finding
      return { status: 'invalid', code, message, ...(at === undefined ? {} : { at }), gas: meter.gas }
    },
    isTrue: (claim) => definition.isTrue?.(claim.parsed),
  }
}

/** A definition that cannot be is a bug of whoever wrote it, and shows when the module is loaded. */
function checkDefinition(definition: VerifierDefinition<never> | VerifierDefinition<unknown>): void {
  const { kind, revision, limits, intrinsicGas } = definition
  assert(isKindName(kind), `kind: expected lower-case letters, digits and "-", then "/" and a number, got ${JSON.stringify(kind)}`)
  const within = (name: string, value: number, least: number, most: number): void =>
    assert(Number.isSafeInteger(value) && value >= least && value <= most, `${kind}: expected ${name} of ${least}..${most}, got ${value}`)
  within('revision', revision, 1, 0xffff)
  within('limits.claimBytes', limits.claimBytes, 1, MAX_LIMIT_BYTES)
  within('limits.proofBytes', limits.proofBytes, 0, MAX_LIMIT_BYTES)
  within('limits.gas', limits.gas, 1, MAX_GAS)
  within('limits.memoryWords', limits.memoryWords, 0, MAX_MEMORY_WORDS)
  within('intrinsicGas.proof', intrinsicGas.proof, 1, limits.gas)
  within('intrinsicGas.byte', intrinsicGas.byte, 1, limits.gas)
}

function isKindName(kind: string): boolean {
  const [name = '', version = '', ...rest] = kind.split('/')
  const all = (text: string, allowed: string): boolean => text.length > 0 && [...text].every((character) => allowed.includes(character))
  return rest.length === 0 && kind.length <= 64 && all(name, 'abcdefghijklmnopqrstuvwxyz0123456789-') && all(version, '0123456789')
}

/** Whether a module's export is a verifier this version can run; says what is missing. */
export function asDefinedVerifier(value: unknown): Result<DefinedVerifier, Refusal> {
  const candidate = value as Partial<DefinedVerifier> | null | undefined
  if (typeof candidate !== 'object' || candidate === null)
    return refuse('verifier-module', 'expected an export "verifier" made by defineVerifier')
  for (const name of ['parseClaim', 'citationsOf', 'verify'] as const) {
    if (typeof candidate[name] !== 'function') return refuse('verifier-module', `expected the verifier to have a function ${name}`)
  }
  if (typeof candidate.kind !== 'string' || typeof candidate.revision !== 'number' || !(candidate.digest instanceof Uint8Array))
    return refuse('verifier-module', 'expected the verifier to have kind, revision and digest, as defineVerifier gives them')
  return ok(candidate as DefinedVerifier)
}

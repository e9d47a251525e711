/** Test vectors of a kind in a language-neutral form, and as what the kit runs. */
import { err, fromHex, ok, type Refusal, type Result, refuse } from '@aethel/codec'
import type { DefinedVerifier } from '../define.js'

export type Expectation =
  | { readonly status: 'valid'; readonly claimId?: string; readonly gas: number }
  | { readonly status: 'invalid'; readonly code: string; readonly at?: number; readonly gas: number }
  /** The claim itself is refused. */
  | { readonly status: 'refused'; readonly code: string }

export interface Sample {
  readonly name: string
  readonly claim: Uint8Array
  readonly proof: Uint8Array
  /** Undefined: the kind's own limit. */
  readonly gasLimit?: number
  readonly expect: Expectation
}

/** The JSON of a kind's `vectors`; bytes are lower-case hex. */
export interface KindVectors {
  readonly cases: readonly {
    readonly name: string
    readonly claim: string
    readonly proof: string
    readonly gasLimit?: number
    readonly expect: Expectation
  }[]
}

export function samplesOf(verifier: Pick<DefinedVerifier, 'vectors'>): Result<readonly Sample[], Refusal> {
  let parsed: Partial<KindVectors> | null
  try {
    parsed = JSON.parse(verifier.vectors) as Partial<KindVectors> | null
  } catch {
    return refuse('vectors', 'expected the vectors to be JSON')
  }
  if (!Array.isArray(parsed?.cases)) return refuse('vectors', 'expected the vectors to be { "cases": [...] }')
  const samples: Sample[] = []
  for (const [position, vector] of (parsed.cases as KindVectors['cases']).entries()) {
    if (typeof vector !== 'object' || vector === null) return refuse('vectors', `case ${position}: expected an object`)
    const claim = fromHex(String(vector.claim))
    const proof = fromHex(String(vector.proof))
    if (!claim.ok) return err(claim.error)
    if (!proof.ok) return err(proof.error)
    if (!['valid', 'invalid', 'refused'].includes(vector.expect?.status)) {
      return refuse('vectors', `case ${position}: expected "expect" with status valid, invalid or refused`)
    }
    const { gasLimit } = vector
    samples.push({
      name: String(vector.name),
      claim: claim.value,
      proof: proof.value,
      expect: vector.expect,
      ...(gasLimit === undefined ? {} : { gasLimit }),
    })
  }
  return ok(samples)
}

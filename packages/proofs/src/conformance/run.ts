/** One run of a verifier under a meter that watches how it is used. */
import type { Refusal } from '@aethel/codec'
import { MeterExhausted } from '../meter.js'
import type { CitedClaims, Meter, ProofVerifier, Verdict, VerifierLimits } from '../verifier.js'

/** Calls of the meter without any gas in between, after which a verifier is taken to run for ever. */
const MAX_IDLE_CALLS = 1_000_000
/** Charges remembered, to try limits between them. */
const MAX_STEPS = 4_096

export interface Run {
  readonly outcome: Outcome
  /** On the meter, at the end. */
  readonly gas: number
  /** Words allocated by then. */
  readonly words: number
  /** Gas after each charge. */
  readonly steps: readonly number[]
  /** How the meter was misused, if it was. */
  readonly misuse: string | null
}

export type Outcome =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'threw'; readonly where: 'parseClaim' | 'verify'; readonly message: string }

class WatchedMeter implements Meter {
  gas = 0
  words = 0
  misuse: string | null = null
  readonly steps: number[] = []
  readonly #limits: Pick<VerifierLimits, 'gas' | 'memoryWords'>
  #exhausted = false
  #idle = 0

  constructor(limits: Pick<VerifierLimits, 'gas' | 'memoryWords'>) {
    this.#limits = limits
  }

  charge(amount: number): void {
    this.#watch('charge', amount)
    this.#idle = amount > 0 ? 0 : this.#idle + 1
    if (this.#idle > MAX_IDLE_CALLS) throw new Error(`the meter was called ${MAX_IDLE_CALLS} times without any gas`)
    this.gas += amount
    if (this.gas > this.#limits.gas) {
      this.gas = this.#limits.gas
      this.#exhausted = true
      throw new MeterExhausted('gas-exhausted', `the proof needs more than its limit of ${this.#limits.gas} gas`)
    }
    if (this.steps.length < MAX_STEPS) this.steps.push(this.gas)
  }

  allocate(amount: number): void {
    this.#watch('allocate', amount)
    this.words += amount
    if (this.words > this.#limits.memoryWords) {
      this.#exhausted = true
      throw new MeterExhausted('memory-exhausted', `the proof needs more than its limit of ${this.#limits.memoryWords} words of memory`)
    }
  }

  #watch(name: string, amount: number): void {
    if (this.#exhausted) this.misuse ??= `${name} was called after the meter had thrown: what it throws must not be caught`
    if (!Number.isSafeInteger(amount) || amount < 0) this.misuse ??= `${name}(${amount}): expected a whole number, 0 or more`
  }
}

export interface Subject {
  readonly verifier: ProofVerifier<unknown>
  readonly cited: CitedClaims
}

export function run(
  subject: Subject,
  claim: Uint8Array,
  proof: Uint8Array,
  limits: Partial<Pick<VerifierLimits, 'gas' | 'memoryWords'>> = {},
): Run {
  const { verifier, cited } = subject
  const meter = new WatchedMeter({ ...verifier.limits, ...limits })
  const end = (outcome: Outcome): Run => ({ outcome, gas: meter.gas, words: meter.words, steps: meter.steps, misuse: meter.misuse })
  const threw = (where: 'parseClaim' | 'verify', error: unknown): Run =>
    end({ kind: 'threw', where, message: error instanceof Error ? error.message : String(error) })
  let parsed: ReturnType<typeof verifier.parseClaim>
  try {
    parsed = verifier.parseClaim(claim)
  } catch (error) {
    return threw('parseClaim', error)
  }
  if (!parsed.ok) return end({ kind: 'refused', refusal: parsed.error })
  try {
    const verdict = verifier.verify(parsed.value.claim, proof, cited, meter)
    if (verdict.status === 'valid' && !isPlain(verdict.summary))
      meter.misuse ??= 'the summary of a verdict holds something else than texts and numbers'
    return end({ kind: 'verdict', verdict })
  } catch (error) {
    if (!(error instanceof MeterExhausted)) return threw('verify', error)
    return end({ kind: 'verdict', verdict: { status: 'invalid', code: error.code, message: error.message, gas: meter.gas } })
  }
}

function isPlain(summary: Readonly<Record<string, unknown>>): boolean {
  return Object.values(summary).every((value) => typeof value === 'string' || typeof value === 'number')
}

/** Everything a second run must repeat. */
export function fingerprint({ outcome, words, misuse }: Run): string {
  return JSON.stringify([outcome, words, misuse])
}

export function isAccepted({ outcome }: Run): boolean {
  return outcome.kind === 'verdict' && outcome.verdict.status === 'valid'
}

/**
 * `@aethel/proofs/conformance`: tests any verifier, and says whether a network may rely on it. It cannot prove that a verifier is sound;
 * it finds what has gone wrong in verifiers before: verdicts that depend on more than their input, work that nobody pays for,
 * exceptions, two encodings of one claim, proofs that are not looked at, false claims accepted.
 */
import { equalBytes, toHex } from '@aethel/codec'
import { claimIdOf } from '../claim-id.js'
import type { DefinedVerifier } from '../define.js'
import type { CitedClaims, ProofVerifier } from '../verifier.js'
import { areAlike } from './alike.js'
import { watchAmbient } from './ambient.js'
import { Draw, largeInputs, oneByteChanges, spoil } from './inputs.js'
import { fingerprint, isAccepted, type Run, run, type Subject } from './run.js'
import type { Sample } from './samples.js'

export { type Expectation, type KindVectors, type Sample, samplesOf } from './samples.js'

export interface ConformanceOptions {
  readonly verifier: ProofVerifier<unknown>
  /** At least one valid; the more of the format they use, the more is tested. */
  readonly samples: readonly Sample[]
  readonly cited?: CitedClaims
  /** Whether a claim is true, by another method than its proof; undefined: cannot be told. */
  readonly isTrue?: (claim: unknown) => boolean | undefined
  /** Fuzzed inputs. Default 2,000. */
  readonly inputs?: number
  readonly seed?: number
  /** Milliseconds, preferably of this thread's processor time. Left out: costs are not measured. */
  readonly clock?: () => number
  /** Bytes in use, typed arrays included. Left out: memory is not measured. */
  readonly memory?: () => number
}

export const CHECKS = ['vectors', 'determinism', 'metering', 'claims', 'mutation', 'fuzz', 'cost'] as const
export type CheckName = (typeof CHECKS)[number]

export interface CheckReport {
  readonly name: CheckName
  readonly status: 'passed' | 'failed' | 'skipped'
  /** Runs of the verifier. */
  readonly runs: number
  /** What was found, or, where it passed, what is worth knowing. */
  readonly detail: string
}

export interface ConformanceReport {
  readonly kind: string
  readonly verdict: 'conforms' | 'fails'
  readonly checks: readonly CheckReport[]
}

/** One-byte changes tried of one claim or proof. */
const MOST_CHANGES = 4_000
/** Gas limits tried between a sample's charges. */
const MOST_LIMITS = 64
/** Share of one-byte changes of a proof that must be refused: a proof most of which does not matter is not looked at. */
const LEAST_REFUSED_PERCENT = 50
/** A hundred times what one gas is meant to cost: measured times are noisy, unmetered work is not subtle. */
const MOST_NS_PER_GAS = 1_000
/** What a run may take beyond its gas. Less is not told from noise, however little gas it was. */
const FREE_MS = 2
/**
 * A run that takes longer is repeated, and its fastest counts: starting, compiling and a collection of garbage, which gas does not pay
 * for, happen in one run and not in all.
 */
const COST_RUNS = 5
/** Memory beyond what is metered and the input itself. */
const FREE_BYTES: number = 64 * 1024 * 1024
const SHOWN_BYTES = 48

class Failure extends Error {}

/** Runs all checks; never throws for anything a verifier does, but does not return if it loops without calling its meter. */
export function checkConformance(options: ConformanceOptions): ConformanceReport {
  const kit = new Kit(options)
  const checks = CHECKS.map((name) => kit.check(name))
  const verdict = checks.every(({ status }) => status !== 'failed') ? 'conforms' : 'fails'
  return { kind: options.verifier.kind, verdict, checks }
}

/** The options for a verifier made by `defineVerifier`, whose samples are its own vectors. */
export function conformanceOptions(verifier: DefinedVerifier, samples: readonly Sample[]): ConformanceOptions {
  return { verifier: verifier as ProofVerifier<unknown>, samples, isTrue: (claim) => verifier.isTrue(claim as never) }
}

class Kit {
  readonly #options: ConformanceOptions
  readonly #subject: Subject
  readonly #valid: readonly Sample[]
  /** Claims that a vector calls valid: true by the author's word. */
  readonly #known: ReadonlySet<string>
  #runs = 0

  constructor(options: ConformanceOptions) {
    this.#options = options
    this.#subject = { verifier: options.verifier, cited: options.cited ?? { statementOf: () => undefined } }
    this.#valid = options.samples.filter(({ expect }) => expect.status === 'valid')
    this.#known = new Set(this.#valid.map(({ claim }) => toHex(claim)))
  }

  check(name: CheckName): CheckReport {
    this.#runs = 0
    try {
      const detail = this.#checkNamed(name)
      return { name, status: detail === null ? 'skipped' : 'passed', runs: this.#runs, detail: detail ?? 'no clock was given' }
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return { name, status: 'failed', runs: this.#runs, detail: error.message }
    }
  }

  /** A remark, or null: skipped. */
  #checkNamed(name: CheckName): string | null {
    switch (name) {
      case 'vectors':
        return this.#vectors()
      case 'determinism':
        return this.#determinism()
      case 'metering':
        return this.#metering()
      case 'claims':
        return this.#claims()
      case 'mutation':
        return this.#mutation()
      case 'fuzz':
        return this.#fuzz()
      case 'cost':
        return this.#cost()
    }
  }

  /** Runs once; whatever the check, a verifier that throws or misuses its meter fails it. */
  #run(claim: Uint8Array, proof: Uint8Array, limits: Parameters<typeof run>[3] = {}): Run {
    this.#runs++
    const given = { claim: claim.slice(), proof: proof.slice() }
    const done = run(this.#subject, given.claim, given.proof, limits)
    const { outcome, misuse } = done
    if (!equalBytes(given.claim, claim) || !equalBytes(given.proof, proof)) fail('it changes the bytes it was given', claim, proof)
    if (outcome.kind === 'threw') fail(`${outcome.where} threw: ${outcome.message}`, claim, proof)
    if (misuse !== null) fail(misuse, claim, proof)
    return done
  }

  #vectors(): string {
    if (this.#valid.length === 0) fail('expected at least one vector that is valid')
    for (const sample of this.#options.samples) {
      const { outcome } = this.#run(sample.claim, sample.proof, sample.gasLimit === undefined ? {} : { gas: sample.gasLimit })
      const got = describe(outcome, sample, this.#options.verifier.kind)
      const wanted = inOrder(sample.expect)
      if (got !== wanted) fail(`vector "${sample.name}": expected ${wanted}, got ${got}`)
    }
    return `${this.#options.samples.length} vectors, ${this.#valid.length} of them valid`
  }

  #determinism(): string {
    const draw = new Draw(this.#options.seed ?? 1)
    const inputs = this.#options.samples.flatMap(({ claim, proof }) => [
      { claim, proof },
      { claim, proof: spoil(proof, claim, this.#options.verifier.limits.proofBytes, draw) },
    ])
    const first = inputs.map(({ claim, proof }) => fingerprint(this.#run(claim, proof)))
    for (let i = inputs.length - 1; i >= 0; i--) this.#repeat(inputs[i] as Input, first[i] as string, 'in another order')
    const used = watchAmbient(() => {
      for (const [i, input] of inputs.entries()) this.#repeat(input, first[i] as string, 'again')
    })
    if (used.size > 0) fail(`it uses ${[...used].join(', ')}: a verdict is a function of claim, proof and citations alone`)
    for (const [i, { claim, proof }] of inputs.entries()) {
      // Bytes at another place in a larger buffer are the same bytes.
      const elsewhere = run(this.#subject, embedded(claim), embedded(proof))
      if (fingerprint(elsewhere) !== first[i]) fail('the same input elsewhere in memory has another outcome', claim, proof)
    }
    return `${inputs.length} inputs, each four times`
  }

  #repeat({ claim, proof }: Input, expected: string, how: string): void {
    const got = fingerprint(this.#run(claim, proof))
    if (got !== expected) fail(`the same input ${how} has another outcome: first ${expected}, then ${got}`, claim, proof)
  }

  #metering(): string {
    let limits = 0
    for (const { name, claim, proof } of this.#options.samples) {
      const free = this.#run(claim, proof)
      if (free.outcome.kind !== 'verdict') continue
      const { gas, status } = free.outcome.verdict
      if (gas !== free.gas) fail(`vector "${name}": the verdict says ${gas} gas, the meter ${free.gas}`)
      if (proof.length <= this.#options.verifier.limits.proofBytes && gas < claim.length + proof.length) {
        fail(`vector "${name}": ${gas} gas for ${claim.length + proof.length} bytes of claim and proof; expected at least 1 for each`)
      }
      const below = [...new Set(free.steps.map((step) => step - 1))].filter((limit) => limit >= 0 && limit < gas)
      const step = Math.max(1, Math.ceil(below.length / MOST_LIMITS))
      for (const limit of below.filter((_, i) => i % step === 0)) {
        limits++
        const { outcome } = this.#run(claim, proof, { gas: limit })
        const exhausted = outcome.kind === 'verdict' && outcome.verdict.status === 'invalid' && outcome.verdict.code === 'gas-exhausted'
        if (!exhausted || outcome.verdict.gas !== limit) {
          fail(`vector "${name}" with a limit of ${limit} gas: expected gas-exhausted at ${limit}, got ${JSON.stringify(outcome)}`)
        }
      }
      // A vector that ends at its memory has asked for more than the limit, which is what made it end there.
      const words = Math.min(free.words, this.#options.verifier.limits.memoryWords)
      if (fingerprint(this.#run(claim, proof, { gas, memoryWords: words })) !== fingerprint(free)) {
        fail(`vector "${name}": with exactly the ${gas} gas and ${words} words it takes, the outcome is another one`)
      }
      if (free.words > 0 && status === 'valid' && isAccepted(this.#run(claim, proof, { memoryWords: free.words - 1 }))) {
        fail(`vector "${name}": with a word less than it allocates it is still valid`)
      }
    }
    return `${limits} limits below what vectors take`
  }

  #claims(): string {
    const { verifier } = this.#options
    let accepted = 0
    for (const { name, claim } of this.#options.samples) {
      const original = this.#parse(claim)
      if (!original.ok) continue
      if (!equalBytes(original.value.claimId, claimIdOf(verifier.kind, claim)))
        fail(`vector "${name}": the claimId is not the hash of kind and claim`)
      for (const changed of oneByteChanges(claim, MOST_CHANGES)) {
        const parsed = this.#parse(changed)
        if (!parsed.ok) continue
        accepted++
        if (equalBytes(parsed.value.claimId, original.value.claimId) && !equalBytes(changed, claim)) {
          fail(`two encodings of one claim: vector "${name}" and ${shown(changed)}`)
        }
        if (areAlike(parsed.value.claim, original.value.claim)) {
          fail(`vector "${name}" and ${shown(changed)} are read as the same claim, and have different ids`)
        }
      }
    }
    return `${accepted} changed claims are claims of their own`
  }

  #parse(bytes: Uint8Array): ReturnType<ProofVerifier<unknown>['parseClaim']> {
    this.#runs++
    try {
      return this.#options.verifier.parseClaim(bytes)
    } catch (error) {
      return fail(`parseClaim threw: ${error instanceof Error ? error.message : String(error)}`, bytes)
    }
  }

  #mutation(): string {
    let tried = 0
    let accepted = 0
    let prefixes = 0
    let claims = 0
    for (const { name, claim, proof } of this.#valid) {
      let acceptedHere = 0
      let changes = 0
      for (const changed of oneByteChanges(proof, MOST_CHANGES)) {
        changes++
        if (!isAccepted(this.#run(claim, changed))) continue
        acceptedHere++
        if (changed.length < proof.length && equalBytes(changed, proof.subarray(0, changed.length))) prefixes++
      }
      if (acceptedHere * 100 > changes * (100 - LEAST_REFUSED_PERCENT)) {
        fail(`vector "${name}": ${acceptedHere} of ${changes} one-byte changes of the proof are accepted; a proof must matter`)
      }
      tried += changes
      accepted += acceptedHere
      for (const changed of oneByteChanges(claim, MOST_CHANGES)) {
        tried++
        if (isAccepted(this.#run(changed, proof)) && this.#adjudicate(changed, proof)) claims++
      }
    }
    // Not wrong by itself: a proof may be complete before its last byte. But whoever did not mean that should know it.
    const cut = prefixes === 0 ? '' : ` (${prefixes} of them cut short)`
    return `${tried} one-byte changes; ${accepted} other proofs of the same claims${cut}, ${claims} of other true claims`
  }

  /** What was accepted must be true, and something must say so. */
  #adjudicate(claim: Uint8Array, proof: Uint8Array): true {
    if (this.#known.has(toHex(claim))) return true
    const parsed = this.#parse(claim)
    const truth = parsed.ok ? this.#truthOf(parsed.value.claim, claim) : false
    if (truth === false) fail('a false claim is accepted', claim, proof)
    if (truth === undefined) fail('a claim that no vector has is accepted, and nothing says whether it is true (isTrue)', claim, proof)
    return true
  }

  #truthOf(parsed: unknown, claim: Uint8Array): boolean | undefined {
    try {
      return this.#options.isTrue?.(parsed)
    } catch (error) {
      return fail(`isTrue threw: ${error instanceof Error ? error.message : String(error)}`, claim)
    }
  }

  #fuzz(): string {
    const draw = new Draw((this.#options.seed ?? 1) + 1)
    const { samples, inputs = 2_000 } = this.#options
    const { claimBytes, proofBytes } = this.#options.verifier.limits
    let accepted = 0
    for (let i = 0; i < inputs && samples.length > 0; i++) {
      const one = samples[draw.below(samples.length)] as Sample
      const other = samples[draw.below(samples.length)] as Sample
      const claim = draw.below(2) === 0 ? one.claim : spoil(one.claim, other.claim, claimBytes, draw)
      const proof = draw.below(4) === 0 ? other.proof : spoil(one.proof, other.proof, proofBytes, draw)
      if (isAccepted(this.#run(claim, proof)) && this.#adjudicate(claim, proof)) accepted++
    }
    for (const { claim } of this.#valid) {
      for (const proof of [new Uint8Array(0), new Uint8Array(1), Uint8Array.of(0xff)]) {
        if (isAccepted(this.#run(claim, proof))) accepted++
      }
    }
    return `${this.#runs} inputs, ${accepted} accepted, all of them true`
  }

  #cost(): string | null {
    const { clock, memory, verifier } = this.#options
    if (clock === undefined) return null
    const draw = new Draw((this.#options.seed ?? 1) + 2)
    let worst = 0
    const measure = (claim: Uint8Array, proof: Uint8Array): void => {
      const bytesBefore = memory?.() ?? 0
      const started = clock()
      const done = this.#run(claim, proof)
      let milliseconds = clock() - started
      const bytes = (memory?.() ?? 0) - bytesBefore
      const gas = done.outcome.kind === 'verdict' ? done.outcome.verdict.gas : claim.length
      const allowedMs = FREE_MS + (gas * MOST_NS_PER_GAS) / 1e6
      for (let again = 1; again < COST_RUNS && milliseconds > allowedMs; again++) {
        const startedAgain = clock()
        this.#run(claim, proof)
        milliseconds = Math.min(milliseconds, clock() - startedAgain)
      }
      if (milliseconds > allowedMs) {
        fail(
          `${milliseconds.toFixed(1)} ms for ${gas} gas: work that is not charged (at most ${allowedMs.toFixed(1)} ms expected)`,
          claim,
          proof,
        )
      }
      if (bytes > FREE_BYTES + 4 * done.words + claim.length + proof.length) {
        fail(`${Math.round(bytes / 1e6)} MB in use for ${done.words} words allocated: memory that is not metered`, claim, proof)
      }
      if (milliseconds > 1) worst = Math.max(worst, (milliseconds * 1e6) / Math.max(gas, 1))
    }
    for (const { claim, proof } of this.#options.samples) for (let i = 0; i < 3; i++) measure(claim, proof)
    for (const { claim, proof } of this.#valid.slice(0, 8)) {
      for (const large of largeInputs(proof, verifier.limits.proofBytes, draw)) measure(claim, large)
      for (const large of largeInputs(claim, verifier.limits.claimBytes, draw)) measure(large, proof)
    }
    return worst === 0 ? 'no run took a millisecond' : `at worst ${worst.toFixed(0)} ns per gas`
  }
}

interface Input {
  readonly claim: Uint8Array
  readonly proof: Uint8Array
}

function embedded(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.length + 16).fill(0xa5)
  room.set(bytes, 7)
  return room.subarray(7, 7 + bytes.length)
}

function describe(outcome: Run['outcome'], { claim, expect }: Sample, kind: string): string {
  if (outcome.kind === 'threw') return `thrown: ${outcome.message}`
  if (outcome.kind === 'refused') return JSON.stringify({ status: 'refused', code: outcome.refusal.code })
  const { verdict } = outcome
  if (verdict.status === 'valid') {
    const claimId = expect.status === 'valid' && expect.claimId !== undefined ? { claimId: toHex(claimIdOf(kind, claim)) } : {}
    return JSON.stringify({ status: 'valid', ...claimId, gas: verdict.gas })
  }
  const at = expect.status === 'invalid' && expect.at !== undefined && verdict.at !== undefined ? { at: verdict.at } : {}
  return JSON.stringify({ status: 'invalid', code: verdict.code, ...at, gas: verdict.gas })
}

/** The same fields in the order of `describe`. */
function inOrder(expect: Sample['expect']): string {
  if (expect.status === 'refused') return JSON.stringify({ status: expect.status, code: expect.code })
  const { status, gas } = expect
  if (expect.status === 'invalid') {
    return JSON.stringify({ status, code: expect.code, ...(expect.at === undefined ? {} : { at: expect.at }), gas })
  }
  return JSON.stringify({ status, ...(expect.claimId === undefined ? {} : { claimId: expect.claimId }), gas })
}

function shown(bytes: Uint8Array): string {
  return bytes.length <= SHOWN_BYTES ? toHex(bytes) || 'nothing' : `${toHex(bytes.subarray(0, SHOWN_BYTES))}... (${bytes.length} bytes)`
}

function fail(what: string, claim?: Uint8Array, proof?: Uint8Array): never {
  const input = claim === undefined ? '' : `; claim ${shown(claim)}${proof === undefined ? '' : `, proof ${shown(proof)}`}`
  throw new Failure(what + input)
}

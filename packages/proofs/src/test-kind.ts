/**
 * `test/1`: claims that say how their own check shall go, for fault injection. Genesis must allow the kind by name;
 * a network that does not has no such verifier.
 *
 * Claim: u8 behaviour (0 valid, 1 invalid, 2 throw, 3 loop, 4 eat-heap, 5 eat-buffers) | u64 gas | u32 length and bytes of a nonce, so that there
 * are as many claims as a test wants. The proof is any byte string within the limit; its bytes are not read.
 */
import { decode, err, ok, type Refusal, type Result, Writer } from '@aethel/codec'
import { claimIdOf } from './claim-id.js'
import type { ClaimReference, Meter, ParsedClaim, ProofVerifier, Verdict, VerifierLimits } from './verifier.js'

export const TEST_KIND = 'test/1'

export const TEST_BEHAVIOURS = ['valid', 'invalid', 'throw', 'loop', 'eat-heap', 'eat-buffers'] as const

/** `throw`: a fault of the checker, as a bug would be. `loop`: after its gas it never returns; only killing the worker ends it. `eat-*`: unmetered memory without end. */
export type TestBehaviour = (typeof TEST_BEHAVIOURS)[number]

export interface TestClaim {
  readonly behaviour: TestBehaviour
  /** Charged before the behaviour shows. */
  readonly gas: number
  readonly nonce: Uint8Array
}

/** What a `throw` claim throws: no verdict, a crash. */
export class TestKindFault extends Error {
  override readonly name = 'TestKindFault'
}

const NONCE_BYTES = 64

export const TEST_LIMITS: VerifierLimits = { claimBytes: 128, proofBytes: 1 << 20, gas: 100_000_000, memoryWords: 1_024 }

/** The canonical claim. */
export function testClaim(claim: TestClaim): Uint8Array {
  return new Writer().u8(TEST_BEHAVIOURS.indexOf(claim.behaviour)).u64(claim.gas).bytes(claim.nonce).finish()
}

export function testVerifier(limits: VerifierLimits = TEST_LIMITS): ProofVerifier<TestClaim> {
  return {
    kind: TEST_KIND,
    limits,
    parseClaim(bytes): Result<ParsedClaim<TestClaim>, Refusal> {
      const parsed = decode(bytes, (reader): TestClaim => {
        const behaviour = TEST_BEHAVIOURS[reader.u8()]
        if (behaviour === undefined) return reader.fail('behaviour', `expected a behaviour 0..${TEST_BEHAVIOURS.length - 1}`)
        return { behaviour, gas: reader.u64(), nonce: reader.bytes(NONCE_BYTES) }
      })
      return parsed.ok ? ok({ claim: parsed.value, claimId: claimIdOf(TEST_KIND, bytes) }) : err(parsed.error)
    },
    citationsOf: (): Result<readonly ClaimReference[], Refusal> => ok([]),
    verify: (claim, proof, _cited, meter) => verifyTest(claim, proof, limits, meter),
  }
}

function verifyTest(claim: TestClaim, proof: Uint8Array, limits: VerifierLimits, meter: Meter): Verdict {
  if (proof.length > limits.proofBytes) {
    const message = `expected a proof of at most ${limits.proofBytes} bytes, got ${proof.length}`
    return { status: 'invalid', code: 'proof-too-large', message, gas: meter.gas }
  }
  meter.charge(claim.gas)
  switch (claim.behaviour) {
    case 'valid':
      return { status: 'valid', gas: meter.gas, summary: { behaviour: claim.behaviour } }
    case 'invalid':
      return { status: 'invalid', code: 'asked-for', message: 'the claim asks to be found invalid', gas: meter.gas }
    case 'throw':
      throw new TestKindFault('the claim asks the checker to fail')
    case 'loop':
      for (;;) meter.charge(0)
    case 'eat-heap':
      return eat(() => new Array<number>(EATEN_BYTES / 8).fill(0.5))
    case 'eat-buffers':
      return eat(() => new Uint8Array(EATEN_BYTES).fill(1))
  }
}

const EATEN_BYTES: number = 8 * 1024 * 1024
/** Four gigabytes: nobody has stopped it, and the machine must not be the next victim. */
const MOST_MEALS = 512

function eat(meal: () => ArrayLike<number>): never {
  const eaten: ArrayLike<number>[] = []
  while (eaten.length < MOST_MEALS) eaten.push(meal())
  throw new TestKindFault(`the checker was let have ${eaten.length * EATEN_BYTES} bytes`)
}

/** The gas meter every kernel runs under (proofs.md §5): integers, charged before the work and before the allocation. */
import type { Meter, VerifierLimits } from './verifier.js'

/** Thrown by a meter at its limit, turned into an `invalid` verdict by `runMetered`; nothing else catches it. */
export class MeterExhausted extends Error {
  override readonly name = 'MeterExhausted'
  readonly code: 'gas-exhausted' | 'memory-exhausted'
  constructor(code: 'gas-exhausted' | 'memory-exhausted', message: string) {
    super(message)
    this.code = code
  }
}

export function createMeter(limits: Pick<VerifierLimits, 'gas' | 'memoryWords'>): Meter {
  let gas = 0
  let words = 0
  return {
    charge(amount) {
      gas += amount
      if (gas > limits.gas) {
        gas = limits.gas
        throw new MeterExhausted('gas-exhausted', `the proof needs more than its limit of ${limits.gas} gas`)
      }
    },
    allocate(amount) {
      words += amount
      if (words > limits.memoryWords) {
        throw new MeterExhausted('memory-exhausted', `the proof needs more than its limit of ${limits.memoryWords} words of memory`)
      }
    },
    get gas() {
      return gas
    },
  }
}

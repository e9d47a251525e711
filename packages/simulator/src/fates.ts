/**
 * Every fault of a run is one decision with a name: "drop 1>2#14", "crash #3". A decision's randomness follows from the seed
 * and its name alone, so that leaving one out does not redraw the others. Recorded decisions can be replayed alone, which is
 * how a failing run is shrunk (shrink.ts).
 */

export type FateKind =
  | 'drop'
  | 'duplicate'
  | 'slow'
  | 'crash'
  | 'power-loss'
  | 'partition'
  | 'clog'
  | 'pause'
  | 'clock-jump'
  | 'disk'
  | 'adversary'
  | 'jitter'

export interface Decision {
  /** Names the decision within its run. */
  readonly id: string
  readonly kind: FateKind
  readonly atMs: number
}

const KIND_SALT: Readonly<Record<FateKind, number>> = {
  drop: 0x11,
  duplicate: 0x22,
  slow: 0x33,
  crash: 0x44,
  'power-loss': 0x55,
  partition: 0x66,
  clog: 0x77,
  pause: 0x88,
  'clock-jump': 0x99,
  disk: 0xaa,
  adversary: 0xbb,
  jitter: 0xcc,
}

function mix(value: number): number {
  let z = (value + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}

export interface FateOptions {
  readonly seed: number
  /** Only these happen; null: all. */
  readonly only: ReadonlySet<string> | null
  /** Called for each decision that changes something. */
  readonly onDecision: ((decision: Decision) => void) | null
}

export class Fates {
  readonly #base: number
  readonly #only: ReadonlySet<string> | null
  readonly #onDecision: ((decision: Decision) => void) | null
  readonly jitter: boolean

  constructor(options: FateOptions) {
    this.#base = mix(mix(options.seed | 0) ^ Math.floor(options.seed / 0x1_0000_0000))
    this.#only = options.only
    this.#onDecision = options.onDecision
    this.jitter = options.only === null || options.only.has('jitter')
  }

  /** Uniform in [0, 1), by name. */
  unit(kind: FateKind, place: number, count: number, draw = 0): number {
    const z = mix(mix(mix(this.#base ^ Math.imul(KIND_SALT[kind], 0x27d4eb2f)) ^ place) ^ Math.imul(count, 0x165667b1))
    return (mix(z ^ Math.imul(draw + 1, 0x2545f491)) >>> 0) / 0x1_0000_0000
  }

  below(bound: number, kind: FateKind, place: number, count: number, draw = 0): number {
    return Math.floor(this.unit(kind, place, count, draw) * bound)
  }

  exponential(mean: number, kind: FateKind, place: number, count: number, draw = 0): number {
    return -Math.log(1 - this.unit(kind, place, count, draw)) * mean
  }

  /** Jitter of delays; the mean itself where a shrunk run has dropped it. */
  delay(mean: number, place: number, count: number): number {
    return this.jitter ? this.exponential(mean, 'jitter', place, count) : mean
  }

  /** A fault is about to happen: whether it may. */
  allows(kind: FateKind, name: string, atMs: number): boolean {
    if (this.#only === null && this.#onDecision === null) return true
    const id = `${kind} ${name}`
    if (this.#only !== null && !this.#only.has(id)) return false
    this.#onDecision?.({ id, kind, atMs })
    return true
  }

  /** Whether names are looked at at all: they cost a string each. */
  get named(): boolean {
    return this.#only !== null || this.#onDecision !== null
  }
}

/**
 * Seeded randomness with independent streams: each subsystem draws from its own, so that adding a draw in one does not
 * change what another sees. Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded by splitmix-style mixing.
 */

export interface Random {
  /** Uniform in [0, 1). */
  unit(): number
  /** Uniform integer in [0, bound). */
  below(bound: number): number
  /** Uniform integer in [low, high]. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** Exponentially distributed with the given mean. */
  exponential(mean: number): number
}

function mix(value: number): number {
  let z = (value + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}

/** The stream called `name` of the run with this seed. */
export function randomStream(seed: number, name: string): Random {
  let folded = mix(seed >>> 0) ^ mix(Math.floor(seed / 0x1_0000_0000))
  for (let i = 0; i < name.length; i++) folded = mix(folded ^ name.charCodeAt(i))
  let a = folded
  let b = mix(folded ^ 0x1234567)
  let c = mix(folded ^ 0x89abcde)
  let counter = 1
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  const unit = (): number => next() / 0x1_0000_0000
  const below = (bound: number): number => Math.floor(unit() * bound)
  return {
    unit,
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => unit() < probability,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('cannot pick from an empty list')
      return item
    },
    exponential: (mean) => -Math.log(1 - unit()) * mean,
  }
}

/**
 * Voting powers that are far apart, for `--powers uneven`: one validator may weigh as much as a hundred others, or more than a double
 * can count, and the faulty have, half of the time, the most that the protocol bears.
 */
import type { Random } from './random.js'

export const POWERS = ['even', 'uneven'] as const
/** Even: 1 each, and 1 to 3 where epochs change them. */
export type Powers = (typeof POWERS)[number]

export function isPowers(name: string): name is Powers {
  return (POWERS as readonly string[]).includes(name)
}

const DRAWS = 64

const HONEST_POWERS: readonly ((random: Random) => bigint)[] = [
  (random) => BigInt(1 + random.below(100)),
  (random) => 1n << BigInt(random.below(12)),
  (random) => (random.chance(0.3) ? BigInt(20 + random.below(60)) : 1n),
  (random) => (1n << 80n) + BigInt(random.below(3)),
]

/** One for each, at the same place. Nobody is a quorum alone (epochs.ts says why), and the faulty weigh less than a third. */
export function unevenPowers(random: Random, isFaulty: readonly boolean[]): readonly bigint[] {
  for (let draw = 0; draw < DRAWS; draw++) {
    const powerOf = random.pick(HONEST_POWERS)
    const powers = isFaulty.map((faulty) => (faulty ? 0n : powerOf(random)))
    const honest = sumOf(powers)
    const faulty = faultyPowers(random, isFaulty.filter(Boolean).length, (honest - 1n) / 2n)
    if (faulty === null) continue
    for (const [index, each] of isFaulty.entries()) if (each) powers[index] = faulty.pop() as bigint
    const total = sumOf(powers)
    if (powers.every((power) => 3n * power <= 2n * total)) return powers
  }
  return isFaulty.map(() => 1n)
}

/** `most` is the largest F with 3F < F + H. Null: it is not enough for so many. */
function faultyPowers(random: Random, count: number, most: bigint): bigint[] | null {
  if (BigInt(count) > most) return null
  const powers = new Array<bigint>(count).fill(1n)
  if (count === 0 || random.chance(0.25)) return powers
  let left = (random.chance(2 / 3) ? most : most / 2n) - BigInt(count)
  for (let nth = 0; left > 0n && nth < count; nth++) {
    const share = nth === count - 1 ? left : (left * BigInt(random.below(101))) / 100n
    powers[nth] = (powers[nth] as bigint) + share
    left -= share
  }
  return powers
}

function sumOf(powers: readonly bigint[]): bigint {
  return powers.reduce((sum, power) => sum + power, 0n)
}

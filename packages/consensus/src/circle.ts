/**
 * Whom to tell among many validators (docs/protocol.md §9, "Many validators"). What is said again and again, or by everybody who
 * knows it, would be N^2 messages for each thing said, and N^3 where N things are said at once. So it is said to some, in turn. With
 * few validators everybody is among them, and nothing here makes a difference.
 */
import type { ValidatorIndex } from '@aethel/codec'

/** Told at a time: within (N - 1) / 32 ticks everybody was. Up to so many others everybody is, at every tick. */
const CIRCLE = 32
/**
 * What whoever hears it passes on, once: with a third of them silent each telling reaches five times as many. Who is left out of all
 * of them (e^-5.3, one in two hundred) learns of it from the block that it gets into.
 */
const PASSED_ON = 8
/** What somebody lacks is sent by its author, and by so many of those who hold it. All eight are faulty with probability 3^-8, and others at the next tick. */
const STAND_INS = 8

/** Position in the set, which may be that of nobody in it (who follows a chain of others), and how many the set holds. */
export interface Place {
  readonly self: number
  readonly count: number
}

/** All others if they are few. Else some: within ceil((count - 1) / 32) ticks in a row each of them once. */
export function circleOf(place: Place, tick: number, purpose: 'tell' | 'pass-on' = 'tell'): readonly ValidatorIndex[] | 'all' {
  if (isSmall(place)) return 'all'
  const { self, count } = place
  const others = self < count ? count - 1 : count
  const step = stepOf(self, others)
  const told: ValidatorIndex[] = []
  for (let nth = tick * CIRCLE; nth < tick * CIRCLE + (purpose === 'tell' ? CIRCLE : PASSED_ON); nth++) {
    const position = ((nth % others) * step + self) % others // nobody is left out, as the step has no divisor in common with their number
    told.push((self < count && position >= self ? position + 1 : position) as ValidatorIndex)
  }
  return told
}

/** Whether so few that everybody hears everything. */
export function isSmall({ self, count }: Place): boolean {
  return (self < count ? count - 1 : count) <= CIRCLE
}

/** Everybody's own, so that those who tell one another are not neighbours of neighbours. */
function stepOf(self: number, others: number): number {
  return coprimeFrom(1 + ((Math.imul(self + 1, 0x9e3779b1) >>> 0) % (others - 1)), others)
}

/** The first number from `step` on without a divisor in common with `count`: steps of it lead everywhere. */
export function coprimeFrom(step: number, count: number): number {
  return greatestCommonDivisor(step, count) === 1 ? step : coprimeFrom(step + 1, count)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** Whether it is up to us to stand in for the author of something (`about`: whose it is, or whom it goes to): about eight are, others at every tick. */
export function standsIn({ self, count }: Place, about: number, tick: number): boolean {
  return (about + self + tick) % strideOf(count) === 0
}

/** All for whom we stand in, ascending: who looks at every author for every STATUS of N looks N^3 times. */
export function stoodInFor({ self, count }: Place, tick: number): number[] {
  const stride = strideOf(count)
  const stoodIn: number[] = []
  for (let about = (stride - ((self + tick) % stride)) % stride; about < count; about += stride) stoodIn.push(about)
  return stoodIn
}

function strideOf(count: number): number {
  return Math.ceil(count / STAND_INS)
}

/** Whether everybody stands in for everybody. */
export function allStandIn({ count }: Place): boolean {
  return count <= STAND_INS
}

/**
 * What a seed draws before it runs (swarm testing): each fault class is on in some seeds and off in others, so that rare
 * combinations get runs of their own. Ranges cover those published for other simulators: loss 0-30 %, duplication 0-50 %.
 */
import { BYZANTINE_STRATEGIES, type ByzantineStrategy } from './adversaries/strategies.js'
import type { ApplicationName } from './application.js'
import { LAN, type LatencyMatrix, WAN } from './latency.js'
import type { Powers } from './powers.js'
import { type Random, randomStream } from './random.js'
import { BLOCKS_PER_ANSWER } from './serve.js'

/** Classes of faults that `--faults` can choose among. */
export const FAULT_CLASSES = [
  'loss',
  'duplication',
  'delay',
  'partitions',
  'clogs',
  'crashes',
  'disk',
  'pauses',
  'clocks',
  'bandwidth',
] as const
export type FaultClass = (typeof FAULT_CLASSES)[number]

export function isFaultClass(name: string): name is FaultClass {
  return (FAULT_CLASSES as readonly string[]).includes(name)
}

export interface Knobs {
  readonly application: ApplicationName
  readonly lossRate: number
  readonly duplicationRate: number
  readonly meanDelayMs: number
  /** Some messages take this many times longer: reordering. */
  readonly slowFactor: number
  readonly slowRate: number
  /** Distances between regions instead of one mean delay. */
  readonly latency: LatencyMatrix | null
  /** Of each validator's network interface, outwards; null: as much as it likes. */
  readonly bytesPerMs: number | null
  readonly fsyncMs: number
  /** Share of syncs that fail, or find the disk full: the process stops. */
  readonly diskFaultRate: number
  /** A stored record turns out damaged at a restart: that validator refuses to start, for good (within the tolerated power). */
  readonly damageRate: number
  readonly verifyMs: number
  /** Share of verifications that end without a verdict: the worker crashed, or hung and was replaced. */
  readonly abortRate: number
  /** Round trips are measured, and view timeouts follow them. */
  readonly measuresRoundTrips: boolean
  readonly meanPartitionGapMs: number | null
  readonly partitionMs: number
  readonly meanClogGapMs: number | null
  readonly meanCrashGapMs: number | null
  readonly downMs: number
  readonly meanPauseGapMs: number | null
  readonly pauseMs: number
  readonly clockSkewMs: number
  readonly meanClockJumpGapMs: number | null
  /** Least view timeout: short ones change views under load, in the middle of everything. */
  readonly floorMs: number
  readonly window: number
  readonly blockTransactions: number
  /** A client waits this long on average between one transaction and the next. */
  readonly thinkMs: number
  readonly faultMs: number
  readonly transactions: number
  /** Blocks per epoch; 0: one epoch. Every epoch draws its validators, their powers and keys anew. */
  readonly epochLength: number
  /** No seed draws uneven ones: a run is told to. */
  readonly powers: Powers
  readonly strategies: readonly ByzantineStrategy[]
  /** Messages go through their bytes. */
  readonly encodeOnWire: boolean
  /** Proofs in committed blocks that peers serve are not verified again. */
  readonly trustCertificates: boolean
  /** Null: states are not handed over. */
  readonly snapshots: SnapshotKnobs | null
  /** Null: no proofs travel as blobs. */
  readonly blobs: BlobKnobs | null
  /** Proposals go by the ids of their transactions, however little that saves; null: only where it saves enough. */
  readonly compact: CompactKnobs | null
  /** Committed blocks in one answer: with few of them a state is there sooner than the blocks. */
  readonly blocksPerAnswer: number
}

export interface CompactKnobs {
  /** How often a faulty leader names others than those of its block. */
  readonly lieRate: number
}

export interface BlobKnobs {
  /** Blobs of final transactions go as soon as they may (`keepBlocksOf`). */
  readonly prunes: boolean
  /** How often a client's upload is whole before the world heals; otherwise some chunks are missing, or all. */
  readonly wholeRate: number
  /** How often, per status tick, a blob that nothing here needs is gone. */
  readonly expiryRate: number
  /** How often, per status tick, a disk has lost one that may be needed still. */
  readonly rotRate: number
}

export interface SnapshotKnobs {
  readonly behindBlocks: number
  readonly everyBlocks: number
  readonly chunkBytes: number
}

export function drawKnobs(seed: number, byzantine: number): Knobs {
  const random: Random = randomStream(seed, 'knobs')
  const maybe = (probability: number, value: () => number): number => (random.chance(probability) ? value() : 0)
  const sometimes = (probability: number, value: () => number): number | null => {
    const drawn = value()
    return random.chance(probability) ? drawn : null
  }
  return {
    application: 'tally',
    lossRate: maybe(0.6, () => random.unit() * 0.3),
    duplicationRate: maybe(0.5, () => random.unit() * 0.5),
    meanDelayMs: 1 + random.unit() * 30,
    slowFactor: 2 + random.unit() * 30,
    slowRate: maybe(0.5, () => random.unit() * 0.2),
    latency: random.chance(0.1) ? random.pick([LAN, WAN]) : null,
    bytesPerMs: sometimes(0.1, () => 20 + random.unit() * 1_000),
    fsyncMs: random.unit() * 8,
    diskFaultRate: maybe(0.3, () => random.unit() * 0.02),
    damageRate: maybe(0.2, () => random.unit() * 0.3),
    verifyMs: random.unit() * 20,
    meanPartitionGapMs: sometimes(0.5, () => 300 + random.unit() * 2000),
    partitionMs: 200 + random.unit() * 3000,
    meanClogGapMs: sometimes(0.25, () => 100 + random.unit() * 1000),
    meanCrashGapMs: sometimes(0.5, () => 200 + random.unit() * 2000),
    // From a process that a supervisor restarts at once to one that an operator restarts.
    downMs: 10 * 2 ** (random.unit() * 7.5),
    meanPauseGapMs: sometimes(0.25, () => 300 + random.unit() * 3000),
    pauseMs: 100 + random.unit() * 2000,
    clockSkewMs: maybe(0.3, () => random.unit() * 400),
    meanClockJumpGapMs: sometimes(0.2, () => 200 + random.unit() * 2000),
    floorMs: random.pick([60, 150, 400, 800, 800]),
    window: random.pick([1, 2, 4, 8, 8, 16]),
    blockTransactions: random.pick([1, 1, 2, 4, 16]),
    thinkMs: 20,
    faultMs: 1500 + random.unit() * 4500,
    transactions: 10 + random.below(40),
    powers: 'even',
    strategies: drawStrategies(random, byzantine),
    encodeOnWire: random.chance(0.1),
    epochLength: random.chance(0.4) ? random.pick([1, 2, 3, 4, 8]) : 0,
    ...drawSync(seed),
    ...drawProcess(seed),
    blobs: drawBlobs(seed, drawSync(seed).trustCertificates),
    compact: drawCompact(seed),
  }
}

/** Of a stream of its own: what else a seed draws stays what it was. */
function drawCompact(seed: number): CompactKnobs | null {
  const random = randomStream(seed, 'compact')
  return random.chance(0.5) ? { lieRate: random.pick([0, 0.3, 0.7]) } : null
}

/** Of a stream of their own: what else a seed draws stays what it was. Chains are short, so little counts as far behind. */
function drawSync(seed: number): Pick<Knobs, 'trustCertificates' | 'snapshots' | 'blocksPerAnswer'> {
  const random = randomStream(seed, 'sync')
  const trustCertificates = random.chance(0.3)
  const snapshots = {
    behindBlocks: random.pick([1, 2, 3, 5, 8]),
    everyBlocks: random.pick([1, 2, 3, 5, 8]),
    chunkBytes: random.pick([1, 40, 200, 2_000]),
  }
  const blocksPerAnswer = random.pick([1, 1, 2, BLOCKS_PER_ANSWER])
  if (random.chance(0.6)) return { trustCertificates, snapshots, blocksPerAnswer }
  return { trustCertificates, snapshots: null, blocksPerAnswer: BLOCKS_PER_ANSWER }
}

/** Likewise. */
function drawProcess(seed: number): Pick<Knobs, 'abortRate' | 'measuresRoundTrips'> {
  const random = randomStream(seed, 'process')
  return { abortRate: random.chance(0.2) ? random.unit() * 0.3 : 0, measuresRoundTrips: random.chance(0.3) }
}

/** Of a stream of their own: what else a seed draws stays what it was. */
function drawBlobs(seed: number, prunes: boolean): BlobKnobs | null {
  const random = randomStream(seed, 'blobs')
  if (!random.chance(0.25)) return null
  // Where a state is the only way on, one that nobody serves any more is given up within 512 ticks: longer than seeds may take (seed 350).
  return { prunes, wholeRate: random.pick([0.2, 0.6, 1]), expiryRate: random.pick([0, 0.2]), rotRate: random.pick([0, 0.1]) }
}

/**
 * Who is behind by less than `behindBlocks` finds every blob that it has to check; who is behind by more takes a state. Where certified
 * verdicts are trusted nobody needs old ones; where neither is on they are kept for ever (protocol.md §9). Null: for ever.
 */
export function keepBlocksOf({
  blobs,
  snapshots,
  trustCertificates,
}: Pick<Knobs, 'blobs' | 'snapshots' | 'trustCertificates'>): number | null {
  if (blobs?.prunes !== true) return null
  if (trustCertificates) return 1
  return snapshots === null ? null : snapshots.behindBlocks + 2 * snapshots.everyBlocks
}

/** What a class of faults is when it is off. */
const CALM: Readonly<Record<FaultClass, Partial<Knobs>>> = {
  loss: { lossRate: 0 },
  duplication: { duplicationRate: 0 },
  delay: { slowRate: 0, meanDelayMs: 2 },
  partitions: { meanPartitionGapMs: null },
  clogs: { meanClogGapMs: null },
  crashes: { meanCrashGapMs: null, abortRate: 0 },
  disk: { diskFaultRate: 0, damageRate: 0 },
  pauses: { meanPauseGapMs: null },
  clocks: { clockSkewMs: 0, meanClockJumpGapMs: null },
  bandwidth: { bytesPerMs: null },
}

/** A class that was asked for and that the seed left off, in its middle range. */
const STORMY: Readonly<Record<FaultClass, (knobs: Knobs) => Partial<Knobs>>> = {
  loss: ({ lossRate }) => ({ lossRate: lossRate === 0 ? 0.1 : lossRate }),
  duplication: ({ duplicationRate }) => ({ duplicationRate: duplicationRate === 0 ? 0.2 : duplicationRate }),
  delay: ({ slowRate }) => ({ slowRate: slowRate === 0 ? 0.1 : slowRate }),
  partitions: ({ meanPartitionGapMs }) => ({ meanPartitionGapMs: meanPartitionGapMs ?? 1_000 }),
  clogs: ({ meanClogGapMs }) => ({ meanClogGapMs: meanClogGapMs ?? 500 }),
  crashes: ({ meanCrashGapMs }) => ({ meanCrashGapMs: meanCrashGapMs ?? 1_000 }),
  disk: ({ diskFaultRate, damageRate }) => ({ diskFaultRate: diskFaultRate === 0 ? 0.01 : diskFaultRate, damageRate }),
  pauses: ({ meanPauseGapMs }) => ({ meanPauseGapMs: meanPauseGapMs ?? 1_000 }),
  clocks: ({ clockSkewMs, meanClockJumpGapMs }) => ({ clockSkewMs, meanClockJumpGapMs: meanClockJumpGapMs ?? 1_000 }),
  bandwidth: ({ bytesPerMs }) => ({ bytesPerMs: bytesPerMs ?? 200 }),
}

/** Exactly these classes of faults, whatever the seed drew. */
export function chooseFaults(drawn: Knobs, classes: readonly FaultClass[]): Partial<Knobs> {
  let chosen: Partial<Knobs> = {}
  for (const each of FAULT_CLASSES) chosen = { ...chosen, ...(classes.includes(each) ? STORMY[each](drawn) : CALM[each]) }
  // Uploads are interrupted, and forgotten, like what else does not reach a disk.
  if (drawn.blobs === null || classes.includes('disk')) return chosen
  return { ...chosen, blobs: { ...drawn.blobs, wholeRate: 1, expiryRate: 0, rotRate: 0 } }
}

/** Nothing goes wrong: latency and load alone. */
export const NO_FAULTS: Partial<Knobs> = Object.assign({}, ...FAULT_CLASSES.map((each) => CALM[each])) as Partial<Knobs>

/** One in three conspiracies is of one mind. */
function drawStrategies(random: Random, byzantine: number): ByzantineStrategy[] {
  const common = random.chance(1 / 3) ? random.pick(BYZANTINE_STRATEGIES) : null
  return Array.from({ length: byzantine }, () => common ?? random.pick(BYZANTINE_STRATEGIES))
}

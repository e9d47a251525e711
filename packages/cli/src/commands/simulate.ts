/**
 * `aethel simulate`: runs unmodified replicas in a world of faults, seed after seed. Exit code 0, or 7 at the first broken
 * invariant, with the seed and the command that replays it.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { type SignatureScheme as CertificateScheme, type DisseminationChoice, maxFaulty } from '@aethel/consensus'
import {
  APPLICATIONS,
  type ApplicationName,
  BEYOND_STRATEGIES,
  type Builds,
  BYZANTINE_STRATEGIES,
  type ByzantineStrategy,
  crashPointsOf,
  FAULT_CLASSES,
  type FaultClass,
  isApplicationName,
  isByzantineStrategy,
  isFaultClass,
  isPowers,
  LAN,
  type LatencyMatrix,
  NAMED_STRATEGIES,
  POWERS,
  type Powers,
  parseLatency,
  runSimulation,
  runWithCrash,
  shrink,
  type TraceLine,
  WAN,
} from '@aethel/simulator'
import { type Command, InvalidArgumentError } from 'commander'
import { type CommonOptions, certificateScheme, disseminationChoice, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { unwritableBy } from '../files.js'
import { type Interruption, untilInterrupted } from '../interruption.js'
import { replayOf, simulatePlanted } from '../planted.js'
import { simulateBeyond } from '../simulate/beyond.js'
import { prepare, runSeed, type SeedOptions, type SeedSummary, signaturesFor, simulationOptions } from '../simulate/seed-run.js'
import { runSeeds } from '../simulate/seeds.js'
import { Totals } from '../simulate/totals.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'
import { simulateTranscript } from './simulate-transcript.js'
import { simulateTwins } from './simulate-twins.js'

interface SimulateOptions extends CommonOptions {
  readonly seed: number
  readonly validators: number
  readonly application?: ApplicationName
  readonly byzantine?: Faulty
  readonly faults?: readonly FaultClass[]
  readonly latency?: LatencyMatrix
  readonly powers?: Powers
  readonly duration?: number
  readonly blocks?: number
  readonly think?: number
  readonly signatures: SeedOptions['signatureScheme']
  readonly certificates?: CertificateScheme
  readonly dissemination?: DisseminationChoice
  readonly seeds?: number
  readonly minutes?: number
  readonly jobs: number
  readonly crashPoints?: number | true
  readonly trace?: string | true
  readonly shrink?: boolean
  readonly only?: readonly string[]
  readonly coverage?: boolean
  readonly mutant?: string
  readonly otherBuild?: string
  readonly transcript?: string
  readonly twins?: boolean
  readonly views: number
  readonly first: number
  readonly window: number
  readonly from: number
  readonly to?: number
  readonly unreduced?: boolean
}

interface Faulty {
  readonly count: number
  /** Empty: the seed draws. */
  readonly strategies: readonly ByzantineStrategy[]
}

const SHRINK_RUNS = 600
const DEFAULT_APPLICATION: ApplicationName = 'tally'
const MANY_SEEDS = 1_000_000_000

export function registerSimulate(program: Command): void {
  withJson(program.command('simulate'))
    .description('run replicas under simulated faults and check every invariant')
    .option('--seed <s>', 'first seed', integer(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--validators <n>', 'how many validators', integer(1, 1_000), 4)
    .option(
      '--byzantine <k[:strategy,...]>',
      `how many of them are faulty (default: as many as the protocol bears), and how: ${[...BYZANTINE_STRATEGIES, ...NAMED_STRATEGIES].join(', ')}; beyond that number forks must be provable, and there are also ${BEYOND_STRATEGIES.join(', ')}`,
      faulty,
    )
    .option(
      `--application <${APPLICATIONS.join('|')}>`,
      'what they replicate: a small state machine, or the ledger with its proof kernels (default: tally)',
      application,
    )
    .option('--faults <list>', `only these faults, or none: ${FAULT_CLASSES.join(', ')} (default: the seed draws)`, faultClasses)
    .option('--latency <lan|wan|file>', 'distances between validators (a file: {"regions": [...], "oneWayMs": [[...]]})', latency)
    .option(
      `--powers <${POWERS.join('|')}>`,
      'how voting power is spread: alike, or far apart, with all that the faulty may have (default: even)',
      powers,
    )
    .option('--duration <seconds>', 'virtual time until the world heals; clients submit until then', integer(1, 1_000_000))
    .option('--blocks <count>', 'heal when so many blocks are committed; clients submit until then', integer(1, 1_000_000))
    .option('--think <ms>', 'how long each of the four clients waits between transactions, on average', integer(1, 1_000_000))
    .option('--signatures <ideal|real|sampled>', 'unforgeable by construction, or Ed25519, or one in 64 Ed25519', scheme, 'ideal')
    .option('--certificates <ed25519|bls12-381>', 'what certificates are made of (default: ed25519)', certificateScheme)
    .option(
      '--dissemination <auto|mesh|collectors|tree>',
      'whom votes and proposals go to, with BLS certificates (default: mesh)',
      disseminationChoice,
    )
    .option('--seeds <count>', 'how many seeds, one after the other (default: 1)', integer(1, MANY_SEEDS))
    .option('--minutes <m>', 'seeds for so long', integer(1, 100_000))
    .option('--jobs <count>', 'worker threads', integer(1, 64), 1)
    .option('--crash-points [nth]', 'crash each validator at every (nth) effect boundary of the seed, one run each', integer(1, 1_000_000))
    .option('--trace [file]', 'write every event of the first run as one line of JSON (default: to stderr)')
    .option('--shrink', 'if an invariant breaks, leave out as many faults as can be while it still breaks')
    .option('--only <decisions>', 'only these of the faults that the seed draws (as --shrink prints them)', (text) => text.split(','))
    .option('--coverage', 'print the table of what was seen')
    .option('--mutant <id>', 'plant this known bug first and watch it being caught (in a checkout; ids: docs/traps.md)')
    .option('--other-build <dir>', 'some validators run the build in this checkout instead, and change at restarts (docs/simulation.md)')
    .option('--transcript <file>', 'run one hand-written schedule instead (docs/transcripts.md)')
    .option('--twins', 'explore schedules in which a faulty validator is two replicas with one key (docs/twins.md)')
    .option('--views <v>', 'twins: views of a schedule', integer(1, 32), 6)
    .option('--first <i>', 'twins: the first validator that runs twice', integer(0, 63), 0)
    .option('--window <w>', 'twins: heights in flight', integer(1, 64), 1)
    .option('--unreduced', 'twins: merge states only if nothing at all differs (slow)')
    .option('--from <n>', 'twins: first schedule', integer(0, Number.MAX_SAFE_INTEGER), 0)
    .option(
      '--to <n>',
      'twins: the schedule to stop before (default: all; with --seeds a random sample instead)',
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .action((options: SimulateOptions, command: Command) => finish(options, () => run(options, namesGiven(command))))
}

/** Options that mean something with `--twins` only. */
const OF_TWINS = ['views', 'first', 'window', 'unreduced', 'from', 'to']
/** Other kinds of run, and what else they look at. */
const MODES: readonly { readonly name: string; readonly takes: readonly string[] }[] = [
  { name: 'transcript', takes: [] },
  { name: 'twins', takes: ['seed', 'seeds', 'validators', 'jobs', ...OF_TWINS] },
  {
    name: 'crashPoints',
    takes: [
      'seed',
      'validators',
      'byzantine',
      'application',
      'faults',
      'latency',
      'powers',
      'duration',
      'blocks',
      'think',
      'signatures',
      'certificates',
      'dissemination',
      'trace',
      'only',
      'otherBuild',
    ],
  },
]

/** As the parser calls them, in the order in which they are declared. */
function namesGiven(command: Command): string[] {
  return command.options.map((option) => option.attributeName()).filter((name) => command.getOptionValueSource(name) === 'cli')
}

/** Somebody who asks for twins under loss, say, must not be told that it went well without any. */
function refuseUnfitting(given: readonly string[]): void {
  const said = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  const mode = MODES.find(({ name }) => given.includes(name))
  const isTaken = (name: string): boolean => {
    if (name === 'json' || name === 'mutant' || name === mode?.name) return true
    return mode === undefined ? !OF_TWINS.includes(name) : mode.takes.includes(name)
  }
  const unfitting = given.find((name) => !isTaken(name))
  if (unfitting === undefined) return
  throw usageError(
    'options',
    mode === undefined
      ? `expected ${said(unfitting)} with --twins only, which is not given`
      : `expected no ${said(unfitting)} with ${said(mode.name)}, which does not look at it`,
  )
}

/** A seed draws a sample, and a sample has no range: whoever says the one and gets the other is told nothing about what was asked. */
function refuseUnsampled({ seeds }: SimulateOptions, given: readonly string[]): void {
  if (seeds === undefined && given.includes('seed'))
    throw usageError('options', 'expected --seeds with --twins --seed: all schedules are explored otherwise, and nothing is drawn')
  const range = given.find((name) => name === 'from' || name === 'to')
  if (seeds !== undefined && range !== undefined)
    throw usageError('options', `expected --seeds or --${range} with --twins, got both: a random sample is of all schedules`)
}

function checkDissemination({ dissemination = 'auto', certificates }: SimulateOptions): void {
  if (certificates === 'bls12-381' || dissemination === 'auto' || dissemination === 'mesh') return
  throw usageError(
    'dissemination',
    `expected --certificates bls12-381 with --dissemination ${dissemination}: only such certificates are worth collecting`,
  )
}

function checkPowers({ powers, application }: SimulateOptions): void {
  if (powers !== 'uneven' || application !== 'ledger') return
  throw usageError('powers', 'expected --powers uneven with --application tally: on the ledger approved updates say who has which power')
}

function run(options: SimulateOptions, given: readonly string[]): ExitCode | Promise<ExitCode> {
  refuseUnfitting(given)
  checkDissemination(options)
  checkPowers(options)
  const seeds = options.seeds ?? (options.minutes === undefined ? 1 : MANY_SEEDS)
  if (options.seed > Number.MAX_SAFE_INTEGER - seeds)
    throw usageError('seed', `expected seeds below 2^53, got ${seeds} from ${options.seed} on`)
  if (options.mutant !== undefined) return simulatePlanted(options.mutant, process.argv.slice(process.argv.indexOf('simulate') + 1))
  if (options.transcript !== undefined) return simulateTranscript(options.transcript, options.json === true)
  if (options.twins === true) {
    refuseUnsampled(options, given)
    const { validators, views, first, window, from, seed, jobs } = options
    const shared = { validators, views, first, window, from, seed, jobs }
    const unreduced = options.unreduced === true
    const asked = { ...shared, to: options.to ?? null, sample: options.seeds ?? null, unreduced, json: options.json === true }
    return untilInterrupted((interruption) => simulateTwins(asked, interruption))
  }
  return simulate(options)
}

function faulty(text: string): Faulty {
  const [count = '', ...names] = text.split(':')
  const strategies = names.length === 0 ? [] : names.join(':').split(',')
  for (const name of strategies) {
    if (!isByzantineStrategy(name))
      throw new InvalidArgumentError(
        `Expected one of ${[...BYZANTINE_STRATEGIES, ...NAMED_STRATEGIES, ...BEYOND_STRATEGIES].join(', ')}, got "${name}".`,
      )
  }
  return { count: integer(0, 333)(count), strategies: strategies.filter(isByzantineStrategy) }
}

function faultClasses(text: string): FaultClass[] {
  if (text === 'none') return []
  const names = text.split(',')
  for (const name of names)
    if (!isFaultClass(name)) throw new InvalidArgumentError(`Expected ${FAULT_CLASSES.join(', ')} or none, got "${name}".`)
  return names.filter(isFaultClass)
}

function application(text: string): ApplicationName {
  if (!isApplicationName(text)) throw new InvalidArgumentError(`Expected ${APPLICATIONS.join(' or ')}.`)
  return text
}

function scheme(text: string): SeedOptions['signatureScheme'] {
  if (text !== 'ideal' && text !== 'real' && text !== 'sampled') throw new InvalidArgumentError('Expected ideal, real or sampled.')
  return text
}

function powers(text: string): Powers {
  if (!isPowers(text)) throw new InvalidArgumentError(`Expected ${POWERS.join(' or ')}.`)
  return text
}

function latency(text: string): LatencyMatrix {
  if (text === 'lan') return LAN
  if (text === 'wan') return WAN
  let value: unknown
  try {
    value = JSON.parse(readFileSync(text, 'utf8'))
  } catch (error) {
    throw new InvalidArgumentError(`Expected lan, wan or a JSON file: ${error instanceof Error ? error.message : String(error)}.`)
  }
  const matrix = parseLatency(text, value)
  if (!matrix.ok) throw new InvalidArgumentError(`In ${text}: ${matrix.error.message}.`)
  return matrix.value
}

async function simulate(options: SimulateOptions): Promise<ExitCode> {
  const { validators, seed } = options
  const { application = DEFAULT_APPLICATION } = options
  const most = maxFaulty(validators)
  const byzantine = options.byzantine?.count ?? most
  if (byzantine > most) return beyond(options, byzantine)
  const told: SeedOptions = {
    validators,
    byzantine,
    strategies: options.byzantine?.strategies ?? [],
    signatureScheme: options.signatures,
    ...(options.certificates === undefined ? {} : { certificates: options.certificates }),
    ...(options.dissemination === undefined ? {} : { dissemination: options.dissemination }),
    ...(options.application === undefined ? {} : { application: options.application }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.latency === undefined ? {} : { latency: options.latency }),
    ...(options.powers === undefined ? {} : { powers: options.powers }),
    ...(options.duration === undefined ? {} : { durationMs: options.duration * 1_000 }),
    ...(options.blocks === undefined ? {} : { blocks: options.blocks }),
    ...(options.think === undefined ? {} : { thinkMs: options.think }),
    ...(options.only === undefined ? {} : { only: new Set(options.only) }),
    ...(options.otherBuild === undefined ? {} : { otherBuild: options.otherBuild }),
  }
  const builds = await prepare(told)
  if (builds !== null) checkVersions(builds)
  if (options.only !== undefined) noteNotDrawn(seed, told, options.only)
  if (options.trace !== undefined) writeTrace(seed, told, options.trace)
  if (options.crashPoints !== undefined) return untilInterrupted((interruption) => enumerateCrashes(options, told, interruption))
  const totals = new Totals()
  const seeds = options.seeds ?? (options.minutes === undefined ? 1 : MANY_SEEDS)
  const watched = options.blocks !== undefined && seeds === 1 ? options.blocks : null
  const progress = startProgress(
    watched === null ? 'seeds' : 'blocks',
    watched ?? (options.minutes === undefined ? seeds : options.minutes * 60),
  )
  const started = Date.now()
  let drawn: unknown
  const campaign = {
    firstSeed: seed,
    seeds,
    untilMs: options.minutes === undefined ? null : started + options.minutes * 60_000,
    jobs: Math.min(options.jobs, seeds),
    options: told,
    ...(watched === null
      ? {}
      : {
          onProgress: ({ blocks, events, virtualMs }: Readonly<Record<'blocks' | 'events' | 'virtualMs', number>>) =>
            progress.update(Math.min(watched, blocks), `${(virtualMs / 1000).toFixed(1)} s of virtual time, ${grouped(events)} events`),
        }),
    onSummary: (summary: SeedSummary) => {
      totals.add(summary)
      drawn = summary.knobs
      const done = options.minutes === undefined ? totals.seeds : Math.min(options.minutes * 60, Math.floor((Date.now() - started) / 1000))
      if (watched === null) progress.update(done, options.minutes === undefined ? '' : `s, ${grouped(totals.seeds)} seeds`)
    },
  }
  const { violated, isInterrupted } = await untilInterrupted(async (interruption) => {
    // A single run has nothing to tell before it is over, and would not hear the signal.
    const signal = seeds === 1 ? new AbortController().signal : interruption.signal
    const found = await runSeeds({ ...campaign, signal })
    return { violated: found, isInterrupted: signal.aborted }
  })
  progress.stop()
  if (violated !== null) return reportViolation(violated, totals, isInterrupted ? { ...options, shrink: false } : options, told)
  if (options.json === true)
    printJson({
      status: statusOf(isInterrupted),
      firstSeed: seed,
      validators,
      byzantine,
      application,
      ...totals.json(),
      ...(totals.seeds === 1 ? { drawn } : {}),
    })
  else {
    printLine(
      `${inColour(isInterrupted)}: ${totals.seeds} seeds from ${seed}, ${validators} validators, ${byzantine} faulty, ${application}`,
    )
    if (totals.seeds === 1) printLine(`  ${paint('dim', 'drawn')}  ${JSON.stringify(drawn)}`)
    totals.print()
    if (options.coverage === true) totals.printCoverage()
  }
  return isInterrupted ? EXIT.interrupted : EXIT.ok
}

/** What the two builds say of themselves. */
function checkVersions({ current, other }: Builds): void {
  if (other.protocolVersion !== current.protocolVersion)
    throw usageError(
      'other-build',
      `expected a build of protocol version ${current.protocolVersion}, got one of ${other.protocolVersion}: validators of the two end every connection with each other at its greeting (docs/operations.md)`,
    )
  if (other.storeFormat !== current.storeFormat)
    note(
      `the other build has store format ${other.storeFormat}, this one ${current.storeFormat}: neither starts on a store of the other, so every validator keeps its build`,
    )
}

/** More than the protocol bears: agreement is not demanded, proof is. */
async function beyond(options: SimulateOptions, byzantine: number): Promise<ExitCode> {
  const { validators, seed } = options
  if (3 * byzantine > 2 * validators) {
    throw usageError(
      'byzantine',
      `expected faulty validators that are no quorum by themselves, got ${byzantine} of ${validators}: they need nobody to commit whatever they like`,
    )
  }
  const { application, faults, latency, powers, duration, blocks, think, crashPoints, trace, shrink, only, coverage, otherBuild } = options
  const asked = {
    application,
    faults,
    latency,
    powers,
    duration,
    blocks,
    think,
    'crash-points': crashPoints,
    trace,
    shrink,
    only,
    coverage,
    'other-build': otherBuild,
  }
  const ignored = Object.entries(asked).find(([, value]) => value !== undefined)?.[0]
  if (ignored !== undefined || options.signatures === 'sampled')
    throw usageError(
      'byzantine',
      `expected no --${ignored ?? 'signatures sampled'} with ${byzantine} of ${validators} faulty: beyond what the protocol bears, runs do not have it`,
    )
  const campaign = {
    firstSeed: seed,
    seeds: options.seeds ?? (options.minutes === undefined ? 1 : MANY_SEEDS),
    untilMs: options.minutes === undefined ? null : Date.now() + options.minutes * 60_000,
    validators,
    byzantine,
    strategies: options.byzantine?.strategies ?? [],
    signatures: () => signaturesFor(options.signatures, options.certificates ?? 'ed25519', 'tally'),
    dissemination: options.dissemination,
    json: options.json === true,
  }
  return untilInterrupted((interruption) => simulateBeyond(campaign, interruption))
}

/** A name that the seed does not draw leaves nothing out and brings nothing about: whoever mistypes one replays another run. */
function noteNotDrawn(seed: number, told: SeedOptions, only: readonly string[]): void {
  const drawn = new Set(['jitter']) // no decision of its own
  runSimulation({ ...simulationOptions(seed, told), onDecision: ({ id }) => drawn.add(id) })
  const missing = only.filter((id) => !drawn.has(id))
  if (missing.length > 0) note(`--only: seed ${seed} draws no ${missing.map((id) => `"${id}"`).join(', ')}`)
}

function writeTrace(seed: number, told: SeedOptions, to: string | true): void {
  const writing = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw unwritableBy(String(to), 'the trace', error)
    }
  }
  const file = to === true ? null : writing(() => openSync(to, 'w'))
  const write = (line: TraceLine): void => {
    const text = JSON.stringify(line, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex').slice(0, 16) : value))
    if (file === null) note(text)
    else writing(() => writeSync(file, `${text}\n`))
  }
  runSeed(seed, told, { onTrace: write })
  if (file !== null) closeSync(file)
}

/** One run per effect boundary: the first that breaks something ends it. */
async function enumerateCrashes(options: SimulateOptions, told: SeedOptions, interruption: Interruption): Promise<ExitCode> {
  const asked = simulationOptions(options.seed, told)
  const every = options.crashPoints === true || options.crashPoints === undefined ? 1 : options.crashPoints
  const reference = runSimulation(asked)
  if (!reference.ok) return reportViolation(runSeed(options.seed, told), new Totals(), options, told) // without any crash of ours
  const points = crashPointsOf(reference, every)
  const progress = startProgress('crash points', points.length)
  let run = 0
  for (const [done, point] of points.entries()) {
    if (await interruption.hasCome()) break
    const { violation } = runWithCrash(simulationOptions(options.seed, told), point)
    run = done + 1
    progress.update(run)
    if (violation === undefined) continue
    progress.stop()
    const command = replayOf(`${reference.command} --crash-points ${every}`)
    if (options.json === true) printJson({ status: 'violation', seed: options.seed, point, ...violation, command })
    note(
      `${paintError('red', 'violated')}: ${violation.invariant}, validator ${point.node} crashed at boundary ${point.boundary}: ${violation.message}`,
    )
    note(`replay: ${command}`)
    return EXIT.violation
  }
  progress.stop()
  const total = reference.boundaries.reduce((sum, count) => sum + count, 0)
  const isInterrupted = run < points.length
  if (options.json === true) printJson({ status: statusOf(isInterrupted), seed: options.seed, crashPoints: run, boundaries: total })
  else
    printLine(`${inColour(isInterrupted)}: ${grouped(run)} of ${grouped(total)} effect boundaries of seed ${options.seed}, a crash at each`)
  return isInterrupted ? EXIT.interrupted : EXIT.ok
}

function statusOf(isInterrupted: boolean): 'interrupted' | 'ok' {
  return isInterrupted ? 'interrupted' : 'ok'
}

function inColour(isInterrupted: boolean): string {
  return paint(isInterrupted ? 'yellow' : 'green', statusOf(isInterrupted))
}

function reportViolation(summary: SeedSummary, totals: Totals, options: SimulateOptions, told: SeedOptions): ExitCode {
  const { seed, violation, command: replay } = summary
  const command = replayOf(options.only === undefined ? replay : `${replay} --only '${options.only.join(',')}'`)
  const { validators, byzantine, application = DEFAULT_APPLICATION } = told
  const shrunk = options.shrink === true ? shrinkRun(seed, told) : null
  if (options.json === true) {
    printJson({
      status: 'violation',
      seed,
      validators,
      byzantine,
      application,
      ...violation,
      command,
      ...totals.json(),
      knobs: summary.knobs,
      ...(shrunk === null ? {} : { shrunk }),
    })
  }
  note(`${paintError('red', 'violated')}: ${violation?.invariant}, seed ${seed}, event ${violation?.atEvent}: ${violation?.message}`)
  if (options.json !== true && violation !== undefined) printLine(violation.situation)
  if (shrunk !== null && options.json !== true)
    for (const { id, atMs } of shrunk.decisions) printLine(`  ${atMs.toFixed(1).padStart(10)} ms  ${id}`)
  if (shrunk !== null) note(`shrunk from ${shrunk.before} to ${shrunk.decisions.length} decisions in ${shrunk.runs} runs`)
  if (told.otherBuild !== undefined && violation?.invariant !== 'compatible-builds') noteAlone(seed, told)
  note(`replay: ${shrunk === null ? command : replayOf(`${replay} --only '${shrunk.decisions.map(({ id }) => id).join(',')}'`)}`)
  return EXIT.violation
}

/** Two builds that agree on all bytes may still not agree on what they mean: whether it takes both is worth knowing. */
function noteAlone(seed: number, { otherBuild: _, ...told }: SeedOptions): void {
  const { violation } = runSeed(seed, told)
  note(
    violation === undefined
      ? 'the same seed with the current build alone breaks nothing: look at what the other build does differently'
      : `the same seed with the current build alone breaks ${violation.invariant}, too`,
  )
}

function shrinkRun(seed: number, told: SeedOptions): Omit<NonNullable<ReturnType<typeof shrink>>, 'report'> | null {
  const progress = startProgress('shrinking', SHRINK_RUNS)
  const shrunk = shrink(simulationOptions(seed, told), SHRINK_RUNS, (runs, left) => progress.update(runs, `${left} decisions left`))
  progress.stop()
  return shrunk === null ? null : { decisions: shrunk.decisions, before: shrunk.before, runs: shrunk.runs }
}

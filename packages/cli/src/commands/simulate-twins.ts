/**
 * `aethel simulate --twins`: every schedule of twins in a range, or a random sample (docs/twins.md). Exit code 7 at the first broken
 * invariant, with the schedule. A range is worked off in blocks; an interrupted run goes on with `--from`.
 */
import { maxFaulty } from '@aethel/consensus'
import { randomSchedule, schedulesOf, splitsOf, Twins, type TwinsOptions, type TwinsReport } from '@aethel/simulator'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import type { Interruption } from '../interruption.js'
import { exploreBlocks } from '../simulate/twins-blocks.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

export interface SimulateTwinsOptions {
  readonly validators: number
  readonly views: number
  readonly first: number
  readonly window: number
  readonly from: number
  readonly to: number | null
  /** Number of random schedules; null: all of the range. */
  readonly sample: number | null
  readonly seed: number
  /** Worker threads. */
  readonly jobs: number
  /** States are one only if nothing at all differs. */
  readonly unreduced: boolean
  readonly json: boolean
}

interface Totals {
  schedules: number
  committed: number
  highest: number
  steps: number
  plays: number
  partsMet: number
  partsPlayed: number
  twoBlocksPrepared: number
  tipAdopted: number
  evidence: number
  seconds: number
  /** Of all threads. */
  cpuSeconds: number
}

/** Views explored together: a block of schedules shares this many free views, so that memory stays bounded: some hundred megabytes. */
const FREE_VIEWS = { essence: 4, whole: 3 } as const
/** A split is a number of 32 bits, one for each replica but the last: 22 + 7 - 1 = 28. Fewer than 4 bear no twin. */
const MOST_VALIDATORS = 22

export async function simulateTwins(options: SimulateTwinsOptions, interruption: Interruption): Promise<ExitCode> {
  const { validators, views, first, window, json } = options
  const twins = maxFaulty(validators)
  if (twins < 1 || validators > MOST_VALIDATORS)
    throw usageError('validators', `expected 4..${MOST_VALIDATORS} validators with --twins, got ${validators}`)
  if (first >= validators) throw usageError('first', `expected a first twin below ${validators}, got ${first}`)
  const setting: TwinsOptions = { validators, twins, first, views, window, bug: 'none', merging: options.unreduced ? 'whole' : 'essence' }
  const all = schedulesOf(setting)
  if (options.sample === null && !Number.isSafeInteger(all))
    throw usageError('views', `expected fewer than 2^53 schedules, got ${splitsOf(setting)}^${views}: give --seeds for a sample`)
  const to = options.to ?? all
  if (options.sample === null && (options.from >= to || to > all))
    throw usageError('range', `expected 0 <= --from < --to <= ${all}, got ${options.from} and ${to}`)
  const totals: Totals = {
    schedules: 0,
    committed: 0,
    highest: 0,
    steps: 0,
    plays: 0,
    partsMet: 0,
    partsPlayed: 0,
    twoBlocksPrepared: 0,
    tipAdopted: 0,
    evidence: 0,
    seconds: 0,
    cpuSeconds: 0,
  }
  const violation =
    options.sample === null
      ? await exhaust(setting, { from: options.from, to, jobs: options.jobs }, totals, interruption)
      : await sample(setting, options.seed, options.sample, totals, interruption)
  const isInterrupted = violation === undefined && totals.schedules < (options.sample ?? to - options.from)
  if (json)
    printJson({
      status: violation !== undefined ? 'violation' : isInterrupted ? 'interrupted' : 'ok',
      ...setting,
      from: options.from,
      to,
      ...totals,
      ...violation,
    })
  if (violation !== undefined) {
    note(`${paintError('red', 'violated')}: ${violation.invariant}: ${violation.message}; splits by view: ${violation.schedule.join(' ')}`)
    return EXIT.violation
  }
  if (!json) print(setting, totals, isInterrupted)
  return isInterrupted ? EXIT.interrupted : EXIT.ok
}

async function exhaust(
  setting: TwinsOptions,
  { from, to, jobs }: { readonly from: number; readonly to: number; readonly jobs: number },
  totals: Totals,
  interruption: Interruption,
): Promise<TwinsReport['violation']> {
  const size = splitsOf(setting) ** Math.min(setting.views, FREE_VIEWS[setting.merging])
  const started = performance.now()
  const progress = startProgress('schedules', to - from)
  let done = from
  const onReport = (report: TwinsReport, doneTo: number): void => {
    done = doneTo
    add(totals, report, started)
    progress.update(totals.schedules, `(an interrupted run goes on with --from ${doneTo})`)
  }
  const { signal } = interruption
  const blocks = Math.ceil(to / size) - Math.floor(from / size)
  const violation = await exploreBlocks({ setting, from, to, size, jobs: Math.min(jobs, blocks), signal, onReport })
  progress.stop()
  if (signal.aborted) note(`go on with --from ${done}`)
  return violation
}

async function sample(
  setting: TwinsOptions,
  seed: number,
  count: number,
  totals: Totals,
  interruption: Interruption,
): Promise<TwinsReport['violation']> {
  const started = performance.now()
  const progress = startProgress('schedules', count)
  for (let i = 0; i < count && !(await interruption.hasCome()); i++) {
    const report = new Twins(setting).run(randomSchedule(setting, seed + i))
    add(totals, report, started)
    if (report.violation !== undefined) {
      progress.stop()
      return report.violation
    }
    progress.update(i + 1)
  }
  progress.stop()
  return undefined
}

function add(totals: Totals, report: TwinsReport, started: number): void {
  totals.schedules += report.schedules
  totals.committed += report.committed
  totals.highest = Math.max(totals.highest, report.highest)
  totals.steps += report.steps
  totals.plays += report.plays
  totals.partsMet += report.parts.met
  totals.partsPlayed += report.parts.played
  totals.twoBlocksPrepared += report.viewsWith.twoBlocksPrepared
  totals.tipAdopted += report.viewsWith.tipAdopted
  totals.evidence += report.viewsWith.evidence
  totals.seconds = Math.round(performance.now() - started) / 1000
  const { user, system } = process.cpuUsage()
  totals.cpuSeconds = Math.round((user + system) / 1e3) / 1e3
}

function print(setting: TwinsOptions, totals: Totals, isInterrupted: boolean): void {
  const { validators, twins, first, views } = setting
  printLine(
    `${isInterrupted ? paint('yellow', 'interrupted') : paint('green', 'ok')}: ${grouped(totals.schedules)} schedules of ${views} views, ${validators} validators, ${twins} run twice from ${first} on`,
  )
  printLine(`in ${grouped(totals.committed)} something commits, up to height ${totals.highest}`)
  printLine(
    `${grouped(totals.plays)} views played for them, ${grouped(totals.steps)} steps of cores, ${totals.seconds} s, ${totals.cpuSeconds} s of CPU; ` +
      `views met with a tip adopted ${grouped(totals.tipAdopted)}, evidence ${grouped(totals.evidence)}, two blocks prepared ${grouped(totals.twoBlocksPrepared)}`,
  )
  if (totals.partsPlayed > 0)
    printLine(
      `of ${grouped(totals.partsMet)} parts of last views ${grouped(totals.partsPlayed)} were played, the others are known from equal ones`,
    )
}

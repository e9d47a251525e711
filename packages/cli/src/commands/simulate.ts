/**
 * `aethel simulate`: runs unmodified replicas in a world of faults, seed after seed. Exit code 0, or 7 at the first broken
 * invariant, with the seed and the command that replays it.
 */
import { maxFaulty } from '@aethel/consensus'
import { BYZANTINE_STRATEGIES, type ByzantineStrategy, isByzantineStrategy, runSimulation, type SimulationReport } from '@aethel/simulator'
import { type Command, InvalidArgumentError } from 'commander'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { simulatePlanted } from '../planted.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'
import { simulateTranscript } from './simulate-transcript.js'

interface SimulateOptions extends CommonOptions {
  readonly seed: number
  readonly transcript?: string
  readonly validators: number
  readonly byzantine?: Faulty
  readonly seeds: number
  readonly trace?: boolean
  readonly mutant?: string
}

interface Faulty {
  readonly count: number
  /** Empty: the seed draws. */
  readonly strategies: readonly ByzantineStrategy[]
}

interface Totals {
  seeds: number
  events: number
  blocks: number
  viewChanges: number
  seconds: number
}

export function registerSimulate(program: Command): void {
  withJson(program.command('simulate'))
    .description('run replicas under simulated faults and check every invariant')
    .option('--seed <s>', 'first seed', integer(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--validators <n>', 'how many validators', integer(1, 64), 4)
    .option(
      '--byzantine <k[:strategy,...]>',
      `how many of them are faulty (default: as many as the protocol bears), and how: ${BYZANTINE_STRATEGIES.join(', ')}`,
      faulty,
    )
    .option('--seeds <count>', 'how many seeds, one after the other', integer(1, 10_000_000), 1)
    .option('--transcript <file>', 'run one hand-written schedule instead (docs/transcripts.md)')
    .option('--trace', 'print every event of the run on stderr')
    .option('--mutant <id>', 'plant this known bug first and watch it being caught (in a checkout; ids: docs/traps.md)')
    .action((options: SimulateOptions) => finish(options, () => run(options)))
}

function faulty(text: string): Faulty {
  const [count = '', names] = text.split(':', 2)
  const strategies = names === undefined ? [] : names.split(',')
  for (const name of strategies) {
    if (!isByzantineStrategy(name)) throw new InvalidArgumentError(`Expected one of ${BYZANTINE_STRATEGIES.join(', ')}, got "${name}".`)
  }
  return { count: integer(0, 63)(count), strategies: strategies.filter(isByzantineStrategy) }
}

function run(options: SimulateOptions): ExitCode | Promise<ExitCode> {
  if (options.transcript !== undefined) return simulateTranscript(options.transcript, options.json === true)
  if (options.mutant !== undefined) return simulatePlanted(options.mutant, process.argv.slice(process.argv.indexOf('simulate') + 1))
  return simulate(options)
}

function simulate(options: SimulateOptions): ExitCode {
  const most = maxFaulty(options.validators)
  const byzantine = options.byzantine?.count ?? most
  const strategies = options.byzantine?.strategies ?? []
  if (byzantine > most) {
    throw usageError(
      'byzantine',
      `expected at most ${most} faulty among ${options.validators} validators, got ${byzantine}: no protocol bears more`,
    )
  }
  const totals: Totals = { seeds: 0, events: 0, blocks: 0, viewChanges: 0, seconds: 0 }
  const started = performance.now()
  const progress = startProgress('seeds', options.seeds)
  for (let i = 0; i < options.seeds; i++) {
    const seed = options.seed + i
    const trace = options.trace === true ? { onTrace: (line: object) => note(JSON.stringify(line)) } : {}
    const report = runSimulation({ seed, validators: options.validators, byzantine, strategies, ...trace })
    totals.seeds++
    totals.events += report.events
    totals.blocks += report.blocks
    totals.viewChanges += report.viewChanges
    totals.seconds = Math.round(performance.now() - started) / 1000
    if (!report.ok) {
      progress.stop()
      return violated(report, totals, options)
    }
    progress.update(i + 1)
  }
  progress.stop()
  if (options.json === true) printJson({ status: 'ok', firstSeed: options.seed, validators: options.validators, byzantine, ...totals })
  else {
    const rate = grouped(Math.round(totals.events / Math.max(totals.seconds, 0.001)))
    printLine(`${paint('green', 'ok')}: ${totals.seeds} seeds from ${options.seed}, ${options.validators} validators, ${byzantine} faulty`)
    printLine(
      `${grouped(totals.events)} events, ${grouped(totals.blocks)} blocks, ${grouped(totals.viewChanges)} view changes, ${totals.seconds} s, ${rate} events/s`,
    )
  }
  return EXIT.ok
}

function violated(report: SimulationReport, totals: Totals, options: SimulateOptions): ExitCode {
  const { seed, validators, byzantine, violation, command } = report
  if (options.json === true)
    printJson({ status: 'violation', seed, validators, byzantine, ...violation, command, ...totals, knobs: report.knobs })
  note(`${paintError('red', 'violated')}: ${violation?.invariant}, seed ${seed}, event ${violation?.atEvent}: ${violation?.message}`)
  if (options.json !== true && violation !== undefined) printLine(violation.situation)
  note(`replay: ${command}`)
  return EXIT.violation
}

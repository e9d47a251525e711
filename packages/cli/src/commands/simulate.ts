/**
 * `aethel simulate`: runs unmodified replicas in a world of faults, seed after seed. Exit code 0, or 7 at the first broken
 * invariant, with the seed and the command that replays it.
 */
import { maxFaulty } from '@aethel/consensus'
import { runSimulation, type SimulationReport } from '@aethel/simulator'
import type { Command } from 'commander'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'
import { simulateTranscript } from './simulate-transcript.js'

interface SimulateOptions extends CommonOptions {
  readonly seed?: number
  readonly transcript?: string
  readonly validators: number
  readonly byzantine?: number
  readonly seeds: number
  readonly trace?: boolean
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
    .option('--seed <s>', 'first seed', integer(0, Number.MAX_SAFE_INTEGER))
    .option('--validators <n>', 'how many validators', integer(1, 64), 4)
    .option('--byzantine <k>', 'how many of them are faulty (default: as many as the protocol bears)', integer(0, 63))
    .option('--seeds <count>', 'how many seeds, one after the other', integer(1, 10_000_000), 1)
    .option('--transcript <file>', 'run one hand-written schedule instead (docs/transcripts.md)')
    .option('--trace', 'print every event of the run on stderr')
    .action((options: SimulateOptions) => finish(options, () => run(options)))
}

function run(options: SimulateOptions): ExitCode {
  if (options.transcript !== undefined) return simulateTranscript(options.transcript, options.json === true)
  const { seed } = options
  if (seed === undefined) throw usageError('seed', 'expected --seed S, or --transcript FILE')
  return simulate({ ...options, seed })
}

type SeededOptions = SimulateOptions & { readonly seed: number }

function simulate(options: SeededOptions): ExitCode {
  const most = maxFaulty(options.validators)
  const byzantine = options.byzantine ?? most
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
    const report = runSimulation({ seed, validators: options.validators, byzantine, ...(options.trace === true ? { onTrace: note } : {}) })
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

function violated(report: SimulationReport, totals: Totals, options: SeededOptions): ExitCode {
  const { seed, validators, byzantine, violation, command } = report
  if (options.json === true)
    printJson({ status: 'violation', seed, validators, byzantine, ...violation, command, ...totals, knobs: report.knobs })
  note(`${paintError('red', 'violated')}: ${violation?.invariant}, seed ${seed}, event ${violation?.atEvent}: ${violation?.message}`)
  if (options.json !== true && violation !== undefined) printLine(violation.situation)
  note(`replay: ${command}`)
  return EXIT.violation
}

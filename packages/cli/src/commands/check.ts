/**
 * `aethel check`: runs a kernel on files, offline. Exit code 0 valid, 3 invalid, 2 if an input cannot be read: not a file,
 * too large, or a formula that is no CNF or no QF_BV and so claims nothing.
 */
import { checkBvlrat, checkDatabase, checkLrat } from '@aethel/proofs'
import type { Command } from 'commander'
import { type CommonOptions, finish, withJson } from '../command.js'
import { EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { MAX_DATABASE_BYTES, MAX_REFUTATION_BYTES, readInputFile } from '../files.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

interface MetamathOptions extends CommonOptions {
  readonly label?: string
}

/** What `--json` prints. */
interface Report {
  readonly status: 'valid' | 'invalid'
  readonly code?: string
  readonly message?: string
  readonly label?: string
  readonly gas: number
  readonly theorems?: number
  readonly seconds: number
}

export function registerCheck(program: Command): void {
  const check = program.command('check').description('check proofs in files, offline')
  withJson(check.command('metamath'))
    .description('check every proof of a Metamath database, or one')
    .argument('<file>', 'the database (.mm)')
    .option('--label <label>', 'check this theorem only')
    .action((file: string, options: MetamathOptions) => finish(options, () => checkMetamathFile(file, options)))
  withJson(check.command('lrat'))
    .description('check an LRAT refutation (text or binary) of a CNF')
    .argument('<cnf>', 'the formula (DIMACS)')
    .argument('<lrat>', 'the refutation')
    .action((cnf: string, lrat: string, options: CommonOptions) => finish(options, () => checkRefutation(CNF, cnf, lrat, options)))
  withJson(check.command('bvlrat'))
    .description('check an LRAT refutation (text or binary) of a QF_BV script, by way of its CNF (docs/proof-kinds/bvlrat.md)')
    .argument('<smt2>', 'the script (SMT-LIB 2)')
    .argument('<lrat>', 'the refutation')
    .action((script: string, lrat: string, options: CommonOptions) => finish(options, () => checkRefutation(SCRIPT, script, lrat, options)))
}

function checkMetamathFile(file: string, options: MetamathOptions): ExitCode {
  const bytes = readInputFile(file, 'a Metamath database', MAX_DATABASE_BYTES)
  const started = performance.now()
  const progress = startProgress('checking', 0)
  const verdict = checkDatabase(bytes, {
    ...(options.label === undefined ? {} : { label: options.label }),
    onProgress: (done, total) => progress.update(done, '', total),
  })
  progress.stop()
  const elapsed = secondsSince(started)
  return conclude(file, { ...verdict, seconds: elapsed }, options)
}

const CNF = { what: 'a CNF in DIMACS form', check: checkLrat } as const
const SCRIPT = { what: 'a QF_BV script in SMT-LIB form', check: checkBvlrat } as const

function checkRefutation(formula: typeof CNF | typeof SCRIPT, file: string, lratFile: string, options: CommonOptions): ExitCode {
  const bytes = readInputFile(file, formula.what, MAX_REFUTATION_BYTES)
  const proof = readInputFile(lratFile, 'an LRAT refutation', MAX_REFUTATION_BYTES)
  const started = performance.now()
  const verdict = formula.check(bytes, proof)
  const elapsed = secondsSince(started)
  if (verdict.status === 'unreadable') throw usageError(verdict.code, `${file}: ${verdict.message}`)
  if (verdict.status === 'valid') return conclude(lratFile, { status: 'valid', gas: verdict.gas, seconds: elapsed }, options)
  return conclude(
    lratFile,
    { status: 'invalid', code: verdict.code, message: verdict.message, gas: verdict.gas, seconds: elapsed },
    options,
  )
}

function secondsSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs) / 1000
}

function conclude(file: string, report: Report, options: CommonOptions): ExitCode {
  if (options.json === true) printJson(report)
  if (report.status === 'valid') {
    const proofs = report.theorems === undefined ? 'the refutation' : `${grouped(report.theorems)} proofs`
    if (options.json !== true) printLine(`${paint('green', 'valid')}: ${file}, ${proofs}, ${grouped(report.gas)} gas, ${report.seconds} s`)
    return EXIT.ok
  }
  note(`${paintError('red', 'invalid')} (${report.code}): ${file}: ${oneLine(report.message ?? '')}`)
  return EXIT.invalid
}

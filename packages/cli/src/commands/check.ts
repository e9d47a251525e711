/**
 * `aethel check`: runs a kernel on files, offline. Exit code 0 valid, 3 invalid, 2 if an input cannot be read: not a file,
 * too large, or a formula that is no CNF or no QF_BV and so claims nothing.
 */
import { availableParallelism } from 'node:os'
import { checkBvlrat, checkDatabase, checkLrat, checkModel } from '@aethel/proofs'
import { type Command, InvalidArgumentError } from 'commander'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { type InputPieces, MAX_DATABASE_BYTES, MAX_REFUTATION_BYTES, openInputPieces, readTextFile } from '../files.js'
import { checkDatabaseInParallel } from '../metamath-jobs/check.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

interface MetamathOptions extends CommonOptions {
  readonly label?: string
  readonly jobs?: number
}

const MAX_JOBS = 64
/** Without `--jobs`: starting more threads than this, or any for a smaller file, costs more than it gains. */
const MAX_JOBS_UNASKED = 8
const SMALL_DATABASE_BYTES: number = 4 * 1024 * 1024

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
    .option('--label <label>', 'check this theorem only', onlyLabel)
    .option('--jobs <threads>', 'check on this many threads (default: all cores for a large database, else 1)', integer(1, MAX_JOBS))
    .action((file: string, options: MetamathOptions) => finish(options, () => checkMetamathFile(file, options)))
  withJson(check.command('lrat'))
    .description('check an LRAT refutation (text or binary) of a CNF')
    .argument('<cnf>', 'the formula (DIMACS)')
    .argument('<lrat>', 'the refutation')
    .action((cnf: string, lrat: string, options: CommonOptions) => finish(options, () => checkRefutation(CNF, cnf, lrat, options)))
  withJson(check.command('sat-model'))
    .description('check a model of a CNF')
    .argument('<cnf>', 'the formula (DIMACS)')
    .argument('<model>', "a solver's output with the model")
    .action((cnf: string, model: string, options: CommonOptions) => finish(options, () => checkModelFiles(cnf, model, options)))
  withJson(check.command('bvlrat'))
    .description('check an LRAT refutation (text or binary) of a QF_BV script, by way of its CNF (docs/proof-kinds/bvlrat.md)')
    .argument('<smt2>', 'the script (SMT-LIB 2)')
    .argument('<lrat>', 'the refutation')
    .action((script: string, lrat: string, options: CommonOptions) => finish(options, () => checkRefutation(SCRIPT, script, lrat, options)))
}

/** `submit` takes several: here the last alone would be checked, and the others be taken for valid. */
function onlyLabel(label: string, previous: string | undefined): string {
  if (previous !== undefined)
    throw new InvalidArgumentError('Expected one theorem; check the others one after the other, or all without --label.')
  return label
}

async function checkMetamathFile(file: string, options: MetamathOptions): Promise<ExitCode> {
  const bytes = readTextFile(file, 'a Metamath database', MAX_DATABASE_BYTES)
  const started = performance.now()
  const progress = startProgress('checking', 0)
  const onProgress = (done: number, total: number): void => progress.update(done, '', total)
  const { label } = options
  const jobs = label === undefined ? (options.jobs ?? defaultJobs(bytes.length)) : 1
  const verdict =
    jobs > 1
      ? await checkDatabaseInParallel(sharedCopy(bytes), jobs, { onProgress })
      : checkDatabase(bytes, { ...(label === undefined ? {} : { label }), onProgress })
  progress.stop()
  const elapsed = secondsSince(started)
  return conclude(file, { ...verdict, seconds: elapsed }, options)
}

function defaultJobs(bytes: number): number {
  return bytes < SMALL_DATABASE_BYTES ? 1 : Math.min(availableParallelism(), MAX_JOBS_UNASKED)
}

function sharedCopy(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return shared
}

const CNF = {
  what: 'a CNF in DIMACS form',
  check: (formula: Uint8Array, lratFile: string): ReturnType<typeof checkLrat> =>
    inPieces(lratFile, (pieces) => checkLrat(formula, pieces)),
} as const
const SCRIPT = {
  what: 'a QF_BV script in SMT-LIB form',
  check: (formula: Uint8Array, lratFile: string): ReturnType<typeof checkBvlrat> =>
    inPieces(lratFile, (pieces) => checkBvlrat(formula, pieces)),
} as const
const REFUTATION = 'an LRAT refutation'

/** Long refutations are read while they are checked. */
function inPieces<T>(lratFile: string, check: (pieces: InputPieces) => T): T {
  const pieces = openInputPieces(lratFile, REFUTATION, MAX_REFUTATION_BYTES)
  try {
    return check(pieces)
  } finally {
    pieces.close()
  }
}

function checkRefutation(formula: typeof CNF | typeof SCRIPT, file: string, lratFile: string, options: CommonOptions): ExitCode {
  const bytes = readTextFile(file, formula.what, MAX_REFUTATION_BYTES)
  const started = performance.now()
  const verdict = formula.check(bytes, lratFile)
  const elapsed = secondsSince(started)
  if (verdict.status === 'unreadable') throw usageError(verdict.code, `${file}: ${verdict.message}`)
  if (verdict.status === 'valid') return conclude(lratFile, { status: 'valid', gas: verdict.gas, seconds: elapsed }, options)
  return conclude(
    lratFile,
    { status: 'invalid', code: verdict.code, message: verdict.message + adviceOn(verdict), gas: verdict.gas, seconds: elapsed },
    options,
  )
}

/** What cannot be read from its first byte on, or counts its clauses from another number, is mostly a proof in another format. */
function adviceOn({ code, at }: { readonly code: string; readonly at?: number }): string {
  if (at !== 0 || (code !== 'syntax' && code !== 'id-order')) return ''
  return '; is it LRAT? Of a DRAT proof "drat-trim FORMULA PROOF -L OUTPUT" makes LRAT, and "aethel prove FORMULA" finds one itself'
}

function checkModelFiles(cnfFile: string, modelFile: string, options: CommonOptions): ExitCode {
  const cnf = readTextFile(cnfFile, 'a CNF in DIMACS form', MAX_REFUTATION_BYTES)
  const model = readTextFile(modelFile, 'a model of a CNF', MAX_REFUTATION_BYTES)
  const started = performance.now()
  const verdict = checkModel(cnf, model)
  const elapsed = secondsSince(started)
  switch (verdict.status) {
    case 'unreadable':
      throw usageError(verdict.code, `${verdict.file === 'cnf' ? cnfFile : modelFile}: ${verdict.message}`)
    case 'valid':
      return conclude(modelFile, { status: 'valid', gas: verdict.gas, seconds: elapsed }, options, 'the model')
    case 'invalid':
      return conclude(
        modelFile,
        { status: 'invalid', code: verdict.code, message: verdict.message, gas: verdict.gas, seconds: elapsed },
        options,
      )
  }
}

function secondsSince(startedMs: number): number {
  return Math.round(performance.now() - startedMs) / 1000
}

function conclude(file: string, report: Report, options: CommonOptions, what = 'the refutation'): ExitCode {
  if (options.json === true) printJson(report)
  if (report.status === 'valid') {
    const proofs = report.theorems === undefined ? what : `${grouped(report.theorems)} proofs`
    if (options.json !== true) printLine(`${paint('green', 'valid')}: ${file}, ${proofs}, ${grouped(report.gas)} gas, ${report.seconds} s`)
    return EXIT.ok
  }
  note(`${paintError('red', 'invalid')} (${report.code}): ${file}: ${oneLine(report.message ?? '')}`)
  return EXIT.invalid
}

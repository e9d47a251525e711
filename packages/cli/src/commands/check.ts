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
import { adviceOn, FROM_DRAT, refusedFile } from '../formats.js'
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
    .option('--label <label>', 'check the proof of this theorem only; what it cites is taken as proven', onlyLabel)
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
  const { label } = options
  if (label !== undefined && options.jobs !== undefined && options.jobs > 1) {
    throw usageError('usage', 'expected --label or --jobs, got both: one theorem is checked on one thread; leave --jobs out')
  }
  const bytes = readTextFile(file, 'a Metamath database', MAX_DATABASE_BYTES)
  // A database without proofs is valid; a file that lost its content on the way would pass for one.
  if (bytes.every((byte) => WHITE_SPACE.includes(byte)))
    throw usageError('empty', `${file}: expected a Metamath database, got an empty file`)
  const started = performance.now()
  const progress = startProgress('checking', 0)
  const onProgress = (done: number, total: number): void => progress.update(done, '', total)
  const jobs = label === undefined ? (options.jobs ?? defaultJobs(bytes.length)) : 1
  const verdict =
    jobs > 1
      ? await checkDatabaseInParallel(sharedCopy(bytes), jobs, { onProgress })
      : checkDatabase(bytes, { ...(label === undefined ? {} : { label }), onProgress })
  progress.stop()
  const elapsed = secondsSince(started)
  if (verdict.status === 'invalid' && OF_OTHER_FORMATS.includes(verdict.code)) {
    const message = verdict.message + adviceOn(bytes, 'database')
    return conclude(file, { ...verdict, message, seconds: elapsed }, options)
  }
  return conclude(file, { ...(label === undefined ? {} : { label }), ...verdict, seconds: elapsed }, options)
}

/** Of Metamath: space, tab, line feed, form feed, carriage return. */
const WHITE_SPACE: readonly number[] = [0x20, 0x09, 0x0a, 0x0c, 0x0d]

/** What the reader says first of a file that is no Metamath at all. */
const OF_OTHER_FORMATS = ['syntax', 'label', 'character']

function defaultJobs(bytes: number): number {
  return bytes < SMALL_DATABASE_BYTES ? 1 : Math.min(availableParallelism(), MAX_JOBS_UNASKED)
}

function sharedCopy(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return shared
}

const CNF = {
  format: 'cnf',
  what: 'a CNF in DIMACS form',
  check: (formula: Uint8Array, lrat: InputPieces): ReturnType<typeof checkLrat> => checkLrat(formula, lrat),
} as const
const SCRIPT = {
  format: 'script',
  what: 'a QF_BV script in SMT-LIB form',
  check: (formula: Uint8Array, lrat: InputPieces): ReturnType<typeof checkBvlrat> => checkBvlrat(formula, lrat),
} as const
const REFUTATION = 'an LRAT refutation'
/** Enough to see what a file is. */
const HEAD_BYTES = 65_536

/** Long refutations are read while they are checked; how they begin is kept. */
function inPieces<T>(lratFile: string, check: (pieces: InputPieces) => T): { readonly verdict: T; readonly head: Uint8Array } {
  const pieces = openInputPieces(lratFile, REFUTATION, MAX_REFUTATION_BYTES)
  let head: Uint8Array | undefined
  const next = (): Uint8Array | undefined => {
    const piece = pieces.next()
    head ??= piece?.slice(0, HEAD_BYTES)
    return piece
  }
  try {
    const verdict = check({ next, close: pieces.close })
    return { verdict, head: head ?? new Uint8Array(0) }
  } finally {
    pieces.close()
  }
}

function checkRefutation(formula: typeof CNF | typeof SCRIPT, file: string, lratFile: string, options: CommonOptions): ExitCode {
  const bytes = readTextFile(file, formula.what, MAX_REFUTATION_BYTES)
  const started = performance.now()
  const { verdict, head } = inPieces(lratFile, (pieces) => formula.check(bytes, pieces))
  const elapsed = secondsSince(started)
  if (verdict.status === 'unreadable') throw refusedFile(file, verdict, bytes, formula.format)
  if (verdict.status === 'valid') return conclude(lratFile, { status: 'valid', gas: verdict.gas, seconds: elapsed }, options)
  return conclude(
    lratFile,
    { status: 'invalid', code: verdict.code, message: verdict.message + adviceOnProof(verdict, head), gas: verdict.gas, seconds: elapsed },
    options,
  )
}

/** What cannot be read, or counts its clauses from another number at its very beginning, is mostly a proof in another format. */
function adviceOnProof({ code, at }: { readonly code: string; readonly at?: number }, head: Uint8Array): string {
  if (code !== 'syntax' && !(code === 'id-order' && at === 0)) return ''
  const advice = adviceOn(head, 'lrat')
  if (advice !== '' || at !== 0) return advice
  return `; ${FROM_DRAT}`
}

function checkModelFiles(cnfFile: string, modelFile: string, options: CommonOptions): ExitCode {
  const cnf = readTextFile(cnfFile, 'a CNF in DIMACS form', MAX_REFUTATION_BYTES)
  const model = readTextFile(modelFile, 'a model of a CNF', MAX_REFUTATION_BYTES)
  const started = performance.now()
  const verdict = checkModel(cnf, model)
  const elapsed = secondsSince(started)
  switch (verdict.status) {
    case 'unreadable':
      throw verdict.file === 'cnf' ? refusedFile(cnfFile, verdict, cnf, 'cnf') : refusedFile(modelFile, verdict, model, 'model')
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

/** Of one theorem alone it is said what was not looked at, as of nothing else that is called valid. */
function provenOf({ label, theorems }: Report, what: string): string {
  if (label !== undefined) return `the proof of ${label} (what it cites was not checked)`
  return theorems === undefined ? what : `${grouped(theorems)} proofs`
}

function conclude(file: string, report: Report, options: CommonOptions, what = 'the refutation'): ExitCode {
  if (options.json === true) printJson(report)
  if (report.status === 'valid') {
    const proofs = provenOf(report, what)
    if (options.json !== true) printLine(`${paint('green', 'valid')}: ${file}, ${proofs}, ${grouped(report.gas)} gas, ${report.seconds} s`)
    return EXIT.ok
  }
  note(`${paintError('red', 'invalid')} (${report.code}): ${file}: ${oneLine(report.message ?? '')}`)
  return EXIT.invalid
}

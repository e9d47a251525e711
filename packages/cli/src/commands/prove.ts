/**
 * `aethel prove`: finds a proof and writes it ready to submit. For a CNF or a QF_BV script a SAT solver searches, on this machine;
 * what it finds is made into LRAT and checked by the kernel before it is written. If the formula is satisfiable, the model is the
 * answer. For a Metamath database the proof is there already: a theorem is taken out, with what it cites.
 *
 * Every step says what was run and how large its result is; the last line is the command to go on with.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '@aethel/codec'
import { claimIdOf, elaborateDrat, LRAT_KIND, refute, toBinaryLrat } from '@aethel/proofs'
import type { Command } from 'commander'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { CliError, EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { MAX_REFUTATION_BYTES, readTextFile, requireOther, requireWritable, temporaryFolder, writeOutputFile } from '../files.js'
import { interruptible } from '../processes.js'
import { encodeBundle, theoremBundle } from '../proof-bundle.js'
import { clausesOf, type Question, readQuestion, satisfies, type Truth } from '../prove/formula.js'
import { boundExceeded } from '../prove/room.js'
import { findSolver, solve } from '../prove/solver.js'
import { startProgress } from '../ui/progress.js'
import { grouped, note, paint, paintError, printJson, printLine, seconds, shellWord } from '../ui/terminal.js'

interface ProveOptions extends CommonOptions {
  readonly output?: string
  readonly solver?: string
  readonly timeout: number
  readonly label?: string
  readonly library?: string
}

/** For --solver builtin: minutes of a plain solver. */
const BUILTIN_CONFLICTS = 200_000
const BUILTIN = 'builtin'

/** What `--json` prints. */
interface Report {
  readonly status: 'unsatisfiable' | 'satisfiable' | 'unknown' | 'extracted'
  readonly kind: string
  readonly claimId?: string
  readonly solver?: string
  readonly variables?: number
  readonly clauses?: number
  readonly output?: string
  readonly proofBytes?: number
  readonly gas?: number
  readonly model?: string
  readonly theorems?: number
  readonly message?: string
  readonly next?: string
}

export function registerProve(program: Command): void {
  withJson(program.command('prove'))
    .description('find a proof with an installed SAT solver, or take one out of a Metamath database, ready to submit')
    .argument('<file>', 'a formula (.cnf), a QF_BV script (.smt2), or a Metamath database (.mm) with --label')
    .option('-o, --output <file>', 'where to write the proof (default: FILE with .lrat, LABEL.proofs.json for a theorem)')
    .option('--solver <path>', 'the SAT solver to run, or "builtin" (default: cadical or kissat, if installed)')
    .option('--timeout <seconds>', 'longest time for the solver', integer(1, 1_000_000), 600)
    .option('--label <label>', 'metamath: the theorem')
    .option('--library <name>', 'metamath: how the chain calls the library (default: the file name)')
    .action((file: string, options: ProveOptions) => finish(options, () => prove(file, options)))
}

async function prove(file: string, options: ProveOptions): Promise<ExitCode> {
  if (file.endsWith('.mm')) return extract(file, options)
  const of = options.label !== undefined ? '--label' : options.library !== undefined ? '--library' : null
  if (of !== null) throw usageError('usage', `expected a Metamath database (.mm) with ${of}`)
  const say = options.json === true ? () => undefined : step
  const question = readQuestion(file, readTextFile(file, 'a formula (.cnf) or a QF_BV script (.smt2)', MAX_REFUTATION_BYTES))
  requireWritable(options.output ?? proofFileOf(file), 'the proof')
  requireOther(options.output ?? proofFileOf(file), 'the proof', [file])
  say('formula', `${file}: ${question.summary}`)
  const found = options.solver === BUILTIN ? searchHere(question, say) : await search(question, options, say)
  const report = { kind: question.kind, claimId: toHex(claimIdOf(question.kind, question.claim)), ...sizes(question), ...found.report }
  switch (found.status) {
    case 'unknown':
      if (options.json !== true) throw new CliError(EXIT.unsolved, 'unsolved', `expected the solver to decide ${file}, but ${found.reason}`)
      printJson({ status: 'unknown', ...report, message: found.reason } satisfies Report)
      note(`${paintError('red', 'unknown')}: ${file}: ${oneLine(found.reason)}`)
      return EXIT.unsolved
    case 'satisfiable':
      return concludeModel(file, question, found.isTrue, report, options, say)
    case 'unsatisfiable':
      return concludeProof(file, question, found.lrat, report, options, say)
  }
}

/** Where a proof is written unless told otherwise. */
function proofFileOf(file: string): string {
  return `${file.endsWith('.cnf') || file.endsWith('.smt2') ? file.slice(0, file.lastIndexOf('.')) : file}.lrat`
}

type Say = (name: string, text: string) => void

function step(name: string, text: string): void {
  printLine(`${paint('dim', name.padEnd(10))}  ${text}`)
}

function sizes(question: Question): { readonly variables: number; readonly clauses: number } {
  return { variables: question.cnf.variables, clauses: question.cnf.clauses }
}

type Found = { readonly report: { readonly solver: string } } & (
  | { readonly status: 'unsatisfiable'; readonly lrat: Uint8Array }
  | { readonly status: 'satisfiable'; readonly isTrue: Truth }
  | { readonly status: 'unknown'; readonly reason: string }
)

// --- searching ----------------------------------------------------------------------------------------------------------

async function search(question: Question, options: ProveOptions, say: Say): Promise<Found> {
  const solver = findSolver(options.solver)
  const report = { solver: solver.name }
  const folder = temporaryFolder('aethel-prove-')
  const stop = new AbortController()
  const cleanUp = async (): Promise<void> => {
    stop.abort()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  const answer = await interruptible(cleanUp, async () => {
    const cnfFile = join(folder, 'formula.cnf')
    writeOutputFile(cnfFile, 'the formula for the solver', question.dimacs)
    return await solve(solver, { cnfFile, proofFile: join(folder, 'proof'), timeoutSeconds: options.timeout, stop: stop.signal })
  })
  const ran = `${solver.name} (${solver.path}): ${answer.status}, ${seconds(answer.milliseconds)}`
  if (answer.status === 'unknown') return { status: 'unknown', reason: `${solver.name} gave no answer: ${answer.reason}`, report }
  if (answer.status === 'satisfiable') {
    say('solver', ran)
    const truths = new Set(answer.literals)
    return { status: 'satisfiable', isTrue: (variable) => truths.has(variable), report }
  }
  say('solver', `${ran}, ${answer.format.toUpperCase()} proof of ${grouped(answer.proof.length)} bytes`)
  const lrat = answer.format === 'lrat' ? answer.proof : elaborated(question, answer.proof, solver.name, say)
  return { status: 'unsatisfiable', lrat, report }
}

/** The solver's DRAT as LRAT: with the reasons, so that nobody need search for them again. */
function elaborated(question: Question, drat: Uint8Array, name: string, say: Say): Uint8Array {
  const started = performance.now()
  const progress = startProgress('elaborating', drat.length)
  const result = elaborateDrat(question.cnf, drat, { onProgress: (done, total) => progress.update(done, 'bytes', total) })
  progress.stop()
  if (!result.ok) {
    throw new CliError(
      EXIT.unsolved,
      result.error.code,
      `expected a DRAT proof from ${name}, but it does not hold: ${result.error.message}; the solver is at fault, try another`,
    )
  }
  const { lemmas, steps, hints, lrat } = result.value
  say(
    'elaborated',
    `DRAT of ${grouped(lemmas)} lemmas into LRAT of ${grouped(steps)} steps with ${grouped(hints)} hints, ` +
      `${grouped(lrat.length)} bytes, ${seconds(performance.now() - started)}`,
  )
  return lrat
}

function searchHere(question: Question, say: Say): Found {
  const started = performance.now()
  const report = { solver: BUILTIN }
  const formula = { name: 'formula', variables: question.cnf.variables, clauses: clausesOf(question.cnf) }
  const outcome = refute(formula, { conflicts: BUILTIN_CONFLICTS })
  if (outcome.status === 'gave-up') {
    const reason = `the built-in solver gave up after ${grouped(outcome.conflicts)} conflicts; install cadical`
    return { status: 'unknown', reason, report }
  }
  say('solver', `built in: ${outcome.status} after ${grouped(outcome.conflicts)} conflicts, ${seconds(performance.now() - started)}`)
  if (outcome.status === 'satisfiable') return { status: 'satisfiable', isTrue: (variable) => outcome.model[variable] === true, report }
  return { status: 'unsatisfiable', lrat: toBinaryLrat(outcome.steps), report }
}

// --- concluding ---------------------------------------------------------------------------------------------------------

function concludeModel(
  file: string,
  question: Question,
  isTrue: Truth,
  report: Omit<Report, 'status'>,
  options: ProveOptions,
  say: Say,
): ExitCode {
  if (!satisfies(question.cnf, isTrue))
    throw new CliError(
      EXIT.unsolved,
      'wrong-model',
      `expected a model of ${file} from ${report.solver}, but it does not satisfy the formula`,
    )
  const model = question.model(isTrue)
  if (options.output !== undefined) {
    writeOutputFile(options.output, 'the model', model)
    say('written', `the model: ${options.output}, ${grouped(model.length)} bytes`)
  }
  const written = options.output === undefined ? {} : { output: options.output }
  if (options.json === true) printJson({ status: 'satisfiable', ...report, model, ...written } satisfies Report)
  else {
    printLine(`${paint('yellow', 'satisfiable')}: ${file} has this model, so there is nothing to refute`)
    printLine(model.trimEnd())
    if (question.kind === LRAT_KIND)
      printLine(
        `next: aethel submit ${shellWord(file)} --model ${options.output === undefined ? 'MODEL (written with -o MODEL)' : shellWord(options.output)}`,
      )
  }
  return EXIT.ok
}

function concludeProof(
  file: string,
  question: Question,
  lrat: Uint8Array,
  report: Omit<Report, 'status'>,
  options: ProveOptions,
  say: Say,
): ExitCode {
  const verdict = question.check(lrat)
  if (verdict.status !== 'valid') {
    throw new CliError(
      EXIT.unsolved,
      verdict.code ?? 'invalid',
      `expected a proof from ${report.solver} that holds, but the kernel refuses it: ${verdict.message ?? ''}; the solver is at fault, try another`,
    )
  }
  say('checked', `valid by the kernel of ${question.kind}, ${grouped(verdict.gas)} gas`)
  const output = options.output ?? proofFileOf(file)
  writeOutputFile(output, 'the proof', lrat)
  say('written', `${output}, ${grouped(lrat.length)} bytes`)
  const bound = boundExceeded({
    kind: question.kind,
    claimBytes: question.claim.length,
    proofBytes: lrat.length,
    gas: verdict.gas,
  })
  if (bound !== null) say('note', bound)
  const next = `aethel submit ${shellWord(file)} --proof ${shellWord(output)} --wait final -o receipt.json`
  if (options.json === true) {
    printJson({ status: 'unsatisfiable', ...report, output, proofBytes: lrat.length, gas: verdict.gas, next } satisfies Report)
  } else {
    printLine(`${paint('green', 'unsatisfiable')}: ${file}, claim ${report.claimId}`)
    printLine(`next: ${next}`)
  }
  return EXIT.ok
}

function extract(file: string, options: ProveOptions): ExitCode {
  if (options.label === undefined) throw usageError('usage', `expected --label with the theorem of ${file} to take out`)
  const say = options.json === true ? () => undefined : step
  const { bundle, proofBytes, gas } = theoremBundle(file, options.label, options.library, say)
  const output = options.output ?? `${options.label}.proofs.json`
  requireOther(output, 'the proofs', [file])
  writeOutputFile(output, 'the proofs', encodeBundle(bundle))
  const wanted = bundle.proofs.at(-1)
  const next = `aethel submit ${shellWord(output)} --wait final -o receipt.json`
  say('written', `${output}, ${grouped(bundle.proofs.length)} proofs of ${grouped(proofBytes)} bytes together`)
  if (options.json === true) {
    printJson({
      status: 'extracted',
      kind: bundle.kind,
      ...(wanted === undefined ? {} : { claimId: toHex(claimIdOf(bundle.kind, wanted.claim)) }),
      theorems: bundle.proofs.length,
      output,
      proofBytes,
      gas,
      next,
    } satisfies Report)
  } else {
    printLine(`${paint('green', 'extracted')}: ${options.label} of ${bundle.library}`)
    printLine(`next: ${next}`)
  }
  return EXIT.ok
}

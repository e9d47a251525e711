/**
 * Somebody else's SAT solver, run as a process: found on the PATH or named by the user, given a DIMACS file and a place for its
 * proof. It may take long, so it is watched: a time limit, and a bar that shows the proof growing.
 */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { CliError, EXIT, usageError } from '../exit.js'
import { MAX_REFUTATION_BYTES } from '../files.js'
import { startProgress } from '../ui/progress.js'

/** Solvers that write proofs, in the order in which they are looked for. */
const KNOWN_SOLVERS = ['cadical', 'kissat'] as const
const POLL_MS = 250
/** What solvers answer with, by convention of the SAT competitions. */
const SATISFIABLE = 10
const UNSATISFIABLE = 20
const CONVENTION = `and by convention answers with code ${SATISFIABLE} or ${UNSATISFIABLE}: cadical and kissat do, for others write a script`

export interface Solver {
  readonly path: string
  /** Its name with its version, if it says one. */
  readonly name: string
  /** It can write LRAT, so nothing need be elaborated. */
  readonly lrat: boolean
}

export type SolverAnswer =
  | { readonly status: 'unsatisfiable'; readonly proof: Uint8Array; readonly format: 'lrat' | 'drat'; readonly milliseconds: number }
  /** The literals that are true or false, as printed. */
  | { readonly status: 'satisfiable'; readonly literals: readonly number[]; readonly milliseconds: number }
  | { readonly status: 'unknown'; readonly reason: string; readonly milliseconds: number }

/** The solver named, or the first known one that is installed. */
export function findSolver(named: string | undefined): Solver {
  if (named !== undefined) {
    const path = named.includes('/') ? named : onPath(named)
    if (path === undefined || !isExecutable(path))
      throw usageError('no-solver', `expected a SAT solver at ${named}, but there is no program of that name to run`)
    return describe(path)
  }
  for (const name of KNOWN_SOLVERS) {
    const path = onPath(name)
    if (path !== undefined) return describe(path)
  }
  throw usageError(
    'no-solver',
    'expected an installed SAT solver (cadical or kissat), found none; install one ("apt-get install cadical" on Debian and Ubuntu, ' +
      '"brew install cadical" on macOS), name one with --solver PATH, or take the small one that is built in with --solver builtin',
  )
}

function onPath(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && isExecutable(join(folder, name))) return join(folder, name)
  }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function describe(path: string): Solver {
  const ask = (option: string): string => {
    const result = spawnSync(path, [option], { encoding: 'utf8', timeout: 10_000, maxBuffer: 1 << 20 })
    return result.status === 0 ? result.stdout : ''
  }
  const first = ask('--version').trim().split('\n')[0] ?? ''
  const version = /^[\w.+-]{1,40}$/.test(first) ? ` ${first}` : ''
  return { path, name: `${basename(path)}${version}`, lrat: /--lrat\b/.test(ask('--help')) }
}

export interface SolveOptions {
  readonly cnfFile: string
  readonly proofFile: string
  readonly timeoutSeconds: number
  /** Ends it, whatever it has come to. */
  readonly stop: AbortSignal
}

/** Runs the solver to its end, or to the time limit. */
export async function solve(solver: Solver, options: SolveOptions): Promise<SolverAnswer> {
  const { cnfFile, proofFile, timeoutSeconds, stop } = options
  const started = performance.now()
  const args = [...(solver.lrat ? ['--lrat'] : []), '-q', cnfFile, proofFile]
  // A process group of its own: what a script has started ends with it, and no longer holds its output open.
  const child = spawn(solver.path, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const end = (): void => endGroup(child.pid)
  stop.addEventListener('abort', end, { once: true })
  const literals: number[] = []
  let complaint = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('v')) for (const text of line.slice(1).split(' ')) if (text !== '' && text !== '0') literals.push(Number(text))
  })
  child.stderr.on('data', (part: Buffer) => {
    if (complaint.length < 1_000) complaint += part.toString('latin1')
  })
  const progress = startProgress('solving', timeoutSeconds)
  let ended: string | null = null
  const timer = setInterval(() => {
    const seconds = Math.floor((performance.now() - started) / 1000)
    const bytes = statSync(proofFile, { throwIfNoEntry: false })?.size ?? 0
    progress.update(Math.min(seconds, timeoutSeconds), `s, ${(bytes / 1e6).toFixed(1)} MB of proof`)
    if (seconds >= timeoutSeconds) ended = `no answer within ${timeoutSeconds} s; give it more with --timeout`
    else if (bytes > MAX_REFUTATION_BYTES) ended = tooLarge(bytes)
    else return
    end()
  }, POLL_MS)
  try {
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new CliError(EXIT.usage, 'solver', `expected to run ${solver.path}, but it cannot be run (${error.message})`)),
      )
      child.once('close', (status, name) => resolve({ code: status, signal: name }))
    })
    const milliseconds = performance.now() - started
    if (ended !== null) return { status: 'unknown', reason: ended, milliseconds }
    if (code === SATISFIABLE) return { status: 'satisfiable', literals, milliseconds }
    if (code === UNSATISFIABLE) {
      const bytes = statSync(proofFile, { throwIfNoEntry: false })?.size ?? 0
      if (bytes > MAX_REFUTATION_BYTES) return { status: 'unknown', reason: tooLarge(bytes), milliseconds }
      return { status: 'unsatisfiable', proof: readProof(solver, proofFile), format: solver.lrat ? 'lrat' : 'drat', milliseconds }
    }
    const said = complaint.trim().split('\n')[0] ?? ''
    const how = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`
    // A solver that gives up ends with 0; whatever else there is may not have understood how it was called.
    const advice =
      signal === null ? `; it was run as "${basename(solver.path)} ${args.slice(0, -2).join(' ')} FORMULA PROOF", ${CONVENTION}` : ''
    return { status: 'unknown', reason: `${how}${said === '' ? '' : ` and says: ${said}`}${advice}`, milliseconds }
  } finally {
    clearInterval(timer)
    stop.removeEventListener('abort', end)
    progress.stop()
  }
}

function tooLarge(bytes: number): string {
  return `its proof of ${bytes} bytes is larger than the ${MAX_REFUTATION_BYTES} that are read here`
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

function readProof(solver: Solver, file: string): Uint8Array {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    throw new CliError(
      EXIT.unsolved,
      'no-proof',
      `expected ${solver.name} to write a proof as "SOLVER FORMULA PROOF" does by convention, but it wrote none; take one that does, for example cadical`,
    )
  }
  return readFileSync(file)
}

/**
 * What every command has in common: `--json`, the way failures are printed, and the exit code. A command's own function
 * returns its exit code or throws `CliError`.
 */
import type { DisseminationChoice, SignatureScheme } from '@aethel/consensus'
import { type Command, InvalidArgumentError } from 'commander'
import { CliError, EXIT, type ExitCode, oneLine } from './exit.js'
import { ShapeError } from './shape.js'
import { paintError, printJson } from './ui/terminal.js'

export interface CommonOptions {
  readonly json?: boolean
}

/** What certificates are made of, as genesis has it. */
export function disseminationChoice(text: string): DisseminationChoice {
  if (text === 'auto' || text === 'mesh' || text === 'collectors' || text === 'tree') return text
  throw new InvalidArgumentError('Expected auto, mesh, collectors or tree.')
}

export function certificateScheme(text: string): SignatureScheme {
  if (text !== 'ed25519' && text !== 'bls12-381') throw new InvalidArgumentError('Expected ed25519 or bls12-381.')
  return text
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout and nothing else')
}

export async function finish(options: CommonOptions, body: () => ExitCode | Promise<ExitCode>): Promise<void> {
  try {
    process.exitCode = await body()
  } catch (error) {
    process.exitCode = report(error, options.json === true)
  }
}

/** One line on stderr; with `--json` also the one document on stdout. */
export function report(error: unknown, json: boolean): ExitCode {
  const failure = asFailure(error)
  process.stderr.write(`${paintError('red', 'aethel:')} ${oneLine(failure.message)}\n`)
  if (failure.exitCode === EXIT.internal && error instanceof Error && process.env['AETHEL_DEBUG'] !== undefined) {
    process.stderr.write(`${error.stack ?? ''}\n`)
  }
  if (json) printJson({ status: 'error', code: failure.code, message: oneLine(failure.message) })
  return failure.exitCode
}

interface Failure {
  readonly exitCode: ExitCode
  readonly code: string
  readonly message: string
}

const EXIT_CODES: readonly number[] = Object.values(EXIT)

/** `CliError`, the node's own error class (same fields), or a bug. */
function asFailure(error: unknown): Failure {
  if (error instanceof CliError) return error
  if (error instanceof ShapeError) {
    const message = `expected an answer of a validator, but it is not understood (${error.message}); is it of another version?`
    return { exitCode: EXIT.unreachable, code: 'unreachable', message }
  }
  if (error instanceof Error && 'exitCode' in error && 'code' in error && typeof error.exitCode === 'number') {
    const hint = 'hint' in error && typeof error.hint === 'string' && error.hint !== '' ? `; ${error.hint}` : ''
    const exitCode = (EXIT_CODES.includes(error.exitCode) ? error.exitCode : EXIT.internal) as ExitCode
    return { exitCode, code: String(error.code), message: error.message + hint }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { exitCode: EXIT.internal, code: 'internal', message: `this should not have happened: ${message} (AETHEL_DEBUG=1 shows where)` }
}

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}

/** A parser for options that take an integer. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected an integer in ${least}..${most}.`)
    }
    return value
  }
}

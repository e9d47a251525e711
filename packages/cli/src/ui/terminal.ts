/**
 * What a command may print. With `--json` exactly one JSON document goes to stdout and nothing else; without it, text.
 * Progress and events go to stderr, so a pipe carries only the answer. Colour only on a terminal, and never when
 * NO_COLOR is set.
 */
import { styleText } from 'node:util'
import { oneLine } from '../exit.js'

type Style = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold'

function coloursOn(stream: NodeJS.WriteStream): boolean {
  const disabled = process.env['NO_COLOR']
  return stream.isTTY === true && (disabled === undefined || disabled === '') && process.env['TERM'] !== 'dumb'
}

function painter(stream: NodeJS.WriteStream): (style: Style, text: string) => string {
  return (style, text) => (coloursOn(stream) ? styleText(style, text, { validateStream: false }) : text)
}

/** For text that goes to stdout. */
export const paint: (style: Style, text: string) => string = painter(process.stdout)
/** For text that goes to stderr. */
export const paintError: (style: Style, text: string) => string = painter(process.stderr)

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, jsonValue, 2)}\n`)
}

/** bigint as decimal text: JSON numbers are exact only up to 2^53. */
export function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** A path as a word of a command that is printed to be pasted into a shell, and as no option of that command. */
export function shellWord(path: string): string {
  const named = path.startsWith('-') ? `./${path}` : path
  return /^[\w@%+=:,./-]+$/.test(named) ? named : `'${named.replaceAll("'", `'\\''`)}'`
}

/** Two columns, aligned; for summaries. */
export function printTable(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) printLine(`  ${paint('dim', name.padEnd(width))}  ${value}`)
}

export interface CheckLine {
  readonly name: string
  readonly passed: boolean
  readonly detail: string
}

export function printChecklist(checks: readonly CheckLine[]): void {
  const width = Math.max(...checks.map((check) => check.name.length))
  for (const check of checks) {
    const mark = check.passed ? paint('green', 'ok  ') : paint('red', 'FAIL')
    printLine(`  ${mark}  ${check.name.padEnd(width)}${check.detail === '' ? '' : `  ${paint('dim', oneLine(check.detail))}`}`)
  }
}

export function grouped(value: number | bigint): string {
  return value.toString().replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

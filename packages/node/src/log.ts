/** JSON log lines with fixed event names (docs/operations.md), one per event. */
import pino from 'pino'
import type { LogLevel } from './home.js'

/**
 * `time`, `level` and `validator` stand in every line. pino writes a second field of the same name behind the first, and whoever parses the
 * line keeps one of the two: so no event may have one.
 */
export interface LogLine {
  readonly event: string
  readonly time?: never
  readonly level?: never
  /** This node's own index. Another validator is a `peer`, `sender`, `offender` or `proposer`. */
  readonly validator?: never
  readonly [field: string]: unknown
}

export type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', (line: LogLine) => void>>

export interface LogSink {
  write(line: string): void
}

export function createLog(sink: LogSink, level: LogLevel, base: Readonly<Record<string, unknown>>): Log {
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, sink)
}

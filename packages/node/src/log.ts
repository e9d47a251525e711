/** JSON log lines with fixed event names (docs/operations.md), one per event. */
import pino, { type Logger } from 'pino'
import type { LogLevel } from './home.js'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

export interface LogSink {
  write(line: string): void
}

export function createLog(sink: LogSink, level: LogLevel, base: Readonly<Record<string, unknown>>): Log {
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, sink)
}

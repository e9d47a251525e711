/**
 * Where a validator's log goes. Whoever was given it may not read it (a pager, a collector that hangs), and a pipe holds 64 KiB: beyond a
 * bound lines are left out rather than kept, and the first one after that says how many.
 */
import type { LogSink } from '@aethel/node'

/** Of lines that wait to be read: an hour's of a busy validator. */
export const MAX_UNREAD_LOG_BYTES: number = 16 * 1024 * 1024

export function boundedSink(
  stream: Pick<NodeJS.WriteStream, 'write' | 'writableLength'>,
  mostBytes: number = MAX_UNREAD_LOG_BYTES,
): LogSink {
  let suppressed = 0
  return {
    write: (line) => {
      if (stream.writableLength > mostBytes) {
        suppressed++
        return
      }
      if (suppressed > 0) {
        const time = new Date().toISOString()
        stream.write(`${JSON.stringify({ level: 'warn', time, event: 'log-not-read', suppressed })}\n`)
      }
      suppressed = 0
      stream.write(line.endsWith('\n') ? line : `${line}\n`)
    },
  }
}

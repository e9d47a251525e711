/**
 * Where a validator's log goes. Whoever was given it may not read it (a pager, a collector that hangs), and a pipe holds 64 KiB: beyond a
 * bound lines are left out rather than kept, and the first one after that says how many.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogSink } from '@aethel/node'

/** Of lines that wait to be read: an hour's of a busy validator. */
export const MAX_UNREAD_LOG_BYTES: number = 16 * 1024 * 1024

/** Less than whoever stops services waits before it kills them. */
const LAST_WORDS_MS = 5_000
const POLL_MS = 20

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

/** Waits until all of it is read; false: for a while nothing was, and nobody should wait for that. */
export async function drained(stream: Pick<NodeJS.WriteStream, 'writableLength'>, patienceMs: number = LAST_WORDS_MS): Promise<boolean> {
  let left = stream.writableLength
  for (let movedAt = performance.now(); left > 0; ) {
    if (performance.now() - movedAt > patienceMs) return false
    await sleep(POLL_MS)
    if (stream.writableLength < left) movedAt = performance.now()
    left = stream.writableLength
  }
  return true
}

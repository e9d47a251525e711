/** What is lost for good if a power cut takes it. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** A file under its name only when it is whole and on disk, and its name with it. */
export function writeDurably(file: string, content: string | Uint8Array, mode: number): void {
  const unfinished = `${file}.tmp`
  writeFileSync(unfinished, content, { flush: true, mode })
  renameSync(unfinished, file)
  syncPath(dirname(file))
}

/** Of a file or a folder: what has been written to it so far. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** A file under its name only when it is whole and on disk, and its name with it: for what is lost for good if a power cut takes it. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export function writeDurably(file: string, content: string | Uint8Array, mode: number): void {
  const unfinished = `${file}.tmp`
  writeFileSync(unfinished, content, { flush: true, mode })
  renameSync(unfinished, file)
  const directory = openSync(dirname(file), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

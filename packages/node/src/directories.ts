/** The folder that a command makes for its output. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AethelError } from './errors.js'

/** Makes the folder and what `fill` puts there, or leaves nothing in it (the disk may be full). */
export function fillOutput<T>(output: string, fill: () => T): T {
  makeOutput(output)
  try {
    return fill()
  } catch (error) {
    for (const name of readdirSync(output)) rmSync(join(output, name), { recursive: true, force: true })
    throw isSystemError(error) ? unwritable(output, error) : error
  }
}

/** Makes it, with its parents, or finds it empty. */
function makeOutput(output: string): void {
  try {
    if (existsSync(output) && readdirSync(output).length > 0) {
      throw new AethelError(
        'output-not-empty',
        `expected an empty or new directory, but ${output} holds something`,
        'choose another --output, or remove what is there',
      )
    }
    makeDirectory(output)
  } catch (error) {
    throw error instanceof AethelError ? error : unwritable(output, error)
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

function unwritable(output: string, error: unknown): AethelError {
  const reason = error instanceof Error ? error.message : String(error)
  const isFull = isSystemError(error) && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  return new AethelError(
    'output',
    isFull ? `cannot write to ${output}: the disk is full` : `cannot write to ${output}: ${reason}`,
    isFull ? 'free some space, or choose another directory' : 'choose a directory that this user may write',
    { cause: error },
  )
}

/** Node's own recursive `mkdir` never returns where a folder exists and takes no new ones (/proc). */
function makeDirectory(path: string): void {
  const folder = resolve(path)
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeDirectory(parent)
  mkdirSync(folder)
}

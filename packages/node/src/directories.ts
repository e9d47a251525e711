/** The folder that a command makes for its output. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AethelError } from './errors.js'

/** Makes it, with its parents, or finds it empty. */
export function makeOutput(output: string): void {
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
    if (error instanceof AethelError) throw error
    throw new AethelError(
      'output',
      `cannot write to ${output}: ${error instanceof Error ? error.message : String(error)}`,
      'choose a directory that this user may write',
      { cause: error },
    )
  }
}

/** Node's own recursive `mkdir` never returns where a folder exists and takes no new ones (/proc). */
function makeDirectory(path: string): void {
  const folder = resolve(path)
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeDirectory(parent)
  mkdirSync(folder)
}

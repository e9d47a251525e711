/** Inputs kept between runs, one file each, named by what is in it: `fuzz/corpus/<target>/<hash>`. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../corpus/', import.meta.url))
/** Of one target; all targets together stay below 300 kB. */
const MAX_KEPT_BYTES = 12_000

/** @param {Uint8Array} bytes */
export function nameOf(bytes) {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12)
}

/** @param {string} target @returns {Uint8Array[]} */
export function readCorpus(target) {
  const folder = `${FOLDER}${target}`
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => new Uint8Array(readFileSync(`${folder}/${name}`)))
}

/**
 * Replaces what was kept for a target; the first inputs count most.
 *
 * @param {string} target
 * @param {readonly Uint8Array[]} inputs
 * @returns {{ files: number, bytes: number }}
 */
export function writeCorpus(target, inputs) {
  const folder = `${FOLDER}${target}`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  let bytes = 0
  let files = 0
  for (const input of inputs) {
    if (bytes + input.length > MAX_KEPT_BYTES) continue
    writeFileSync(`${folder}/${nameOf(input)}`, input)
    bytes += input.length
    files++
  }
  return { files, bytes }
}

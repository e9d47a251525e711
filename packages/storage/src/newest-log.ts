/**
 * Makes the loss of LevelDB's newer log noticed. When its table in memory is full, LevelDB begins another log and makes a file of the table
 * beside the writing; until that is done its MANIFEST names the older log only, and nobody would miss the newer one, with the newest votes
 * in it (decision 0150). So before the first batch in a log that the MANIFEST does not name is announced as durable, a file `NEWEST` says
 * which log that is and how long it was, and it and the directory are synced: LevelDB does not sync the directory for a new log (trap C2).
 *
 * That another log has begun is seen by the one before not having grown with a batch that is on disk: one stat per batch, no clock. What is
 * written beside the batches, unsynced, makes a log grow too; so then, and once after it, the newest log is looked up by name.
 */
import { closeSync, fdatasync, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { CRC_START, crcOver } from './crc32c.js'

/** In the store's directory; LevelDB leaves files alone whose names are not of its making. */
export const NEWEST_FILE = 'NEWEST'

interface Noted {
  readonly log: number
  /** It has been at least so long. */
  readonly bytes: number
}

export class NewestLog {
  readonly #path: string
  #log: OpenLog
  #bytes: number
  /** Writes of others that are under way. */
  #others = 0
  #isSure = true

  /** Of a store that was just opened: LevelDB has begun a log, which its MANIFEST names. */
  constructor(path: string) {
    this.#path = path
    this.#log = openNewest(path)
    this.#bytes = sizeOf(this.#log)
  }

  /** To be waited for after each batch that is on disk, before anybody is told. */
  async afterBatch(): Promise<void> {
    const bytes = sizeOf(this.#log)
    if (this.#isSure && bytes > this.#bytes) {
      this.#bytes = bytes
      return
    }
    this.#isSure = this.#others === 0
    const known = this.#log.number
    this.close()
    this.#log = openNewest(this.#path)
    this.#bytes = sizeOf(this.#log)
    if (this.#log.number === known) return
    // Writes of others are not synced, and may lie in it: bytes that a power cut takes from there would be missed.
    if (this.#log.descriptor !== null) await synced(this.#log.descriptor)
    await writeSynced(this.#path, encodeNoted({ log: this.#log.number, bytes: this.#bytes }))
  }

  /** Writes that are no batch, and that nobody is told of. */
  async beside(write: () => Promise<void>): Promise<void> {
    this.#others++
    this.#isSure = false
    try {
      await write()
    } finally {
      this.#others--
    }
  }

  close(): void {
    if (this.#log.descriptor !== null) closeSync(this.#log.descriptor)
    this.#log = { ...this.#log, descriptor: null }
  }
}

/** Kept open, because asking a descriptor takes a third of the time that asking by name does. */
interface OpenLog {
  readonly number: number
  /** Null: it is gone, and what was in it is in a table by now. */
  readonly descriptor: number | null
}

function openNewest(path: string): OpenLog {
  const name = newestLogIn(path)
  return { number: numberOf(name), descriptor: openIfThere(join(path, name)) }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function synced(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
  })
}

function sizeOf({ descriptor }: OpenLog): number {
  return descriptor === null ? 0 : fstatSync(descriptor).size
}

/** A sentence about a log that must be there and is not, or not as long as it was; undefined if nothing is amiss. */
export function missedLog(path: string, names: readonly string[], logInManifest: number): string | undefined {
  if (!names.includes(NEWEST_FILE)) return undefined
  const noted = decodeNoted(readFileSync(join(path, NEWEST_FILE), 'latin1'))
  if (noted === undefined) return `${NEWEST_FILE}, which says which log is the newest, is not what was written`
  if (noted.log <= logInManifest) return undefined // what was in it is in tables, or the MANIFEST names it itself
  const name = names.find((candidate) => isLog(candidate) && numberOf(candidate) === noted.log)
  if (name === undefined) return `the log ${noted.log} is missing, and the newest votes with it`
  const { size } = statSync(join(path, name))
  return size < noted.bytes ? `the log ${noted.log} has ${size} bytes, and had ${noted.bytes}: the newest votes are missing` : undefined
}

function newestLogIn(path: string): string {
  return (
    readdirSync(path)
      .filter(isLog)
      .toSorted((a, b) => numberOf(a) - numberOf(b))
      .at(-1) ?? '000000.log'
  )
}

function isLog(name: string): boolean {
  return /^\d+\.log$/.test(name)
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10)
}

function encodeNoted({ log, bytes }: Noted): string {
  const text = `${log} ${bytes}`
  return `${text} ${checksumOf(text)}\n`
}

function decodeNoted(text: string): Noted | undefined {
  const found = /^((\d{1,15}) (\d{1,15})) ([0-9a-f]{8})\n$/.exec(text)
  if (found === null || checksumOf(found[1] ?? '') !== found[4]) return undefined
  return { log: Number(found[2]), bytes: Number(found[3]) }
}

function checksumOf(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return (crcOver(CRC_START, bytes, 0, bytes.length) >>> 0).toString(16).padStart(8, '0')
}

/** Whole or not at all, also over a power cut. */
async function writeSynced(path: string, text: string): Promise<void> {
  const temporary = join(path, `${NEWEST_FILE}.new`)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(path, NEWEST_FILE))
  if (process.platform === 'win32') return // directories cannot be synced there, and need not be
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

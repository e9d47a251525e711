/**
 * Reading the user's files: a file that cannot be read, is no file or is absurdly large is said so in one line
 * (exit code 2), before anything is allocated for it.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CliError, EXIT, errorCodeOf, usageError } from './exit.js'

const MEBIBYTE = 1024 * 1024
/** A Metamath database: the largest known one has 50 MB. */
export const MAX_DATABASE_BYTES: number = 512 * MEBIBYTE
/** A CNF or LRAT file for the offline check. */
export const MAX_REFUTATION_BYTES: number = 1024 * MEBIBYTE
/** Receipts, trust roots, keys. */
export const MAX_SMALL_FILE_BYTES: number = 16 * MEBIBYTE

/** The bytes of a regular file (or a pipe's, up to the limit). */
export function readInputFile(path: string, what: string, maxBytes: number): Uint8Array {
  const descriptor = openInput(path, what)
  try {
    const status = checkedStatus(descriptor, path, what, maxBytes)
    return status.isFile() ? readFileSync(descriptor) : readBounded(descriptor, path, what, maxBytes)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw unreadable(path, what, error)
  } finally {
    closeSync(descriptor)
  }
}

/** How other forms of a text begin, and what makes a text of them. No text that is read here begins like this. */
const NO_TEXTS: readonly { readonly magic: readonly number[]; readonly what: string; readonly advice: string }[] = [
  { magic: [0x1f, 0x8b], what: 'compressed with gzip', advice: 'unpack it first ("gunzip -k FILE")' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'compressed with xz', advice: 'unpack it first ("unxz -k FILE")' },
  { magic: [0x42, 0x5a, 0x68], what: 'compressed with bzip2', advice: 'unpack it first ("bunzip2 -k FILE")' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], what: 'compressed with zstd', advice: 'unpack it first ("unzstd FILE")' },
  { magic: [0x50, 0x4b, 0x03, 0x04], what: 'a zip archive', advice: 'unpack it first ("unzip FILE")' },
  { magic: [0xef, 0xbb, 0xbf], what: 'marked as UTF-8 by its first bytes', advice: 'save it as plain ASCII, without a byte order mark' },
  { magic: [0xff, 0xfe], what: 'in UTF-16', advice: 'save it as plain ASCII' },
  { magic: [0xfe, 0xff], what: 'in UTF-16', advice: 'save it as plain ASCII' },
]

/** The same for a file that holds text: one in another form is told apart from one that is wrong. */
export function readTextFile(path: string, what: string, maxBytes: number): Uint8Array {
  const bytes = readInputFile(path, what, maxBytes)
  for (const { magic, what: form, advice } of NO_TEXTS)
    if (magic.every((byte, at) => bytes[at] === byte)) throw usageError('not-text', `expected ${what}, but ${path} is ${form}; ${advice}`)
  return bytes
}

/** A file or pipe read in pieces, never as a whole. */
export interface InputPieces {
  /** The next piece, overwritten by the one after it; undefined at the end. Throws a `CliError`. */
  next(): Uint8Array | undefined
  close(): void
}

export function openInputPieces(path: string, what: string, maxBytes: number): InputPieces {
  const descriptor = openInput(path, what)
  try {
    checkedStatus(descriptor, path, what, maxBytes)
  } catch (error) {
    closeSync(descriptor)
    if (error instanceof CliError) throw error
    throw unreadable(path, what, error)
  }
  const piece = new Uint8Array(MEBIBYTE)
  let length = 0
  return {
    next() {
      let count: number
      try {
        count = readSync(descriptor, piece)
      } catch (error) {
        throw unreadable(path, what, error)
      }
      length += count
      if (length > maxBytes) throw usageError('too-large', `expected ${what} of at most ${maxBytes} bytes, but ${path} goes on`)
      return count === 0 ? undefined : piece.subarray(0, count)
    },
    close: () => closeSync(descriptor),
  }
}

function openInput(path: string, what: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw unreadable(path, what, error)
  }
}

function checkedStatus(descriptor: number, path: string, what: string, maxBytes: number): Stats {
  const status = fstatSync(descriptor)
  if (status.isDirectory()) {
    throw usageError('unreadable', `expected ${what}, but ${path} is a directory; name a file inside it`)
  }
  if (!status.isFile() && !status.isFIFO() && !status.isCharacterDevice()) {
    throw usageError('unreadable', `expected ${what}, but ${path} is neither a file nor a pipe`)
  }
  if (status.size > maxBytes) {
    throw usageError('too-large', `expected ${what} of at most ${maxBytes} bytes, but ${path} has ${status.size}`)
  }
  return status
}

function readBounded(descriptor: number, path: string, what: string, maxBytes: number): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (;;) {
    const part = new Uint8Array(MEBIBYTE)
    const count = readSync(descriptor, part)
    if (count === 0) return Buffer.concat(parts, length)
    length += count
    if (length > maxBytes) throw usageError('too-large', `expected ${what} of at most ${maxBytes} bytes, but ${path} goes on`)
    parts.push(part.subarray(0, count))
  }
}

function unreadable(path: string, what: string, error: unknown): CliError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission is denied',
    ENOTDIR: 'a part of the path is not a directory',
    EISDIR: 'it is a directory; name a file inside it',
    ELOOP: 'its symbolic links go in a circle',
    ENAMETOOLONG: 'the name is too long',
  }
  const code = errorCodeOf(error) ?? 'unknown'
  return usageError('unreadable', `expected ${what} at ${path}, but ${reasons[code] ?? `it cannot be read (${code})`}`)
}

/** A new one, for what a command needs while it runs. */
export function temporaryFolder(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix))
  } catch (error) {
    throw usageError(
      'temporary-folder',
      `expected to make a temporary folder in ${tmpdir()}, but it cannot be made (${errorCodeOf(error) ?? 'unknown'}); name another place with TMPDIR`,
    )
  }
}

/** Of the user; null: it has none, as a user without a name in a container, and HOME is not set. */
export function homeFolder(): string | null {
  try {
    return homedir()
  } catch {
    return null
  }
}

/** Where `submit -o RECEIPT` keeps the proof that the receipt is about. */
export function proofBeside(receipt: string): string {
  return `${receipt}.proof`
}

/** Parses a small JSON file; anything but an object is refused. */
export function readJsonObject(path: string, what: string): Readonly<Record<string, unknown>> {
  const text = new TextDecoder().decode(readInputFile(path, what, MAX_SMALL_FILE_BYTES))
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw usageError('not-json', `expected ${what} (a JSON object) in ${path}, but it is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError('not-json', `expected ${what} (a JSON object) in ${path}, but it is another JSON value`)
  }
  return value as Readonly<Record<string, unknown>>
}

/** Said before long work, or before anything is sent, not after it. */
export function requireWritable(path: string, what: string): void {
  try {
    const status = statSync(path, { throwIfNoEntry: false })
    if (status?.isDirectory() === true) throw unwritable(path, what, 'it is a directory; name a file inside it')
    accessSync(status === undefined ? dirname(path) : path, constants.W_OK)
    if (status === undefined && !statSync(dirname(path)).isDirectory()) throw unwritable(path, what, `${dirname(path)} is no folder`)
  } catch (error) {
    throw error instanceof CliError ? error : unwritable(path, what, reasonOf(path, error))
  }
}

/** Whoever writes the proof of a formula over the formula has neither: a proof is of use only with what it proves. */
export function requireOther(path: string, what: string, inputs: readonly string[]): void {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.isFile() !== true) return
  const read = inputs.find((input) => {
    const status = statSync(input, { throwIfNoEntry: false })
    return status?.dev === there.dev && status.ino === there.ino
  })
  if (read !== undefined) throw unwritable(path, what, `that is ${read}, which is read here; name another file with -o`)
}

function unwritable(path: string, what: string, reason: string): CliError {
  return new CliError(EXIT.usage, 'unwritable', `expected to write ${what} to ${path}, but ${reason}`)
}

function reasonOf(path: string, error: unknown): string {
  const code = errorCodeOf(error)
  return code === 'ENOENT' ? `the folder ${dirname(path)} does not exist` : `it cannot be written (${code ?? 'unknown'})`
}

/** What a failed opening or writing of an output is told as. */
export function unwritableBy(path: string, what: string, error: unknown): CliError {
  return unwritable(path, what, reasonOf(path, error))
}

export function writeOutputFile(path: string, what: string, content: string | Uint8Array, mode = 0o644): void {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there?.isFile() === true) replaceFile(path, content, there.mode & 0o777)
    else writeFileSync(path, content, { mode })
  } catch (error) {
    throw unwritableBy(path, what, error)
  }
}

/** What says that nothing can be put beside the file, or in its place, although it may be written itself. */
const NOT_BESIDE: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'EBUSY', 'ENAMETOOLONG']

/** By the new content as a whole, or not at all: the old one may be a trust root, or hold the approvals of others. */
function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const beside = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(beside, content, { mode })
    chmodSync(beside, mode)
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    if (!NOT_BESIDE.includes(errorCodeOf(error) ?? '')) throw error
    writeFileSync(path, content)
  }
}

/**
 * Where the Metamath library of the main job comes from: a file the user names; else Debian's package
 * `metamath-databases` (set.mm, public domain), already installed, cached, or downloaded and unpacked into a cache folder
 * without needing root; else the small library that ships with this repository. Never anything half-written: the file
 * appears in the cache by one rename.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { oneLine } from '../exit.js'
import { homeFolder, MAX_DATABASE_BYTES, readInputFile } from '../files.js'

const PACKAGE = 'metamath-databases'
const PATH_IN_PACKAGE = 'usr/share/metamath/databases/set.mm'
const MAX_REASON_LENGTH = 300
const REFRESH_TIMEOUT_MS = 60_000
const DOWNLOAD_TIMEOUT_MS = 120_000

export interface Library {
  readonly path: string
  readonly bytes: Uint8Array
  /** For people: where it came from. */
  readonly origin: string
}

/** Null: there is no place for one. */
export function cacheFolder(): string | null {
  const base = process.env['XDG_CACHE_HOME']
  if (base !== undefined && base !== '') return join(base, 'aethel')
  const home = homeFolder()
  return home === null ? null : join(home, '.cache', 'aethel')
}

export function bundledLibraryPath(): string {
  return join(fileURLToPath(import.meta.resolve('@aethel/proofs')), '..', '..', 'library', 'propositional.mm')
}

/** When `signal` is aborted it downloads no further, clears away what it has begun, and throws. */
export async function obtainLibrary(path: string | undefined, say: (line: string) => void, signal?: AbortSignal): Promise<Library> {
  if (path !== undefined) return load(path, 'named with --library')
  const cache = cacheFolder()
  const cached = cache === null ? null : join(cache, 'set.mm')
  if (cached !== null && existsSync(cached)) return load(cached, `Debian's ${PACKAGE}, cached`)
  const installed = join('/', PATH_IN_PACKAGE)
  if (existsSync(installed)) return load(installed, `Debian's ${PACKAGE}, installed`)
  let reason: string | null = 'there is no folder to keep it in: HOME is not set'
  if (cached !== null) {
    say(`set.mm: fetching Debian's package ${PACKAGE} (about 10 MB, once)`)
    reason = await download(cached, signal)
    signal?.throwIfAborted()
    if (reason === null) return load(cached, `Debian's ${PACKAGE}, downloaded`)
  }
  say(`set.mm is not to be had (${reason}); going on with the small library bundled here. With --library FILE you can name another.`)
  return load(bundledLibraryPath(), 'bundled: propositional logic')
}

function load(path: string, origin: string): Library {
  return { path, bytes: readInputFile(path, 'a Metamath library', MAX_DATABASE_BYTES), origin }
}

/** Null, or why it did not work. */
async function download(target: string, signal?: AbortSignal): Promise<string | null> {
  const cache = dirname(target)
  let work: string
  try {
    mkdirSync(cache, { recursive: true })
    work = mkdtempSync(join(cache, 'download-'))
  } catch {
    return `the cache folder ${cache} cannot be made, or not be written to`
  }
  try {
    const fetched = await fetchPackage(work, signal)
    if (fetched !== null) return fetched
    const archive = readdirSync(work).find((name) => name.startsWith(PACKAGE) && name.endsWith('.deb'))
    if (archive === undefined) return 'apt-get left no package'
    const unpacked = await run('dpkg', ['-x', archive, 'unpacked'], work, DOWNLOAD_TIMEOUT_MS, signal)
    if (unpacked !== null) return unpacked
    const file = join(work, 'unpacked', PATH_IN_PACKAGE)
    if (!existsSync(file)) return `the package holds no ${PATH_IN_PACKAGE}`
    renameSync(file, target)
    return null
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Refreshes the system's package lists where that is allowed, otherwise a private copy of them. */
async function fetchPackage(work: string, signal?: AbortSignal): Promise<string | null> {
  if (process.getuid?.() === 0) {
    await run('apt-get', ['update', '-q'], work, REFRESH_TIMEOUT_MS, signal)
    return run('apt-get', ['download', '-q', PACKAGE], work, DOWNLOAD_TIMEOUT_MS, signal)
  }
  const direct = await run('apt-get', ['download', '-q', PACKAGE], work, DOWNLOAD_TIMEOUT_MS, signal)
  if (direct === null || direct.endsWith('is not installed')) return direct
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(work, folder), { recursive: true })
  const ownLists = [
    '-o',
    `Dir::State=${join(work, 'state')}`,
    '-o',
    'Dir::State::status=/var/lib/dpkg/status',
    '-o',
    `Dir::Cache=${join(work, 'cache')}`,
  ]
  const refreshed = await run('apt-get', [...ownLists, 'update', '-q'], work, REFRESH_TIMEOUT_MS, signal)
  if (refreshed !== null) return refreshed
  return run('apt-get', [...ownLists, 'download', '-q', PACKAGE], work, DOWNLOAD_TIMEOUT_MS, signal)
}

function run(command: string, args: readonly string[], cwd: string, timeoutMs: number, signal?: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve('interrupted')
    const child = execFile(command, args, { cwd, timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
      signal?.removeEventListener('abort', kill)
      if (error === null) resolve(null)
      else if (error.code === 'ENOENT') resolve(`${command} is not installed`)
      else if (error.killed === true) resolve(`${command} took longer than ${timeoutMs / 1000} s`)
      else resolve(`${command} failed: ${lastWordsOf(stderr)}`)
    })
    // Not its option `signal`, with which it would answer before the process has ended.
    const kill = (): void => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.kill('SIGKILL')
    }
    signal?.addEventListener('abort', kill)
  })
}

/** The last line, as one that a terminal may be sent: it is another program's, or has come over the network. */
export function lastWordsOf(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? ''
  return line === '' ? 'it gives no reason' : oneLine(line.slice(-MAX_REASON_LENGTH))
}

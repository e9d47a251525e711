/**
 * Looks over the files of a store before LevelDB opens them. LevelDB trusts its files (see `log-check.ts`, `table-check.ts`): so the
 * log is checked, and every table that the MANIFEST lists; each must be there, and so must the newest log (`newest-log.ts`).
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { damaged, inUse, messageOf, StoreError } from './errors.js'
import { PREFIX } from './keys.js'
import { damageInLog } from './log-check.js'
import { type Manifest, readManifest } from './manifest.js'
import { missedLog } from './newest-log.js'
import { damageInTable } from './table-check.js'

/**
 * Tables up to this together are checked whole at every start, about a second's work; of larger ones the parts that a start loads. What is
 * not checked is found when it is read: by its seal, or by an assertion of LevelDB's that ends the process (decision 0120).
 */
export const CHECKED_WHOLE_BYTES: number = 1024 * 1024 * 1024

/** Throws a `StoreError` naming the first file that is not as it was written. Nothing there at all is no damage. */
export function checkFiles(path: string, checkedWholeBytes: number): void {
  if (!existsSync(path)) return
  let seen: readonly string[] | null = null
  try {
    const names = readdirSync(path).toSorted()
    seen = names
    const { tables, log } = manifestIn(path, names)
    const present = new Set(names.filter(isData).map((name) => `${Number.parseInt(name, 10)}${name.slice(name.indexOf('.'))}`))
    for (const table of tables) if (!present.has(`${table}.ldb`)) throw damaged(`the table ${table} is missing`)
    if (log > 0 && !present.has(`${log}.log`)) throw damaged(`the log ${log} is missing, and the newest votes with it`)
    const missed = missedLog(path, names, log)
    if (missed !== undefined) throw damaged(missed)
    const isTable = (name: string): boolean => name.endsWith('.ldb') && tables.has(Number.parseInt(name, 10))
    const tableBytes = names.filter(isTable).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
    const isChecked = tableBytes <= checkedWholeBytes ? () => true : isLoadedAtStart
    for (const name of names) {
      const isLog = name.endsWith('.log')
      if (!isLog && !isTable(name)) continue
      const bytes = readFileSync(join(path, name))
      const damage = isLog ? damageInLog(bytes) : damageInTable(bytes, isChecked)
      if (damage !== undefined) throw damaged(`${name}: ${damage}`)
    }
  } catch (error) {
    if (seen !== null && hasChanged(path, seen)) throw inUse(path, error)
    if (error instanceof StoreError) throw error
    throw new StoreError(
      'store-unreadable',
      `cannot read the store ${path}: ${messageOf(error)}`,
      'check that it is a directory and that this user may read it',
      error,
    )
  }
}

/** Only another process makes and deletes files here before LevelDB is open; then what was found of them is of different times. */
function hasChanged(path: string, names: readonly string[]): boolean {
  try {
    return readdirSync(path).toSorted().join() !== names.join()
  } catch {
    return false // what was found first is the news
  }
}

/** A store that was never opened to its end has no CURRENT, and no data either: LevelDB begins its first log later. */
function manifestIn(path: string, names: readonly string[]): Manifest {
  if (!names.includes('CURRENT')) {
    const data = names.find(isData)
    if (data !== undefined) throw damaged(`CURRENT is missing, and ${data} is there`)
    return { tables: new Set(), log: 0 }
  }
  const name = readFileSync(join(path, 'CURRENT'), 'latin1').trim()
  if (!/^MANIFEST-\d+$/.test(name)) throw damaged('CURRENT does not name a MANIFEST')
  if (!existsSync(join(path, name))) throw damaged(`${name} is missing`)
  const manifest = readManifest(readFileSync(join(path, name)))
  if (manifest === undefined) throw damaged(`${name}: an edit is not as LevelDB writes it`)
  return manifest
}

function isData(name: string): boolean {
  return /^\d+\.(log|ldb)$/.test(name)
}

/** Whether a run of keys touches what is read at start; the committed chain is checked when it is served. */
function isLoadedAtStart(after: Uint8Array, upTo: Uint8Array): boolean {
  return (after[0] ?? 0) < PREFIX.committed || (upTo[0] ?? 0xff) >= PREFIX.state
}

/**
 * Opening a store: its files are looked over, LevelDB opens them, and the record "meta" says whose they are. Where no store is yet, one
 * is begun with a single batch, or that is refused: whoever has run before must not begin again as if it had never signed.
 */
import { equalBytes, type Hash, keyOf, toHex } from '@aethel/codec'
import { damaged, diskFull, inUse, isDiskFull, messageOf, readError, StoreError, writeError } from './errors.js'
import { CHECKED_WHOLE_BYTES, checkFiles } from './file-check.js'
import { META_KEY, RECOVERY_KEY, SUMMARY_KEY } from './keys.js'
import { type Level, levelAt, type Operation, plain } from './level.js'
import { NewestLog } from './newest-log.js'
import { decodeFormat, decodeMeta, encodeMeta, encodeRecovery, STORE_FORMAT } from './records.js'
import { Summary, sealed, sealOf, unseal } from './seal.js'

export interface OpeningOptions {
  /** Hash of genesis; a store of another chain is refused. */
  readonly chainId: Hash
  /**
   * What to do where no store is yet. `genesis` (the default): begin one, for a key that has never signed. `recover`: begin one
   * that does not vote until it is provably past what this key may have signed. `refuse`: fail with `store-missing`.
   */
  readonly whenMissing?: 'genesis' | 'recover' | 'refuse'
  /** For tests; `CHECKED_WHOLE_BYTES` otherwise. */
  readonly checkedWholeBytes?: number
}

/** What is open then, and to be closed. */
export interface OpenedLevel {
  readonly level: Level
  readonly newestLog: NewestLog
}

/** Throws a `StoreError`, and then holds nothing. */
export async function openLevel(path: string, options: OpeningOptions): Promise<OpenedLevel> {
  checkFiles(path, options.checkedWholeBytes ?? CHECKED_WHOLE_BYTES)
  const level = levelAt(path)
  try {
    await level.open()
  } catch (error) {
    throw openingError(path, error)
  }
  try {
    await checkMeta(level, path, options)
    return { level, newestLog: new NewestLog(path) }
  } catch (error) {
    await level.close()
    throw error instanceof StoreError ? error : openingError(path, error)
  }
}

function openingError(path: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = (cause as { code?: unknown }).code
  if (code === 'LEVEL_LOCKED') return inUse(path, error)
  if (code === 'LEVEL_CORRUPTION') return damaged(messageOf(cause))
  if (isDiskFull(cause)) return diskFull(error)
  return new StoreError(
    'store-unreadable',
    `cannot open the store ${path}: ${messageOf(cause)}`,
    'check that the directory exists, is a store, and may be written by this user',
    error,
  )
}

async function checkMeta(level: Level, path: string, options: OpeningOptions): Promise<void> {
  const { chainId } = options
  const found = await level.get(META_KEY).catch((error: unknown) => {
    throw readError('the record "meta"', error)
  })
  const stored = found === undefined ? undefined : plain(found)
  if (stored === undefined) {
    for await (const _ of level.keys({ limit: 1 })) throw damaged('the record "meta" is missing')
    if (options.whenMissing === 'refuse') {
      throw new StoreError(
        'store-missing',
        `expected the store ${path} of a validator that has run before, but there is none`,
        'put the store back if you have it as it was at the last stop; otherwise start with --recover: the validator then follows without voting until it is past everything it may have signed',
      )
    }
    await level.batch(firstRecords(options), { sync: true }).catch((error: unknown) => {
      throw writeError(error)
    })
    return
  }
  const format = decodeFormat(stored)
  const opened = unseal(META_KEY, stored)
  if (opened === undefined) {
    if (format !== undefined && format !== STORE_FORMAT) throw unknownFormat(path, format)
    throw damaged('the record "meta" is not what was written')
  }
  if (format !== STORE_FORMAT) throw unknownFormat(path, format ?? 0)
  const meta = decodeMeta(opened.value)
  if (!meta.ok) throw damaged(`the record "meta": ${meta.error.message}`)
  if (!equalBytes(meta.value.chainId, chainId)) {
    throw new StoreError(
      'store-chain',
      `the store ${path} belongs to chain ${toHex(meta.value.chainId)}, expected chain ${toHex(chainId)}`,
      'use the genesis file this store was made with, or another home',
    )
  }
}

/** One batch: a store that exists always knows whether its key may have signed something it does not remember. */
function firstRecords({ chainId, whenMissing }: OpeningOptions): Operation[] {
  const put = (key: Uint8Array, value: Uint8Array): Operation => ({ type: 'put', key, value: sealed(value, sealOf(key, value)) })
  const meta = put(META_KEY, encodeMeta({ format: STORE_FORMAT, chainId }))
  if (whenMissing !== 'recover') return [meta]
  const recovery = encodeRecovery({ status: 'asking' })
  const summary = new Summary()
  summary.put(keyOf(RECOVERY_KEY), sealOf(RECOVERY_KEY, recovery))
  return [meta, put(RECOVERY_KEY, recovery), put(SUMMARY_KEY, summary.bytes())]
}

function unknownFormat(path: string, format: number): StoreError {
  return new StoreError(
    'store-format',
    `the store ${path} has format ${format}, expected format ${STORE_FORMAT}`,
    'use the version of the software that wrote it',
  )
}

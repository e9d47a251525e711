/**
 * An empty store means one of two things: a validator that never ran, which may vote, or one that lost its memory, which must
 * not (protocol.md §7). What tells them apart is a file in the home, written with the key and gone for good once a store exists.
 */
import { existsSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { StoreOptions } from '@aethel/storage'
import { syncPath } from './durable-file.js'
import { HOME_FILES } from './home.js'

/** What a missing store means in this home; `recover` is the operator's word that it was lost. */
export function meaningOfNoStore(home: string, recover: boolean): NonNullable<StoreOptions['whenMissing']> {
  if (recover) return 'recover'
  return existsSync(join(home, HOME_FILES.firstStart)) ? 'genesis' : 'refuse'
}

/** Whoever made the home, or copied it here, may not have synced: without its keys a validator has its seat for nothing. */
const KEYS = [HOME_FILES.consensusKey, HOME_FILES.nextConsensusKey, HOME_FILES.networkKey]

/**
 * After the store exists and before anything is signed: durably, or a store lost later would pass for one that never was. The home is
 * synced without the file, too: the start that removed it may have been killed before its sync, and the store's own name is as new, as
 * may be the keys and the home itself.
 */
export function consumeFirstStart(home: string): void {
  rmSync(join(home, HOME_FILES.firstStart), { force: true })
  const keys = KEYS.map((name) => join(home, name)).filter((file) => existsSync(file))
  for (const path of [...keys, home, dirname(resolve(home))]) syncPath(path)
}

/**
 * An empty store means one of two things: a validator that never ran, which may vote, or one that lost its memory, which must
 * not (protocol.md §7). What tells them apart is a file in the home, written with the key and gone for good once a store exists.
 */
import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreOptions } from '@aethel/storage'
import { HOME_FILES } from './home.js'

/** What a missing store means in this home; `recover` is the operator's word that it was lost. */
export function meaningOfNoStore(home: string, recover: boolean): NonNullable<StoreOptions['whenMissing']> {
  if (recover) return 'recover'
  return existsSync(join(home, HOME_FILES.firstStart)) ? 'genesis' : 'refuse'
}

/**
 * After the store exists and before anything is signed: durably, or a store lost later would pass for one that never was. The home is
 * synced without the file, too: the start that removed it may have been killed before its sync, and the store's own name is as new.
 */
export function consumeFirstStart(home: string): void {
  rmSync(join(home, HOME_FILES.firstStart), { force: true })
  const directory = openSync(home, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

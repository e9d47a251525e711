/**
 * What lies in the areas (see `areas.ts`), read at the start: the state in use, which must be as it was written; one that was being
 * fetched when the process ended, which is let go if it is not; and what a crash left of old ones, which is cleared.
 */
import { toHex } from '@aethel/codec'
import { decodeHeaders, type StagedSnapshot } from '@aethel/consensus'
import type { StateAreas } from './areas.js'
import { damaged, StoreError } from './errors.js'
import {
  areaPrefix,
  type KeyRange,
  PREFIX,
  rangeOf,
  rangeOfArea,
  rangeOfAreas,
  rangeOfLanes,
  STAGED_HEADERS_KEY,
  STAGED_TARGET_KEY,
} from './keys.js'
import { decodeStagedLane, decodeStagedTarget } from './records.js'
import { unseal } from './seal.js'
import type { SealedReader } from './sealed-reader.js'

/** Of the application's state, in key order. */
export type StateEntries = readonly (readonly [key: Uint8Array, value: Uint8Array])[]

/** Above every area that will ever be. */
const LAST_AREA = 0xffff_ffff

export async function readState(reader: SealedReader, area: number): Promise<StateEntries> {
  const { entries, damagedKey } = await readArea(reader, area)
  if (damagedKey !== null) throw damaged(`the state entry ${toHex(damagedKey)} is not what was written`)
  return entries
}

interface AreaRead {
  readonly entries: StateEntries
  /** Of the first entry that is not as it was written; `entries` are those before it. */
  readonly damagedKey: Uint8Array | null
}

async function readArea(reader: SealedReader, area: number): Promise<AreaRead> {
  const entries: (readonly [Uint8Array, Uint8Array])[] = []
  const prefix = areaPrefix(area).length
  for (const [key, stored] of await reader.entriesIn(rangeOfArea(area), area === 0 ? PREFIX.state : PREFIX.area)) {
    const opened = unseal(key, stored)
    if (opened === undefined) return { entries, damagedKey: key.subarray(prefix) }
    entries.push([key.subarray(prefix), opened.value])
  }
  return { entries, damagedKey: null }
}

/** What was staged, with `areas` told of it; null: nothing, or nothing that is as it was written. Whatever is in no use then is cleared. */
export async function loadStaged(
  reader: SealedReader,
  areas: StateAreas,
  clear: (range: KeyRange) => Promise<void>,
): Promise<StagedSnapshot | null> {
  const staged = await readStaged(reader)
  const { live, gaps } = areas
  if (staged !== null) {
    const lanes = new Set(staged.snapshot.lanes.map(({ lane }) => lane))
    areas.load({ area: live, gaps }, { area: staged.area, target: staged.snapshot.target, lanes })
  }
  const kept = [live, staged?.area ?? 0].filter((area) => area > 0).sort((a, b) => a - b)
  if (live !== 0) await clear(rangeOf(PREFIX.state))
  let from = 1
  for (const area of [...kept, LAST_AREA]) {
    if (area > from) await clear(rangeOfAreas(from, area))
    from = area + 1
  }
  if (staged === null) await clear(rangeOf(PREFIX.staged))
  return staged?.snapshot ?? null
}

/** It can be fetched again, and the state in use is not concerned: so damage is the same as nothing. */
async function readStaged(reader: SealedReader): Promise<{ area: number; snapshot: StagedSnapshot } | null> {
  try {
    const staged = reader.decoded('staged state', STAGED_TARGET_KEY, decodeStagedTarget)
    if (staged === undefined) return null
    const lanes: { lane: number; next: Uint8Array | null }[] = []
    for (const [key, stored] of await reader.entriesIn(rangeOfLanes(), PREFIX.staged)) {
      const opened = unseal(key, stored)
      const next = opened === undefined ? undefined : decodeStagedLane(opened.value)
      if (next?.ok !== true) return null
      lanes.push({ lane: ((key[2] as number) << 8) | (key[3] as number), next: next.value })
    }
    const headers = reader.decoded('staged headers', STAGED_HEADERS_KEY, decodeHeaders) ?? null
    const { entries, damagedKey } = await readArea(reader, staged.area)
    return damagedKey !== null ? null : { area: staged.area, snapshot: { target: staged.target, lanes, puts: entries, headers } }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-damaged') return null
    throw error
  }
}

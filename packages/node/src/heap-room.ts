/**
 * Room for byte arrays. V8 counts their memory against the limit of the heap at which it marks everything that lives, and sets that limit
 * by what is on the heap proper: some twenty megabytes in a validator, so each twenty megabytes of certificates that passed through
 * brought a collection that found nothing, and those were a fifth of a validator's processor time. A heap is therefore given room
 * in megabytes rather than in proportion; the young generation is collected as ever, and that is what frees such arrays. A large heap is left
 * to V8, which gives it as much.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** Beyond what lives. V8 collects young arrays when there are 32 MiB of them, and marks whatever we say when 64 MiB of arrays are not young any more. */
const ROOM_BYTES: number = 128 * 1024 * 1024
/** From here on it would be less than half of what lives. */
const LARGE_BYTES: number = 256 * 1024 * 1024
/** For a heap that has just begun. */
const MOST_PERCENT = 800
const LOOK_EVERY_MS = 2_000

/** How much a heap may grow beyond what lives before all of it is marked; 0: as V8 decides. */
export function growingPercentFor(usedBytes: number): number {
  if (usedBytes > LARGE_BYTES) return 0
  return Math.min(MOST_PERCENT, Math.round((100 * ROOM_BYTES) / Math.max(1, usedBytes)))
}

/** For this process, its threads included, from now on. Only whoever owns the process should say this. */
export function giveHeapRoom(): void {
  const look = (): void => setFlagsFromString(`--heap-growing-percent=${growingPercentFor(getHeapStatistics().used_heap_size)}`)
  look()
  setInterval(look, LOOK_EVERY_MS).unref()
}

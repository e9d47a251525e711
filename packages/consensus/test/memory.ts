/** How many bytes something keeps alive: heap and array buffers after a collection, before and after. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function liveBytes(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** What is alive after `flood` and was not before; in a frame of its own, so that nothing of the flood lives on in registers. */
export function keptBytes(flood: () => void): number {
  const before = liveBytes()
  flood()
  return liveBytes() - before
}

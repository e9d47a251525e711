/**
 * What must hold of every input of a target, and how one input is examined. A property that depends on the machine (time,
 * memory) is measured again before it counts.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Decoding one input, and whatever the target does with it. */
export const SLOW_MS = 50
const SLOW_AGAIN = 3
const OPTIMIZED_TRIES = 2
const QUIET_TRIES = 8
/** What a decoded value may hold on to: so many times its bytes, and the target's own allowance. */
export const MEMORY_FACTOR = 4
export const MEMORY_BYTES = 64 * 1024

setFlagsFromString('--expose-gc')
const collect = /** @type {() => void} */ (runInNewContext('gc'))

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string} what one line for `--help` and docs/fuzzing.md
 * @property {() => readonly Uint8Array[]} seeds
 * @property {readonly (string | Uint8Array)[]} [dictionary]
 * @property {number} [maxBytes]
 * @property {boolean} [isPair] two byte strings, as `pair` in lib/mutate.js joins them
 * @property {(input: Uint8Array, random: import('../../packages/simulator/dist/random.js').Random, corpus: readonly Uint8Array[]) => Uint8Array | null} [change]
 *   changes an input as what it says; null: it says nothing
 * @property {(bytes: Uint8Array) => Decoded} decode
 * @property {(value: any, bytes: Uint8Array) => Uint8Array} [encode]
 * @property {'same-bytes' | 'same-value'} [roundTrip] canonical formats give the bytes back; others a value that encodes alike
 * @property {(value: any, bytes: Uint8Array) => void} [use] the checks that follow; throws where a property is broken
 * @property {number} [slowMs]
 * @property {number} [memoryBytes] allowance beside `MEMORY_FACTOR` times the input, with its arithmetic in the target
 */

/** @typedef {{ ok: true, value: unknown } | { ok: false, error: { code: string, message: string } }} Decoded */
/** @typedef {{ property: 'throws' | 'refusal' | 'round-trip' | 'slow' | 'memory' | 'violation', message: string }} Finding */

/** Thrown by a target whose own property is broken. */
export class Broken extends Error {}

/**
 * @param {Target} target
 * @param {Uint8Array} bytes
 * @returns {Finding | null}
 */
export function examine(target, bytes) {
  const began = performance.now()
  const finding = behaviour(target, bytes)
  if (finding !== null) return finding
  const limit = target.slowMs ?? SLOW_MS
  return performance.now() - began > limit ? slowness(target, bytes, limit) : null
}

/**
 * @param {Target} target
 * @param {Uint8Array} bytes
 * @returns {Finding | null}
 */
function behaviour(target, bytes) {
  try {
    const decoded = target.decode(bytes)
    if (!decoded.ok) return refusalOf(decoded.error)
    if (target.encode !== undefined) {
      const finding = roundTrip(target, decoded.value, bytes)
      if (finding !== null) return finding
    }
    target.use?.(decoded.value, bytes)
    return null
  } catch (error) {
    if (error instanceof Broken) return { property: 'violation', message: error.message }
    return { property: 'throws', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

/** @param {{ code: string, message: string }} error @returns {Finding | null} */
function refusalOf({ code, message }) {
  if (typeof code === 'string' && /^[a-z][a-z0-9-]*$/.test(code) && typeof message === 'string' && message.length > 0) return null
  return { property: 'refusal', message: `expected a code and a sentence, got ${JSON.stringify({ code, message })}` }
}

/**
 * @param {Target} target
 * @param {unknown} value
 * @param {Uint8Array} bytes
 * @returns {Finding | null}
 */
function roundTrip(target, value, bytes) {
  const encoded = /** @type {NonNullable<Target['encode']>} */ (target.encode)(value, bytes)
  if (target.roundTrip !== 'same-value') {
    if (Buffer.compare(encoded, bytes) === 0) return null
    return { property: 'round-trip', message: `accepted ${hex(bytes)}, encoded again as ${hex(encoded)}` }
  }
  const again = target.decode(encoded)
  if (!again.ok) return { property: 'round-trip', message: `its own encoding is refused: ${again.error.message}` }
  const twice = /** @type {NonNullable<Target['encode']>} */ (target.encode)(again.value, encoded)
  if (Buffer.compare(twice, encoded) === 0) return null
  return { property: 'round-trip', message: `encoded as ${hex(encoded)}, then as ${hex(twice)}` }
}

/**
 * Processor time, the least of three: other programs on the machine do not count.
 *
 * @param {Target} target
 * @param {Uint8Array} bytes
 * @param {number} limit
 * @returns {Finding | null}
 */
function slowness(target, bytes, limit) {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < SLOW_AGAIN; i++) {
    const before = process.cpuUsage()
    behaviour(target, bytes)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  if (least <= limit) return null
  return { property: 'slow', message: `took ${least.toFixed(0)} ms for ${bytes.length} bytes, expected at most ${limit}` }
}

/**
 * What the decoded value keeps alive, after a full collection; the least of ten, of which one within the limit is enough: what it keeps it
 * keeps each time, while other things come and go. From the third on nothing is optimized meanwhile: on a slow machine the compiler's hundreds
 * of kilobytes lay in every one of eight, but without it decoding takes several times as long. Only accepted inputs keep anything.
 *
 * @param {Target} target
 * @param {Uint8Array} bytes
 * @returns {{ finding: Finding | null, retained: number }}
 */
export function examineMemory(target, bytes) {
  const limit = MEMORY_FACTOR * bytes.length + (target.memoryBytes ?? MEMORY_BYTES)
  let retained = leastRetained(target, bytes, limit, OPTIMIZED_TRIES)
  if (retained > limit) {
    setFlagsFromString('--no-opt')
    retained = Math.min(retained, leastRetained(target, bytes, limit, QUIET_TRIES))
    setFlagsFromString('--opt')
  }
  if (retained <= limit) return { finding: null, retained }
  return { finding: { property: 'memory', message: `holds ${retained} bytes for ${bytes.length}, expected at most ${limit}` }, retained }
}

/** @param {Target} target @param {Uint8Array} bytes @param {number} limit @param {number} tries */
function leastRetained(target, bytes, limit, tries) {
  let retained = Number.POSITIVE_INFINITY
  for (let i = 0; i < tries && retained > limit; i++) retained = Math.min(retained, retainedBy(target, bytes))
  return retained
}

/**
 * In a frame of its own: a variable of the loop would keep the value of one turn alive into the next.
 *
 * @param {Target} target
 * @param {Uint8Array} bytes
 */
function retainedBy(target, bytes) {
  const before = held()
  const decoded = keep(target, bytes)
  const after = held()
  return decoded === null ? 0 : after - before
}

/**
 * @param {Target} target
 * @param {Uint8Array} bytes
 */
function keep(target, bytes) {
  try {
    const decoded = target.decode(bytes)
    return decoded.ok ? decoded.value : null
  } catch {
    return null
  }
}

function held() {
  collect()
  // Arrays that were found dead are freed by another thread, all of them before the next collection begins.
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  const text = Buffer.from(bytes.subarray(0, 128)).toString('hex')
  return bytes.length > 128 ? `${text}... (${bytes.length} bytes)` : text
}

/** Changes to inputs: deterministic from the random stream, blind to what the bytes mean but for the target's dictionary. */

const MOST_CHANGES = 6
const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 257, 1023, 1024, 4096, 65535, 65536, 0x7fffffff]
/** As u64: the largest safe integer, one less, one more, all bits. */
const INTERESTING_64 = [0x1f_ffff_ffff_ffffn, 0x1f_ffff_ffff_fffen, 0x20_0000_0000_0000n, 0xffff_ffff_ffff_ffffn]

/** @typedef {import('../../packages/simulator/dist/random.js').Random} Random */

/**
 * @typedef {object} MutationContext
 * @property {Random} random
 * @property {readonly Uint8Array[]} corpus
 * @property {readonly Uint8Array[]} dictionary
 * @property {number} maxBytes
 */

/**
 * @param {Uint8Array} input
 * @param {MutationContext} context
 * @returns {Uint8Array}
 */
export function mutate(input, context) {
  const { random, maxBytes } = context
  let bytes = input
  const changes = random.between(1, MOST_CHANGES)
  for (let i = 0; i < changes; i++) bytes = random.pick(CHANGES)(bytes, context)
  return bytes.length > maxBytes ? bytes.slice(0, maxBytes) : bytes
}

/**
 * One of the two parts is changed, or both; the parts of others are at hand as parts.
 *
 * @param {Uint8Array} input
 * @param {MutationContext} context
 * @returns {Uint8Array}
 */
export function mutatePart(input, context) {
  const { random } = context
  const parts = unpaired(input)
  const other = unpaired(random.pick(context.corpus))
  const [first, second] = random.pick([/** @type {const} */ ([true, false]), [false, true], [false, true], [true, true]])
  // The other's proof of this claim, at times.
  const joined = random.chance(0.05) ? { ...parts, second: other.second } : parts
  const within = (/** @type {'first' | 'second'} */ part) => ({
    ...context,
    corpus: [other[part]],
    maxBytes: Math.min(MAX_FIRST_BYTES, context.maxBytes - 2 - joined[part === 'first' ? 'second' : 'first'].length),
  })
  const changed = first ? { ...joined, first: mutate(joined.first, within('first')) } : joined
  return pair(
    changed.first,
    second ? mutate(changed.second, { ...within('second'), maxBytes: context.maxBytes - 2 - changed.first.length }) : changed.second,
  )
}

const MAX_FIRST_BYTES = 0xffff

/**
 * Two byte strings in one input: a u16 length before the first.
 *
 * @param {Uint8Array} first
 * @param {Uint8Array} second
 */
export function pair(first, second) {
  return Uint8Array.from([first.length >> 8, first.length & 255, ...first, ...second])
}

/** @param {Uint8Array} bytes */
export function unpaired(bytes) {
  const length = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  return { first: bytes.slice(2, 2 + length), second: bytes.slice(2 + length) }
}

/** @typedef {(bytes: Uint8Array, context: MutationContext) => Uint8Array} Change */

/** @type {Change} */
const flipBit = (bytes, { random }) => {
  const out = bytes.slice()
  if (out.length > 0) out[random.below(out.length)] ^= 1 << random.below(8)
  return out
}

/** @type {Change} */
const setByte = (bytes, { random }) => {
  const out = bytes.slice()
  if (out.length > 0) out[random.below(out.length)] = random.below(256)
  return out
}

/** @type {Change} */
const addToByte = (bytes, { random }) => {
  const out = bytes.slice()
  if (out.length > 0) out[random.below(out.length)] += random.pick([-2, -1, 1, 2])
  return out
}

/** @type {Change} */
const interesting = (bytes, { random }) => {
  const out = bytes.slice()
  const width = random.pick([1, 2, 4, 4, 8])
  if (out.length < width) return out
  const view = new DataView(out.buffer)
  const at = random.below(out.length - width + 1)
  const value = random.pick(INTERESTING)
  const little = random.chance(0.1)
  if (width === 1) view.setUint8(at, value & 0xff)
  else if (width === 2) view.setUint16(at, value & 0xffff, little)
  else if (width === 4) view.setUint32(at, random.chance(0.2) ? 0xffffffff - value : value, little)
  else view.setBigUint64(at, random.chance(0.5) ? random.pick(INTERESTING_64) : BigInt(value), little)
  return out
}

/** @type {Change} */
const insert = (bytes, { random }) => {
  const at = random.below(bytes.length + 1)
  return replaced(
    bytes,
    at,
    0,
    Uint8Array.from({ length: random.between(1, 8) }, () => random.below(256)),
  )
}

/** @type {Change} */
const remove = (bytes, { random }) => {
  const { at, length } = part(bytes, random)
  return replaced(bytes, at, length, new Uint8Array(0))
}

/** @type {Change} */
const duplicate = (bytes, { random, maxBytes }) => {
  const { at, length } = part(bytes, random)
  const times = random.chance(0.1) ? random.between(2, 64) : 1
  const piece = bytes.subarray(at, at + length)
  const room = Math.max(0, Math.min(times, Math.floor((maxBytes - bytes.length) / Math.max(1, length))))
  const many = new Uint8Array(room * length)
  for (let i = 0; i < room; i++) many.set(piece, i * length)
  return replaced(bytes, at, 0, many)
}

/** Part of another input over, or between, what is here. @type {Change} */
const splice = (bytes, { random, corpus }) => {
  const other = random.pick(corpus)
  const from = part(other, random)
  const to = part(bytes, random)
  return replaced(bytes, to.at, random.chance(0.5) ? to.length : 0, other.subarray(from.at, from.at + from.length))
}

/** @type {Change} */
const word = (bytes, { random, dictionary }) => {
  if (dictionary.length === 0) return bytes
  const chosen = random.pick(dictionary)
  const at = random.below(bytes.length + 1)
  return replaced(bytes, at, random.chance(0.5) ? chosen.length : 0, chosen)
}

/** @type {Change} */
const truncate = (bytes, { random }) => bytes.slice(0, random.below(bytes.length + 1))

const CHANGES = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  addToByte,
  interesting,
  interesting,
  insert,
  remove,
  remove,
  duplicate,
  splice,
  splice,
  word,
  word,
  truncate,
]

/**
 * Mostly short, at times any length.
 *
 * @param {Uint8Array} bytes
 * @param {Random} random
 */
function part(bytes, random) {
  const at = random.below(bytes.length + 1)
  const rest = bytes.length - at
  const length = random.below(1 + (random.chance(0.7) ? Math.min(rest, 16) : rest))
  return { at, length }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} length of what goes
 * @param {Uint8Array} piece what comes
 */
function replaced(bytes, at, length, piece) {
  const tail = bytes.subarray(Math.min(bytes.length, at + length))
  const out = new Uint8Array(at + piece.length + tail.length)
  out.set(bytes.subarray(0, at))
  out.set(piece, at)
  out.set(tail, at + piece.length)
  return out
}

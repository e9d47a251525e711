/** Inputs to try: changes of one byte, prefixes, and whatever a seeded generator makes of the samples. */

import { concatBytes } from '@aethel/codec'

/** xorshift32: a run is its seed. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0 || 1
  }

  below(bound: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return (x >>> 0) % bound
  }
}

const FLIPS = [0x01, 0x02, 0x20, 0x80, 0xff]

/** Every byte changed in five ways, every byte left out, every proper prefix, one byte more; at most `most`, spread evenly, one at a time. */
export function* oneByteChanges(bytes: Uint8Array, most: number): Generator<Uint8Array> {
  const count = bytes.length * (FLIPS.length + 2) + 1
  const step = Math.max(1, Math.ceil(count / most))
  for (let i = 0; i < count; i += step) yield oneByteChange(bytes, i)
}

function oneByteChange(bytes: Uint8Array, number: number): Uint8Array {
  const ways = FLIPS.length + 2
  const at = Math.floor(number / ways)
  if (at >= bytes.length) return concatBytes(bytes, Uint8Array.of(0))
  const way = number % ways
  if (way === FLIPS.length) return concatBytes(bytes.subarray(0, at), bytes.subarray(at + 1))
  if (way === FLIPS.length + 1) return bytes.slice(0, at)
  return bytes.with(at, (bytes[at] as number) ^ (FLIPS[way] as number))
}

const MAX_SPLICE = 64

/** A few random edits of one input, with pieces of another. */
export function spoil(bytes: Uint8Array, other: Uint8Array, most: number, draw: Draw): Uint8Array {
  let out = [...bytes]
  for (let round = draw.below(4); round >= 0; round--) {
    const at = draw.below(out.length + 1)
    const length = draw.below(MAX_SPLICE)
    const from = draw.below(other.length + 1)
    switch (draw.below(6)) {
      case 0:
        out.splice(at, length)
        break
      case 1:
        out.splice(at, 0, ...other.subarray(from, from + length))
        break
      case 2:
        out.splice(at, length, ...other.subarray(from, from + length))
        break
      case 3:
        out.splice(at, 1, draw.below(256))
        break
      case 4:
        out.splice(at, 4, 0xff, 0xff, 0xff, draw.below(256))
        break
      default:
        out = [...out, ...out.slice(at, at + length)]
    }
  }
  return Uint8Array.from(out.slice(0, most))
}

/** Large inputs of simple shapes, up to the limit: for what they cost. */
export function largeInputs(sample: Uint8Array, limit: number, draw: Draw): Uint8Array[] {
  const out: Uint8Array[] = []
  for (const size of new Set([Math.min(limit, 65_536), Math.min(limit, 1 << 20)])) {
    out.push(new Uint8Array(size), new Uint8Array(size).fill(0xff))
    out.push(Uint8Array.from({ length: size }, () => draw.below(256)))
    if (sample.length > 0) out.push(Uint8Array.from({ length: size }, (_, i) => sample[i % sample.length] as number))
  }
  return out
}

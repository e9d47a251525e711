/**
 * A set of validator indices as bits, index i at byte i>>3, bit i&7. Canonical: exactly ceil(size/8) bytes, and the bits
 * beyond `size` are zero (trap E2: length and bits can never disagree).
 */
import { assert } from './result.js'
import type { Reader, Writer } from './wire.js'

export interface Bitmap {
  /** Number of positions, not of set bits. */
  readonly size: number
  readonly bits: Uint8Array
}

export function bitmapOf(size: number, indices: Iterable<number>): Bitmap {
  const bits = new Uint8Array((size + 7) >> 3)
  for (const index of indices) {
    assert(Number.isInteger(index) && index >= 0 && index < size, () => `bitmap index ${index} outside 0..${size - 1}`)
    bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
  }
  return { size, bits }
}

export function hasBit(bitmap: Bitmap, index: number): boolean {
  return index < bitmap.size && (((bitmap.bits[index >> 3] as number) >> (index & 7)) & 1) === 1
}

/** Set positions, ascending. */
export function indicesOf(bitmap: Bitmap): number[] {
  const indices: number[] = []
  for (let index = 0; index < bitmap.size; index++) if (hasBit(bitmap, index)) indices.push(index)
  return indices
}

export function writeBitmap(writer: Writer, bitmap: Bitmap): void {
  writer.u16(bitmap.size).raw(bitmap.bits)
}

export function readBitmap(reader: Reader): Bitmap {
  const size = reader.u16()
  const bits = reader.raw((size + 7) >> 3)
  if (size % 8 !== 0 && (bits[bits.length - 1] as number) >> (size % 8) !== 0) reader.fail('bitmap', `expected zero bits beyond ${size}`)
  return { size, bits }
}

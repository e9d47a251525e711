/** CRC-32C (Castagnoli), eight bytes a step, and LevelDB's masking of it (doc/log_format.md, doc/table_format.md). */
const TABLES: readonly Uint32Array[] = (() => {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256))
  const first = tables[0] as Uint32Array
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
    first[n] = c >>> 0
  }
  for (let n = 0; n < 256; n++) {
    let c = first[n] as number
    for (let t = 1; t < 8; t++) {
      c = ((first[c & 0xff] as number) ^ (c >>> 8)) >>> 0
      ;(tables[t] as Uint32Array)[n] = c
    }
  }
  return tables
})()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

export const CRC_START = 0xffffffff

/** One more byte; begin with `CRC_START`, end with `maskedCrc`. */
export function crcStep(crc: number, byte: number): number {
  return ((T0[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)) >>> 0
}

export function crcOver(crc: number, bytes: Uint8Array, from: number, to: number): number {
  let c = crc
  let at = from
  for (; at + 8 <= to; at += 8) {
    const low =
      c ^ ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24))
    c =
      (T7[low & 0xff] as number) ^
      (T6[(low >>> 8) & 0xff] as number) ^
      (T5[(low >>> 16) & 0xff] as number) ^
      (T4[low >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number)
  }
  for (; at < to; at++) c = crcStep(c, bytes[at] as number)
  return c >>> 0
}

export function maskedCrc(crc: number): number {
  const value = ~crc >>> 0
  return ((((value >>> 15) | (value << 17)) >>> 0) + 0xa282ead8) >>> 0
}

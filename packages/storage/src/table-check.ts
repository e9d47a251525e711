/**
 * Looks over a LevelDB table before LevelDB does. Read without its checksums, a damaged table is at best a missing record
 * and at worst a failed assertion in native code that ends the process. The format (LevelDB's doc/table_format.md): blocks,
 * each followed by a type byte and a masked CRC-32C over both; a footer of 48 bytes that leads to the index block, whose
 * values are the places of the data blocks. We write tables uncompressed, so every type is 0.
 */
import { CRC_START, crcOver, maskedCrc } from './crc32c.js'

const FOOTER_BYTES = 48
const TRAILER_BYTES = 5
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]

interface Place {
  readonly offset: number
  readonly size: number
}

/**
 * A sentence about the first damage found in footer, index, or those data blocks for which `wanted` says yes; a block
 * holds keys greater than `after` (empty for the first) and at most `upTo`.
 */
export function damageInTable(table: Uint8Array, wanted: (after: Uint8Array, upTo: Uint8Array) => boolean): string | undefined {
  const footer = table.length - FOOTER_BYTES
  if (footer < 0 || MAGIC.some((byte, i) => table[table.length - 8 + i] !== byte)) return 'not a table'
  const cursor = { at: footer }
  const metaIndex = readPlace(table, cursor)
  const index = readPlace(table, cursor)
  if (metaIndex === undefined || index === undefined) return 'a broken footer'
  if (!isSound(table, metaIndex)) return `a wrong checksum in the meta index at offset ${metaIndex.offset}`
  if (!isSound(table, index)) return `a wrong checksum in the index at offset ${index.offset}`
  const entries = entriesOf(table.subarray(index.offset, index.offset + index.size))
  if (entries === undefined) return 'a broken index'
  let after = new Uint8Array(0)
  for (const { key, value } of entries) {
    const place = readPlace(value, { at: 0 })
    if (place === undefined) return 'a broken index'
    if (wanted(after, key) && !isSound(table, place)) return `a wrong checksum in the block at offset ${place.offset}`
    after = key
  }
  return undefined
}

function isSound(table: Uint8Array, { offset, size }: Place): boolean {
  const end = offset + size
  if (end + TRAILER_BYTES > table.length - FOOTER_BYTES || table[end] !== 0) return false
  const stored = new DataView(table.buffer, table.byteOffset, table.byteLength).getUint32(end + 1, true)
  return maskedCrc(crcOver(CRC_START, table, offset, end + 1)) === stored
}

/** Entries of an uncompressed block: keys share a prefix with the one before; restart points at the end are skipped. */
function entriesOf(block: Uint8Array): { key: Uint8Array<ArrayBuffer>; value: Uint8Array }[] | undefined {
  if (block.length < 4) return undefined
  const restarts = new DataView(block.buffer, block.byteOffset, block.byteLength).getUint32(block.length - 4, true)
  const end = block.length - 4 - 4 * restarts
  if (end < 0) return undefined
  const entries: { key: Uint8Array<ArrayBuffer>; value: Uint8Array }[] = []
  const cursor = { at: 0 }
  let previous = new Uint8Array(0)
  while (cursor.at < end) {
    const shared = readVarint(block, cursor)
    const fresh = readVarint(block, cursor)
    const valueBytes = readVarint(block, cursor)
    if (shared === undefined || fresh === undefined || valueBytes === undefined) return undefined
    if (shared > previous.length || cursor.at + fresh + valueBytes > end) return undefined
    const key = new Uint8Array(shared + fresh)
    key.set(previous.subarray(0, shared))
    key.set(block.subarray(cursor.at, cursor.at + fresh), shared)
    cursor.at += fresh
    entries.push({ key, value: block.subarray(cursor.at, cursor.at + valueBytes) })
    cursor.at += valueBytes
    previous = key
  }
  return entries
}

function readPlace(bytes: Uint8Array, cursor: { at: number }): Place | undefined {
  const offset = readVarint(bytes, cursor)
  const size = readVarint(bytes, cursor)
  return offset === undefined || size === undefined ? undefined : { offset, size }
}

export function readVarint(bytes: Uint8Array, cursor: { at: number }): number | undefined {
  let value = 0
  for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
  }
  return undefined
}

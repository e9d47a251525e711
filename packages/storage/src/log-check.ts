/**
 * Looks over LevelDB's write-ahead log before LevelDB does. LevelDB drops a log record with a bad checksum and carries on
 * without a word, which for a validator means forgetting a vote (trap C5). Here a log that merely stops early (a crash in
 * the middle of a write that nobody was told about) is fine; one with damage in what was completely written is not.
 *
 * The format (LevelDB's doc/log_format.md): blocks of 32 KiB; in them records of a masked CRC-32C over type and data, a
 * little-endian 16-bit length, a type 1..4, the data; what is left of a block below seven bytes is zero.
 */
import { concatBytes } from '@aethel/codec'
import { CRC_START, crcOver, crcStep, maskedCrc } from './crc32c.js'

const BLOCK_BYTES = 32_768
const HEADER_BYTES = 7

/** A sentence about the first damage found, or undefined if the log is sound up to where it ends. */
export function damageInLog(log: Uint8Array): string | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  let at = 0
  while (at < log.length) {
    const blockEnd = Math.min(log.length, at - (at % BLOCK_BYTES) + BLOCK_BYTES)
    if (blockEnd - at < HEADER_BYTES) {
      // A full block ends in zeros; at the end of the file it is a header cut short.
      if (blockEnd < log.length && !allZero(log, at, blockEnd)) return `bytes between records at offset ${at}`
      at = blockEnd
      continue
    }
    const crc = view.getUint32(at, true)
    const length = view.getUint16(at + 4, true)
    const type = log[at + 6] as number
    const dataAt = at + HEADER_BYTES
    if (crc === 0 && length === 0 && type === 0 && allZero(log, at, log.length)) return undefined
    if (dataAt + length > blockEnd) {
      if (blockEnd < log.length) return `a record longer than its block at offset ${at}`
      return completeAtAnyLength(log, crc, type, dataAt) ? `a record with a wrong length at offset ${at}` : undefined
    }
    if (maskedCrc(crcOver(crcStep(CRC_START, type), log, dataAt, dataAt + length)) !== crc)
      return `a record with a wrong checksum at offset ${at}`
    if (type < 1 || type > 4) return `a record of unknown type ${type} at offset ${at}`
    at = dataAt + length
  }
  return undefined
}

const TYPE = { full: 1, first: 2, middle: 3, last: 4 } as const

/** The complete records of a log, in order, up to where it ends or stops making sense. */
export function recordsOfLog(log: Uint8Array): Uint8Array[] {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength)
  const records: Uint8Array[] = []
  let parts: Uint8Array[] = []
  let at = 0
  while (log.length - at >= HEADER_BYTES) {
    const blockEnd = Math.min(log.length, at - (at % BLOCK_BYTES) + BLOCK_BYTES)
    if (blockEnd - at < HEADER_BYTES) {
      at = blockEnd
      continue
    }
    const type = log[at + 6] as number
    const dataAt = at + HEADER_BYTES
    const end = dataAt + view.getUint16(at + 4, true)
    if (end > blockEnd || type < TYPE.full || type > TYPE.last) break
    if (maskedCrc(crcOver(crcStep(CRC_START, type), log, dataAt, end)) !== view.getUint32(at, true)) break
    if (type === TYPE.full || type === TYPE.first) parts = []
    parts.push(log.subarray(dataAt, end))
    if (type === TYPE.full || type === TYPE.last) records.push(concatBytes(...parts))
    at = end
  }
  return records
}

function allZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false
  return true
}

/**
 * A last record that claims more bytes than there are was cut short by a crash, unless its checksum fits some shorter
 * length: then it was complete, and it is the length that is wrong.
 */
function completeAtAnyLength(log: Uint8Array, crc: number, type: number, dataAt: number): boolean {
  let actual = crcStep(CRC_START, type)
  if (maskedCrc(actual) === crc) return true
  for (let i = dataAt; i < log.length; i++) {
    actual = crcStep(actual, log[i] as number)
    if (maskedCrc(actual) === crc) return true
  }
  return false
}

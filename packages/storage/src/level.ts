/** LevelDB as the store uses it: bytes for bytes, uncompressed, because `table-check.ts` reads its tables. */
import { type BatchOperation, type ChainedBatch, ClassicLevel } from 'classic-level'

export type Operation = BatchOperation<ClassicLevel<Uint8Array, Uint8Array>, Uint8Array, Uint8Array>
export type Level = ClassicLevel<Uint8Array, Uint8Array>
/** Takes a copy of each key and value at once, and costs a quarter of what a list of operations does. */
export type Batch = ChainedBatch<Level, Uint8Array, Uint8Array>

/** Not opened yet. */
export function levelAt(path: string): Level {
  return new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
}

/** The same bytes without Buffer's methods: its `slice` shares memory where everybody else's copies. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

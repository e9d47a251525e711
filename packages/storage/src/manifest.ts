/**
 * Which files LevelDB relies on. Its MANIFEST is a log of version edits (doc/impl.md; db/version_edit.cc fixes the tags): tables
 * added and deleted, level by level, and the number of the oldest log that is not in tables yet. A table that no edit has added was
 * still being written when the process died; LevelDB deletes it at the next start, and it is no damage. A log that an edit names
 * was made before the edit was synced (the directory with it), so if it is not there it was taken away, and with it votes: LevelDB
 * itself would not miss it.
 */
import { recordsOfLog } from './log-check.js'
import { readVarint } from './table-check.js'

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const

export interface Manifest {
  /** Numbers of the live tables. */
  readonly tables: ReadonlySet<number>
  /** Number of the oldest log that is still needed; 0: none was begun yet. */
  readonly log: number
}

/** Undefined if an edit is not as LevelDB writes them. An edit cut short by a crash never took effect. */
export function readManifest(manifest: Uint8Array): Manifest | undefined {
  const files = { tables: new Set<number>(), log: 0 }
  for (const edit of recordsOfLog(manifest)) if (!applyEdit(edit, files)) return undefined
  return files
}

function applyEdit(edit: Uint8Array, files: { readonly tables: Set<number>; log: number }): boolean {
  const live = files.tables
  const cursor = { at: 0 }
  const added: number[] = []
  while (cursor.at < edit.length) {
    switch (readVarint(edit, cursor)) {
      case TAG.comparator:
        if (!skipBytes(edit, cursor)) return false
        break
      case TAG.logNumber: {
        const log = readVarint(edit, cursor)
        if (log === undefined) return false
        files.log = log
        break
      }
      case TAG.nextFile:
      case TAG.previousLog:
      case TAG.lastSequence:
        if (readVarint(edit, cursor) === undefined) return false
        break
      case TAG.compactPointer:
        if (readVarint(edit, cursor) === undefined || !skipBytes(edit, cursor)) return false
        break
      case TAG.deletedFile: {
        const level = readVarint(edit, cursor)
        const file = readVarint(edit, cursor)
        if (level === undefined || file === undefined) return false
        live.delete(file)
        break
      }
      case TAG.newFile: {
        const level = readVarint(edit, cursor)
        const file = readVarint(edit, cursor)
        const size = readVarint(edit, cursor)
        if (level === undefined || file === undefined || size === undefined) return false
        if (!skipBytes(edit, cursor) || !skipBytes(edit, cursor)) return false
        added.push(file)
        break
      }
      default:
        return false
    }
  }
  // A table moved between levels is deleted from one and added to the other in the same edit.
  for (const file of added) live.add(file)
  return true
}

function skipBytes(edit: Uint8Array, cursor: { at: number }): boolean {
  const length = readVarint(edit, cursor)
  if (length === undefined || length > edit.length - cursor.at) return false
  cursor.at += length
  return true
}

/**
 * Which tables are live. LevelDB's MANIFEST is a log of version edits (doc/impl.md; db/version_edit.cc fixes the tags): files
 * added and deleted, level by level. A table that no edit has added was still being written when the process died; LevelDB
 * deletes it at the next start, and it is no damage.
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

/** Numbers of the live tables, or undefined if an edit is not as LevelDB writes them. An edit cut short by a crash never took effect. */
export function liveTables(manifest: Uint8Array): ReadonlySet<number> | undefined {
  const live = new Set<number>()
  for (const edit of recordsOfLog(manifest)) if (!applyEdit(edit, live)) return undefined
  return live
}

function applyEdit(edit: Uint8Array, live: Set<number>): boolean {
  const cursor = { at: 0 }
  const added: number[] = []
  while (cursor.at < edit.length) {
    switch (readVarint(edit, cursor)) {
      case TAG.comparator:
        if (!skipBytes(edit, cursor)) return false
        break
      case TAG.logNumber:
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

import { height } from '@aethel/codec'
import { blobKey, blobRefOf } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { BlobKeep } from './blob-keep.js'

const blob = (salt: number, bytes = 100): { root: ReturnType<typeof blobRefOf>['root']; bytes: number } =>
  blobRefOf(new Uint8Array(bytes).fill(salt))
const nothing = (): boolean => false

describe('keeping blobs (protocol.md §9)', () => {
  it('for so many blocks after the one that made the transaction final, and not one less', () => {
    const keep = new BlobKeep({ keepBlocks: 10, keepBytes: null }, [])
    keep.onFinal(blob(1), height(5))
    keep.onFinal(blob(2), height(6))
    expect(keep.due(height(14), nothing)).toEqual([])
    expect(keep.due(height(15), nothing)).toEqual([blob(1)])
    expect(keep.due(height(15), nothing)).toEqual([])
    expect(keep.due(height(16), nothing)).toEqual([blob(2)])
  })

  it('never one that is needed, for however long; others go meanwhile', () => {
    const keep = new BlobKeep({ keepBlocks: 1, keepBytes: null }, [])
    keep.onFinal(blob(1), height(1))
    keep.onFinal(blob(2), height(1))
    const isNeeded = (key: string): boolean => key === blobKey(blob(1))
    expect(keep.due(height(9), isNeeded)).toEqual([blob(2)])
    expect(keep.due(height(90), isNeeded)).toEqual([])
    expect(keep.due(height(91), nothing)).toEqual([blob(1)])
  })

  it('the newest transaction that refers to a blob counts', () => {
    const keep = new BlobKeep({ keepBlocks: 10, keepBytes: null }, [])
    keep.onFinal(blob(1), height(1))
    keep.onFinal(blob(1), height(8))
    expect([keep.due(height(17), nothing), keep.bytes]).toEqual([[], 100])
    expect(keep.due(height(18), nothing)).toEqual([blob(1)])
  })

  it('within so many bytes, the oldest leaving first; in an archive for ever', () => {
    const keep = new BlobKeep({ keepBlocks: null, keepBytes: 250 }, [
      { ...blob(2), height: height(2) },
      { ...blob(1), height: height(1) },
    ])
    expect(keep.due(height(2), nothing)).toEqual([])
    keep.onFinal(blob(3), height(3))
    expect(keep.due(height(3), nothing)).toEqual([blob(1)])
    const archive = new BlobKeep({ keepBlocks: null, keepBytes: null }, [{ ...blob(1), height: height(1) }])
    expect(archive.due(height(2 ** 40), nothing)).toEqual([])
  })
})

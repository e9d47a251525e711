import { height, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import { blobKey, blobRefOf } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { BlobKeep } from './blob-keep.js'
import { ReplicaBlobs } from './blobs.js'
import type { BlobEffect } from './interface.js'

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

describe('a blob whose transaction becomes final while it is being made durable', () => {
  it('is held, kept for as long as others, and pruned', () => {
    const content = new Uint8Array(10).fill(7)
    const ref = blobRefOf(content, 16)
    const effects: BlobEffect[] = []
    const peer = validatorIndex(1)
    const host = {
      peers: [peer],
      connected: new Set<ValidatorIndex>(),
      tip: height(5),
      told: [],
      send: () => undefined,
      push: (effect: BlobEffect) => effects.push(effect),
      emit: () => undefined,
      blame: () => undefined,
      onHeld: () => undefined,
      onGivenUp: () => undefined,
      isNeeded: () => false,
      isForBlock: () => false,
      pendingChecked: () => [],
      isQuorum: () => false,
    }
    const blobs = new ReplicaBlobs({ chunkBytes: 16, pendingBytes: 100, keepBlocks: 10, keepBytes: null, held: [] }, host)
    blobs.want(ref, 'block', peer)
    blobs.onOpened(ref, [0])
    blobs.onMessage(peer, { kind: 'blob-part', blob: ref, part: { index: 0, path: [], chunk: content } })
    expect(effects.map(({ kind }) => kind)).toEqual(['blob-open', 'blob-write', 'blob-seal'])
    blobs.onFinal([ref], height(5))
    blobs.onTick()
    blobs.onOpened(ref, [])
    expect([blobs.isHeld(ref), blobs.isKept(blobKey(ref))]).toEqual([true, true])
    host.tip = height(15)
    blobs.onFinal([], height(15))
    expect(effects.at(-1)).toEqual({ kind: 'blob-drop', blob: ref })
    expect([blobs.isHeld(ref), blobs.isKept(blobKey(ref))]).toEqual([false, false])
  })
})

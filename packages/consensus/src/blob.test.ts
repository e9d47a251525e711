import { keyOf } from '@aethel/codec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BlobPart, BlobTree, blobChunkLength, blobChunks, blobLeaf, blobRefOf, blobTreeOf, checkBlobPart } from './blob.js'

const CHUNK = 8
const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 37 + (index >> 3)) & 255)

function partOf(bytes: Uint8Array, index: number): BlobPart {
  const chunk = bytes.subarray(index * CHUNK, (index + 1) * CHUNK)
  return { index, chunk, path: blobTreeOf(bytes, CHUNK).path(index) }
}

describe('blobs (protocol.md §9)', () => {
  it('every chunk of every length leads to the root, and its leaf is its own', () => {
    for (let length = 1; length <= 20 * CHUNK; length++) {
      const bytes = bytesOf(length)
      const blob = blobRefOf(bytes, CHUNK)
      for (let index = 0; index < blobChunks(length, CHUNK); index++) {
        const part = partOf(bytes, index)
        expect(part.chunk.length).toBe(blobChunkLength(length, index, CHUNK))
        const checked = checkBlobPart(blob, part, CHUNK)
        expect([length, index, checked.ok && keyOf(checked.value)]).toEqual([length, index, keyOf(blobLeaf(part.chunk))])
      }
    }
  })

  it('a tree made of leaves has the root of the bytes', () => {
    const bytes = bytesOf(77)
    const leaves = Array.from({ length: 10 }, (_, index) => blobLeaf(bytes.subarray(index * CHUNK, (index + 1) * CHUNK)))
    expect(new BlobTree(77, leaves, CHUNK).root).toEqual(blobRefOf(bytes, CHUNK).root)
  })

  it('nothing else leads to the root: another byte, place, length, path, or blob', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (length, at, where, flip) => {
        const bytes = bytesOf(length)
        const blob = blobRefOf(bytes, CHUNK)
        const index = at % blobChunks(length, CHUNK)
        const part = partOf(bytes, index)
        const passes = (changed: Partial<BlobPart>, of = blob): boolean => checkBlobPart(of, { ...part, ...changed }, CHUNK).ok
        const chunk = part.chunk.slice()
        chunk[where % chunk.length] = (chunk[where % chunk.length] as number) ^ flip
        expect(passes({ chunk })).toBe(false)
        expect(passes({ chunk: part.chunk.subarray(1) })).toBe(false)
        expect(passes({ index: index + 1 })).toBe(false)
        expect(passes({ index: -1 })).toBe(false)
        expect(passes({ index: 0.5 })).toBe(false)
        expect(passes({ path: [...part.path, blob.root] })).toBe(false)
        if (part.path.length > 0) {
          expect(passes({ path: part.path.slice(1) })).toBe(false)
          expect(passes({ path: [blob.root, ...part.path.slice(1)] })).toBe(false)
        }
        expect(passes({}, { root: blob.root, bytes: length + 1 })).toBe(false)
        expect(passes({}, { root: blobRefOf(bytesOf(length + 1), CHUNK).root, bytes: length })).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('the root binds the length and the size of chunks', () => {
    const zeros = (length: number): Uint8Array => new Uint8Array(length)
    const roots = [blobRefOf(zeros(8), 8), blobRefOf(zeros(9), 8), blobRefOf(zeros(8), 4), blobRefOf(zeros(16), 8)].map(({ root }) =>
      keyOf(root),
    )
    expect(new Set(roots).size).toBe(roots.length)
  })
})

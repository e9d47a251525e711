/** Proofs that travel as blobs (docs/protocol.md §9). */
import { simulation, tests } from './lib/mutant.js'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const blobs = [
  {
    id: 'vote-without-the-blob',
    traps: ['E7'],
    bug: 'a verdict remembered is enough for a vote: the blob that it is about need not be here',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: 'if (blob === undefined || (validation.certified && verdict !== undefined)) return false',
        after: 'if (blob === undefined || verdict !== undefined) return false',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'proposals-with-blobs-on-trust',
    traps: ['E7'],
    bug: 'whoever is shown a block takes it that the blobs in it are somewhere',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: 'return this.#fetch.isHeld(blobKey(blob))',
        after: 'return blob.bytes > 0',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'blob-chunk-unchecked',
    traps: ['E3'],
    bug: 'a chunk of a blob is stored whatever root it leads to',
    edits: [
      {
        file: 'packages/consensus/src/blob.ts',
        before: 'if (!equalBytes(rootOf(blob.bytes, chunkBytes, hash), blob.root))',
        after: 'if (blob.bytes < 0)',
      },
    ],
    hunt: tests('packages/consensus/src/blob.test.ts'),
  },
  {
    id: 'blob-pruned-while-needed',
    traps: ['D4'],
    bug: 'a blob goes when its blocks have passed, also if a vote not yet overtaken refers to it',
    edits: [
      {
        file: 'packages/replica/src/blob-keep.ts',
        before: 'if (isNeeded(key)) continue',
        after: 'if (isNeeded(key) && height < 0) continue',
      },
    ],
    hunt: tests('packages/replica/src/blob-keep.test.ts'),
  },
  {
    id: 'blob-damage-unseen',
    traps: ['C5'],
    bug: 'a proof is checked on whatever the disk has of its blob by now',
    edits: [
      {
        file: 'packages/storage/src/blob-files.ts',
        before: 'if (read !== piece.length || !equalBytes(blobLeaf(piece), leaf))',
        after: 'if (read < 0 || leaf.length === 0)',
      },
    ],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'damaged-blob-served',
    traps: ['C5'],
    bug: 'a part of a blob that the disk has changed is served, and the peer takes whoever served it for a liar',
    edits: [
      {
        file: 'packages/storage/src/blob-files.ts',
        before: 'return checkBlobPart(blob, part).ok ? part : null',
        after: 'return part',
      },
    ],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'sealed-blob-told-to-one',
    traps: ['D9'],
    bug: 'whoever asks for a blob to be made durable while that is under way is never answered',
    edits: [
      {
        file: 'packages/storage/src/blob-files.ts',
        before: 'open.sealing.push(done)',
        after: 'open.sealing.slice()',
      },
    ],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'starved-block-never-tried-again',
    traps: ['D3'],
    bug: 'a block whose blobs are pruned everywhere waits for them for ever, although its certificate is here',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: 'if (![...blobs.keys()].some((key) => this.#host.blobs?.isStarved(key) === true)) continue',
        after: 'if (blobs.size >= 0) continue',
      },
    ],
    hunt: tests('packages/simulator/src/blobs.test.ts'),
  },
  {
    id: 'upload-not-told',
    traps: ['D9'],
    bug: 'a transaction that came before its blob waits for a minute, although a client has uploaded it meanwhile',
    edits: [
      {
        file: 'packages/node/src/blob-keeper.ts',
        before: 'if (missing.length === 0) this.#answer(',
        after: 'if (missing.length > 0) this.#answer(',
      },
    ],
    hunt: tests('packages/node/src/blob-keeper.test.ts'),
  },
  {
    id: 'upload-told-in-vain',
    traps: ['D9'],
    bug: 'a replica that asks its peers for a blob does not hear that it is here',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '    if (missing.length === 0) {\n      this.#fetching.delete(key)',
        after: '    if (missing.length === 0 && (fetching.missing === null || fetching.sealing)) {\n      this.#fetching.delete(key)',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'block-waits-for-a-full-disk',
    traps: ['E7'],
    bug: 'a block whose blob found no room on the disk is never tried again',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: 'if (fetching === undefined) return !this.#held.has(key)',
        after: 'if (fetching === undefined) return false',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'proposed-blobs-keep-their-place',
    traps: ['E1'],
    bug: 'what a block once waited for is fetched for ever: one proposal of 64 blobs that nobody has leaves room for no other',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: "if (fetching.purpose === 'block' && !isForBlock(key))",
        after: "if (fetching.purpose === 'block' && isForBlock(''))",
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'unspread-blobs-for-ever',
    traps: ['E1'],
    bug: 'a transaction whose blob no quorum will ever have waits for ever, and its blob takes up room',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '[...this.#waitingForClaim.values(), ...this.#waitingForBlob.values()]',
        after: '[...this.#waitingForClaim.values()]',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'want-of-descriptors-is-damage',
    traps: ['C5'],
    bug: 'a blob that cannot be opened because too many files are open counts as damaged, and is given up',
    edits: [
      {
        file: 'packages/storage/src/blob-files.ts',
        before: '  if (isExhausted(error)) throw error\n  return null\n',
        after: '  return null\n',
      },
    ],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'forgotten-upload-gets-its-name',
    traps: ['C5'],
    bug: 'an upload that begins anew while the dropped one before it is made durable counts as whole, with holes',
    edits: [{ file: 'packages/storage/src/blob-files.ts', before: '    if (isForgotten()) return // what', after: '    // what' }],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'sealed-too-late-to-be-kept',
    traps: ['E1'],
    bug: 'a blob whose transaction becomes final while it is made durable stays on the disk until the next start',
    edits: [{ file: 'packages/replica/src/blobs.ts', before: ' || this.#fetch.isSealing(blobKey(blob))', after: '' }],
    hunt: tests('packages/replica/src/blob-keep.test.ts'),
  },
  {
    id: 'claims-to-have-blobs-kept',
    traps: ['E1'],
    bug: 'who has which blob is noted for whatever blob a peer names',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: 'if (!this.isNeeded(key)) continue // said again',
        after: "if (key === '') continue // said again",
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
]

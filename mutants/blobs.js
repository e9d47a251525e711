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
  {
    id: 'pin-of-the-lower-vote',
    traps: ['E7'],
    bug: 'of two votes that need a blob the one for the lower height says how long it stays',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: 'upTo: Math.max(this.#pinned.get(key)?.upTo ?? 0, height) as Height',
        after: 'upTo: height',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'pin-ends-a-block-early',
    traps: ['E7'],
    bug: 'a blob that a vote attests is let go when the block below is committed',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: 'if (upTo <= height) this.#pinned.delete(key)',
        after: 'if (upTo <= height + 1) this.#pinned.delete(key)',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'pruned-and-still-held',
    traps: ['E7'],
    bug: 'a blob that was pruned counts as held: votes rely on it',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: "      this.#fetch.lose(blobKey(blob))\n      this.#host.push({ kind: 'blob-drop', blob })",
        after: "      this.#host.push({ kind: 'blob-drop', blob })",
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'holders-are-not-asked-first',
    traps: ['D9'],
    bug: 'who has said that it has a blob is asked no sooner than anybody else',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: '    for (const peer of this.#announced.get(key) ?? []) this.#fetch.hint(key, peer)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'chunks-served-without-bound',
    traps: ['E1'],
    bug: 'a peer may have as many chunks of blobs as it asks for',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: 'if (this.#shelf.admit({ to, blob, index })) this.#host.push',
        after: 'this.#host.push',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'deferred-chunks-forgotten',
    traps: ['E1'],
    bug: 'chunks that were to be served at the next tick never are',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: "    for (const { to, blob, index } of this.#shelf.onTick()) this.#host.push({ kind: 'blob-serve', to, blob, index })\n",
        after: '    this.#shelf.onTick()\n',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'moving-blob-given-up',
    traps: ['D9'],
    bug: 'a blob that takes more than a minute is given up, although its chunks come',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '    fetching.movedAtTick = this.#tick\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'liar-asked-for-blobs-again',
    traps: ['E4'],
    bug: 'who has served what is not under the root is asked again',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '    this.#liars.add(peer)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'blob-deadline-never-grows',
    traps: ['E4'],
    bug: 'chunks that take longer than the first deadline are asked for again at every such deadline',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '      fetching.deadlineTicks = Math.min(MAX_DEADLINE_TICKS, 2 * fetching.deadlineTicks)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'unsealed-blob-stuck',
    traps: ['B9'],
    bug: 'what the store finds missing when it seals a blob is never asked for again',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '    fetching.sealing = false\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'no-room-and-not-said',
    traps: ['D9'],
    bug: 'a transaction whose blob finds no room on the disk is not told, and waits for ever',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: '    this.#host.onGivenUp(key, refusal)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'upload-forgotten-while-it-goes-on',
    traps: ['D9'],
    bug: 'an upload that takes longer than ten minutes is forgotten in the middle',
    edits: [
      {
        file: 'packages/node/src/blob-keeper.ts',
        before: '    if (!checked.ok) return checked\n    this.#idleSince.delete(blobKey(blob))\n',
        after: '    if (!checked.ok) return checked\n',
      },
    ],
    hunt: tests('packages/node/src/blob-keeper.test.ts'),
  },
  {
    id: 'unsealed-blob-counts',
    traps: ['C2'],
    bug: 'chunks that were written and not made durable before the process ended count as a whole blob',
    edits: [
      {
        file: 'packages/node/src/blob-keeper.ts',
        before: 'if (missing.length === 0 && !this.files.isWhole(blob)) return this.#seal(blob)',
        after: 'void 0',
      },
    ],
    hunt: tests('packages/node/src/blob-keeper.test.ts'),
  },
  {
    id: 'needed-upload-keeps-its-place',
    traps: ['E1'],
    bug: 'an upload that a transaction refers to keeps its place: after two its client can upload no more',
    edits: [
      {
        file: 'packages/node/src/blob-keeper.ts',
        before: '      if (needs(blob)) {\n        this.#forget(key)\n',
        after: '      if (needs(blob)) {\n',
      },
    ],
    hunt: tests('packages/node/src/blob-keeper.test.ts'),
  },
  {
    id: 'damaged-blob-still-held',
    traps: ['E7'],
    bug: 'a blob that a checker finds damaged counts as held: its block is checked again and again, and never fetched',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: "if (outcome.status === 'aborted' && blob !== undefined && outcome.reason.startsWith(DAMAGED)) {",
        after: "if (outcome.status === 'aborted' && blob !== undefined && false) {",
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'final-upload-keeps-its-place',
    traps: ['E1'],
    bug: 'an upload whose transaction is final keeps its place until somebody looks',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: '    this.#options.blobs?.onFinal(transactions.flatMap(({ work }) => (work?.blob === undefined ? [] : [work.blob])))\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'blob-larger-than-any-block',
    traps: ['D9'],
    bug: 'a transaction whose blob fits into no block is taken in: a leader tries to propose it, again and again in one step',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'if (blobBytes !== undefined && blob.bytes > blobBytes)',
        after: 'if (blobBytes !== undefined && blob.bytes < 0)',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'lost-blob-still-told',
    traps: ['E7'],
    bug: 'peers are told at every tick that a blob is here that was lost',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: '    this.#desk.onBlobLost(key)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'lost-blob-of-an-executed-block',
    traps: ['E7'],
    bug: 'a blob that is lost after its block was executed does not hold up a vote that was not cast then',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before:
          "    for (const hash of this.#ground.referringTo(key)) this.#conclude(hash, { status: 'aborted', reason: LOST_BEFORE_THE_VOTE })\n",
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'attested-blob-stays-lost',
    traps: ['E7'],
    bug: 'a blob that is lost after the vote for its block is not fetched again, and others look for it here in vain',
    edits: [
      {
        file: 'packages/replica/src/blobs.ts',
        before: "if (!this.isHeld(blob)) this.want(blob, 'block', null)",
        after: "if (!blob) this.want(blob, 'block', null)",
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'blob-asked-of-nobody',
    traps: ['E4'],
    bug: 'what was asked of a peer before there was a connection, or on one that is lost, is waited for until the deadline',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before:
          '    for (const fetching of this.#fetching.values()) this.#takeBack(fetching, (asked) => asked === peer || !connected.has(asked))\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'blob-of-the-unreachable',
    traps: ['E4'],
    bug: 'only those who said that they have a blob are asked for it, though none of them is connected',
    edits: [
      {
        file: 'packages/replica/src/blob-fetch.ts',
        before: ' || this.#leastBusy.reachesOthersThan(fetching.sources)',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
  {
    id: 'asked-in-turn-though-down',
    traps: ['E4'],
    bug: 'peers that are not connected have their turn like the others',
    edits: [
      {
        file: 'packages/replica/src/least-busy.ts',
        before: 'connected.length > 0 ? connected : sources',
        after: 'sources',
      },
    ],
    hunt: tests('packages/replica/src/blob-fetch.test.ts'),
  },
]

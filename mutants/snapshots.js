/** Taking over states, and accepting certified verdicts (docs/protocol.md §7). */
import { tests } from './lib/mutant.js'

const OFFERS = 'packages/consensus/src/snapshot.ts'
const EPOCH_CHAIN = 'packages/consensus/src/epoch-chain.ts'
const JUMP = 'packages/consensus/src/jump.ts'
const FETCH = 'packages/replica/src/snapshot-fetch.ts'
const SHELF = 'packages/replica/src/snapshot-shelf.ts'
const VALIDATIONS = 'packages/replica/src/validations.ts'
const RANGES = 'packages/ledger/src/ranges.ts'
const CHUNKS = 'packages/ledger/src/snapshots.ts'
const AREAS = 'packages/storage/src/areas.ts'
const COMMITTED_CHAIN = 'packages/storage/src/committed-chain.ts'

const OFFER_TESTS = tests('packages/consensus/src/snapshot.test.ts')
const JUMP_TESTS = tests('packages/consensus/src/jump.test.ts')
const FETCH_TESTS = tests('packages/replica/src/snapshot-fetch.test.ts')
const RANGE_TESTS = tests('packages/ledger/src/ranges.test.ts')
const CHUNK_TESTS = tests('packages/ledger/src/snapshots.test.ts')
const STORE_TESTS = tests('packages/storage/src/snapshots.test.ts')

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const snapshots = [
  {
    id: 'complete-state-is-never-used',
    traps: ['C1', 'B10'],
    bug: 'a state whose parts were all on disk when a crash came is waited for for ever: there is nothing left to ask for',
    edits: [
      { file: FETCH, before: '    if (fetching.lanes.every(({ next }) => next === null)) return this.#finish(fetching)\n', after: '' },
    ],
    hunt: FETCH_TESTS,
  },
  {
    id: 'snapshot-without-certificate',
    traps: ['S9'],
    bug: 'the header of an offered state, and so its root, is believed whoever signed the certificate',
    edits: [
      {
        file: OFFERS,
        before: "return signed.ok ? ok({ status: 'proven', start }) : signed",
        after: "return signed.ok || header ? ok({ status: 'proven', start }) : signed",
      },
    ],
    hunt: OFFER_TESTS,
  },
  {
    id: 'snapshot-certificate-of-another-block',
    traps: ['S9'],
    bug: 'a good certificate of another block proves an offered state',
    edits: [
      {
        file: OFFERS,
        before: 'if (certificate.height !== tip.height || !equalBytes(certificate.blockHash, tip.hash))',
        after: 'if (certificate.height !== tip.height)',
      },
    ],
    hunt: OFFER_TESTS,
  },
  {
    id: 'offer-brings-its-validators',
    traps: ['S9', 'J4'],
    bug: 'the end of an epoch names whom it likes: nobody looks who has signed it',
    edits: [{ file: EPOCH_CHAIN, before: '  if (!signed.ok) return signed\n', after: '' }],
    hunt: OFFER_TESTS,
  },
  {
    id: 'headers-on-their-word',
    traps: ['S9'],
    bug: 'the headers that come with a state need not lead up to its block',
    edits: [
      {
        file: OFFERS,
        before: 'if (header.height !== above.height - 1 || !equalBytes(hashHeader(header), above.parent))',
        after: 'if (header.height !== above.height - 1)',
      },
    ],
    hunt: OFFER_TESTS,
  },
  {
    id: 'chunk-with-any-root',
    traps: ['S9', 'E5'],
    bug: 'a chunk of the ledger is not compared with the certified root',
    edits: [{ file: RANGES, before: 'if (compareBytes(hash, root) !== 0)', after: 'if (hash.length !== root.length)' }],
    hunt: RANGE_TESTS,
  },
  {
    id: 'entries-hidden-in-a-hash',
    traps: ['E3', 'S9'],
    bug: 'a chunk of the ledger may leave out entries behind a hash',
    edits: [
      { file: RANGES, before: 'const mayFollow = this.#closed ||', after: 'const mayFollow = this.entries.length >= 0 || this.#closed ||' },
    ],
    hunt: RANGE_TESTS,
  },
  {
    id: 'root-for-a-chunk',
    traps: ['E5'],
    bug: 'a chunk that holds nothing but the hash of the root passes as a part of the state',
    edits: [{ file: RANGES, before: "if (this.#stage === 'left') reader.fail(", after: 'if (hash.length === 0) reader.fail(' }],
    hunt: RANGE_TESTS,
  },
  {
    id: 'statement-unchecked-in-a-chunk',
    traps: ['S9'],
    bug: 'the statement that comes with a claim record may be another one',
    edits: [
      {
        file: CHUNKS,
        before: 'if (!equalBytes(claimIdOf(claim.kind, statement), claim.claimId))',
        after: 'if (statement.length > MAX_STATEMENT_BYTES)',
      },
    ],
    hunt: CHUNK_TESTS,
  },
  {
    id: 'epochs-asked-about-unbounded',
    traps: ['E2'],
    bug: 'a peer that asks for the end of the last epoch of all numbers stops whoever it asks',
    edits: [
      {
        file: 'packages/node/src/epochs.ts',
        before: 'links.length < most && at < underWay;',
        after: 'links.length < most && lastHeightOf(epochLength, epoch(at)) <= publishedHeight;',
      },
      // Two defences stand one behind the other.
      {
        file: 'packages/consensus/src/epochs.ts',
        before: 'Math.min(Number.MAX_SAFE_INTEGER, length * (of + 1))',
        after: 'length * (of + 1)',
      },
    ],
    hunt: tests('packages/node/src/epoch-links.test.ts'),
  },
  {
    id: 'links-of-epochs-without-bytes',
    traps: ['E1'],
    bug: 'an answer has so many ends of epochs, however many validators each has: hundreds of megabytes that whoever asked does not read',
    edits: [
      { file: 'packages/node/src/epochs.ts', before: 'if (links.length > 0 && bytes > mostBytes) break', after: 'if (bytes < 0) break' },
    ],
    hunt: tests('packages/node/src/epoch-links.test.ts'),
  },
  {
    id: 'statements-weigh-nothing',
    traps: ['E1'],
    bug: 'a part of the state has as many long statements as records fit: it outgrows what a peer reads, and whoever serves it is blamed',
    edits: [{ file: CHUNKS, before: ', (entry) => statementOf(entry)?.length ?? 0)', after: ')' }],
    hunt: CHUNK_TESTS,
  },
  {
    id: 'chunk-kept-unchecked',
    traps: ['S9', 'E5'],
    bug: 'what a peer sends for a part of a state it is not dropped for, however wrong it is',
    edits: [{ file: FETCH, before: '    this.#liars.add(peer)\n', after: '' }],
    hunt: FETCH_TESTS,
  },
  {
    id: 'claims-hold-blocks-for-ever',
    traps: ['E4'],
    bug: 'each claim of a great height puts off the fetching of blocks again',
    edits: [{ file: FETCH, before: '    this.#heldFor.add(peer)\n', after: '' }],
    hunt: FETCH_TESTS,
  },
  {
    id: 'stalling-peer-keeps-its-part',
    traps: ['E4'],
    bug: 'a peer that stalls is asked for the same part for ever',
    edits: [{ file: FETCH, before: '>= this.#deadlineTicks) this.#onStall(', after: '>= 1000 * this.#deadlineTicks) this.#onStall(' }],
    hunt: FETCH_TESTS,
  },
  {
    id: 'restart-begins-the-state-anew',
    traps: ['D4', 'C1'],
    bug: 'what is on disk of a state that was being fetched does not count after a restart',
    edits: [{ file: FETCH, before: 'lanesOf(snapshots.lanes, staged)', after: 'lanesOf(snapshots.lanes, null)' }],
    hunt: FETCH_TESTS,
  },
  {
    id: 'snapshot-goes-back',
    traps: ['B10'],
    bug: 'a state is taken over although blocks have led beyond it',
    edits: [
      {
        file: FETCH,
        before: 'if (this.#host.committed.height >= fetching.height) {',
        after: 'if (this.#host.committed.height > 2 * fetching.height) {',
      },
    ],
    hunt: FETCH_TESTS,
  },
  {
    id: 'newest-state-only',
    traps: ['D4'],
    bug: 'a state that others are fetching is gone as soon as the next one is there',
    edits: [{ file: SHELF, before: 'const STATES_PINNED = 4', after: 'const STATES_PINNED = -4' }],
    hunt: FETCH_TESTS,
  },
  {
    id: 'quiet-chain-has-no-state',
    traps: ['D5'],
    bug: 'after a start there is no state to be had until the next height that is a multiple',
    edits: [
      {
        file: SHELF,
        before: 'if (tip !== undefined && certificate?.height === tip.height)',
        after: 'if (tip !== undefined && certificate?.height === -tip.height)',
      },
    ],
    hunt: FETCH_TESTS,
  },
  {
    id: 'chunks-without-bound',
    traps: ['E1'],
    bug: 'a peer may have as many chunks between two ticks as it likes',
    edits: [
      {
        file: SHELF,
        before: 'if (spent.chunks >= CHUNKS_PER_PEER || this.#chunksThisTick >= CHUNKS_PER_TICK) return this.#defer(peer, wish)\n',
        after: '',
      },
    ],
    hunt: FETCH_TESTS,
  },
  {
    id: 'first-come-all-served',
    traps: ['E1', 'E4'],
    bug: 'a peer that asks for as many chunks as there are at every tick leaves none for the others',
    edits: [
      {
        file: SHELF,
        before: 'this.#chunksThisTick >= CHUNKS_PER_TICK) return this.#defer(peer, wish)',
        after: 'this.#chunksThisTick >= CHUNKS_PER_TICK) return null',
      },
    ],
    hunt: FETCH_TESTS,
  },
  {
    id: 'jump-forgets-votes',
    traps: ['C1'],
    bug: 'votes above a state that was taken over are forgotten',
    edits: [{ file: JUMP, before: 'at <= committed.height ? []', after: 'at >= 0 ? []' }],
    hunt: JUMP_TESTS,
  },
  {
    id: 'jump-forgets-the-highest',
    traps: ['B1', 'C1'],
    bug: 'whoever takes over a state names a lower certificate than it did before',
    edits: [{ file: JUMP, before: '    highest: state.highest,\n', after: '    highest: null,\n' }],
    hunt: JUMP_TESTS,
  },
  {
    id: 'jump-ends-the-silence',
    traps: ['C6'],
    bug: 'a validator that has lost its store votes at once in the epoch in which it takes over a state',
    edits: [{ file: JUMP, before: "return isPast ? null : { status: 'asking' }", after: 'return null' }],
    hunt: JUMP_TESTS,
  },
  {
    id: 'ends-of-epochs-not-kept',
    traps: ['J3'],
    bug: 'whoever took over a state cannot show the ends of the epochs below it',
    edits: [
      {
        file: COMMITTED_CHAIN,
        before: 'for (const link of links) this.#queue.put(certificateKey(link.header.height), encodeCertificate(link.certificate))\n',
        after: '',
      },
    ],
    hunt: STORE_TESTS,
  },
  {
    id: 'state-replaced-before-it-is-whole',
    traps: ['C1', 'C5'],
    bug: 'the chunks of a state are written over the state in use',
    edits: [
      {
        file: AREAS,
        before: 'const puts = record.puts.map(([key, value]) => [stateKey(area, key), value] as const)',
        after: 'const puts = record.puts.map(([key, value]) => [stateKey(area > 0 ? this.#live : area, key), value] as const)',
      },
    ],
    hunt: STORE_TESTS,
  },
  {
    id: 'certified-blocks-without-state-root',
    traps: ['K5', 'E4'],
    bug: 'with certified verdicts a block is taken for executed whatever came of it',
    edits: [
      {
        file: VALIDATIONS,
        before: "const isGood = this.#executeBlock({ ...validation, gas }).status === 'valid'",
        after: "const isGood = this.#executeBlock({ ...validation, gas }).status !== 'aborted'",
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'verdicts-trusted-unasked',
    traps: ['S13'],
    bug: 'certified verdicts are accepted although the configuration says that everything is verified',
    edits: [{ file: VALIDATIONS, before: 'this.#host.trustCertificates && ', after: '' }],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'lowest-offer-taken',
    traps: ['D5'],
    bug: 'of the states that are offered the lowest is fetched, which blocks may soon lead beyond',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: 'b.target.header.height - a.target.header.height)',
        after: 'a.target.header.height - b.target.header.height)',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'blocks-wait-for-a-state',
    traps: ['E4'],
    bug: 'while a state is being fetched no blocks are asked for, however long nobody has served a part of it',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: ' && this.#sources.size > 0 && this.#tick - this.#fetching.servedAtTick < IMPATIENT_TICKS',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'server-of-this-epoch',
    traps: ['E4'],
    bug: 'who is no further is asked for the blocks of the next epoch',
    edits: [
      {
        file: 'packages/replica/src/peer-memory.ts',
        before: 'of <= epoch ? []',
        after: 'of < epoch ? []',
      },
    ],
    hunt: tests('packages/replica/src/peer-memory.test.ts'),
  },
  {
    id: 'claims-without-bound',
    traps: ['E1'],
    bug: 'what any number of peers claim to have is remembered',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: '    if (this.#claims.size >= MAX_PEERS && !this.#claims.has(peer)) return\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'offers-unasked',
    traps: ['E1'],
    bug: 'a peer that was asked for one offer may send any number, and each is checked',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: '    this.#asked.delete(peer)\n    this.#unanswered.delete(peer)\n',
        after: '    this.#unanswered.delete(peer)\n',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'overtaken-state-goes-on',
    traps: ['B10'],
    bug: 'a state that blocks have overtaken is fetched on until a part of it comes',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: "if (fetching !== null && committed.height >= fetching.height) this.#giveUp(fetching, 'overtaken')\n",
        after: '\n',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'slow-state-and-blocks-too',
    traps: ['D3'],
    bug: 'a state of which parts come counts as one of which none do: its blocks are asked for as well',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: '    fetching.servedAtTick = this.#tick\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'stored-state-below-the-chain',
    traps: ['B10'],
    bug: 'a restart goes on with a state that is not above the committed block',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: ' || header.height <= this.#host.committed.height) {',
        after: ') {',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'headers-for-ever',
    traps: ['E1'],
    bug: 'every header that was ever committed is kept',
    edits: [
      {
        file: 'packages/replica/src/snapshot-shelf.ts',
        before: '    if (this.#headers.length > 2 * RECENT_HASHES) this.#headers = this.#headers.slice(-RECENT_HASHES)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'wanted-states-without-bound',
    traps: ['E1'],
    bug: 'every state that a peer asks for often enough is kept',
    edits: [
      {
        file: 'packages/replica/src/snapshot-shelf.ts',
        before: 'new Set(wanted.slice(-STATES_PINNED))',
        after: 'new Set(wanted)',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'own-set-is-the-one-before',
    traps: ['J1'],
    bug: 'after a restart votes of the epoch before are held against the validators of this one',
    edits: [
      {
        file: 'packages/node/src/epochs.ts',
        before: 'return { ...start, previousValidators: before.validators }',
        after: 'return { ...start, previousValidators: start.validators }',
      },
    ],
    hunt: tests('packages/node/src/epoch-start.test.ts'),
  },
  {
    id: 'record-of-an-epoch-unchecked',
    traps: ['C5'],
    bug: 'a restart takes the validators of the epoch from the store, whatever the chain says',
    edits: [
      {
        file: 'packages/node/src/epochs.ts',
        before:
          'if (!equalBytes(boundary.nextValidatorsHash, start.validators.hash) || !equalBytes(hashHeader(boundary), start.origin.hash)) {',
        after: 'if (false) {',
      },
    ],
    hunt: tests('packages/node/src/epoch-start.test.ts'),
  },
  {
    id: 'names-of-an-old-state',
    traps: ['K4'],
    bug: 'validators are called for ever what the state of the start called them',
    edits: [
      {
        file: 'packages/node/src/epochs.ts',
        before: 'if (known?.state !== state) known',
        after: 'known ??= { state, ofKey: names.ofValidators(state) }\n      if (false) known',
      },
    ],
    hunt: tests('packages/node/src/epoch-start.test.ts'),
  },
  {
    id: 'part-asked-of-nobody',
    traps: ['E4'],
    bug: 'parts of a state that were asked for on a connection that is lost are waited for until the deadline',
    edits: [
      {
        file: 'packages/replica/src/snapshot-fetch.ts',
        before: 'if (asked !== undefined && (asked === peer || !this.#host.connected.has(asked))) lane.request = null',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'state-of-one-peer-taken',
    traps: ['E4'],
    bug: 'a higher state that a single peer offers, and serves as slowly as one may, is taken instead of the one that all others have',
    edits: [{ file: 'packages/replica/src/snapshot-fetch.ts', before: 'this.#offersOf(b) - this.#offersOf(a) || ', after: '' }],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
]

/** What peers and clients can make a replica hold, compute, send and write; forks; evidence at the end of an epoch (docs/protocol.md §11-§13). */
import { tests } from './lib/mutant.js'

const CORE_BOUNDS = tests('packages/consensus/src/bounds.test.ts')
const PACKED_LISTS = tests('packages/codec/src/packed-list.test.ts')
const REPLICA_BOUNDS = tests('packages/replica/src/bounds.test.ts')
const NODE_BOUNDS = tests('packages/node/src/bounds.test.ts')
const HTTP_FLOOD = tests('packages/node/src/http-flood.test.ts')
const HALTING_TESTS = tests('packages/consensus/src/halting.test.ts')
const BEYOND_TESTS = tests('packages/simulator/src/beyond.test.ts')
const EPOCH_TESTS = tests('packages/replica/src/epochs.test.ts')

const WIRE = 'packages/codec/src/wire.ts'
const CHAIN = 'packages/consensus/src/chain.ts'
const HALTING = 'packages/consensus/src/halting.ts'
const CONSENSUS = 'packages/consensus/src/consensus.ts'
const FORK = 'packages/consensus/src/fork.ts'
const CHECK = 'packages/consensus/src/check.ts'
const ACCUSATIONS = 'packages/replica/src/accusations.ts'
const HTTP = 'packages/node/src/http.ts'
const HTTP_CHAIN = 'packages/node/src/http-chain.ts'
const HTTP_EVENTS = 'packages/node/src/http-events.ts'
const HTTP_TRANSACTIONS = 'packages/node/src/http-transactions.ts'
const DRIVER = 'packages/node/src/driver.ts'
const ARRIVALS = 'packages/node/src/arrivals.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const bounds = [
  {
    id: 'bodies-retained-without-bytes',
    traps: ['E1', 'E6'],
    bug: 'bodies that lost are counted and not weighed: 4,096 of eight megabytes',
    edits: [
      {
        file: CHAIN,
        before: 'state.blocks.size >= MAX_RETAINED_BLOCKS || held > MAX_RETAINED_BYTES',
        after: 'state.blocks.size >= MAX_RETAINED_BLOCKS',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'far-certificates-keep-their-place',
    traps: ['E1'],
    bug: 'certificates of thousands of far blocks, which anybody can show, leave no room for that of the next one',
    edits: [{ file: CHAIN, before: 'return state.certified.delete(highest)', after: 'return false' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'signatures-remembered-for-ever',
    traps: ['E1'],
    bug: 'every signature that was ever good is remembered',
    edits: [
      { file: CHECK, before: 'if (this.#recent.size >= MAX_REMEMBERED / 2) {', after: 'if (this.#recent.size < 0) {' },
      { file: CHECK, before: "assert(this.#recent.size < MAX_REMEMBERED, 'remembered signatures exceed their bound')", after: '' },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'next-epoch-held-without-bound',
    traps: ['E1', 'J1'],
    bug: 'whatever a peer sends for the next epoch is held, unchecked',
    edits: [
      {
        file: 'packages/consensus/src/epoch-gate.ts',
        before: 'if (of.messages.length >= MAX_HELD_MESSAGES || of.bytes + bytes > MAX_HELD_BYTES) return',
        after: '',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'transactions-weigh-their-bytes',
    traps: ['E1'],
    bug: 'a proposal that is held for the next epoch weighs a fraction of what it takes: its transactions are objects of two hundred bytes',
    edits: [
      {
        file: 'packages/consensus/src/epoch-gate.ts',
        before: 'return heldBodyBytes(message.block.body)',
        after: 'return heldBodyBytes(message.block.body) / 256',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'long-lists-are-plain',
    traps: ['E1', 'E6'],
    bug: 'a list is an array of objects whatever it holds: three hundred kilobytes of transactions of one byte are fourteen megabytes once decoded',
    edits: [{ file: WIRE, before: 'if (costBytes > PLAIN_LIST_FACTOR * (this.#at - from) + spareBytes) items = null', after: '' }],
    hunt: PACKED_LISTS,
  },
  {
    id: 'next-epoch-held-unweighed',
    traps: ['E1'],
    bug: 'sixty NEW-VIEWs of sixty-five thousand entries each are held for the next epoch, unchecked, as if they were votes',
    edits: [{ file: 'packages/consensus/src/epoch-gate.ts', before: 'FIXED_BYTES + listedBytes(message)', after: 'FIXED_BYTES' }],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'accusations-checked-without-bound',
    traps: ['E1', 'K1'],
    bug: 'one who confesses five hundred false proofs has five hundred proofs checked at once',
    edits: [
      { file: ACCUSATIONS, before: 'verdict !== undefined || this.#suspicions.size >= MAX_SUSPICIONS', after: 'verdict !== undefined' },
    ],
    hunt: REPLICA_BOUNDS,
  },
  {
    id: 'arrivals-weigh-their-bytes-alone',
    traps: ['E1', 'E6'],
    bug: 'a million transactions of one byte wait, each an object of two hundred',
    edits: [{ file: ARRIVALS, before: 'export const ARRIVAL_COST_BYTES = 512', after: 'export const ARRIVAL_COST_BYTES = 0' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'arrivals-never-make-room',
    traps: ['E1'],
    bug: 'what each transaction weighs beside its bytes is not given back: after 65,536 of them a node takes in no more',
    edits: [{ file: ARRIVALS, before: 'this.#weight -= weightOf(first.bytes)', after: 'this.#weight -= first.bytes.length' }],
    hunt: tests('packages/node/src/arrivals.test.ts'),
  },
  {
    id: 'one-peer-fills-arrivals',
    traps: ['E1'],
    bug: 'while the flood of one peer waits, whatever the others send is dropped',
    edits: [
      {
        file: ARRIVALS,
        before: 'if (of === null || longest.weight <= own.weight + weight) return false',
        after: 'if (of !== null || longest.weight <= own.weight + weight) return false',
      },
    ],
    hunt: tests('packages/node/src/arrivals.test.ts'),
  },
  {
    id: 'clients-wait-behind-peers',
    traps: ['E1'],
    bug: 'while any peer has transactions that wait, none of a client is looked at',
    edits: [{ file: ARRIVALS, before: '(this.#clientsNext || next === undefined)', after: 'next === undefined' }],
    hunt: tests('packages/node/src/arrivals.test.ts'),
  },
  {
    id: 'waiting-clients-counted-by-transaction',
    traps: ['E1'],
    bug: 'any number of clients may wait for one transaction',
    edits: [{ file: 'packages/node/src/settlements.ts', before: '    this.#callbacks++\n', after: '' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'log-without-limit',
    traps: ['E1'],
    bug: 'a peer that comes and goes fills the disk with lines about it',
    edits: [{ file: 'packages/node/src/log-limit.ts', before: 'if (bucket.tokens < 1) {', after: 'if (bucket.tokens < -1e9) {' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'request-bodies-without-bound',
    traps: ['E1', 'E6'],
    bug: 'a thousand clients send sixteen megabytes each at the same time',
    edits: [
      {
        file: 'packages/node/src/http-bounds.ts',
        before: 'if (budget.heldBytes + bytes > mostBytes) {\n      void reply\n',
        after: 'if (bytes > mostBytes) {\n      void reply\n',
      },
    ],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'reconnecting-costs-nothing',
    traps: ['E1'],
    bug: 'a peer that reconnects is sent four megabytes of transactions each time, as often as it likes',
    edits: [{ file: 'packages/network/src/session.ts', before: 'this.charge(CONNECT_US)', after: 'this.charge(0)' }],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'work-without-account',
    traps: ['E1'],
    bug: 'a peer that floods is read as fast as its line allows',
    edits: [
      {
        file: 'packages/network/src/allowance.ts',
        before: 'return this.#balanceUs >= 0 ? 0 : Math.ceil(-this.#balanceUs / this.#usPerMs)',
        after: 'return 0',
      },
    ],
    hunt: tests('packages/network/src/allowance.test.ts'),
  },
  {
    id: 'flooding-peer-is-read-on',
    traps: ['E1'],
    bug: 'who has overdrawn its account is reported, and read on',
    edits: [{ file: 'packages/network/src/session.ts', before: '    socket.pause()\n', after: '' }],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'account-of-the-connection',
    traps: ['E1'],
    bug: 'a peer that comes back has a full account again',
    edits: [
      {
        file: 'packages/network/src/mesh.ts',
        before: '    peer.session = session\n    session.begin()',
        after: '    peer.session = session\n    peer.traffic.allowance.grant(1e12)\n    session.begin()',
      },
    ],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'useless-messages-are-free',
    traps: ['E1'],
    bug: 'what is not worth checking is decoded as often as it comes, for nothing',
    edits: [
      {
        file: DRIVER,
        before: 'this.#isFree(from, message))) this.#mesh?.charge(from, priceOfUnwanted(bytes))',
        after: 'this.#isFree(from, message))) return true',
      },
    ],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'repeated-proposals-are-free',
    traps: ['E1', 'E6'],
    bug: 'a leader may have its eight megabytes hashed as often as its line allows',
    edits: [
      {
        file: 'packages/node/src/first-proposals.ts',
        before: 'if (known.has(name)) return false',
        after: 'if (known.has(name)) return true',
      },
    ],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'proposals-remembered-for-ever',
    traps: ['E1'],
    bug: 'every slot that a peer ever proposed for is remembered',
    edits: [{ file: 'packages/node/src/first-proposals.ts', before: 'const MAX_SLOTS = 1024', after: 'const MAX_SLOTS = 1e9' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'handshakes-without-bound',
    traps: ['E1'],
    bug: 'anybody can make a validator compute handshakes as fast as connections can be opened',
    edits: [
      {
        file: 'packages/network/src/handshakes.ts',
        before: 'if (!hasToken(bucket, rate, nowMs)) return false',
        after: 'hasToken(bucket, rate, nowMs)',
      },
    ],
    hunt: tests('packages/network/src/handshakes.test.ts'),
  },
  {
    id: 'strangers-use-up-the-handshakes',
    traps: ['E1'],
    bug: 'a flood of strangers keeps a validator out that has been here before',
    edits: [
      {
        file: 'packages/network/src/handshakes.ts',
        before: 'const isKnown = [...this.#known.values()].includes(network)',
        after: 'const isKnown = false',
      },
    ],
    hunt: tests('packages/network/src/handshakes.test.ts'),
  },
  {
    id: 'strangers-fill-the-lobby',
    traps: ['E1'],
    bug: 'whoever connects and says nothing keeps a place for ten seconds, and the next one is turned away',
    edits: [
      {
        file: 'packages/network/src/lobby.ts',
        before: '    const [oldest] = waiting\n',
        after: '    const oldest = [...waiting].at(-1)\n',
      },
    ],
    hunt: tests('packages/network/src/lobby.test.ts'),
  },
  {
    id: 'strangers-fill-the-lobby-of-validators',
    traps: ['E1'],
    bug: 'silent strangers share their places with addresses from which a validator has come',
    edits: [
      { file: 'packages/network/src/lobby.ts', before: 'this.#waiting.set(network, waiting)', after: 'this.#waiting.set(null, waiting)' },
    ],
    hunt: tests('packages/network/src/lobby.test.ts'),
  },
  {
    id: 'streams-without-bound',
    traps: ['E1'],
    bug: 'any number of clients may listen to events',
    edits: [{ file: HTTP_EVENTS, before: 'if (streams >= MAX_EVENT_STREAMS)', after: 'if (streams < 0)' }],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'stream-begun-for-nobody',
    traps: ['E1'],
    bug: 'a client that leaves before its event stream begins takes a place for ever',
    edits: [{ file: HTTP_EVENTS, before: '    if (socket.destroyed) return // it has left', after: '    // it has left' }],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'answers-behind-others-never-close',
    traps: ['E1'],
    bug: 'what waits behind an answer on a connection that ends keeps its place, and the bytes it announced, for ever',
    edits: [
      {
        file: 'packages/node/src/http-bounds.ts',
        before: '    onEnd.set(socket, callbacks)\n    socket.once(',
        after: '    onEnd.set(socket, callbacks)\n    answer.once(',
      },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'downloads-never-closed',
    traps: ['E1'],
    bug: 'the file of a download whose client has left before it began stays open for ever',
    edits: [
      {
        file: 'packages/node/src/http-blobs.ts',
        before: '    if (request.raw.socket.destroyed) return reply.hijack() // it has left',
        after: '    // it has left',
      },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'uploads-without-a-file-stay',
    traps: ['E1'],
    bug: 'an upload whose file could not be opened takes its place for ever',
    edits: [
      {
        file: 'packages/node/src/blob-keeper.ts',
        before: 'if (!keys.has(key)) this.#forget(key)',
        after: 'if (keys.size < 0) this.#forget(key)',
      },
    ],
    hunt: tests('packages/node/src/blob-keeper.test.ts'),
  },
  {
    id: 'links-of-an-offer-without-bytes',
    traps: ['E1'],
    bug: 'an offer carries the ends of 64 epochs, however many validators sign them, and does not fit a frame',
    edits: [
      {
        file: 'packages/node/src/snapshots.ts',
        before: 'MAX_OFFER_LINKS, MAX_OFFER_LINK_BYTES)',
        after: 'MAX_OFFER_LINKS, Number.MAX_SAFE_INTEGER)',
      },
    ],
    hunt: tests('packages/node/src/bounds.test.ts'),
  },
  {
    id: 'tiny-transactions-weigh-nothing',
    traps: ['E1'],
    bug: 'a body of 65,536 transactions of one byte is charged its bytes, and takes forty times as much',
    edits: [
      { file: 'packages/consensus/src/block.ts', before: 'const TRANSACTION_COST_BYTES = 256', after: 'const TRANSACTION_COST_BYTES = 0' },
    ],
    hunt: tests('packages/consensus/src/bounds.test.ts'),
  },
  {
    id: 'thread-is-at-nothing-after-a-while',
    traps: ['E1'],
    bug: 'after 2^31 batches a thread that hangs is not seen at its proof, which is tried for ever',
    edits: [{ file: 'packages/node/src/proof-thread.ts', before: '- this.#answered) | 0 //', after: '- this.#answered) //' }],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'batches-are-not-cut-for-their-own',
    traps: ['E7'],
    bug: 'a block that needs a proof in the middle of a batch for the mempool waits for all that is before it',
    edits: [
      {
        file: 'packages/node/src/proof-pool.ts',
        before: "if (waiting === undefined || waiting.job.priority === 'block') return",
        after: 'if (waiting !== undefined) return',
      },
    ],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'former-seat-dialled-for-ever',
    traps: ['J3'],
    bug: 'a validator that joins again is dialled at its former address for ever, and taken for a stranger',
    edits: [{ file: 'packages/network/src/mesh.ts', before: '    if (former !== undefined) this.#forget(former)\n', after: '' }],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'who-comes-back-is-another',
    traps: ['J3'],
    bug: 'a validator that joined again is called by its new seat as soon as it has one, and what it says until the epoch ends is of nobody',
    edits: [{ file: 'packages/node/src/peer-names.ts', before: 'this.#names.get(key) ?? ', after: '' }],
    hunt: tests('packages/node/src/peer-names.test.ts'),
  },
  {
    id: 'dialling-by-own-names',
    traps: ['J3'],
    bug: 'who dials is decided by what each calls the other, and two that do not agree on that never connect',
    edits: [
      {
        file: 'packages/network/src/mesh.ts',
        before: 'compareBytes(this.#identity.publicKey, peer.address.networkKey) < 0',
        after: 'peer.address.index > 1',
      },
    ],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'offences-of-genesis-only',
    traps: ['K4'],
    bug: 'what is on record against a validator that joined later, or under a changed key, is shown to nobody',
    edits: [
      {
        file: 'packages/node/src/epochs.ts',
        before: '  for (const { seat, publicKey } of membersIn(state)) known.set(keyOf(publicKey), { seat, publicKey })\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/http-chain.test.ts'),
  },
  {
    id: 'pipelines-without-bound',
    traps: ['E1'],
    bug: 'one connection may ask for any number of downloads at once, and each opens a file',
    edits: [{ file: HTTP, before: '  boundPipelines(app)\n', after: '' }],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'unread-answers-pile-up',
    traps: ['E1'],
    bug: 'answers that nobody reads pile up, some megabytes for each connection',
    edits: [
      {
        file: 'packages/node/src/http-bounds.ts',
        before: 'if (budget.heldBytes + bytes > mostBytes) {\n      if (payload',
        after: 'if (bytes > mostBytes) {\n      if (payload',
      },
    ],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'answers-wait-for-ever',
    traps: ['E1'],
    bug: 'a client that does not read its answer keeps its place until it leaves',
    edits: [{ file: 'packages/node/src/http-bounds.ts', before: '    socket.setTimeout(unreadMs)\n', after: '' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'answers-charged-to-nobody',
    traps: ['E1'],
    bug: 'an answer to a client that has left before is charged for ever: after a million of them every client is told to come again',
    edits: [{ file: 'packages/node/src/http-bounds.ts', before: '    if (socket.destroyed) return done(null, payload)', after: '    //' }],
    hunt: NODE_BOUNDS,
  },
  {
    id: 'heads-read-the-whole',
    traps: ['E1'],
    bug: 'for the head of a download all of it is read from the disk',
    edits: [
      {
        file: 'packages/node/src/http-blobs.ts',
        before: "'/v1/blobs/:root', { exposeHeadRoute: false }, async",
        after: "'/v1/blobs/:root', async",
      },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'waits-outlive-their-clients',
    traps: ['E1'],
    bug: 'a client that has left goes on waiting for its transactions, up to ten minutes, and a few requests take all the room there is',
    edits: [{ file: HTTP_TRANSACTIONS, before: '    waits.add(giveUp)\n', after: '' }],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'stream-that-nobody-reads',
    traps: ['E1'],
    bug: 'events pile up for a client that does not read',
    edits: [
      {
        file: HTTP_EVENTS,
        before: 'if (raw.writableLength > MAX_STREAM_BACKLOG_BYTES) socket.destroy()',
        after: 'if (raw.destroyed) raw.destroy()',
      },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'large-block-ends-the-streams',
    traps: ['E1'],
    bug: 'an event of more than a mebibyte cuts off everybody who listens, however fast they read',
    edits: [
      {
        file: HTTP_EVENTS,
        before: 'if (raw.writableLength > MAX_STREAM_BACKLOG_BYTES) socket.destroy()\n      else raw.write(event)',
        after: 'raw.write(event)\n      if (raw.writableLength > MAX_STREAM_BACKLOG_BYTES) socket.destroy()',
      },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'page-without-bytes',
    traps: ['E1', 'E6'],
    bug: 'a page of a hundred blocks of eight megabytes is read for anybody who asks',
    edits: [{ file: HTTP_CHAIN, before: ' && bytes < MAX_PAGE_BYTES; at++', after: '; at++' }],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'connections-without-bound',
    traps: ['E1'],
    bug: 'any number of clients may hold a connection open',
    edits: [
      { file: 'packages/node/src/http-bounds.ts', before: '  app.server.maxConnections = connectionsWithin(mostOpenFiles())\n', after: '' },
    ],
    hunt: HTTP_FLOOD,
  },
  {
    id: 'fork-goes-unseen',
    traps: ['A1'],
    bug: 'a certificate that contradicts the committed chain is dropped as old',
    edits: [
      {
        file: CHAIN,
        before: 'if (certificate.height <= state.committed.height) return checkAgainstChain(state, certificate)',
        after: 'if (certificate.height <= state.committed.height) return',
      },
    ],
    hunt: HALTING_TESTS,
  },
  {
    id: 'fork-between-quorums-unseen',
    traps: ['A1'],
    bug: 'a second quorum of COMMITs for another block of a height that is certified and not committed is passed over',
    edits: [
      {
        file: 'packages/consensus/src/normal-case.ts',
        before: 'known.certificate.height === ballot.height && equalBytes(known.hash, ballot.blockHash)',
        after: 'known.certificate.height === ballot.height',
      },
    ],
    hunt: HALTING_TESTS,
  },
  {
    id: 'forked-state-fetched-again',
    traps: ['A1'],
    bug: 'a state that contradicts the own chain is fetched and thrown away, again and again',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: 'this.#fetch = null // the same state would be fetched again and again',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/snapshot-fetch.test.ts'),
  },
  {
    id: 'votes-after-a-fork',
    traps: ['A1'],
    bug: 'a replica that has seen a fork goes on with its own branch',
    edits: [
      {
        file: CONSENSUS,
        before: 'if (state.forkedAt !== null) onInputWhenHalted(state, input)',
        after: 'if (state.forkedAt === -1) onInputWhenHalted(state, input)',
      },
    ],
    hunt: BEYOND_TESTS,
  },
  {
    id: 'links-not-kept',
    traps: ['A1'],
    bug: 'headers that lead to the block of a certificate are forgotten, and a validator cannot show that it commits those below',
    edits: [{ file: HALTING, before: 'state.links.set(header.height, { hash, header })', after: '' }],
    hunt: HALTING_TESTS,
  },
  {
    id: 'links-without-bound',
    traps: ['E1'],
    bug: 'headers that lead to the block of a certificate are kept without bound',
    edits: [{ file: HALTING, before: 'while (state.links.size > MAX_KEPT_LINKS)', after: 'while (state.links.size > 1_000_000)' }],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'new-views-not-kept',
    traps: ['A1', 'B1'],
    bug: 'the entries that let a rival block in are forgotten, and a fork across views is nobody’s fault',
    edits: [{ file: HALTING, before: 'state.newViews.push(message)', after: '' }],
    hunt: BEYOND_TESTS,
  },
  {
    id: 'blamed-for-asking-before',
    traps: ['K1'],
    bug: 'a VIEW-CHANGE from before the COMMIT counts as having forgotten it',
    edits: [{ file: FORK, before: 'if (newView <= commit.view) return false', after: '' }],
    hunt: tests('packages/consensus/src/fork.test.ts'),
  },
  {
    id: 'evidence-dies-with-its-epoch',
    traps: ['J1', 'K1'],
    bug: 'an offence in the last block of an epoch is never recorded',
    edits: [
      {
        file: CHECK,
        before: 'epoch === validators.epoch ? validators : epoch === previous?.validators.epoch ? previous.validators : undefined',
        after: 'epoch === validators.epoch ? validators : undefined',
      },
    ],
    hunt: EPOCH_TESTS,
  },
  {
    id: 'offender-looked-up-in-the-wrong-epoch',
    traps: ['K1', 'K4'],
    bug: 'a position of the epoch before is looked up in the set of this one: somebody else is accused',
    edits: [
      {
        file: ACCUSATIONS,
        before: 'return previousValidators?.epoch === inEpoch ? previousValidators : undefined',
        after: 'return previousValidators?.epoch === inEpoch ? { ...validators, epoch: inEpoch } : undefined',
      },
    ],
    hunt: EPOCH_TESTS,
  },
  {
    id: 'small-pieces-kept-one-by-one',
    traps: ['E1'],
    bug: 'a frame that comes one byte at a time is millions of small arrays until it is whole',
    edits: [
      {
        file: 'packages/network/src/frames.ts',
        before: 'if (piece.length >= SMALL_BYTES) this.#pieces',
        after: 'if (piece.length > 0) this.#pieces',
      },
    ],
    hunt: tests('packages/network/src/frames.test.ts'),
  },
  {
    id: 'unread-bodies-pile-up',
    traps: ['E1', 'E6'],
    bug: 'transactions and repeated bodies are queued for a peer that has not read the ones before, until it is cut off',
    edits: [
      {
        file: 'packages/network/src/mesh.ts',
        before: 'if (session?.isGreeted && session.unsentBytes <= most) session.queue(frame)',
        after: 'if (session?.isGreeted) session.queue(frame)',
      },
    ],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'gossip-without-bound',
    traps: ['E1'],
    bug: 'what is sent again, and what greets who connects, has no number: the whole pool goes out at every tick',
    edits: [
      {
        file: 'packages/replica/src/mempool-rounds.ts',
        before: 'while (transactions.length < bound.transactions && bytes < bound.bytes)',
        after: 'while (bytes < bound.bytes)',
      },
    ],
    hunt: tests('packages/replica/src/mempool-rounds.test.ts'),
  },
  {
    id: 'early-proposals-outlive-their-height',
    traps: ['E1'],
    bug: 'proposals for the next view are held after their heights are committed, and those of the heights above find no room',
    edits: [
      {
        file: CHAIN,
        before: '  for (const heights of state.early.values()) for (const at of heights.keys()) if (at <= committed) heights.delete(at)\n',
        after: '',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'forgets-a-height-of-its-view',
    traps: ['A1'],
    bug: 'who committed at one height and names a lower one of the same view has not forgotten it: a fork is nobody’s fault',
    edits: [
      {
        file: FORK,
        before: 'return highest === null || highest.view < commit.view || (highest.view === commit.view && highest.height < commit.height)',
        after: 'return highest === null || highest.view < commit.view',
      },
    ],
    hunt: tests('packages/consensus/src/fork.test.ts'),
  },
  {
    id: 'one-culprit-is-enough',
    traps: ['A1'],
    bug: 'a fork proof is accepted whatever power its culprits hold',
    edits: [
      {
        file: FORK,
        before: 'if (!isWeakQuorum(context.validators, power)) {',
        after: 'if (power === 0n) {',
      },
    ],
    hunt: tests('packages/consensus/src/fork.test.ts'),
  },
  {
    id: 'evicted-body-keeps-its-state',
    traps: ['E1'],
    bug: 'a body that is pushed out leaves behind what was executed of it, until its height is committed',
    edits: [
      {
        file: CHAIN,
        before: "  state.out.push({ kind: 'abandon', hashes: [hash] })\n  return oldest",
        after: '  return oldest',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'lowest-certificate-gives-way',
    traps: ['E1'],
    bug: 'certificates of far blocks push out that of the block which is executed next',
    edits: [
      {
        file: CHAIN,
        before: 'if (at > highest) highest = at\n  return state.certified.delete(highest)',
        after: 'if (at < highest) highest = at\n  return state.certified.delete(highest)',
      },
    ],
    hunt: CORE_BOUNDS,
  },
  {
    id: 'old-verdicts-shut-out-new-ones',
    traps: ['E1'],
    bug: 'a full cache of verdicts takes no new one: what is verified now is verified again for each block',
    edits: [
      {
        file: 'packages/replica/src/verdicts.ts',
        before: 'const oldest = this.#verdicts.keys().next()\n      if (!oldest.done) this.#verdicts.delete(oldest.value)',
        after: 'return',
      },
    ],
    hunt: tests('packages/replica/src/verdicts.test.ts'),
  },
  {
    id: 'published-is-kept-twice',
    traps: ['E1'],
    bug: 'where each final transaction is stays in memory for ever',
    edits: [
      {
        file: 'packages/node/src/finality.ts',
        before: '    for (const { idKey } of transactions) this.#unpublished.delete(idKey)\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'states-for-receipts-for-ever',
    traps: ['E1'],
    bug: 'every committed state is kept for receipts',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: '        if (this.provable.length > RETAINED_STATES) this.provable.shift()\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'one-question-many-answers',
    traps: ['E1'],
    bug: 'who was asked for one part of a state may send any number for nothing',
    edits: [
      {
        file: 'packages/node/src/free-messages.ts',
        before: '    this.#owed.set(from, Math.max(0, owed - 1))\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'answers-owed-without-bound',
    traps: ['E1'],
    bug: 'answers about states that were never given are owed for ever, and free when they come',
    edits: [
      {
        file: 'packages/node/src/free-messages.ts',
        before: 'Math.min(MAX_OWED, (this.#owed.get(peer) ?? 0) + 1)',
        after: '(this.#owed.get(peer) ?? 0) + 1',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'bodies-pile-up',
    traps: ['E1'],
    bug: 'bodies pile up for a peer that does not read',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: "if (to !== 'all' && !isFresh && BODIES.has(message.kind)) this.#mesh?.sendIfRead(to, bytes)\n    else this",
        after: 'this',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'known-transactions-are-free',
    traps: ['E1'],
    bug: 'a peer may send the same transactions as often as its line allows',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '        charge(from, KNOWN_TRANSACTION_US)\n        continue',
        after: '        continue',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'bad-signatures-are-free',
    traps: ['E1'],
    bug: 'transactions with bad signatures are not their sender’s fault',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '        blame(from, decoded.error)\n        break',
        after: '        break',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'requests-of-clients-stay',
    traps: ['E1'],
    bug: 'a client that was answered counts as one that waits, for ever',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: '    this.#requests.delete(request)\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'decoded-for-a-block-checked-again',
    traps: ['E1'],
    bug: 'the signature of a transaction that came in a block is checked again when it is passed on',
    edits: [
      {
        file: 'packages/node/src/transaction-intake.ts',
        before: 'return known === undefined ? application',
        after: 'return known === undefined || true ? application',
      },
    ],
    hunt: tests('packages/node/src/transaction-intake.test.ts'),
  },
  {
    id: 'claims-of-one-height-missing',
    traps: ['E2'],
    bug: 'claims of a height are looked for below it',
    edits: [
      {
        file: 'packages/node/src/claim-index.ts',
        before: '{ height: height + 1, index: 0 }',
        after: '{ height, index: 0 }',
      },
    ],
    hunt: tests('packages/node/src/claim-index.test.ts'),
  },
  {
    id: 'cursor-beyond-the-height',
    traps: ['E2'],
    bug: 'a page goes on where its cursor says, beyond the height that was asked for',
    edits: [
      {
        file: 'packages/node/src/claim-index.ts',
        before: 'before !== null && (before.height < end.height || (before.height === end.height && before.index < end.index))',
        after: 'before !== null',
      },
    ],
    hunt: tests('packages/node/src/claim-index.test.ts'),
  },
  {
    id: 'dimensions-share-their-prefix',
    traps: ['E2'],
    bug: 'a sender and a kind of the same bytes share their place in the index',
    edits: [
      {
        file: 'packages/node/src/claim-index.ts',
        before: "const key = dimension + (value === null ? '' : keyOf(value))",
        after: "const key = value === null ? '' : keyOf(value)",
      },
    ],
    hunt: tests('packages/node/src/claim-index.test.ts'),
  },
  {
    id: 'prefixes-for-ever',
    traps: ['E1'],
    bug: 'the place in the index of every sender that ever was stays in memory',
    edits: [
      {
        file: 'packages/node/src/claim-index.ts',
        before: '  if (prefixes.size >= MAX_PREFIXES) prefixes.clear()\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/claim-index.test.ts'),
  },
  {
    id: 'places-of-accounts-stay',
    traps: ['E1'],
    bug: 'of every account that ever sent something an empty place stays in the mempool',
    edits: [
      {
        file: 'packages/replica/src/mempool.ts',
        before: '    if (lane?.size === 0) this.#bySender.delete(transaction.sender)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/mempool.test.ts'),
  },
  {
    id: 'verdicts-on-disk-for-ever',
    traps: ['E1'],
    bug: 'every verdict that was ever found is kept in the store',
    edits: [
      {
        file: 'packages/node/src/verdict-log.ts',
        before: 'if (this.#keys.size <= MAX_VERDICTS) return',
        after: 'if (this.#keys.size >= 0) return',
      },
    ],
    hunt: tests('packages/node/src/verdict-log.test.ts'),
  },
  {
    id: 'what-came-back-waits-twice',
    traps: ['E1'],
    bug: 'a proof that a thread handed back is put into the line again when it is asked for again: it is checked twice',
    edits: [
      {
        file: 'packages/node/src/proof-queue.ts',
        before: ' || isBack(this.#back.block) || isBack(this.#back.mempool)',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/proof-queue.test.ts'),
  },
  {
    id: 'blocks-served-again-are-free',
    traps: ['E1'],
    bug: 'a peer may ask for the same blocks again and again for nothing',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: '    if (served.isRepeated) this.#mesh?.charge(to, priceOfServing(served.bytes.length))\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'waiting-room-for-everybody',
    traps: ['E1'],
    bug: 'whoever sends large transactions that wait for citations which never come fills the mempool for everybody',
    edits: [{ file: 'packages/replica/src/admission.ts', before: 'const WAITING_SHARE = 1 / 4', after: 'const WAITING_SHARE = 8' }],
    hunt: tests('packages/replica/src/bounds.test.ts'),
  },
  {
    id: 'all-that-wait-looked-at',
    traps: ['E1'],
    bug: 'at every tick all that wait are looked at again, with all of their citations: a client makes that seconds',
    edits: [
      { file: 'packages/replica/src/admission.ts', before: 'const SWEPT_PER_TICK = 16_384', after: 'const SWEPT_PER_TICK = 1 << 30' },
    ],
    hunt: tests('packages/replica/src/bounds.test.ts'),
  },
  {
    id: 'waiting-looked-at-from-the-first',
    traps: ['E1'],
    bug: 'who waits is looked at again from the first on at each tick, so those behind never are',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'this.#sweeping ??= this.#waiting()',
        after: 'this.#sweeping = this.#waiting()',
      },
    ],
    hunt: tests('packages/replica/src/bounds.test.ts'),
  },
  {
    id: 'citations-from-the-beginning',
    traps: ['E1'],
    bug: 'a list of citations is gone through from its beginning for each one that becomes known',
    edits: [{ file: 'packages/replica/src/admission.ts', before: '    pending.known = at\n', after: '' }],
    hunt: tests('packages/replica/src/bounds.test.ts'),
  },
  {
    id: 'round-over-any-citations',
    traps: ['E1'],
    bug: 'a round over the mempool looks at as many transactions as ever, however much each cites',
    edits: [{ file: 'packages/replica/src/mempool-rounds.ts', before: 'count < most && cites < SWEPT_CITATIONS', after: 'count < most' }],
    hunt: tests('packages/replica/src/mempool-rounds.test.ts'),
  },
  {
    id: 'block-read-for-each-claim',
    traps: ['E1'],
    bug: 'a page of claims by their source reads and decodes a block once for each claim in it',
    edits: [
      {
        file: 'packages/node/src/http-claims.ts',
        before: 'if (this.#newest?.header.height === at) return this.#newest',
        after: 'if (this.#newest === undefined && at < 0) return this.#newest',
      },
    ],
    hunt: tests('packages/node/src/http-flood.test.ts'),
  },
  {
    id: 'page-of-claims-without-bytes',
    traps: ['E1', 'E6'],
    bug: 'a page of claims by their source reads any number of large blocks',
    edits: [
      {
        file: 'packages/node/src/http-claims.ts',
        before: '(claims.length === limit || blocks.bytes >= MAX_SEARCHED_BYTES)',
        after: 'claims.length === limit',
      },
    ],
    hunt: tests('packages/node/src/http-flood.test.ts'),
  },
  {
    id: 'log-kept-without-bound',
    traps: ['E1'],
    bug: 'a log that nobody reads is kept in memory without end',
    edits: [
      {
        file: 'packages/cli/src/log-sink.ts',
        before: 'if (stream.writableLength > mostBytes) {',
        after: 'if (stream.writableLength > mostBytes * 1e6) {',
      },
    ],
    hunt: tests('packages/cli/src/log-sink.test.ts'),
  },
  {
    id: 'unread-log-counts-as-read',
    traps: ['E1'],
    bug: 'a log that nobody reads counts as read, and the process of a validator that shall end waits for its reader',
    edits: [{ file: 'packages/cli/src/log-sink.ts', before: '> patienceMs) return false', after: '> patienceMs) return true' }],
    hunt: tests('packages/cli/src/log-sink.test.ts'),
  },
  {
    id: 'newest-view-leaves-first',
    traps: ['E1'],
    bug: 'of unwanted bodies that of the highest view leaves, which is the one that may be voted on next',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: 'entry.block.header.view < oldest.block.header.view',
        after: 'entry.block.header.view > oldest.block.header.view',
      },
    ],
    hunt: tests('packages/consensus/src/bounds.test.ts'),
  },
]

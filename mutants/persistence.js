/** What is on disk before it is promised, and what a restart makes of it (docs/protocol.md §5). */
import { simulation, tests } from './lib/mutant.js'

const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'
const VIEW_CHANGE = 'packages/consensus/src/view-change.ts'
const STATE = 'packages/consensus/src/state.ts'
const CONSENSUS = 'packages/consensus/src/consensus.ts'
const CATCH_UP = 'packages/consensus/src/catch-up.ts'
const REPLICA = 'packages/replica/src/replica.ts'
const NEWEST_LOG = 'packages/storage/src/newest-log.ts'
const GROUP_COMMIT = 'packages/storage/src/group-commit.ts'
const SAFETY_RECORDS = 'packages/storage/src/safety-records.ts'
const COMMITTED_CHAIN = 'packages/storage/src/committed-chain.ts'
const FILE_CHECK = 'packages/storage/src/file-check.ts'
const LOG_CHECK = 'packages/storage/src/log-check.ts'
const SEAL = 'packages/storage/src/seal.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const persistence = [
  {
    id: 'send-before-persist',
    traps: ['C1'],
    bug: 'messages leave before what they promise is written',
    edits: [
      {
        file: REPLICA,
        before: '    this.#verifications.leave(this.#out)\n    return this.#out',
        after:
          "    this.#verifications.leave(this.#out)\n    return [...this.#out.filter((effect) => effect.kind === 'send'), ...this.#out.filter((effect) => effect.kind !== 'send')]",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'vote-not-persisted',
    traps: ['C1'],
    bug: 'a vote is sent and never written',
    edits: [
      {
        file: NORMAL_CASE,
        before: "records: [...records, ...block, { kind: 'vote', vote }] })",
        after: 'records: [...records, ...block] })',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'restart-forgets-votes',
    traps: ['C1', 'C6'],
    bug: 'a restarted replica does not look at the votes it has cast',
    edits: [
      {
        file: STATE,
        before: 'if (vote.view !== state.view || vote.height <= state.committed.height) return\n  const own',
        after: 'if (vote.view !== state.view || vote.height > 0) return\n  const own',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'restart-forgets-highest',
    traps: ['C1', 'B1'],
    bug: 'a restarted replica does not look at its highest certificate',
    edits: [{ file: STATE, before: 'highest: higher(durable.highest, durable.lastCommit),', after: 'highest: durable.lastCommit,' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'highest-not-persisted',
    traps: ['C1', 'B1'],
    bug: 'a COMMIT leaves without the certificate behind it on disk',
    edits: [
      {
        file: NORMAL_CASE,
        before: "highest === state.highest && state.highestIsDurable ? [] : [{ kind: 'highest', certificate: highest }]",
        after: '[]',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'learned-highest-not-persisted',
    traps: ['C1', 'B1'],
    bug: 'a certificate learned from others counts as written when the next COMMIT relies on it',
    edits: [
      {
        file: NORMAL_CASE,
        before: 'highest === state.highest && state.highestIsDurable ? []',
        after: 'highest === state.highest ? []',
      },
    ],
    hunt: tests('packages/consensus/src/restart.test.ts'),
  },
  {
    id: 'restart-forgets-base',
    traps: ['B8', 'C1'],
    bug: 'a restarted replica forgets the NEW-VIEW it had accepted',
    edits: [
      {
        file: STATE,
        before: "return { kind: 'active', base: baseOf(origin, durable.newView), newView: durable.newView }",
        after: "return { kind: 'active', base: baseOf(origin, null), newView: null }",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:tip-rival'),
  },
  {
    id: 'restart-in-the-view-left',
    traps: ['B8'],
    bug: 'a restarted replica is active in the view it had asked to leave',
    edits: [
      {
        file: STATE,
        before: "  if (durable.phase === 'changing') {",
        after: "  if (durable.phase === 'changing' && durable.view < 0) {",
      },
      {
        file: STATE,
        before: "  assert(durable.view === 0 || durable.newView !== null, 'a durable active view above 0 lacks its NEW-VIEW')\n",
        after: '',
      },
      {
        file: STATE,
        before: '    view: durable.view,\n    phase: restorePhase',
        after: "    view: durable.phase === 'changing' ? view(durable.view - 1) : durable.view,\n    phase: restorePhase",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'view-change-not-persisted',
    traps: ['B8', 'C1'],
    bug: 'a VIEW-CHANGE leaves without a trace on disk',
    edits: [
      {
        file: VIEW_CHANGE,
        before:
          "  state.out.push({ kind: 'persist', records: [{ kind: 'view', view: newView, phase: 'changing', newView: null, viewChange: message }] })\n",
        after: '',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'new-view-not-persisted',
    traps: ['B8'],
    bug: 'a replica enters a view without a trace on disk',
    edits: [
      {
        file: VIEW_CHANGE,
        before: "    records: [{ kind: 'view', view: message.newView, phase: 'active', newView: message, viewChange: null }],",
        after: '    records: [],',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'body-not-persisted',
    traps: ['C1', 'B9'],
    bug: 'a vote is written and the block it is for is not',
    edits: [
      {
        file: NORMAL_CASE,
        before: "const block: PersistRecord[] = entry.voted ? [] : [{ kind: 'block', block: entry.block }]",
        after: 'const block: PersistRecord[] = []',
      },
    ],
    hunt: tests('packages/consensus/src/restart.test.ts'),
  },
  {
    id: 'stored-votes-not-sent-again',
    traps: ['C4'],
    bug: 'a restarted replica keeps quiet about the votes it has stored',
    edits: [
      {
        file: CONSENSUS,
        before:
          'else if (own.prepare !== undefined) sendVote(state, own.prepare)\n    if (own.commit !== undefined) sendVote(state, own.commit)',
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/restart.test.ts'),
  },
  {
    id: 'nothing-is-sent-again',
    traps: ['S7', 'B7'],
    bug: 'proposals and votes of a view are sent once and never again',
    edits: [
      {
        file: CATCH_UP,
        before: 'if (slot === undefined || slot.openedAtTick >= state.tick) continue',
        after: 'if (slot !== undefined || from > 0) continue',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'commit-certificate-idle-after-restart',
    traps: ['D7'],
    bug: 'a restarted replica does not use a commit certificate above its newest stored block',
    edits: [
      {
        file: CONSENSUS,
        before:
          "  if (state.highest?.kind === 'commit') learnCommit(state, state.highest)\n  if (lastCommit !== null) learnCommit(state, lastCommit)\n",
        after: '  if (lastCommit === undefined) return\n',
      },
    ],
    hunt: tests('packages/consensus/src/restart.test.ts'),
  },
  {
    id: 'store-does-not-sync',
    traps: ['C1', 'C2'],
    bug: 'the store announces a batch as durable as soon as it is queued',
    edits: [
      {
        file: GROUP_COMMIT,
        before: 'const write = batch === null ? Promise.resolve() : batch.write({ sync: true })',
        after: 'const write = Promise.resolve()\n    setTimeout(() => batch?.write({ sync: true }).catch(() => undefined), 20)',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'failed-write-tried-again',
    traps: ['C3'],
    bug: 'after a failed write the store goes on as if nothing had happened',
    edits: [
      {
        file: GROUP_COMMIT,
        before: '        this.#fail(error)\n',
        after: '        for (const callback of callbacks) callback()\n        this.#listeners.onFailure?.(writeError(error))\n',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'log-damage-unseen',
    traps: ['C5'],
    bug: 'a damaged record in the middle of the write-ahead log is skipped without a word',
    edits: [
      {
        file: LOG_CHECK,
        before: 'if (maskedCrc(crcOver(crcStep(CRC_START, type), log, dataAt, dataAt + length)) !== crc)\n      return',
        after: 'if (dataAt < 0)\n      return',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'torn-tail-is-damage',
    traps: ['C5'],
    bug: 'a log cut short by a crash keeps the validator from starting',
    edits: [
      {
        file: LOG_CHECK,
        before: 'return completeAtAnyLength(log, crc, type, dataAt) ? `a record with a wrong length at offset ${at}` : undefined',
        after: 'return `a record with a wrong length at offset ${at}`',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'unfinished-table-is-live',
    traps: ['C5', 'C2'],
    bug: 'a table that a killed process was still writing is taken for damage',
    edits: [
      {
        file: FILE_CHECK,
        before: "name.endsWith('.ldb') && tables.has(Number.parseInt(name, 10))",
        after: "name.endsWith('.ldb') && tables.size >= 0",
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'lost-record-unmissed',
    traps: ['C6', 'C5'],
    bug: 'a safety record that vanished from the disk is not missed',
    edits: [
      {
        file: SAFETY_RECORDS,
        before: "if (!equalBytes(opened.value, actual)) throw damaged('a vote, a block, or a record of the view is missing')",
        after: '',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'lost-log-not-missed',
    traps: ['C5', 'C6'],
    bug: 'the write-ahead log with the newest votes is gone, and the store opens as if they had never been cast',
    edits: [{ file: FILE_CHECK, before: 'if (log > 0 && !present.has(`${log}.log`))', after: 'if (log < 0)' }],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'newer-log-not-missed',
    traps: ['C5', 'C6'],
    bug: 'the newer of two logs is gone while the MANIFEST names the older one, and the store opens without the newest votes',
    edits: [{ file: FILE_CHECK, before: 'if (missed !== undefined) throw damaged(missed)', after: '' }],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'newer-log-not-noted',
    traps: ['C2', 'C6'],
    bug: 'a new log takes the newest votes, and nothing that is synced says that it exists: neither its directory nor a file',
    edits: [
      {
        file: NEWEST_LOG,
        before: 'await writeSynced(this.#path, encodeNoted({ log: this.#log.number, bytes: this.#bytes }))',
        after: '',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'newer-log-of-any-length',
    traps: ['C5'],
    bug: 'the newer log must be there, however much of it',
    edits: [{ file: NEWEST_LOG, before: 'return size < noted.bytes ?', after: 'return size < 0 ?' }],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'log-grown-by-others',
    traps: ['C2'],
    bug: 'a log that has grown by the clearing of an old state is taken for the one that the batch is in',
    edits: [{ file: NEWEST_LOG, before: 'if (this.#isSure && bytes > this.#bytes)', after: 'if (bytes > this.#bytes)' }],
    hunt: tests('packages/storage/src/newest-log.test.ts'),
  },
  {
    id: 'failed-clearing-is-nothing',
    traps: ['C3'],
    bug: 'after a clearing that failed in the middle of a record votes are written behind it, and announced',
    edits: [{ file: GROUP_COMMIT, before: '.catch((error: unknown) => this.#fail(error))', after: '.catch(() => undefined)' }],
    hunt: tests('packages/storage/src/snapshots.test.ts'),
  },
  {
    id: 'missing-block-is-unknown',
    traps: ['C5'],
    bug: 'a committed block whose record is gone is served as one that was never committed',
    edits: [
      {
        file: COMMITTED_CHAIN,
        before: 'throw damaged(`the committed block ${at} is missing`)',
        after: 'return undefined',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'every-release-is-for-good',
    traps: ['C6'],
    bug: 'a validator that lost its store, and is released by the last block of an epoch, votes at once in the next, where it may have voted',
    edits: [
      {
        file: 'packages/consensus/src/recovery.ts',
        before: 'isBoundary(epochLength, certified) ? epoch(of + 1) : of',
        after: 'isBoundary(epochLength, certified) ? of : of',
      },
    ],
    hunt: tests('packages/consensus/src/recovery-epochs.test.ts'),
  },
  {
    id: 'store-without-current-is-new',
    traps: ['C6'],
    bug: 'a store whose CURRENT is gone is taken for one that was never begun',
    edits: [
      { file: FILE_CHECK, before: 'if (data !== undefined) throw damaged(`CURRENT', after: 'if (data === null) throw damaged(`CURRENT' },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'seal-unchecked',
    traps: ['C5'],
    bug: 'a value is read back without comparing its checksum',
    edits: [
      {
        file: SEAL,
        before: 'for (let i = 0; i < SEAL_BYTES; i++) if (seal[i] !== expected[i]) return undefined',
        after: 'if (expected.length < SEAL_BYTES) return undefined',
      },
    ],
    hunt: tests('packages/storage/src/seal.test.ts'),
  },
  {
    id: 'double-sign-guard-checks-nothing',
    traps: ['C7'],
    bug: 'the last guard against a second, different vote never fires',
    edits: [
      {
        file: SAFETY_RECORDS,
        before: 'known === undefined || equalBytes(known.vote.blockHash, vote.blockHash),',
        after: 'known === undefined || known.vote.height === vote.height,',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'guard-forgets-at-restart',
    traps: ['C6', 'C7'],
    bug: 'the last guard against a second vote knows only the votes of this run',
    edits: [
      { file: SAFETY_RECORDS, before: '      this.#votes.set(keyOf(key), { key, vote })\n      return vote', after: '      return vote' },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'driver-sends-at-once',
    traps: ['C1', 'I3'],
    bug: 'the node carries out sends without waiting for the disk',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before:
          'if (records.length + staged > 0 || releases.length > 0) {\n      releases.push(action)\n      this.#group.isUrgent = true\n    } else if (this.#inFlight.length > 0) this.#inFlight.at(-1)?.releases.push(action)\n    else action()',
        after: 'action()',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'final-before-own-votes-are-durable',
    traps: ['C1', 'I3'],
    bug: 'a client is told that its transaction is final while the own vote that counted for it may still be lost',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: '    this.#disk.release(() => this.#acknowledge(block.header.height, transactions))',
        after: '    this.#acknowledge(block.header.height, transactions)',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'told-final-and-not-found',
    traps: ['I3'],
    bug: 'who was told that a transaction is final asks for it before the block can be read, and is told that nobody knows it',
    edits: [
      {
        file: 'packages/node/src/finality.ts',
        before: '    if (at <= this.#published.height) return undefined\n',
        after: '    if (at >= 0) return undefined\n',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'reads-hang-with-the-disk',
    traps: ['I3'],
    bug: 'a disk that has stalled hangs whoever reads over HTTP, for ever',
    edits: [
      {
        file: 'packages/node/src/http-readable.ts',
        before: 'await within(waitMs, readable)',
        after: 'await readable',
      },
    ],
    hunt: tests('packages/node/src/http-readable.test.ts'),
  },
  {
    id: 'why-waits-for-the-disk',
    traps: ['I3'],
    bug: 'why nothing commits is told once the disk answers, and it is the disk',
    edits: [
      {
        file: 'packages/node/src/http-readable.ts',
        before: "new Set(['/why', '/v1/why', '/v1/ready', '/metrics'])",
        after: 'new Set()',
      },
    ],
    hunt: tests('packages/node/src/http-readable.test.ts'),
  },
  {
    id: 'request-without-an-end',
    traps: ['I1'],
    bug: 'a command whose connection goes without a word ends without a word itself, and without an exit code of ours',
    edits: [
      {
        file: 'packages/cli/src/client.ts',
        before: 'await Promise.race([answer(), tooLate])',
        after: 'await answer()',
      },
    ],
    hunt: tests('packages/cli/test/answers.test.ts'),
  },
  {
    id: 'a-promise-for-each-reader',
    traps: ['E1'],
    bug: 'each request that waits for a block to be written is kept for itself, and stays kept when it has given up',
    edits: [
      {
        file: 'packages/node/src/finality.ts',
        before: '    if (waiting !== undefined) return waiting.readable\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/finality.test.ts'),
  },
  {
    id: 'told-less-later',
    traps: ['I3'],
    bug: 'who was told of a block reads before it can be read, because somebody else was told of an earlier one since',
    edits: [
      {
        file: 'packages/node/src/finality.ts',
        before: 'this.#toldHeight = Math.max(this.#toldHeight, height)',
        after: 'this.#toldHeight = height',
      },
    ],
    hunt: tests('packages/node/src/finality.test.ts'),
  },
  {
    id: 'ready-without-a-quorum',
    traps: ['I1'],
    bug: 'a validator that is cut off from the others says that it is ready for clients',
    edits: [
      {
        file: 'packages/node/src/http-status.ts',
        before: "  'no-quorum-connected',\n",
        after: '',
      },
    ],
    hunt: tests('packages/node/src/node.test.ts'),
  },
  {
    id: 'finalised-on-another-branch',
    traps: ['F1'],
    bug: 'a claim that is final in one state counts as final in a state that does not stand on it',
    edits: [
      {
        file: 'packages/ledger/src/finalised.ts',
        before: 'if (known === undefined || known.since > at.settled) return undefined',
        after: 'if (known === undefined) return undefined',
      },
    ],
    hunt: tests('packages/ledger/src/finalised.test.ts'),
  },
  {
    id: 'another-chain-is-taken-for-ours',
    traps: ['F1'],
    bug: 'what was kept at hand of one chain is still counted after another one was settled',
    edits: [
      {
        file: 'packages/ledger/src/finalised.ts',
        before: 'const follows = lineage !== undefined && lineage.below !== null && lineage.below === this.#newest',
        after: 'const follows = lineage !== undefined && lineage.below !== null',
      },
    ],
    hunt: tests('packages/ledger/src/finalised.test.ts'),
  },
  {
    id: 'released-without-its-certificate',
    traps: ['C6'],
    bug: 'the release of a validator that lost its store is written without the certificate that allows it',
    edits: [
      {
        file: 'packages/consensus/src/recovery.ts',
        before: "      { kind: 'highest', certificate: highest },\n",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/recovery.test.ts'),
  },
  {
    id: 'claim-of-the-own-view',
    traps: ['C6'],
    bug: 'who was released by a commit of a later view claims the view it is in, as if it could have signed in none above',
    edits: [
      {
        file: 'packages/consensus/src/recovery.ts',
        before: 'view: view(Math.max(state.view, least)),',
        after: 'view: state.view,',
      },
    ],
    hunt: tests('packages/consensus/src/recovery.test.ts'),
  },
  {
    id: 'claims-bind-other-powers',
    traps: ['C6'],
    bug: 'what others claimed in one epoch counts in the next, although its powers are others, and so are its quorums',
    edits: [
      {
        file: 'packages/consensus/src/recovery.ts',
        before: 'return twin !== undefined && power === twin.power && equalBytes',
        after: 'return twin !== undefined && equalBytes',
      },
    ],
    hunt: tests('packages/consensus/src/recovery-epochs.test.ts'),
  },
  {
    id: 'votes-below-the-view-of-its-release',
    traps: ['C6'],
    bug: 'who was released by a commit of view 5 votes in view 4 already, in which it may have signed something else and forgotten it',
    edits: [
      {
        file: 'packages/consensus/src/state.ts',
        before: 'state.view >= recovery.view)',
        after: 'state.view + 1 >= recovery.view)',
      },
    ],
    hunt: tests('packages/consensus/src/recovery.test.ts'),
  },
  {
    id: 'signs-in-the-last-forgotten-epoch',
    traps: ['C6'],
    bug: 'who was released by the last block of an epoch signs in the next one at once, in which it may have signed and forgotten it',
    edits: [
      {
        file: 'packages/consensus/src/state.ts',
        before: 'state.config.validators.epoch > recovery.forgottenUpTo',
        after: 'state.config.validators.epoch >= recovery.forgottenUpTo',
      },
    ],
    hunt: tests('packages/consensus/src/recovery-epochs.test.ts'),
  },
  {
    id: 'landing-asks-for-ever',
    traps: ['C6'],
    bug: 'whose forgotten votes all lie in the epoch that it leaves with a state asks for views again in the next',
    edits: [
      {
        file: 'packages/consensus/src/jump.ts',
        before: 'state.config.validators.epoch >= recovery.forgottenUpTo',
        after: 'state.config.validators.epoch > recovery.forgottenUpTo',
      },
    ],
    hunt: tests('packages/consensus/src/jump.test.ts'),
  },
  {
    id: 'asking-again-not-persisted',
    traps: ['C6'],
    bug: 'that claims say nothing about the next epoch is not written: after a crash they count again',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: "if (recovery?.status === 'asking') this.#out.push({ kind: 'persist', records: [{ kind: 'recovery', recovery }] })",
        after: 'if (recovery === undefined) return',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'restart-votes-for-its-leader',
    traps: ['C1', 'A6'],
    bug: 'a replica that restarts counts its stored PREPARE for its leader, too: a certificate of it holds a signature that is none',
    edits: [
      {
        file: STATE,
        before: '  state.votes.add(vote, 0)\n',
        after:
          "  state.votes.add(vote, 0)\n  if (vote.kind === 'prepare') state.votes.add({ ...vote, sender: leaderOf(state.config.validators, state.view) }, 0)\n",
      },
    ],
    hunt: simulation('--validators 4 --faults crashes,partitions,loss'),
  },
  {
    id: 'answer-before-the-lingering-block',
    traps: ['C1'],
    bug: 'an answer that follows a block does not wait for it, once the block is with the store and not on the disk',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before: 'if (records.length + staged > 0 || releases.length > 0) {',
        after: 'if (records.length > 0 || releases.length > 0) {',
      },
    ],
    hunt: tests('packages/node/src/group-commit.test.ts'),
  },
  {
    id: 'lingering-blocks-never-written',
    traps: ['C1'],
    bug: 'a block that lingers is written only when something else is',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before: 'if (group.records.length + group.staged > 0 || group.releases.length > 0) {',
        after: 'if (group.records.length > 0 || group.releases.length > 0) {',
      },
    ],
    hunt: tests('packages/node/src/group-commit.test.ts'),
  },
  {
    id: 'vote-released-with-the-oldest-write',
    traps: ['C1'],
    bug: 'a vote that follows a write under way leaves with the one before it',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before: 'this.#inFlight.at(-1)?.releases',
        after: 'this.#inFlight[0]?.releases',
      },
    ],
    hunt: tests('packages/node/src/group-commit.test.ts'),
  },
  {
    id: 'blocks-linger-without-bound',
    traps: ['C1'],
    bug: 'any number of committed blocks wait for something else to be written',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before: ' && count < MAX_LINGERING && ',
        after: ' && ',
      },
    ],
    hunt: tests('packages/node/src/group-commit.test.ts'),
  },
  {
    id: 'answer-waits-for-the-linger',
    traps: ['C1'],
    bug: 'an answer behind a lingering block waits as long as the block',
    edits: [
      {
        file: 'packages/node/src/group-commit.ts',
        before: '      releases.push(action)\n      this.#group.isUrgent = true\n',
        after: '      releases.push(action)\n',
      },
    ],
    hunt: tests('packages/node/src/group-commit.test.ts'),
  },
  {
    id: 'receipt-of-another-certificate',
    traps: ['I3'],
    bug: 'a receipt is proven from a block whose certificate is that of a later one',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before: 'replica.committed.height === block.header.height && certificate.height === block.header.height',
        after: 'replica.committed.height === block.header.height',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'released-after-the-commit',
    traps: ['C6'],
    bug: 'a validator without its store is released by the step that commits the last block of an epoch: the disk says released, the memory asks again, and after a restart it votes',
    edits: [{ file: 'packages/consensus/src/recovery.ts', before: 'state.out.unshift({', after: 'state.out.push({' }],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'noted-before-the-log-is-synced',
    traps: ['C2'],
    bug: 'a log is noted as so long while bytes of it, written beside the batches, are not on disk: a power cut makes a good store a damaged one',
    edits: [
      {
        file: 'packages/storage/src/newest-log.ts',
        before: '    if (this.#log.descriptor !== null) await synced(this.#log.descriptor)\n',
        after: '',
      },
    ],
    hunt: tests('packages/storage/src/newest-log.test.ts'),
  },
  {
    id: 'blob-folder-without-a-name',
    traps: ['C2'],
    bug: 'the folder of blobs is made and not synced in its home: after a power cut it is gone, with the blobs that were promised',
    edits: [
      {
        file: 'packages/storage/src/blob-files.ts',
        before: 'if (mkdirSync(folder, { recursive: true }) !== undefined) syncedNow(dirname(folder))',
        after: 'mkdirSync(folder, { recursive: true })',
      },
    ],
    hunt: tests('packages/storage/src/blob-files.test.ts'),
  },
  {
    id: 'next-key-not-durable',
    traps: ['C2'],
    bug: 'the chain is told of a key that a power cut takes away',
    edits: [
      {
        file: 'packages/node/src/newcomer.ts',
        before: 'writeDurably(file, `${toHex(randomBytes(SEED_BYTES))}\\n`, SECRET_MODE)',
        after: 'writeFileSync(file, `${toHex(randomBytes(SEED_BYTES))}\\n`, { mode: SECRET_MODE })',
      },
    ],
    hunt: tests('packages/node/src/newcomer.test.ts'),
  },
  {
    id: 'keys-of-a-home-not-synced',
    traps: ['C2'],
    bug: 'a validator signs with keys that are not on disk: a power cut takes them, and its seat is for nothing',
    edits: [
      {
        file: 'packages/node/src/first-start.ts',
        before: '[...keys, home, dirname(resolve(home))]',
        after: '[home, dirname(resolve(home))]',
      },
    ],
    hunt: tests('packages/node/src/first-start.test.ts'),
  },
  {
    id: 'votes-of-left-views-kept',
    traps: ['E1'],
    bug: 'votes of views that were left stay on disk until a block commits',
    edits: [
      {
        file: 'packages/storage/src/safety-records.ts',
        before: '    this.#forgetVotes((vote) => vote.view < record.view)\n',
        after: '',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
  {
    id: 'older-certificate-over-newer',
    traps: ['B1'],
    bug: 'the certificate of a block takes the place of a newer one that an ancestor of it came with',
    edits: [
      {
        file: 'packages/storage/src/committed-chain.ts',
        before: 'certificate.height > this.#lastCommit.height) {',
        after: 'certificate.height >= block.header.height) {',
      },
    ],
    hunt: tests('packages/storage/src/store.test.ts'),
  },
]

/** Proposals by the ids of their transactions, and putting them together (docs/protocol.md §9). */
import { tests } from './lib/mutant.js'

const COMPACT = 'packages/replica/src/compact-proposals.ts'
const REPLICA = 'packages/replica/src/replica.ts'
const HUNT = tests(COMPACT.replace('.ts', '.test.ts'))

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const compact = [
  {
    id: 'compact-body-unchecked',
    traps: ['S8'],
    bug: 'a block that was put together by ids is not held against the root in its header',
    edits: [
      {
        file: 'packages/consensus/src/check.ts',
        before: 'return matches.ok ? ok(proposalOf(leaderVote(message), block)',
        after: 'return matches.ok || block.hash.length > 0 ? ok(proposalOf(leaderVote(message), block)',
      },
    ],
    hunt: tests('packages/consensus/src/check.test.ts'),
  },
  {
    id: 'transactions-asked-for-once',
    traps: ['D4'],
    bug: 'what a proposal lacks is asked for once: an answer that is lost leaves it lacking for ever',
    edits: [
      {
        file: COMPACT,
        before: 'else if (awaited.askedAtTick + 1 < this.#tick) this.#ask(awaited)',
        after: 'else if (this.#tick < 0) this.#ask(awaited)',
      },
    ],
    hunt: HUNT,
  },
  {
    id: 'leader-asked-once',
    traps: ['D4'],
    bug: 'the leader is asked once for what its proposal lacks, then others, who may lack the same',
    edits: [{ file: COMPACT, before: 'const TRIES_AT_SENDER = 2', after: 'const TRIES_AT_SENDER = 1' }],
    hunt: HUNT,
  },
  {
    id: 'bad-ids-asked-for-again',
    traps: ['D4'],
    bug: 'ids that do not lead to the root in the header are asked for again and again, instead of the block',
    edits: [{ file: COMPACT, before: '    awaited.isHopeless = true\n    awaited.bodies', after: '    awaited.bodies' }],
    hunt: HUNT,
  },
  {
    id: 'vote-waits-for-transactions',
    traps: ['A1'],
    bug: 'the vote of a leader counts only when its proposal is together: one that proposes twice by ids that nobody has is not found out',
    edits: [
      {
        file: COMPACT,
        before: '    this.#host.deliver(from, voteIn(message))\n    this.#dropWhatIsOver()',
        after: '    if (message.view < 0) this.#host.deliver(from, voteIn(message))\n    this.#dropWhatIsOver()',
      },
    ],
    hunt: HUNT,
  },
  {
    id: 'compact-proposals-of-anybody',
    traps: ['S3'],
    bug: 'anybody may pass on a compact proposal, with other ids: the leader’s own then comes too late, and the leader is blamed',
    edits: [
      {
        file: REPLICA,
        before: 'if (this.#names.toCore(from) === message.sender) this.#proposals',
        after: 'if (this.#names.toCore(from) >= 0) this.#proposals',
      },
    ],
    hunt: HUNT,
  },
  {
    id: 'compact-proposals-for-ever',
    traps: ['E1'],
    bug: 'proposals that are being put together stay when their view is left and their height committed',
    edits: [
      {
        file: COMPACT,
        before: 'if (message.view < view || message.header.height <= committed) this',
        after: 'if (message.view < view - view && message.header.height <= committed) this',
      },
    ],
    hunt: HUNT,
  },
  {
    id: 'compact-proposals-without-bytes',
    traps: ['E1'],
    bug: 'compact proposals are kept whatever they hold: with ids that nobody has a leader fills the memory of others',
    edits: [
      {
        file: COMPACT,
        before: 'const hasRoom = this.#bytesOf(message.view) + awaited.bytes <= MAX_AWAITED_BYTES',
        after: 'const hasRoom = awaited.bytes <= MAX_AWAITED_BYTES',
      },
    ],
    hunt: HUNT,
  },
  {
    id: 'few-ids-much-hashing',
    traps: ['E6'],
    bug: 'ids of large transactions are as good as any: a kilobyte of them has gigabytes hashed',
    edits: [{ file: COMPACT, before: 'isHopeless ||= bytes > this.#host.blockBytes', after: 'isHopeless ||= bytes < 0' }],
    hunt: HUNT,
  },
]

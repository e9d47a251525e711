/** What a replica accepts, votes for and commits within a view (docs/protocol.md §4). */
import { simulation, tests } from './lib/mutant.js'

const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'
const CHAIN = 'packages/consensus/src/chain.ts'
const STATE = 'packages/consensus/src/state.ts'
const VIEW_CHANGE = 'packages/consensus/src/view-change.ts'
const PROPOSE = 'packages/consensus/src/propose.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const normalCase = [
  {
    id: 'commit-without-prepared',
    traps: ['S5'],
    bug: "a replica sends COMMIT on its own PREPARE, without a quorum's",
    edits: [
      {
        file: NORMAL_CASE,
        before: "const certificate = state.votes.quorumFor(ballotFor(state, 'prepare', entry))",
        after: `const tally = state.votes.slot(state.view, at)?.prepare.tallies.find((each) => equalBytes(each.hash, hash))
  const certificate = tally && assembleCertificate(ballotFor(state, 'prepare', entry), state.config.validators.validators.length, tally.votes)`,
      },
      {
        file: NORMAL_CASE,
        before: 'import { type Aggregate, type Ballot, ballotBytes,',
        after: 'import { type Aggregate, assembleCertificate, type Ballot, ballotBytes,',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'commit-after-view-change',
    traps: ['B1', 'S4'],
    bug: 'a replica that has asked for the next view still sends COMMITs in the one it left',
    edits: [
      {
        file: VIEW_CHANGE,
        before: '  state.view = next\n',
        after:
          '  Object.assign(state, { left: { view: state.view, accepted: new Map(state.accepted), own: new Map(state.own) } })\n  state.view = next\n',
      },
      {
        file: NORMAL_CASE,
        before: 'function checkPrepared(state: State, at: Height): void {\n',
        after: `function checkPrepared(state: State, at: Height): void {
  const { left } = state as any
  const leftHash = left?.accepted.get(at)
  if (state.phase.kind !== 'active' && leftHash !== undefined && left.own.get(at)?.commit === undefined) {
    if (!state.votes.hasQuorumFor({ kind: 'prepare', epoch: state.config.validators.epoch, view: left.view, height: at, blockHash: leftHash }) || entryOf(state, leftHash)?.status !== 'valid') return
    const ballot = { kind: 'commit', epoch: state.config.validators.epoch, view: left.view, height: at, blockHash: leftHash } as const
    const late = { ...ballot, sender: state.config.self, signature: state.config.sign(ballotBytes(state.config.chainId, ballot)) }
    left.own.set(at, { commit: late })
    state.out.push({ kind: 'persist', records: [{ kind: 'vote', vote: late }] }, { kind: 'send', to: 'all', message: { kind: 'vote', vote: late } })
  }
`,
      },
      {
        file: NORMAL_CASE,
        before: "return vote.view >= view || (vote.kind === 'commit' && vote.view >= view - PAST_VIEWS_COUNTED)",
        after: 'return vote.view >= view - PAST_VIEWS_COUNTED',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'second-proposal-replaces-the-first',
    traps: ['S5', 'A1'],
    bug: 'a second block for a slot gets a PREPARE like the first',
    edits: [
      {
        file: NORMAL_CASE,
        before: "  if (countVote(state, leaderVote(message)) === 'conflict') return\n  tryAccept(state, message, from)",
        after: '  countVote(state, leaderVote(message))\n  tryAccept(state, message, from)',
      },
      {
        file: NORMAL_CASE,
        before: 'if (state.accepted.has(at)) return // the first stands; a different one was reported when its vote was counted',
        after: '',
      },
      {
        file: NORMAL_CASE,
        before: 'if (ownVotesAt(state, at).prepare === undefined) {',
        after: 'if (!equalBytes(ownVotesAt(state, at).prepare?.blockHash ?? state.origin.hash, entry.block.hash)) {',
      },
      { file: NORMAL_CASE, before: 'assert(own[kind] === undefined,', after: 'assert(own[kind] !== null,' },
      { file: NORMAL_CASE, before: '      onEquivocation(state, added.first, vote)\n', after: '' },
    ],
    hunt: simulation('--validators 4 --byzantine 1:split'),
  },
  {
    id: 'parent-unchecked',
    traps: ['B4'],
    bug: 'a fresh block need not build on the block accepted below it',
    edits: [
      {
        file: NORMAL_CASE,
        before: "if (!equalBytes(parent, expected)) return ignore(state, 'pre-prepare', 'not on top of the accepted block')",
        after: '',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:split'),
  },
  {
    id: 'gap-committed',
    traps: ['B10', 'D8'],
    bug: 'whatever is proven committed is handed over, also when heights below it are missing',
    edits: [
      {
        file: CHAIN,
        before: 'const next = height(state.committed.height + 1)\n    const proven',
        after: 'const next = height(Math.min(...state.certified.keys(), Number.MAX_SAFE_INTEGER))\n    const proven',
      },
      {
        file: CHAIN,
        before: 'at === state.committed.height + 1 && equalBytes(block.header.parent, state.committed.hash),',
        after: 'at > state.committed.height,',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'ancestors-not-committed',
    traps: ['D8', 'S7'],
    bug: 'a commit certificate commits its own block and forgets the ones below',
    edits: [
      {
        file: CHAIN,
        before:
          '    const entry = entryOf(state, cursor)\n    if (entry === undefined) return\n    cursor = entry.block.header.parent\n  }\n  if (at > state',
        after: '    return\n  }\n  if (at > state',
      },
      {
        file: CHAIN,
        before: '  if (lowest === undefined || proven === undefined) return\n  markCommitted',
        after: '  if (lowest === undefined || proven === undefined || proven !== null) return\n  markCommitted',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'window-not-enforced',
    traps: ['D8', 'S6'],
    bug: 'a backup follows its leader to any height',
    edits: [
      {
        file: NORMAL_CASE,
        before: 'if (at > state.committed.height + state.config.window && !reproposal) return keepEarly(state, message)',
        after: '',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:flooder'),
  },
  {
    id: 'leader-leaves-the-window',
    traps: ['D8'],
    bug: 'the leader proposes without regard to the window',
    edits: [{ file: PROPOSE, before: '|| state.work.waiting === 0) return', after: '&& next < 0 || state.work.waiting === 0) return' }],
    hunt: simulation('--validators 4 --byzantine 0'),
  },
  {
    id: 'block-of-another-view',
    traps: ['B4'],
    bug: 'a leader may propose as fresh what was made in an earlier view',
    edits: [
      {
        file: NORMAL_CASE,
        before: "if (firstView !== state.view) return ignore(state, 'pre-prepare', 'a fresh block of another view')",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'timestamp-of-the-far-future',
    traps: ['H2'],
    bug: 'a leader may stamp any time ahead of the clocks',
    edits: [
      {
        file: NORMAL_CASE,
        before:
          "if (timestampMs > state.nowMs + state.config.clockDriftMs) return ignore(state, 'pre-prepare', 'timestamp too far ahead of the clock')",
        after: '',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'timestamp-goes-back',
    traps: ['H2', 'H1'],
    bug: "a block's timestamp need not be above its parent's",
    edits: [{ file: CHAIN, before: 'if (header.timestampMs <= parent.timestampMs) {', after: 'if (header.timestampMs < 0) {' }],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'invalid-block-without-consequence',
    traps: ['E7'],
    bug: 'a leader that proposes an invalid block keeps its view until the timer',
    edits: [
      {
        file: NORMAL_CASE,
        before: "state.agenda.push({ what: 'change-view', from: state.view, reason: 'invalid-block' })",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'equivocation-goes-unseen',
    traps: ['K1', 'A7'],
    bug: 'two votes of one sender for one slot are dropped silently',
    edits: [{ file: NORMAL_CASE, before: '      onEquivocation(state, added.first, vote)\n', after: '' }],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'late-proposal-lost',
    traps: ['S7'],
    bug: 'a PRE-PREPARE that comes before its turn is thrown away',
    edits: [{ file: STATE, before: '  heights.set(at, { message, bytes })', after: '' }],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'commits-of-past-views-dropped',
    traps: ['D6'],
    bug: 'a COMMIT of a view that was left counts for nothing',
    edits: [
      {
        file: NORMAL_CASE,
        before: "return vote.view >= view || (vote.kind === 'commit' && vote.view >= view - PAST_VIEWS_COUNTED)",
        after: 'return vote.view >= view',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'votes-held-for-any-height',
    traps: ['E1', 'S6'],
    bug: 'votes are kept for any height and view, however far',
    edits: [
      {
        file: NORMAL_CASE,
        before:
          'if (vote.height > committed.height + WINDOWS_BUFFERED * config.window && !isTip) return false\n  if (vote.view > view + FUTURE_VIEWS_COUNTED) return false',
        after: 'if (vote.height < 0 && isTip && config.window > FUTURE_VIEWS_COUNTED * WINDOWS_BUFFERED) return false',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'early-proposals-unbounded',
    traps: ['E1'],
    bug: 'bodies sent ahead of their turn are kept whatever they weigh',
    edits: [{ file: STATE, before: 'if (heights.size > 0 && held > MAX_EARLY_BYTES)', after: 'if (held < 0)' }],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'prepare-waits-for-a-status',
    traps: ['S13'],
    bug: 'a PREPARE is sent to whoever shows that it lacks it, and to nobody before: everything commits, slowly',
    edits: [
      {
        file: NORMAL_CASE,
        before: "    const vote = castVote(state, 'prepare', entry, [])\n    sendVote(state, vote)\n",
        after: "    const vote = castVote(state, 'prepare', entry, [])\n",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 0 --faults none'),
  },
  {
    id: 'committed-proposal-is-work',
    traps: ['B10'],
    bug: 'the proposal of a committed block, said again, is accepted once more: an idle network changes views',
    edits: [
      {
        file: 'packages/consensus/src/normal-case.ts',
        before: "message.view < state.view || at <= state.committed.height) return ignore(state, 'pre-prepare', 'stale')",
        after: "message.view < state.view || at < state.committed.height) return ignore(state, 'pre-prepare', 'stale')",
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'vote-taken-back',
    traps: ['C1'],
    bug: 'a block that was voted for is taken back when a blob of it is lost, as if nobody relied on it',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: 'if (entry.voted || isCertified(state, entry.block)) return',
        after: 'if (isCertified(state, entry.block)) return',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'checked-on-what-is-taken-back',
    traps: ['K5'],
    bug: 'a block whose check goes on keeps going on although its parent was taken back',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: "(other.status !== 'valid' && other.status !== 'validating')) continue",
        after: "other.status !== 'valid') continue",
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'own-certificate-not-preferred',
    traps: ['D5'],
    bug: 'a block that a later one proved committed does not take the certificate of its own that comes before it is executed',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: 'known === undefined || (certificate.height === level && known.certificate.height !== level)',
        after: 'known === undefined',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'proposal-without-a-certificate-to-name',
    traps: ['K2'],
    bug: 'a leader whose newest certificate is too old proposes a block that everybody refuses',
    edits: [
      {
        file: 'packages/consensus/src/propose.ts',
        before: 'return at - (state.lastCertificate?.height ?? 0) <= MAX_CERTIFICATE_AGE',
        after: 'return true',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
]

/** Catching up, and what a peer can make a replica send and keep (docs/protocol.md §7, §13). */
import { simulation, tests } from './lib/mutant.js'

const CATCH_UP = 'packages/consensus/src/catch-up.ts'
const CHAIN = 'packages/consensus/src/chain.ts'
const CIRCLE = 'packages/consensus/src/circle.ts'
const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const catchUp = [
  {
    id: 'committed-blocks-not-served',
    traps: ['D5', 'I1', 'J3'],
    bug: 'a replica that missed blocks is never given them',
    edits: [
      {
        file: CATCH_UP,
        before: 'if (mayAnswer(state, peer, MAX_SERVE_BYTES)) state.out',
        after: 'if (from < 0 && mayAnswer(state, peer, MAX_SERVE_BYTES)) state.out',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'decided-twice',
    traps: ['B10'],
    bug: 'blocks that come by sync and by votes are handed to the application twice',
    edits: [
      {
        file: CATCH_UP,
        before: '  const first = usable[0]\n',
        after:
          "  const again = message.blocks.find((block) => block.header.height === state.committed.height)\n  if (again !== undefined) state.out.push({ kind: 'commit', block: again, certificate: message.certificate })\n  const first = usable[0]\n",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'missing-body-asked-for-once',
    traps: ['B9', 'D4'],
    bug: 'a body that was asked for and did not come is not asked for again',
    edits: [{ file: CATCH_UP, before: '  for (const wanted of state.missing.values()) requestBlock(state, wanted)\n', after: '' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'held-body-asked-for',
    traps: ['E1'],
    bug: 'a body that came together with what wanted it is asked for at every tick until it is committed',
    edits: [{ file: CATCH_UP, before: 'if (state.blocks.has(key) || state.missing.has(key)', after: 'if (state.missing.has(key)' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'certified-bodies-pushed-out',
    traps: ['D5'],
    bug: 'where much is held, of committed blocks that come together each pushes out the one before',
    edits: [{ file: CHAIN, before: 'if (entry.wanted || isCertified(state, entry.block)) continue', after: 'if (entry.wanted) continue' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'always-the-same-peer',
    traps: ['E4'],
    bug: 'committed blocks are always asked of the first peer that claims to have them',
    edits: [{ file: CATCH_UP, before: 'return peers[state.syncTries % Math.max(1, peers.length)]', after: 'return peers[0]' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'sync-on-any-block',
    traps: ['S9', 'E4'],
    bug: 'a peer may send bodies nobody asked for, and they are kept',
    edits: [
      {
        file: CATCH_UP,
        before: "if (!state.missing.has(keyOf(message.block.hash))) return ignore(state, 'block', 'not asked for')",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'answers-without-bound',
    traps: ['E1', 'E4'],
    bug: 'a flood of questions draws as many answers',
    edits: [
      {
        file: CATCH_UP,
        before: 'spent.count >= MAX_ANSWERS_PER_TICK || spent.bytes >= MAX_ANSWER_BYTES_PER_TICK',
        after: 'spent.count < 0',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'departed-serve-nobody',
    traps: ['J3'],
    bug: 'who has passed the end of an epoch does not help those who have not',
    edits: [
      {
        file: CATCH_UP,
        before: '} else if (committedHeight !== null && committedHeight < state.committed.height) serve(',
        after: '} else if (committedHeight === -1) serve(',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'old-epoch-view-taken-up',
    traps: ['J1'],
    bug: 'a restart takes up the view and the NEW-VIEW of an epoch that is over',
    edits: [
      {
        file: 'packages/consensus/src/state.ts',
        before: 'const isOver = named !== null && named < current',
        after: 'const isOver = false',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'told-at-every-request',
    traps: ['E1'],
    bug: 'whoever shows that it is behind in views is told the same each time, however often: slow links fill up with copies',
    edits: [{ file: CATCH_UP, before: 'return told?.about !== message || state.tick >= told.dueTick', after: 'return state.tick >= 0' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'same-status-answered-each-time',
    traps: ['E1'],
    bug: 'a STATUS that says the same again draws all the votes and proposals again while the first are under way',
    edits: [{ file: CATCH_UP, before: 'if (isRepeated && state.tick < last.dueTick) return', after: '' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'everybody-stands-in',
    traps: ['E1'],
    bug: 'each of many validators sends a peer all the votes that it lacks: N^3 messages at once',
    edits: [{ file: CIRCLE, before: '  return Math.ceil(count / STAND_INS)', after: '  return Math.ceil(count / count)' }],
    hunt: tests('packages/consensus/src/many-validators.test.ts'),
  },
  {
    id: 'authors-rely-on-stand-ins',
    traps: ['D3'],
    bug: 'of many validators nobody sends its own vote again unless it is its turn to stand in for itself',
    edits: [
      {
        file: CATCH_UP,
        before: 'isLeft ? [self] : withSelf(stoodInFor(place, state.tick), self)',
        after: 'stoodInFor(place, state.tick)',
      },
    ],
    hunt: tests('packages/consensus/src/many-validators.test.ts'),
  },
  {
    id: 'who-waits-tells-few',
    traps: ['D5'],
    bug: 'a replica among many that lacks something, and knows it, tells the next 32 only',
    edits: [{ file: CATCH_UP, before: '  if (isWaitDue(state)) state.out', after: '  if (state.tick < 0 && isWaitDue(state)) state.out' }],
    hunt: tests('packages/consensus/src/many-validators.test.ts'),
  },
  {
    id: 'equivocation-floods-everybody',
    traps: ['E1', 'K1'],
    bug: 'each of a thousand equivocations of one validator is broadcast',
    edits: [{ file: NORMAL_CASE, before: '  if (!state.reported.has(key)) {', after: '  if (key !== undefined) {' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'commit-certificate-forgotten',
    traps: ['D6', 'D7'],
    bug: 'a commit certificate for a block whose body is missing is thrown away',
    edits: [
      {
        file: CHAIN,
        before: '  markCommitted(state, certificate.blockHash, certificate.height, certificate)\n  commitReady(state)\n}\n\n/** Marks',
        after:
          '  if (entryOf(state, certificate.blockHash) !== undefined) markCommitted(state, certificate.blockHash, certificate.height, certificate)\n  commitReady(state)\n}\n\n/** Marks',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'lost-branch-lives-on',
    traps: ['B10', 'B1'],
    bug: 'what was built on a block that lost is kept when its rival commits',
    edits: [{ file: CHAIN, before: '  dropDescendants(state, dropped)\n', after: '' }],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'status-out-of-order',
    traps: ['B7'],
    bug: 'STATUS lists its heights in descending order, every edge refuses it, and who lacks votes is not heard',
    edits: [
      {
        file: CATCH_UP,
        before:
          'for (const at of [...heights].sort((a, b) => a - b)) {\n    const slot = state.votes.slot(state.view, at)\n    const accepted',
        after:
          'for (const at of [...heights].sort((a, b) => b - a)) {\n    const slot = state.votes.slot(state.view, at)\n    const accepted',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'asked-for-while-at-work',
    traps: ['E4'],
    bug: 'each word of a peer in a later epoch makes a replica ask for the blocks again that it is executing: on a busy machine it reads the same answers over and over, and gets no further',
    edits: [
      {
        file: CATCH_UP,
        before: 'if (state.sync === null && !isNextAtWork(state)) requestSync',
        after: 'if (state.sync === null) requestSync',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'next-answer-waits-for-a-hint',
    traps: ['J3'],
    bug: 'when the blocks of an answer are committed the next ones are not asked for before a peer in a later epoch speaks again',
    edits: [{ file: CHAIN, before: "      if (state.laterEpoch.size > 0) state.agenda.push({ what: 'fetch-later' })\n", after: '' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'next-answer-of-the-same-peer',
    traps: ['E4'],
    bug: 'who gives committed blocks one at a time, each at the last moment, is asked for the next again and again',
    edits: [
      {
        file: 'packages/consensus/src/catch-up.ts',
        before: 'const peer = isMore ? nextInTurn(state, peersBeyond(state, last)) : undefined',
        after: 'const peer = isMore && claimedBy(state, from) > last ? from : undefined',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'executed-block-is-at-work',
    traps: ['E4'],
    bug: 'an executed block that waits for votes which nobody has to give keeps a replica from taking over a state for ever',
    edits: [
      {
        file: 'packages/consensus/src/consensus.ts',
        before: "wanted && status !== 'valid' && block",
        after: "wanted && status !== 'unknown' && block",
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'retried-before-asking',
    traps: ['B9'],
    bug: 'a committed block whose check was given up counts as at work again before anybody is asked for it: where its blobs are gone and the gas of its proofs would do, it is tried for ever',
    edits: [
      {
        file: 'packages/consensus/src/catch-up.ts',
        before: '  for (const wanted of state.missing.values()) requestBlock(state, wanted)\n  syncIfBehind(state)\n',
        after: '  retryAborted(state)\n  for (const wanted of state.missing.values()) requestBlock(state, wanted)\n  syncIfBehind(state)\n',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'lost-rival-asked-for-ever',
    traps: ['E1'],
    bug: 'a body that is missing is asked for at every tick although another block is committed at its height',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: '  for (const [key, wanted] of state.missing) if (wanted.height <= committed) state.missing.delete(key)\n',
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'committed-thrown-away-by-an-earlier-view',
    traps: ['D7'],
    bug: 'what a later view has committed and is being executed is abandoned when an earlier view begins on something else',
    edits: [
      {
        file: 'packages/consensus/src/chain.ts',
        before: '[tip, ...[...state.certified.values()].map((proven) => proven.hash)]',
        after: '[tip]',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'tip-not-asked-for-after-a-restart',
    traps: ['B9'],
    bug: 'the block that the view begins with is not asked for after a restart',
    edits: [
      {
        file: 'packages/consensus/src/consensus.ts',
        before: "  if (phase.kind === 'active' && phase.base.kind === 'tip') pursueHash(state, phase.base.hash, phase.base.firstHeight)\n",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/restart.test.ts'),
  },
  {
    id: 'committed-body-kept-to-oneself',
    traps: ['B9'],
    bug: 'a block that was committed just now is not given to whoever asks for it by its hash',
    edits: [
      {
        file: 'packages/consensus/src/catch-up.ts',
        before: ' ?? state.recentBlocks.get(keyOf(hash))',
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'view-change-of-a-late-epoch-says-nothing',
    traps: ['D3'],
    bug: 'whoever changes views in an epoch that is over is not told of the blocks that ended it',
    edits: [
      {
        file: 'packages/consensus/src/epoch-gate.ts',
        before: "return message.kind === 'view-change' ? message.entry.committedHeight : null",
        after: 'return null',
      },
    ],
    hunt: tests('packages/consensus/src/epoch-gate.test.ts'),
  },
  {
    id: 'halted-serves-one-tick',
    traps: ['D5'],
    bug: 'who has halted at a fork serves its blocks until a bound for one tick is reached, and then nobody any more',
    edits: [
      {
        file: 'packages/consensus/src/consensus.ts',
        before: '    state.answersThisTick.clear()\n    state.out.push',
        after: '    state.out.push',
      },
    ],
    hunt: tests('packages/consensus/src/halting.test.ts'),
  },
]

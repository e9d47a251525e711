/** How views change, and what a new view begins with (docs/protocol.md §6). */
import { simulation, tests } from './lib/mutant.js'

const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'
const VIEW_CHANGE = 'packages/consensus/src/view-change.ts'
const PROPOSE = 'packages/consensus/src/propose.ts'
const CHECK = 'packages/consensus/src/check.ts'
const CERTIFICATE = 'packages/consensus/src/certificate.ts'
const CHAIN = 'packages/consensus/src/chain.ts'
const CATCH_UP = 'packages/consensus/src/catch-up.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const viewChange = [
  {
    id: 'prepared-block-forgotten',
    traps: ['S4', 'B1'],
    bug: 'a new view begins on what each replica has committed, whatever certificate NEW-VIEW carries',
    edits: [
      {
        file: VIEW_CHANGE,
        before: 'import { assert, type ValidatorIndex, type View, view }',
        after: 'import { assert, height, type ValidatorIndex, type View, view }',
      },
      {
        file: VIEW_CHANGE,
        before: '  const base = baseOf(state.origin, message)\n  state.phase',
        after:
          "  const base = true\n    ? { kind: 'commit' as const, firstHeight: height(state.committed.height + 1), hash: state.committed.hash }\n    : baseOf(state.origin, message)\n  state.phase",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'tip-proposed-by-leader-only-if-it-likes',
    traps: ['B1', 'B4'],
    bug: 'the new leader proposes a fresh block instead of the tip, and backups take it',
    edits: [
      {
        file: PROPOSE,
        before:
          "  if (base.kind === 'tip' && base.firstHeight > state.committed.height && !state.accepted.has(base.firstHeight)) {\n    return reproposeTip(state, base.hash, base.firstHeight)\n  }",
        after: '  if (state.nowMs < 0) return reproposeTip(state, base.hash, base.firstHeight)',
      },
      {
        file: PROPOSE,
        before: '  if (at < state.phase.base.firstHeight) return undefined // behind the base: catch up first\n',
        after: '',
      },
      {
        file: NORMAL_CASE,
        before: "if (at < base.firstHeight) return ignore(state, 'pre-prepare', 'below the base of the view')",
        after: '',
      },
      {
        file: NORMAL_CASE,
        before: "const reproposal = base.kind === 'tip' && at === base.firstHeight\n",
        after: 'const reproposal = false\n',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'tip-not-enforced',
    traps: ['B4'],
    bug: "at the tip's height backups accept whatever block the new leader proposes",
    edits: [
      {
        file: NORMAL_CASE,
        before: "if (!equalBytes(block.hash, base.hash)) return ignore(state, 'pre-prepare', 'not the block that NEW-VIEW prescribes')",
        after: 'if (parent === undefined) return',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:tip-rival'),
  },
  {
    id: 'ancestors-proposed-one-by-one',
    traps: ['B4', 'B1'],
    bug: 'the new leader proposes the blocks below the tip again one height at a time, so a certificate of a lower height outranks the tip',
    edits: [
      {
        file: PROPOSE,
        before:
          "  if (base.kind === 'tip' && base.firstHeight > state.committed.height && !state.accepted.has(base.firstHeight)) {\n    return reproposeTip(state, base.hash, base.firstHeight)\n  }",
        after: `  if (base.kind === 'tip' && base.firstHeight > state.committed.height && !state.accepted.has(base.firstHeight)) {
    let lowest = entryOf(state, base.hash)
    for (let below = lowest; below !== undefined; below = entryOf(state, below.block.header.parent)) {
      if (below.block.header.height <= state.committed.height || state.accepted.has(below.block.header.height)) break
      lowest = below
    }
    if (lowest === undefined) return pursueHash(state, base.hash, base.firstHeight)
    return reproposeTip(state, lowest.block.hash, lowest.block.header.height)
  }`,
      },
      {
        file: NORMAL_CASE,
        before: "const reproposal = base.kind === 'tip' && at === base.firstHeight\n",
        after: "const reproposal = base.kind === 'tip' && at <= base.firstHeight\n",
      },
      {
        file: NORMAL_CASE,
        before: "if (at < base.firstHeight) return ignore(state, 'pre-prepare', 'below the base of the view')",
        after: "if (at < base.firstHeight && base.kind !== 'tip') return ignore(state, 'pre-prepare', 'below the base of the view')",
      },
      {
        file: NORMAL_CASE,
        before: "if (!equalBytes(block.hash, base.hash)) return ignore(state, 'pre-prepare', 'not the block that NEW-VIEW prescribes')",
        after: `let below = entryOf(state, base.hash)
    while (below !== undefined && below.block.header.height > at) below = entryOf(state, below.block.header.parent)
    if (below === undefined && at !== base.firstHeight) return keepEarly(state, message)
    if (!equalBytes(block.hash, below?.block.hash ?? base.hash)) return ignore(state, 'pre-prepare', 'not below the prescribed block')`,
      },
      {
        file: NORMAL_CASE,
        before: 'const isTip = phase.kind ===',
        after:
          "const isTip = phase.kind === 'active' && phase.base.kind === 'tip' && vote.view === view && vote.height <= phase.base.firstHeight || phase.kind ===",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'lowest-certificate-chosen',
    traps: ['B4', 'B1'],
    bug: 'of the certificates that VIEW-CHANGEs bring, the lowest is taken for the highest',
    edits: [
      {
        file: CHECK,
        before: '(highest === null || compareCertificates(entry.highest, highest) > 0)',
        after: '(highest === null || compareCertificates(entry.highest, highest) < 0)',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'one-empty-view-change-hides-the-others',
    traps: ['B2'],
    bug: 'a VIEW-CHANGE without a certificate makes the certificates of the others count for nothing',
    edits: [
      {
        file: CHECK,
        before: 'for (const entry of entries) {\n    if (entry.highest !== null &&',
        after: 'for (const entry of entries) {\n    if (entry.highest === null) return null\n    if (entry.highest !== null &&',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'height-before-view',
    traps: ['B4'],
    bug: 'certificates are ordered by height first and by view second',
    edits: [{ file: CERTIFICATE, before: 'a.view - b.view || a.height - b.height ||', after: 'a.height - b.height || a.view - b.view ||' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'view-before-all-else',
    traps: ['B4'],
    bug: 'certificates of one view are all the same to the order, whatever their height',
    edits: [{ file: CERTIFICATE, before: 'a.height - b.height || kindRank(a.kind)', after: 'kindRank(a.kind)' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'highest-not-kept',
    traps: ['B1', 'S4'],
    bug: 'a replica that prepares a block does not remember the certificate for its VIEW-CHANGE',
    edits: [{ file: NORMAL_CASE, before: '  state.highest = highest\n', after: '' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'new-view-of-a-weak-quorum',
    traps: ['B5'],
    bug: 'a weak quorum of VIEW-CHANGEs makes a NEW-VIEW, and is accepted in one',
    edits: [
      {
        file: VIEW_CHANGE,
        before: '  if (!isQuorum(state.config.validators, state.askedFor.get(state.view) ?? 0n)) return\n',
        after: '  if (!isWeakQuorum(state.config.validators, state.askedFor.get(state.view) ?? 0n)) return\n',
      },
      {
        file: CHECK,
        before: "if (!isQuorum(validators, power)) return refuse('no-quorum', 'expected a quorum of VIEW-CHANGEs')",
        after: '',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:new-view-liar'),
  },
  {
    id: 'new-view-without-quorum',
    traps: ['B5'],
    bug: 'backups do not count the VIEW-CHANGEs of a NEW-VIEW',
    edits: [
      {
        file: CHECK,
        before: "if (!isQuorum(validators, power)) return refuse('no-quorum', 'expected a quorum of VIEW-CHANGEs')",
        after: '',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:new-view-liar'),
  },
  {
    id: 'new-view-entries-unsigned',
    traps: ['B5', 'S3'],
    bug: 'the VIEW-CHANGEs listed in a NEW-VIEW may be made up',
    edits: [
      {
        file: CHECK,
        before:
          '      const result = checkEntry(entry)\n      if (!result.ok) return result\n    }\n    return checkOptionalCertificate(message.certificate)',
        after: "      if (entry === undefined) return refuse('view', '')\n    }\n    return checkOptionalCertificate(message.certificate)",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:new-view-liar'),
  },
  {
    id: 'new-view-repeats-an-entry',
    traps: ['B5', 'A2'],
    bug: 'one VIEW-CHANGE may be listed several times',
    edits: [
      {
        file: CHECK,
        before: "if (entry.sender <= previous) return refuse('order', 'expected VIEW-CHANGEs in ascending order of distinct senders')",
        after: "if (entry.sender < previous) return refuse('order', 'expected VIEW-CHANGEs in ascending order')",
      },
    ],
    hunt: tests('packages/consensus/src/check.test.ts'),
  },
  {
    id: 'new-view-certificate-not-the-highest',
    traps: ['B4'],
    bug: 'backups do not compare the certificate of a NEW-VIEW with what its VIEW-CHANGEs claim',
    edits: [
      {
        file: CHECK,
        before: 'if (!certificateIsFor(message.certificate, highestOf(message.viewChanges))) {',
        after: 'if (message.viewChanges.length === 0) {',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:new-view-liar'),
  },
  {
    id: 'new-view-of-anybody',
    traps: ['B5', 'S3'],
    bug: 'anybody may send the NEW-VIEW of a view',
    edits: [
      {
        file: CHECK,
        before:
          "if (message.sender !== leaderOf(validators, message.newView))\n      return refuse('not-leader', `expected the leader of view ${message.newView}`)",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/check.test.ts'),
  },
  {
    id: 'view-goes-back',
    traps: ['B6'],
    bug: 'a NEW-VIEW of an older view, said again, takes a replica back into it',
    edits: [
      {
        file: VIEW_CHANGE,
        before:
          "  if (message.newView < state.view || (message.newView === state.view && state.phase.kind === 'active')) {\n    return ignore(state, 'new-view', 'stale') // only the first of a view counts\n  }",
        after: "  if (message.newView === state.view && state.phase.kind === 'active') return ignore(state, 'new-view', 'stale')",
      },
      {
        file: VIEW_CHANGE,
        before: 'if (message.newView > state.view) leaveView(state, message.newView)',
        after: 'if (message.newView !== state.view) leaveView(state, message.newView)',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'new-view-accepted-again',
    traps: ['B6'],
    bug: 'a NEW-VIEW that is said again starts the current view over',
    edits: [
      {
        file: VIEW_CHANGE,
        before:
          "  if (message.newView < state.view || (message.newView === state.view && state.phase.kind === 'active')) {\n    return ignore(state, 'new-view', 'stale') // only the first of a view counts\n  }",
        after: "  if (message.newView < state.view) return ignore(state, 'new-view', 'stale')",
      },
      {
        file: VIEW_CHANGE,
        before: 'if (message.newView > state.view) leaveView(state, message.newView)',
        after: 'leaveView(state, message.newView)',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'one-view-change-moves-all',
    traps: ['S6'],
    bug: 'a replica joins any view that a single VIEW-CHANGE asks for',
    edits: [
      {
        file: VIEW_CHANGE,
        before: 'if (isWeakQuorum(state.config.validators, power)) return',
        after: 'if (power > 0n) return',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:view-pusher'),
  },
  {
    id: 'no-joining',
    traps: ['D3'],
    bug: 'a replica never joins a view change that others have begun',
    edits: [{ file: VIEW_CHANGE, before: 'power)) return newView\n', after: 'power)) return null\n' }],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'view-below-its-certificate',
    traps: ['D3', 'B11'],
    bug: 'a replica asks for the next view although its certificate is from a later one',
    edits: [{ file: VIEW_CHANGE, before: 'view(Math.max(target, (state.highest?.view ?? 0) + 1))', after: 'view(target)' }],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'new-view-waits-for-all',
    traps: ['B3'],
    bug: 'the new leader waits for the VIEW-CHANGE of every validator',
    edits: [
      {
        file: VIEW_CHANGE,
        before: '  if (!isQuorum(state.config.validators, state.askedFor.get(state.view) ?? 0n)) return\n',
        after: '  if ((state.askedFor.get(state.view) ?? 0n) < state.config.validators.totalPower) return\n',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'commit-lock-blocks-view-change',
    traps: ['B11'],
    bug: 'a replica that has sent a COMMIT refuses to leave the view',
    edits: [
      {
        file: VIEW_CHANGE,
        before: '  // A certificate proves that a quorum has been in its view: what we ask for lies above it.\n',
        after: '  if ([...state.own.values()].some((own) => own.commit !== undefined)) return\n',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'view-change-said-once',
    traps: ['B7'],
    bug: 'a VIEW-CHANGE is sent once; if it is lost, it is lost',
    edits: [
      {
        file: CATCH_UP,
        before: 'const due = others.filter((peer) => isViewDue(state, peer, message))',
        after: 'const due = others.slice(others.length)',
      },
      {
        file: CATCH_UP,
        before: "return state.phase.kind === 'changing' ? state.phase.viewChange : state.phase.newView",
        after: "return state.phase.kind === 'changing' ? null : state.phase.newView",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'new-view-said-once',
    traps: ['D3', 'B9'],
    bug: 'a replica in an older view is never shown the NEW-VIEW it missed',
    edits: [
      {
        file: CATCH_UP,
        before: "return state.phase.kind === 'changing' ? state.phase.viewChange : state.phase.newView",
        after: "return state.phase.kind === 'changing' ? state.phase.viewChange : null",
      },
    ],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'bodies-dropped-with-the-view',
    traps: ['B9', 'C1'],
    bug: 'the bodies a replica has voted for are dropped when the view changes',
    edits: [{ file: CHAIN, before: '    if (!entry.voted) state.blocks.delete(key)', after: '    state.blocks.delete(key)' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'waiting-block-not-resumed',
    traps: ['B9'],
    bug: 'a block that waits for a body is not looked at again when the body comes',
    edits: [{ file: CHAIN, before: '  for (const entry of state.blocks.values()) if (entry.wanted) pursue(state, entry)\n', after: '' }],
    hunt: tests('packages/consensus/src/catch-up.test.ts'),
  },
  {
    id: 'commit-of-a-new-view-ignored',
    traps: ['D5'],
    bug: 'the commit certificate that a NEW-VIEW begins on commits nothing: the block waits for sync',
    edits: [
      {
        file: 'packages/consensus/src/view-change.ts',
        before: "  if (certificate?.kind === 'commit') learnCommit(state, certificate)\n",
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'wishes-for-later-views-forgotten',
    traps: ['D3'],
    bug: 'who has asked for a later view is forgotten when an earlier one begins',
    edits: [
      {
        file: 'packages/consensus/src/view-change.ts',
        before: 'known !== undefined && known.entry.newView <= message.newView',
        after: 'known !== undefined',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
  {
    id: 'early-proposal-of-the-next-view-lost',
    traps: ['S7'],
    bug: 'a proposal that came before the NEW-VIEW of its view is thrown away with those of older views',
    edits: [
      {
        file: 'packages/consensus/src/view-change.ts',
        before: 'if (early < next)',
        after: 'if (early <= next)',
      },
    ],
    hunt: tests('packages/consensus/src/view-change.test.ts'),
  },
]

/** Collectors and trees: certificates that nobody looks at, or that nobody tells, and whoever has to be relied on (docs/protocol.md §9). */
import { simulation, tests } from './lib/mutant.js'

const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'
const DISSEMINATION = 'packages/consensus/src/dissemination.ts'
const SUMS = 'packages/consensus/src/sums.ts'
const CATCH_UP = 'packages/consensus/src/catch-up.ts'
const DRIVER = 'packages/node/src/driver.ts'
const DRIVER_TESTS = tests('packages/node/src/driver.test.ts')
const DISSEMINATION_TESTS = tests('packages/consensus/src/dissemination.test.ts')
const SUMS_TESTS = tests('packages/consensus/src/sums.test.ts')

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const dissemination = [
  {
    id: 'collected-unchecked',
    traps: ['A8', 'F2'],
    bug: 'a CERTIFICATE passes the edge unchecked',
    edits: [
      {
        file: 'packages/consensus/src/check.ts',
        before: '        const certificate = checkCertificate(message.certificate)\n        return certificate.ok ? ok(null) : certificate',
        after:
          '        const certificate = checkCertificate(message.certificate)\n        return certificate.ok || message.certificate.height > 0 ? ok(null) : certificate',
      },
    ],
    hunt: simulation('--validators 4 --certificates bls12-381 --dissemination collectors --byzantine 1:bad-certificates'),
  },
  {
    id: 'certificate-not-told',
    traps: ['B7'],
    bug: 'who collects votes keeps the certificate to itself: everything commits, slowly',
    edits: [
      {
        file: NORMAL_CASE,
        before: "  const certificate = state.dissemination === 'mesh' ? undefined : state.votes.quorumFor(ballot)",
        after: "  const certificate = state.dissemination !== 'mesh' ? undefined : state.votes.quorumFor(ballot)",
      },
    ],
    hunt: simulation('--validators 4 --certificates bls12-381 --dissemination collectors --byzantine 0 --faults none'),
  },
  {
    id: 'backups-silenced',
    traps: ['B7'],
    bug: 'a collector that hears of a certificate before it has a quorum tells nobody: a leader that tells the backups alone has silenced them',
    edits: [{ file: NORMAL_CASE, before: '  if (isNews) tellCertificate(state, certificate)\n', after: '' }],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'leader-collects-alone',
    traps: ['B7'],
    bug: 'votes go to the leader only: one that keeps certificates to itself stops everybody',
    edits: [{ file: DISSEMINATION, before: 'const BACKUP_COLLECTORS = 2', after: 'const BACKUP_COLLECTORS = 0' }],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'collected-votes-not-sent-again',
    traps: ['B7'],
    bug: 'where votes are collected nobody sends one to whoever shows that it lacks it: a lost certificate is lost',
    edits: [
      {
        file: CATCH_UP,
        before: '        if (vote === undefined || vote.sender === peer) continue',
        after: "        if (vote === undefined || vote.sender === peer || state.dissemination !== 'mesh') continue",
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'lost-certificate-not-told-again',
    traps: ['B7'],
    bug: 'who shows that it lacks a certificate is sent votes only, by everybody',
    edits: [
      {
        file: CATCH_UP,
        before: "const bringsCertificate = state.dissemination !== 'mesh' &&",
        after: "const bringsCertificate = state.dissemination === 'mesh' &&",
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'certificate-adds-no-votes',
    traps: ['B7'],
    bug: 'a STATUS does not say whose votes a certificate has brought, and everybody sends them again',
    edits: [
      {
        file: 'packages/consensus/src/vote-keeper.ts',
        before: '  if (certificates.length === 0) return senders',
        after: '  if (certificates.length >= 0) return senders',
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'certificate-wanted-twice',
    traps: ['E1'],
    bug: 'each certificate for a ballot is checked, however many have come before',
    edits: [
      {
        file: NORMAL_CASE,
        before: '  return worthCounting(state, certificate) && !state.votes.hasQuorumFor(certificate)',
        after: '  return worthCounting(state, certificate)',
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'certificate-of-any-slot',
    traps: ['E1'],
    bug: 'certificates of any view and height are checked and kept',
    edits: [
      {
        file: NORMAL_CASE,
        before: '  return worthCounting(state, certificate) && !state.votes.hasQuorumFor(certificate)',
        after: '  return !state.votes.hasQuorumFor(certificate)',
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'leaf-with-one-parent',
    traps: ['B8'],
    bug: 'a leaf of the tree has one parent, who may be faulty',
    edits: [{ file: DISSEMINATION, before: '  if (inner < 2) return [first]', after: '  if (inner < 2 || leaf >= 0) return [first]' }],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'unaccepted-proposal-passed-on',
    traps: ['E1'],
    bug: 'an inner node of the tree passes on whatever a leader sends, whether it would accept it or not',
    edits: [
      {
        file: NORMAL_CASE,
        before: "  if (countVote(state, leaderVote(message)) === 'conflict') return\n  tryAccept(state, message, from)",
        after:
          "  if (countVote(state, leaderVote(message)) === 'conflict') return\n  passOn(state, message)\n  tryAccept(state, message, from)",
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'tree-not-passed-on',
    traps: ['B8'],
    bug: 'inner nodes of the tree pass nothing on: most of the validators hear of each proposal a tick late',
    edits: [
      {
        file: NORMAL_CASE,
        before: '  accept(state, entry, reproposal)\n  passOn(state, message)\n',
        after: '  accept(state, entry, reproposal)\n',
      },
    ],
    hunt: simulation('--validators 7 --certificates bls12-381 --dissemination tree --byzantine 0 --faults none'),
  },
  {
    id: 'tree-waits-for-readers',
    traps: ['B8'],
    bug: 'proposals on their way along a tree are left out, as answers are, where a peer has much unread: in blocks of megabytes the third comes a tick late, from the leader',
    edits: [{ file: DRIVER, before: "if (to !== 'all' && !isFresh && BODIES", after: "if (to !== 'all' && BODIES" }],
    hunt: DRIVER_TESTS,
  },
  {
    id: 'second-parent-pays',
    traps: ['E1'],
    bug: 'of the two parents of a leaf whose copy comes second is charged for it: with large blocks an honest one is soon not read any more',
    edits: [
      {
        file: DRIVER,
        before: 'if (!(replica.isDue(from, message) && this.#isFree(from, message))) this.#mesh',
        after: 'this.#mesh',
      },
    ],
    hunt: DRIVER_TESTS,
  },
  {
    id: 'held-after-a-refusal',
    traps: ['E1'],
    bug: 'what a peer has sent for the next epoch is checked to the end when it begins, 64 sums of shares, though the first was refused',
    edits: [{ file: DRIVER, before: 'if (!refused.has(from) && !this.#receive', after: 'if (!this.#receive' }],
    hunt: DRIVER_TESTS,
  },
  {
    id: 'collected-certificates-not-shown',
    traps: ['K5'],
    bug: 'what a replica says of a fork leaves out the certificates that others have put together, which are all it has of their votes',
    edits: [
      {
        file: 'packages/consensus/src/halting.ts',
        before: '      held.push(...phase.tallies.flatMap(({ certificate }) => certificate ?? []))\n',
        after: '',
      },
    ],
    hunt: DISSEMINATION_TESTS,
  },
  {
    id: 'sums-that-share-votes',
    traps: ['S1'],
    bug: 'votes that are in two sums are counted twice: validators that two of them name make a quorum of fewer',
    edits: [
      {
        file: 'packages/consensus/src/shares.ts',
        before: '    if (part.signers.some((signer) => taken.has(signer))) continue\n',
        after: '',
      },
    ],
    hunt: SUMS_TESTS,
  },
  {
    id: 'bad-sums-are-taken-again',
    traps: ['E1'],
    bug: 'who has sent a sum that proves nothing may send the next one: it makes each collector search for it at every height',
    edits: [{ file: SUMS, before: "state.dissemination !== 'tree' || state.badSums.has(from)", after: "state.dissemination !== 'tree'" }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'sum-of-anybody',
    traps: ['E1'],
    bug: 'sums are taken from whoever is no inner node, and of any validators',
    edits: [{ file: SUMS, before: '  return isOfGroup && state', after: '  return (isOfGroup || sum.height > 0) && state' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'sum-to-anybody',
    traps: ['E1'],
    bug: 'whoever is no collector keeps sums, too, of which it makes nothing',
    edits: [{ file: SUMS, before: '  if (!collectorsOf(validators, sum.view, sum.height).includes(self)) return false\n', after: '' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'sums-without-bound',
    traps: ['E1'],
    bug: 'one inner node may send any number of sums for one slot',
    edits: [
      {
        file: SUMS,
        before: 'state.votes.sumsFrom(from, sum).length < MAX_SUMS_OF_ONE',
        after: 'state.votes.sumsFrom(from, sum).length < Number.MAX_SAFE_INTEGER',
      },
    ],
    hunt: SUMS_TESTS,
  },
  {
    id: 'sum-of-any-size',
    traps: ['A8'],
    bug: 'a sum passes the edge whatever the size of its bitmap',
    edits: [
      {
        file: 'packages/consensus/src/check.ts',
        before: "    if (sum.signers.size !== count) return refuse('bitmap'",
        after: "    if (sum.signers.size < 0) return refuse('bitmap'",
      },
    ],
    hunt: SUMS_TESTS,
  },
  {
    id: 'sums-wait-for-everybody',
    traps: ['B7'],
    bug: 'an inner node waits for the last vote of its group, however slow or silent',
    edits: [{ file: SUMS, before: 'const MOST: number = 3 / 4', after: 'const MOST: number = 1' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'late-votes-stay-behind',
    traps: ['B7'],
    bug: 'an inner node that has sent most of a group keeps the rest until the next tick',
    edits: [{ file: SUMS, before: 'here === group.length || (isFirst', after: '(isFirst' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'first-sums-wait-for-a-whole',
    traps: ['B7'],
    bug: 'what has waited for a tick does not go up while somebody is missing',
    edits: [
      {
        file: SUMS,
        before: 'for (const group of groupsOf(validators, vote.view, self)) sendSum(state, tally, vote, group)',
        after: 'continue',
      },
    ],
    hunt: SUMS_TESTS,
  },
  {
    id: 'one-adder',
    traps: ['B7'],
    bug: 'votes go to one inner node, who may be faulty',
    edits: [
      { file: DISSEMINATION, before: '  return node === group || node === (group + 1) % inner', after: '  return node === group % inner' },
    ],
    hunt: SUMS_TESTS,
  },
  {
    id: 'tree-at-any-price',
    traps: ['B7'],
    bug: 'votes keep to the tree though no certificate comes of them: they are asked for one by one, ticks later',
    edits: [{ file: SUMS, before: '  if (state.ticksStuck < 2) return', after: '  if (state.ticksStuck < 2_000) return' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'tree-given-up',
    traps: ['B7'],
    bug: 'one slow block, and votes do not take the tree any more',
    edits: [{ file: SUMS, before: 'const DIRECT_TICKS = 64', after: 'const DIRECT_TICKS = 64_000' }],
    hunt: SUMS_TESTS,
  },
  {
    id: 'restarted-votes-keep-to-the-tree',
    traps: ['C4'],
    bug: 'votes from before a restart never go to the collectors themselves',
    edits: [{ file: SUMS, before: '(state.acceptedAtMs.get(at) ?? 0)', after: '(state.acceptedAtMs.get(at) ?? state.nowMs)' }],
    hunt: SUMS_TESTS,
  },
]

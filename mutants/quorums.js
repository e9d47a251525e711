/** Who counts, how often, and when it is enough (docs/protocol.md §1, §3). */
import { simulation, tests } from './lib/mutant.js'

const VALIDATORS = 'packages/consensus/src/validators.ts'
const KEEPER = 'packages/consensus/src/vote-keeper.ts'
const CERTIFICATE = 'packages/consensus/src/certificate.ts'
const NORMAL_CASE = 'packages/consensus/src/normal-case.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const quorums = [
  {
    id: 'quorum-two-f-plus-one',
    traps: ['S1', 'A1'],
    bug: 'a quorum is 2f+1 whatever N is: three of six',
    edits: [
      {
        file: VALIDATORS,
        before: 'return 3n * power > 2n * set.totalPower',
        after: 'return power >= BigInt(2 * maxFaulty(set.validators.length) + 1)',
      },
    ],
    hunt: simulation('--validators 6 --byzantine 1'),
  },
  {
    id: 'quorum-two-f-plus-one-of-five',
    traps: ['S1', 'A1'],
    bug: 'a quorum is 2f+1 whatever N is: three of five, which may share the faulty one alone',
    edits: [
      {
        file: VALIDATORS,
        before: 'return 3n * power > 2n * set.totalPower',
        after: 'return power >= BigInt(2 * maxFaulty(set.validators.length) + 1)',
      },
    ],
    hunt: simulation('--validators 5 --byzantine 1'),
  },
  {
    id: 'quorum-half',
    traps: ['S2'],
    bug: 'half of the power is a quorum: both sides of a partition of six go on',
    edits: [{ file: VALIDATORS, before: 'return 3n * power > 2n * set.totalPower', after: 'return 2n * power >= set.totalPower' }],
    hunt: simulation('--validators 6 --byzantine 0'),
  },
  {
    id: 'quorum-in-doubles',
    traps: ['A10'],
    bug: 'power is weighed in doubles, which round above 2^53',
    edits: [
      {
        file: VALIDATORS,
        before: 'return 3n * power > 2n * set.totalPower',
        after: 'return 3 * Number(power) > 2 * Number(set.totalPower)',
      },
    ],
    hunt: tests('packages/consensus/src/validators.test.ts'),
  },
  {
    id: 'duplicate-key-accepted',
    traps: ['J2'],
    bug: 'one key may take two places in the validator set',
    edits: [
      {
        file: VALIDATORS,
        before: "if (seen.has(key)) return refuse('duplicate-key'",
        after: "if (seen.has(key) && index < 0) return refuse('duplicate-key'",
      },
    ],
    hunt: tests('packages/consensus/src/validators.test.ts'),
  },
  {
    id: 'weak-quorum-of-f',
    traps: ['S6', 'D3'],
    bug: 'f validators are a weak quorum, so it may hold no honest one',
    edits: [{ file: VALIDATORS, before: 'return 3n * power > set.totalPower', after: 'return 3n * power + 3n > set.totalPower' }],
    hunt: simulation('--validators 7 --byzantine 2:view-pusher'),
  },
  {
    id: 'votes-across-blocks',
    traps: ['S5', 'A4'],
    bug: 'votes for different blocks of one slot are added up',
    edits: [
      {
        file: KEEPER,
        before: 'const known = phase.tallies.find((tally) => equalBytes(tally.hash, hash))',
        after: 'const known = phase.tallies[0]',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'votes-across-views',
    traps: ['A4', 'D6'],
    bug: 'votes are kept by height alone, not by view',
    edits: [
      { file: KEEPER, before: 'this.#openSlot(vote.view, vote.height, tick)', after: 'this.#openSlot(0 as View, vote.height, tick)' },
      { file: KEEPER, before: 'return this.#views.get(view)?.get(height)', after: 'return this.#views.get(0 as View)?.get(height)' },
      { file: KEEPER, before: 'if (view < oldestView) {', after: 'if (view < 0) {' },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'prepares-count-as-commits',
    traps: ['S5', 'A4'],
    bug: 'a quorum of PREPAREs is enough where one of COMMITs is asked for',
    edits: [
      { file: KEEPER, before: 'this.slot(view, height)?.[kind].tallies.find(', after: 'this.slot(view, height)?.prepare.tallies.find(' },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'repeated-vote-counts-twice',
    traps: ['A2', 'S6'],
    bug: 'a vote that comes twice weighs twice',
    edits: [
      {
        file: KEEPER,
        before:
          "if (first !== undefined) return equalBytes(first.blockHash, vote.blockHash) ? { status: 'known' } : { status: 'conflict', first }",
        after: "if (first !== undefined && !equalBytes(first.blockHash, vote.blockHash)) return { status: 'conflict', first }",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'repeated-vote-is-evidence',
    traps: ['K1'],
    bug: 'a vote that comes twice is taken for equivocation',
    edits: [
      {
        file: KEEPER,
        before: "return equalBytes(first.blockHash, vote.blockHash) ? { status: 'known' } : { status: 'conflict', first }",
        after: "return { status: 'conflict', first }",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'last-vote-stands',
    traps: ['A7'],
    bug: "a sender's later vote takes the place of its first",
    edits: [
      {
        file: KEEPER,
        before:
          "if (first !== undefined) return equalBytes(first.blockHash, vote.blockHash) ? { status: 'known' } : { status: 'conflict', first }",
        after: "if (first !== undefined && equalBytes(first.blockHash, vote.blockHash)) return { status: 'known' }",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:two-faced'),
  },
  {
    id: 'own-votes-not-counted',
    traps: ['S7'],
    bug: 'a replica does not count what it votes itself',
    edits: [
      {
        file: NORMAL_CASE,
        before: `    sendVote(state, vote)
    countVote(state, vote)
  }
  checkPrepared(state, at)`,
        after: `    sendVote(state, vote)
  }
  checkPrepared(state, at)`,
      },
      {
        file: NORMAL_CASE,
        before: `  sendVote(state, vote)
  countVote(state, vote)
}

/** committed`,
        after: `  sendVote(state, vote)
}

/** committed`,
      },
      {
        file: NORMAL_CASE,
        before: "  else state.out.push({ kind: 'send', to: 'all', message })\n  countVote(state, vote)",
        after: "  else state.out.push({ kind: 'send', to: 'all', message })",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'commit-on-a-weak-quorum',
    traps: ['A1', 'S1'],
    bug: 'a weak quorum of COMMITs commits',
    edits: [
      {
        file: KEEPER,
        before: 'import { isQuorum, powerOf, type ValidatorSet }',
        after: 'import { isQuorum, isWeakQuorum, powerOf, type ValidatorSet }',
      },
      {
        file: KEEPER,
        before: "return this.#validators.scheme === 'ed25519' && isQuorum(this.#validators, tally.power)",
        after: "return (tally.votes[0]?.kind === 'commit' ? isWeakQuorum : isQuorum)(this.#validators, tally.power)",
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'odd-vote-breaks-the-count',
    traps: ['A3', 'A7'],
    bug: 'a second, different vote of a sender is taken for our own bug, and the process stops',
    edits: [
      {
        file: KEEPER,
        before: "return equalBytes(first.blockHash, vote.blockHash) ? { status: 'known' } : { status: 'conflict', first }",
        after: "{ assert(equalBytes(first.blockHash, vote.blockHash), 'one vote of a sender'); return { status: 'known' } }",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:two-faced'),
  },
  {
    id: 'heads-instead-of-power',
    traps: ['A10'],
    bug: 'votes are counted by heads, whatever power they hold',
    edits: [{ file: KEEPER, before: 'tally.power += validator.power', after: 'tally.power += 1n' }],
    hunt: tests('packages/consensus/src/vote-keeper.test.ts'),
  },
  {
    id: 'signatures-in-order-of-arrival',
    traps: ['A3', 'G5'],
    bug: 'a certificate lists its signatures in the order in which the votes came',
    edits: [{ file: CERTIFICATE, before: 'const ordered = votes.toSorted((a, b) => a.sender - b.sender)', after: 'const ordered = votes' }],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'certificate-signatures-unchecked',
    traps: ['A6', 'A8'],
    bug: 'a certificate is believed by its bitmap, its signatures are not looked at',
    edits: [
      {
        file: CERTIFICATE,
        before: 'signature === undefined || !context.verifySignature(validator.publicKey, message, signature)) {',
        after: 'signature === undefined) {',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'certificate-of-anybody',
    traps: ['A2', 'S6'],
    bug: 'the power behind a certificate is not weighed',
    edits: [{ file: CERTIFICATE, before: 'if (!isQuorum(validators, power)) {', after: 'if (power === 0n) {' }],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'certificate-padding-accepted',
    traps: ['A8'],
    bug: 'a certificate is checked until it holds a quorum; what follows may be garbage',
    edits: [
      {
        file: CERTIFICATE,
        before: 'const validator = context.validators.validators[index]\n    const signature',
        after:
          'if (3 * position > 2 * context.validators.validators.length) return ok(null)\n    const validator = context.validators.validators[index]\n    const signature',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'certificate-bitmap-of-any-size',
    traps: ['E2'],
    bug: 'the signer bitmap may be for another number of validators',
    edits: [{ file: CERTIFICATE, before: 'if (certificate.signers.size !== count) {', after: 'if (certificate.signers.size < 0) {' }],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'certificate-of-any-epoch',
    traps: ['F3'],
    bug: 'a certificate of another epoch is as good',
    edits: [{ file: CERTIFICATE, before: 'if (certificate.epoch !== validators.epoch) {', after: 'if (certificate.epoch < 0) {' }],
    hunt: tests('packages/consensus/src/certificate.test.ts'),
  },
  {
    id: 'vote-signs-no-phase',
    traps: ['A5'],
    bug: 'the signed bytes of a vote do not say PREPARE or COMMIT',
    edits: [{ file: CERTIFICATE, before: "out[at] = ballot.kind === 'prepare' ? 1 : 2", after: 'out[at] = 1' }],
    hunt: simulation('--validators 4 --byzantine 1:framer'),
  },
  {
    id: 'vote-signs-no-chain',
    traps: ['F3'],
    bug: 'the signed bytes of a vote do not say on which chain',
    edits: [{ file: CERTIFICATE, before: 'out.set(chainId, at)', after: 'out.fill(0, at, at + chainId.length)' }],
    hunt: simulation('--validators 4 --byzantine 1:sister-chain'),
  },
  {
    id: 'vote-signs-no-epoch',
    traps: ['F3'],
    bug: 'the signed bytes of a vote do not say in which epoch',
    edits: [{ file: CERTIFICATE, before: 'of [ballot.epoch, ballot.view, ballot.height]', after: 'of [0, ballot.view, ballot.height]' }],
    hunt: simulation('--validators 4 --byzantine 1:sister-chain'),
  },
  {
    id: 'vote-signs-no-view',
    traps: ['A5'],
    bug: 'the signed bytes of a vote do not say in which view',
    edits: [{ file: CERTIFICATE, before: 'of [ballot.epoch, ballot.view, ballot.height]', after: 'of [ballot.epoch, 0, ballot.height]' }],
    hunt: simulation('--validators 4 --byzantine 1:framer'),
  },
]

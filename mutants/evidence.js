/** Who is accused, of what, and how often (docs/protocol.md §11). */
import { tests } from './lib/mutant.js'

const EVIDENCE = 'packages/consensus/src/evidence.ts'
const OFFENCES = 'packages/ledger/src/offences.ts'
const ACCUSATIONS = 'packages/replica/src/accusations.ts'
const FORM = tests('packages/consensus/src/evidence.test.ts')

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const evidence = [
  {
    id: 'evidence-signatures-unchecked',
    traps: ['K1'],
    bug: 'the votes in evidence need not be signed by the accused',
    edits: [
      {
        file: EVIDENCE,
        before: 'if (!context.verifySignature(validator.publicKey, voteBytes(chainId, signed), signed.signature))',
        after: 'if (signed.signature.length === 0)',
      },
    ],
    hunt: FORM,
  },
  {
    id: 'same-block-twice-is-equivocation',
    traps: ['K1'],
    bug: 'a vote shown twice is evidence against who gave it',
    edits: [
      {
        file: EVIDENCE,
        before: 'if (compareBytes(first.blockHash, second.blockHash) >= 0)',
        after: 'if (compareBytes(first.blockHash, second.blockHash) > 0)',
      },
    ],
    hunt: FORM,
  },
  {
    id: 'false-proof-from-another-block',
    traps: ['K1'],
    bug: 'the false proof need not be in the block that the accused voted for',
    edits: [{ file: EVIDENCE, before: 'if (!isUnderRoot(header.transactionsRoot, transaction, path))', after: 'if (header.height < 0)' }],
    hunt: FORM,
  },
  {
    id: 'evidence-of-another-chain',
    traps: ['K1', 'F3'],
    bug: 'votes that a validator gave on another chain convict it here',
    edits: [{ file: EVIDENCE, before: 'if (!equalBytes(chainId, context.chainId)) return', after: 'if (chainId.length === 0) return' }],
    hunt: FORM,
  },
  {
    id: 'offence-counted-again',
    traps: ['K2'],
    bug: 'an offence that is on record is recorded again, with every block that shows it',
    edits: [
      {
        file: OFFENCES,
        before: 'if (record.recent.some((known) => compareOffences(known, offence) === 0))',
        after: 'if (record.count < 0)',
      },
    ],
    hunt: tests('packages/ledger/src/offences.test.ts'),
  },
  {
    id: 'age-of-evidence-by-the-own-tip',
    traps: ['K2'],
    bug: 'whether evidence in a block is too old, or too far ahead, depends on how far this replica has committed',
    edits: [
      {
        file: ACCUSATIONS,
        before: 'const fits = offenceFits(offence, block.header.height)',
        after: 'const fits = offenceFits(offence, this.#host.ground.nextHeight)',
      },
    ],
    hunt: tests('packages/replica/src/evidence.test.ts'),
  },
  {
    id: 'offences-chosen-one-by-one',
    traps: ['K1'],
    bug: 'offences of which each may be recorded, but not all, go into one block: an honest leader stops on an assertion, whoever offends often enough',
    edits: [{ file: ACCUSATIONS, before: 'if (areRecordable(each)) return each', after: 'if (each.length >= 0) return each' }],
    hunt: tests('packages/replica/src/evidence.test.ts'),
  },
  {
    id: 'evidence-beyond-its-bytes',
    traps: ['E1'],
    bug: 'a leader puts more bytes of evidence into a block than any edge lets in: whoever confesses at length stops every honest leader',
    edits: [
      {
        file: 'packages/replica/src/evidence-pool.ts',
        before: 'if (bytes + item.bytes.length > MAX_EVIDENCE_BYTES || (',
        after: 'if ((',
      },
    ],
    hunt: tests('packages/replica/src/evidence.test.ts'),
  },
  {
    id: 'stopped-check-accuses',
    traps: ['K1'],
    bug: 'a check that was stopped counts as a proof that is false: honest voters are accused',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before: "if (outcome.status === 'invalid' && this.#isWorthHolding",
        after: "if (outcome.status !== 'valid' && this.#isWorthHolding",
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'one-accused-per-proof',
    traps: ['K1'],
    bug: 'of all who voted for a false proof one is accused',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before:
          "      this.#suspicions.delete(name)\n      if (outcome.status === 'invalid' && this.#isWorthHolding(suspicion.item)) this.#hold(suspicion.item)",
        after:
          "      this.#suspicions.delete(name)\n      if (outcome.status === 'invalid' && this.#isWorthHolding(suspicion.item)) return this.#hold(suspicion.item)",
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'suspicions-outlive-their-epochs',
    traps: ['J1'],
    bug: 'a suspicion of an epoch that is not heard any more becomes evidence, and stops the leader that proposes it',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before: 'if (this.#accusable(item.offence.epoch) === undefined) this.#suspicions.delete(name)',
        after: 'if (this.#accusable(item.offence.epoch) === undefined && false) this.#suspicions.delete(name)',
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'stalled-evidence-for-ever',
    traps: ['D9'],
    bug: 'evidence of which no block could be made once is never proposed again',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before: '  settle(): void {\n    this.#isStalled = false\n',
        after: '  settle(): void {\n',
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'stalled-evidence-hides-new',
    traps: ['D9'],
    bug: 'evidence that comes after some of which no block could be made is not proposed',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before: '    if (!this.#pool.add(item)) return\n    this.#isStalled = false\n',
        after: '    if (!this.#pool.add(item)) return\n',
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'accusations-wait-for-nothing',
    traps: ['K1'],
    bug: 'a check that an accusation waits for is cancelled when the mempool needs it no more',
    edits: [
      {
        file: 'packages/replica/src/accusations.ts',
        before: 'if (suspicion.key === key) return true\n    return false',
        after: 'if (suspicion.key === key) return false\n    return false',
      },
    ],
    hunt: tests('packages/replica/src/accusations.test.ts'),
  },
  {
    id: 'proofs-to-refute-without-bound',
    traps: ['E1'],
    bug: 'a leader puts more proofs to refute into a block than any edge lets in: its blocks are refused',
    edits: [
      {
        file: 'packages/replica/src/evidence-pool.ts',
        before: '(item.refutes && refutations === MAX_BLOCK_REFUTATIONS)',
        after: 'false',
      },
    ],
    hunt: tests('packages/replica/src/evidence.test.ts'),
  },
  {
    id: 'offender-without-bytes',
    traps: ['E1'],
    bug: 'of one offender 32 pieces are held, whatever their size',
    edits: [
      {
        file: 'packages/replica/src/evidence-pool.ts',
        before: ' && held + bytes.length <= MAX_HELD_BYTES_PER_OFFENDER',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/evidence.test.ts'),
  },
  {
    id: 'refuted-votes-not-let-in',
    traps: ['K1'],
    bug: 'votes for a block with a false proof are not looked at once the view was left because of it: who signed them is not accused',
    edits: [
      {
        file: 'packages/consensus/src/normal-case.ts',
        before: 'if (!worthCounting(state, vote)) return state.refuted.has(keyOf(vote.blockHash))',
        after: 'if (!worthCounting(state, vote)) return false',
      },
    ],
    hunt: tests('packages/consensus/src/evidence.test.ts'),
  },
  {
    id: 'commits-to-false-proofs-not-accused',
    traps: ['K1'],
    bug: 'a COMMIT for a block with a false proof that arrives after the view was left accuses nobody',
    edits: [
      {
        file: 'packages/consensus/src/normal-case.ts',
        before: "    case 'added':\n      accuseIfRefuted(state, vote)\n",
        after: "    case 'added':\n",
      },
    ],
    hunt: tests('packages/consensus/src/evidence.test.ts'),
  },
  {
    id: 'evidence-of-the-last-epoch-unheard',
    traps: ['K1'],
    bug: 'evidence of the epoch before is taken for one that nobody can check: whoever offends just before an epoch ends is not accused',
    edits: [
      {
        file: 'packages/consensus/src/epoch-gate.ts',
        before: 'epoch === own || epoch === own - 1 ? null',
        after: 'epoch === own ? null',
      },
    ],
    hunt: tests('packages/consensus/src/epoch-gate.test.ts'),
  },
]

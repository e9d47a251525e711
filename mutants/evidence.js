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
]

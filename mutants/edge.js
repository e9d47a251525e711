/** What is refused before the core sees it: signatures, senders, certificates, chains (docs/protocol.md §3, "the edge"). */
import { simulation, tests } from './lib/mutant.js'

const CHECK = 'packages/consensus/src/check.ts'
const EDGE_TESTS = tests('packages/consensus/src/check.test.ts')

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const edge = [
  {
    id: 'vote-signature-unchecked',
    traps: ['S3', 'A6'],
    bug: 'a vote counts for whoever it says it is from',
    edits: [
      {
        file: CHECK,
        before: 'return signedBy(vote.sender, voteBytes(chainId, vote), vote.signature)',
        after: 'return epoch.ok ? ok(null) : epoch',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:framer'),
  },
  {
    id: 'signature-remembered-for-anything',
    traps: ['A6', 'A5'],
    bug: 'a signature that was good once is good for any message',
    edits: [
      {
        file: CHECK,
        before: 'if (known !== undefined && isSame(known, publicKey, subject, signature)) return true',
        after: 'if (known !== undefined) return true',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:framer'),
  },
  {
    id: 'anybody-proposes',
    traps: ['S3'],
    bug: 'a PRE-PREPARE need not come from the leader of its view',
    edits: [{ file: CHECK, before: 'if (message.sender !== leaderOf(validators, message.view)) {', after: 'if (message.sender < 0) {' }],
    hunt: EDGE_TESTS,
  },
  {
    id: 'header-of-another-chain',
    traps: ['F3'],
    bug: 'a block of another chain is as good',
    edits: [
      {
        file: CHECK,
        before: 'if (!equalBytes(header.chainId, chainId)) return',
        after: 'if (header.chainId.length !== chainId.length) return',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'votes-of-another-epoch',
    traps: ['F3', 'J1'],
    bug: 'messages of another epoch are let in',
    edits: [{ file: CHECK, before: 'epoch === validators.epoch ? ok(null) : refuse', after: 'epoch >= 0 ? ok(null) : refuse' }],
    hunt: EDGE_TESTS,
  },
  {
    id: 'view-change-unsigned',
    traps: ['A6', 'S6'],
    bug: 'a VIEW-CHANGE counts for whoever it says it is from',
    edits: [
      { file: CHECK, before: 'return signedBy(entry.sender, viewChangeBytes(chainId, entry), entry.signature)', after: 'return ok(null)' },
    ],
    hunt: simulation('--validators 4 --byzantine 1:framer'),
  },
  {
    id: 'view-change-certificate-unchecked',
    traps: ['B2', 'A8'],
    bug: 'the certificate that a VIEW-CHANGE carries is believed',
    edits: [
      {
        file: CHECK,
        before:
          "'expected the certificate that the VIEW-CHANGE names as its highest')\n    }\n    return checkOptionalCertificate(message.certificate)",
        after: "'expected the certificate that the VIEW-CHANGE names as its highest')\n    }\n    return ok(null)",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'view-change-names-another-certificate',
    traps: ['B2'],
    bug: 'a VIEW-CHANGE may carry another certificate than the one it claims',
    edits: [
      {
        file: CHECK,
        before: 'if (!certificateIsFor(message.certificate, message.entry.highest)) {',
        after: 'if (message.entry.newView < 0) {',
      },
    ],
    hunt: EDGE_TESTS,
  },
  {
    id: 'new-view-certificate-unchecked',
    traps: ['B4', 'B5'],
    bug: 'the certificate that a NEW-VIEW carries is believed',
    edits: [
      {
        file: CHECK,
        before: '      if (!result.ok) return result\n    }\n    return checkOptionalCertificate(message.certificate)',
        after: '      if (!result.ok) return result\n    }\n    return ok(null)',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:bad-certificates'),
  },
  {
    id: 'new-view-for-another-view',
    traps: ['B5', 'B6'],
    bug: 'a NEW-VIEW may list VIEW-CHANGEs for other views',
    edits: [{ file: CHECK, before: 'if (entry.newView !== message.newView)', after: 'if (entry.newView < 0)' }],
    hunt: simulation('--validators 4 --byzantine 1:new-view-liar'),
  },
  {
    id: 'synced-blocks-without-certificate',
    traps: ['S9', 'E4'],
    bug: 'committed blocks from a peer are believed without checking their certificate',
    edits: [
      {
        file: CHECK,
        before: 'const proven = checkCertificate(certificate)',
        after: 'const proven = ok(certificate)',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:sync-liar'),
  },
  {
    id: 'body-hashed-by-the-decoder',
    traps: ['E6'],
    bug: 'the decoder hashes every transaction of a proposal before its sender and signature are looked at',
    edits: [
      {
        file: 'packages/consensus/src/message-bytes.ts',
        before: "return { kind: 'pre-prepare', ...readProposalHead(reader), block: readUnboundBlock(reader) }",
        after: `return { kind: 'pre-prepare', ...readProposalHead(reader), block: readBoundBlock(reader) }`,
      },
      {
        file: 'packages/consensus/src/message-bytes.ts',
        before: 'function readProposalHead(',
        after: `function readBoundBlock(reader: Reader): Block {
  const block = readUnboundBlock(reader)
  if (!checkBody(block).ok) reader.fail('transactions-root', 'expected the body that the header binds')
  return block
}

function readProposalHead(`,
      },
      { file: 'packages/consensus/src/message-bytes.ts', before: 'import { HEADER,', after: 'import { type Block, checkBody, HEADER,' },
    ],
    hunt: tests('packages/consensus/src/body-hashing.test.ts'),
  },
  {
    id: 'same-proposal-hashed-again',
    traps: ['E6'],
    bug: 'a leader that sends its largest block a thousand times has it hashed a thousand times',
    edits: [
      {
        file: 'packages/consensus/src/wanted.ts',
        before: 'return !isKept || held === undefined || !equalBytes(held.blockHash, hash)',
        after: 'return true',
      },
    ],
    hunt: tests('packages/consensus/src/body-hashing.test.ts'),
  },
  {
    id: 'received-body-unbound',
    traps: ['S8', 'E6'],
    bug: 'nobody asks whether the body a peer sends is the one its header binds',
    edits: [{ file: CHECK, before: 'return checkBody(block)\n', after: 'return ok(null)\n' }],
    hunt: tests('packages/consensus/src/body-hashing.test.ts'),
  },
  {
    id: 'synced-blocks-of-another-certificate',
    traps: ['S9'],
    bug: 'the certificate that comes with committed blocks may be for another block',
    edits: [
      {
        file: CHECK,
        before: 'if (certificate.height !== tip.height || !equalBytes(certificate.blockHash, hashes.at(-1) as Hash)) {',
        after: 'if (certificate.height < tip.height) {',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:sync-liar'),
  },
  {
    id: 'synced-blocks-with-a-gap',
    traps: ['S9', 'E3'],
    bug: 'committed blocks from a peer need not follow each other',
    edits: [
      {
        file: CHECK,
        before: 'if (header.height !== previous.height + 1 || !equalBytes(header.parent, hashes[position - 1] as Hash)) {',
        after: 'if (header.height < 0) {',
      },
    ],
    hunt: EDGE_TESTS,
  },
  {
    id: 'ancestor-certificate-unchecked',
    traps: ['A8', 'S11'],
    bug: 'the certificate inside a block, which decides who is rewarded, is believed',
    edits: [{ file: CHECK, before: '    return checkOptionalCertificate(lastCertificate)', after: '    return ok(null)' }],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'status-bitmaps-of-any-size',
    traps: ['E2'],
    bug: 'the bitmaps of a STATUS may be for another number of validators',
    edits: [
      {
        file: CHECK,
        before: 'if (slot.prepares.size !== validators.validators.length || slot.commits.size !== validators.validators.length) {',
        after: 'if (slot.prepares.size < 0) {',
      },
    ],
    hunt: EDGE_TESTS,
  },
  {
    id: 'epoch-beyond-all-heights',
    traps: ['E2'],
    bug: 'a peer that asks for a state from an epoch near 2^53 stops every validator',
    edits: [
      {
        file: 'packages/consensus/src/epochs.ts',
        before: 'Math.min(Number.MAX_SAFE_INTEGER, length * (of + 1))',
        after: 'length * (of + 1)',
      },
    ],
    hunt: tests('packages/consensus/src/epochs.test.ts'),
  },
  {
    id: 'only-the-first-body-bound',
    traps: ['S8'],
    bug: 'of the committed blocks in one answer only the first has its body compared with its header',
    edits: [
      {
        file: CHECK,
        before: '    for (const block of blocks) {\n      const body = checkBound(block)',
        after: '    for (const block of blocks.slice(0, 1)) {\n      const body = checkBound(block)',
      },
    ],
    hunt: tests('packages/consensus/src/body-hashing.test.ts'),
  },
  {
    id: 'any-validator-answers-for-another',
    traps: ['S3'],
    bug: 'whoever holds the network key of some validator is taken for the one at whose address it answers',
    edits: [
      {
        file: 'packages/network/src/mesh.ts',
        before: 'if (this.#authenticate(socket) !== peer) {',
        after: 'if (this.#authenticate(socket) === undefined) {',
      },
    ],
    hunt: tests('packages/network/src/mesh.test.ts', { isOneEnough: true }),
  },
]

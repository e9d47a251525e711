/** Bytes: canonical encodings, hashes, proofs of state, keys, frames (docs/protocol.md §2, §3; docs/receipts.md). */
import { simulation, tests } from './lib/mutant.js'

const BLOCK = 'packages/consensus/src/block.ts'
const WIRE = 'packages/codec/src/wire.ts'
const BYTES = 'packages/codec/src/bytes.ts'
const BITMAP = 'packages/codec/src/bitmap.ts'
const MERKLE = 'packages/ledger/src/merkle.ts'
const JSON_READER = 'packages/ledger/src/strict-json.ts'
const RECEIPTS = 'packages/receipts/src/verify.ts'
const BROWSER = 'packages/crypto/src/browser.ts'
const FRAMES = 'packages/network/src/frames.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const formats = [
  {
    id: 'hash-leaves-out-the-state-root',
    traps: ['S8'],
    bug: "a block's hash leaves out its state root: two blocks, one hash",
    edits: [
      {
        file: BLOCK,
        before: "hashEncoded('aethel/header/v1', (writer) => writeHeader(writer, header))",
        after: "hashEncoded('aethel/header/v1', (writer) => writeHeader(writer, { ...header, stateRoot: ZERO_HASH }))",
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'body-not-bound-to-header',
    traps: ['S8'],
    bug: "a header's roots are not compared with its body",
    edits: [
      {
        file: BLOCK,
        before: '  if (!matches.ok) reader.fail(matches.error.code, matches.error.message)\n',
        after: '  if (matches === undefined) reader.fail("body", "")\n',
      },
    ],
    hunt: tests('packages/consensus/src/message-bytes.test.ts'),
  },
  {
    id: 'hash-covers-own-votes',
    traps: ['A9'],
    bug: "a block's hash covers the certificate that this replica happens to hold",
    edits: [
      {
        file: BLOCK,
        before: 'return { header, body, hash: hashHeader(header) }',
        after:
          'return { header, body, hash: hashTagged("aethel/held/v1", encode((writer) => writer.raw(hashHeader(header)).u64(body.lastCertificate === null ? 0 : 1))) }',
      },
    ],
    hunt: tests('packages/consensus/src/message-bytes.test.ts'),
  },
  {
    id: 'leaves-and-nodes-hash-alike',
    traps: ['F4', 'S8'],
    bug: 'the Merkle tree of a block hashes leaves and inner nodes in one domain',
    edits: [{ file: BLOCK, before: 'const node = `${domain}/node`', after: 'const node = leaf' }],
    hunt: tests('packages/consensus/src/message-bytes.test.ts'),
  },
  {
    id: 'last-leaf-doubled',
    traps: ['F4'],
    bug: 'a Merkle tree of odd width repeats its last leaf, so two lists share a root',
    edits: [
      {
        file: BLOCK,
        before: '  return items.length === 0 ?',
        after:
          '  if (items.length % 2 === 1 && items.length > 1) return listRoot(domain, [...items, items.at(-1) as Uint8Array])\n  return items.length === 0 ?',
      },
    ],
    hunt: tests('packages/consensus/src/message-bytes.test.ts'),
  },
  {
    id: 'integers-rounded',
    traps: ['G1'],
    bug: 'integers above 2^53 are read as the nearest double',
    edits: [{ file: WIRE, before: 'if (high >= 0x20_0000) throw', after: 'if (high < 0) throw' }],
    hunt: tests('packages/codec/src/wire.test.ts'),
  },
  {
    id: 'trailing-bytes-accepted',
    traps: ['F4', 'G3'],
    bug: 'bytes behind an encoding are ignored',
    edits: [{ file: WIRE, before: 'if (reader.remaining > 0)', after: 'if (reader.remaining < 0)' }],
    hunt: tests('packages/codec/src/wire.test.ts'),
  },
  {
    id: 'any-byte-is-true',
    traps: ['F4', 'G3'],
    bug: 'a boolean has 255 encodings of "true"',
    edits: [
      { file: WIRE, before: 'if (value > 1) throw', after: 'if (value < 0) throw' },
      { file: WIRE, before: '    return value === 1\n', after: '    return value !== 0\n' },
    ],
    hunt: tests('packages/codec/src/wire.test.ts'),
  },
  {
    id: 'length-prefix-believed',
    traps: ['E6'],
    bug: 'a length prefix is believed before it is compared with the limit',
    edits: [{ file: WIRE, before: 'if (length > most) throw', after: 'if (length < 0) throw' }],
    hunt: tests('packages/codec/src/wire.test.ts'),
  },
  {
    id: 'bitmap-padding-accepted',
    traps: ['E2', 'F4'],
    bug: 'bits beyond the size of a bitmap are ignored',
    edits: [{ file: BITMAP, before: 'if (size % 8 !== 0 && (bits', after: 'if (size < 0 && (bits' }],
    hunt: tests('packages/codec/src/wire.test.ts'),
  },
  {
    id: 'overlong-text-accepted',
    traps: ['G3'],
    bug: 'a text has several encodings in UTF-8',
    edits: [{ file: BYTES, before: 'if (point < least || point > 0x10ffff', after: 'if (point < least - least || point > 0x10ffff' }],
    hunt: tests('packages/codec/src/bytes.test.ts'),
  },
  {
    id: 'last-of-two-names-wins',
    traps: ['G3', 'G2'],
    bug: 'of a name that occurs twice in a JSON object the last one wins',
    edits: [
      { file: JSON_READER, before: "if (fields.has(name)) failJson('json-duplicate'", after: "if (depth < 0) failJson('json-duplicate'" },
    ],
    hunt: tests('packages/ledger/src/genesis.test.ts'),
  },
  {
    id: 'proto-fills-in-fields',
    traps: ['G2'],
    bug: 'the fields of an object called __proto__ count as fields of the object around it',
    edits: [
      {
        file: JSON_READER,
        before: '      fields.set(name, this.#value(depth + 1))\n',
        after:
          '      const value = this.#value(depth + 1)\n      if (name === "__proto__" && value instanceof Map) for (const [field, inner] of value) fields.set(field, inner)\n      else fields.set(name, value)\n',
      },
    ],
    hunt: tests('packages/ledger/src/genesis.test.ts'),
  },
  {
    id: 'entries-in-order-of-arrival',
    traps: ['G5', 'F4'],
    bug: 'entries enter the map of the state in the order in which they came',
    edits: [{ file: MERKLE, before: '[...changes].sort((a, b) => compareBytes(a.key, b.key))', after: '[...changes]' }],
    hunt: tests('packages/ledger/src/merkle.test.ts'),
  },
  {
    id: 'state-proof-brings-its-own-root',
    traps: ['S9'],
    bug: 'a proof of state is not compared with the root that the caller trusts',
    edits: [
      {
        file: MERKLE,
        before:
          "return equalBytes(hash, root) ? ok(null) : refuse('map-proof-root', 'expected a path to the given root, got a path to another root')",
        after: 'return ok(null)',
      },
    ],
    hunt: tests('packages/ledger/src/merkle.test.ts'),
  },
  {
    id: 'state-proof-of-any-shape',
    traps: ['E5', 'S9'],
    bug: 'the steps of a proof of state may stand in any order and at any bit',
    edits: [{ file: MERKLE, before: 'if (!(Number.isInteger(bit) && bit >= 0 && bit < below))', after: 'if (below < 0)' }],
    hunt: tests('packages/ledger/src/merkle.test.ts'),
  },
  {
    id: 'receipt-trusts-its-own-certificate',
    traps: ['S9', 'J4'],
    bug: 'a receipt is believed on whatever validators it names',
    edits: [
      {
        file: RECEIPTS,
        before: 'if (!equalBytes(header.validatorsHash, trust.validators.hash)) {',
        after: 'if (header.validatorsHash.length === 0) {',
      },
    ],
    hunt: tests('packages/receipts/src/verify.test.ts'),
  },
  {
    id: 'receipt-path-unchecked',
    traps: ['S9'],
    bug: 'a receipt need not prove that its record is in the state',
    edits: [
      {
        file: RECEIPTS,
        before: 'return proven.ok ? ok(null) : refuse(proven.error.code,',
        after: "return proven !== undefined ? ok(null) : refuse('path',",
      },
    ],
    hunt: tests('packages/receipts/src/verify.test.ts'),
  },
  {
    id: 'small-order-keys-accepted',
    traps: ['F1'],
    bug: 'keys of small order sign for anything',
    edits: [
      { file: BROWSER, before: 'if (key === null || key.isSmallOrder()) return false', after: 'if (key === null) return false' },
      {
        file: BROWSER,
        before: 'equalBytes(expected.toBytes(), commitment) && !expected.isSmallOrder()',
        after: 'equalBytes(expected.toBytes(), commitment)',
      },
    ],
    hunt: tests('packages/crypto/src/crypto.test.ts'),
  },
  {
    id: 'order-of-the-group-ignored',
    traps: ['F1'],
    bug: 'a signature with S + L is as good as one with S',
    edits: [{ file: BROWSER, before: '  if (s >= ORDER) return false\n', after: '' }],
    hunt: tests('packages/crypto/src/crypto.test.ts'),
  },
  {
    id: 'frame-of-any-length',
    traps: ['E6'],
    bug: "a frame's length is believed before it is compared with the limit",
    edits: [{ file: FRAMES, before: 'if (length < 1 || length > this.#maxFrameBytes)', after: 'if (length < 1)' }],
    hunt: tests('packages/network/src/mesh.test.ts'),
  },
  {
    id: 'key-without-possession',
    traps: ['F2'],
    bug: 'a validator may take a key that it has not shown to hold: somebody else’s, or one made up to cancel the others',
    edits: [
      {
        file: 'packages/ledger/src/validators.ts',
        before: 'if (!verifySignature(change.publicKey, possessionBytes(chainId, change.account, change.publicKey), change.possession))',
        after: 'if (change.possession.length === 0)',
      },
    ],
    hunt: tests('packages/ledger/src/validators.test.ts'),
  },
]

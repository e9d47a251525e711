/**
 * Other versions of the software, as patches like the mutants: some differ in what a version may change, and a run in which some validators have
 * them must hold every promise (docs/simulation.md, "Two builds"); the others speak or store something else, and a run with them must say so.
 */

/** @typedef {{ readonly id: string, readonly edits: readonly import('./lib/mutant.js').Edit[] }} Version */

const MESSAGES = 'packages/consensus/src/message-bytes.ts'
const CERTIFICATE = 'packages/consensus/src/certificate.ts'
const RECORDS = 'packages/storage/src/records.ts'

/** Everything at once that no peer and no store depends on: how long to wait, how much to send again, and in which order. */
/** @type {Version} */
export const LEGAL = {
  id: 'another-temper',
  edits: [
    { file: 'packages/consensus/src/timers.ts', before: 'const ROUND_TRIPS_PER_VIEW = 6', after: 'const ROUND_TRIPS_PER_VIEW = 9' },
    { file: 'packages/consensus/src/timers.ts', before: 'const SMOOTHING = 8', after: 'const SMOOTHING = 3' },
    {
      file: 'packages/consensus/src/catch-up.ts',
      before: "for (const phase of ['prepare', 'commit'] as const) {",
      after: "for (const phase of ['commit', 'prepare'] as const) {",
    },
    {
      file: 'packages/consensus/src/catch-up.ts',
      before: 'for (const wanted of state.missing.values()) requestBlock(state, wanted)',
      after: 'for (const wanted of [...state.missing.values()].reverse()) requestBlock(state, wanted)',
    },
    {
      file: 'packages/replica/src/mempool-rounds.ts',
      before: 'REGOSSIP_PER_TICK: GossipBound = { transactions: 64,',
      after: 'REGOSSIP_PER_TICK: GossipBound = { transactions: 3,',
    },
    { file: 'packages/replica/src/replica.ts', before: '{ busy: 512, stalled: 4096 }', after: '{ busy: 7, stalled: 20 }' },
  ],
}

/** @type {readonly (Version & { readonly options: readonly string[], readonly code: number, readonly says: string })[]} */
export const INCOMPATIBLE = [
  {
    id: 'longer-votes',
    edits: [
      { file: MESSAGES, before: 'writer.u16(vote.sender).raw(vote.signature)', after: 'writer.u32(vote.sender).raw(vote.signature)' },
      {
        file: MESSAGES,
        before: '...readBallot(reader), sender: validatorIndex(reader.u16()), signature',
        after: '...readBallot(reader), sender: validatorIndex(reader.u32()), signature',
      },
    ],
    options: [],
    code: 7,
    says: 'does not read a',
  },
  {
    id: 'votes-of-another-domain',
    edits: [{ file: CERTIFICATE, before: "'aethel/vote/v1'", after: "'aethel/vote/v2'" }],
    options: [],
    code: 7,
    says: 'of an honest replica that',
  },
  {
    id: 'view-stored-the-other-way-round',
    edits: [
      { file: RECORDS, before: "bool(record.phase === 'active')", after: "bool(record.phase === 'changing')" },
      {
        file: RECORDS,
        before: "phase: reader.bool() ? ('active' as const) : ('changing' as const)",
        after: "phase: reader.bool() ? ('changing' as const) : ('active' as const)",
      },
    ],
    options: [],
    code: 7,
    says: 'reads another thing in a stored view',
  },
  {
    id: 'another-chain-of-one-genesis',
    edits: [{ file: 'packages/ledger/src/genesis.ts', before: "'aethel/genesis/v1'", after: "'aethel/genesis/v2'" }],
    options: ['--application', 'ledger'],
    code: 7,
    says: 'makes another chain of the same genesis',
  },
  {
    id: 'another-revision-of-a-kind',
    edits: [
      { file: 'packages/proofs/src/lrat/gas.ts', before: 'export const LRAT_REVISION = ', after: 'export const LRAT_REVISION = 1_000 + ' },
    ],
    options: ['--application', 'ledger'],
    code: 7,
    says: 'does not run this chain',
  },
  {
    id: 'another-protocol-version',
    edits: [
      {
        file: 'packages/network/src/session.ts',
        before: 'export const PROTOCOL_VERSION = ',
        after: 'export const PROTOCOL_VERSION = 1_000 + ',
      },
    ],
    options: [],
    code: 2,
    says: 'expected a build of protocol version',
  },
]

/** Its stores are not read by the other: nobody changes, and the rest goes on. */
/** @type {Version} */
export const OTHER_STORE = {
  id: 'another-store-format',
  edits: [{ file: RECORDS, before: 'export const STORE_FORMAT = ', after: 'export const STORE_FORMAT = 1_000 + ' }],
}

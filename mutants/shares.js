/** BLS certificates: keys that nobody has, sums that hold for nothing, shares that prove nothing (docs/protocol.md §9). */
import { simulation, tests } from './lib/mutant.js'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const shares = [
  {
    id: 'sum-unchecked',
    traps: ['F2', 'A8'],
    bug: 'any bytes pass as the sum of a quorum’s shares',
    edits: [
      {
        file: 'packages/consensus/src/certificate.ts',
        before: '  return verifyAggregate(keys, ballotBytes(chainId, certificate), certificate.aggregate)\n',
        after: '  return verifyAggregate(keys, ballotBytes(chainId, certificate), certificate.aggregate) || keys.length > 0\n',
      },
    ],
    hunt: simulation('--validators 4 --certificates bls12-381 --byzantine 1:bad-certificates'),
  },
  {
    id: 'scheme-not-compared',
    traps: ['A8'],
    bug: 'a certificate of another scheme than the chain’s passes: Ed25519 signatures where sums of BLS shares are due',
    edits: [
      {
        file: 'packages/consensus/src/certificate.ts',
        before: '  if (certificate.scheme !== validators.scheme) {',
        after: '  if (certificate.scheme !== validators.scheme && certificate.epoch < 0) {',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'share-not-covered',
    traps: ['K1'],
    bug: 'a vote’s signature does not cover its share: whoever passes it on can put a bad one in, and its sender is blamed',
    edits: [
      {
        file: 'packages/consensus/src/certificate.ts',
        before: '  return vote.share === undefined ? bytes : concatBytes(bytes, vote.share)',
        after: '  return vote.share === undefined ? bytes : concatBytes(bytes, new Uint8Array(BLS_SIGNATURE_BYTES))',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'vote-without-share',
    traps: ['A8'],
    bug: 'a vote without a share passes on a chain of BLS certificates, and is counted towards a sum it is not in',
    edits: [
      {
        file: 'packages/consensus/src/check.ts',
        before: "    if ((vote.share !== undefined) !== (validators.scheme === 'bls12-381')) {",
        after: "    if (vote.share !== undefined && validators.scheme !== 'bls12-381') {",
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'spoiled-vote-keeps-its-power',
    traps: ['S1', 'F2'],
    bug: 'a vote whose share is bad is taken out of the sum, and its power still counts: a certificate of fewer than a quorum',
    edits: [
      {
        file: 'packages/consensus/src/vote-keeper.ts',
        before: '      tally.power -= this.#validators.validators[vote.sender]?.power ?? 0n\n',
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'bad-shares-stay',
    traps: ['A8'],
    bug: 'one bad share spoils the sum for good: a single faulty validator stops every certificate it votes for',
    edits: [
      {
        file: 'packages/consensus/src/shares.ts',
        before: '    for (const bad of badAmong(shares, validators, chainId, parts)) dismiss(state, tally, bad)\n',
        after: '    return null\n',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'bad-shares-forgotten',
    traps: ['E1'],
    bug: 'whose shares were bad is forgotten: it makes everybody search for the culprit again at every height',
    edits: [{ file: 'packages/consensus/src/shares.ts', before: '    state.badShares.add(sender)\n', after: '' }],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'one-bad-share-at-a-time',
    traps: ['E1'],
    bug: 'the search for bad shares ends at the first: with f of them a certificate takes f searches',
    edits: [
      {
        file: 'packages/consensus/src/shares.ts',
        before: 'for (const bad of badAmong(shares, validators, chainId, parts)) dismiss',
        after: 'for (const bad of badAmong(shares, validators, chainId, parts).slice(0, 1)) dismiss',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'own-votes-unproven-after-a-restart',
    traps: ['C1'],
    bug: 'the shares of stored votes are not added up at the start: a validator that is a quorum by itself commits nothing more',
    edits: [{ file: 'packages/consensus/src/consensus.ts', before: '  proveHeld(state)\n', after: '' }],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'scheme-of-the-next-epoch',
    traps: ['J1'],
    bug: 'the validators of the next epoch may bring certificates of another kind than genesis has',
    edits: [
      {
        file: 'packages/consensus/src/validators.ts',
        before: '  return next.scheme === current.scheme\n',
        after: '  return next.scheme === current.scheme || current.epoch >= 0\n',
      },
    ],
    hunt: tests('packages/consensus/src/shares.test.ts'),
  },
  {
    id: 'genesis-key-without-possession',
    traps: ['F2'],
    bug: 'genesis takes BLS keys that nobody has shown to have: one made to cancel the others lets its owner sign for all',
    edits: [
      {
        file: 'packages/ledger/src/genesis.ts',
        before: '    if (!verifyBls([blsKey], blsPossessionBytes(key, blsKey), blsPossession))',
        after: '    if (blsPossession.length === 0)',
      },
    ],
    hunt: tests('packages/ledger/src/genesis.test.ts'),
  },
  {
    id: 'bls-key-without-possession',
    traps: ['F2'],
    bug: 'governance may let in a BLS key that nobody has shown to have',
    edits: [
      {
        file: 'packages/ledger/src/validators.ts',
        before: '    if (!verifyBls([key], blsPossessionBytes(change.publicKey, key), possession))',
        after: '    if (possession.length === 0)',
      },
    ],
    hunt: tests('packages/ledger/src/validators.test.ts'),
  },
  {
    id: 'old-bls-key-with-a-new-one',
    traps: ['K4'],
    bug: 'a validator that changes its key keeps its old BLS key: all its shares are bad from then on',
    edits: [
      {
        file: 'packages/ledger/src/validators.ts',
        before: "    if (change.change === 'key' && (change.bls === undefined) !== (member.blsKey === undefined))",
        after: "    if (change.change === 'key' && change.bls !== undefined && member.blsKey === undefined)",
      },
    ],
    hunt: tests('packages/ledger/src/validators.test.ts'),
  },
  {
    id: 'cancelling-keys-are-searched-for-ever',
    traps: ['F2'],
    bug: 'good shares under keys that cancel each other add up to infinity; no part is bad by itself, none is let go, and the sum is tried again without end',
    edits: [{ file: 'packages/consensus/src/shares.ts', before: 'return bad.length > 0 ? bad : parts', after: 'return bad' }],
    hunt: tests('packages/consensus/src/sums.test.ts'),
  },
  {
    id: 'spoiled-votes-never-let-go',
    traps: ['E1'],
    bug: 'votes whose shares prove nothing are held for ever, by the count of what is held',
    edits: [
      {
        file: 'packages/consensus/src/vote-keeper.ts',
        before: '    count += spoiled.length\n',
        after: '',
      },
    ],
    hunt: tests('packages/consensus/src/vote-keeper.test.ts'),
  },
]

/** Where a node begins after a restart in a later epoch: read from its store, and checked against the chain. */
import { epoch, height, keyOf, publicKey, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import { createValidatorSet, type EpochStart, type Header, hashHeader, type ValidatorSet } from '@aethel/consensus'
import { sha256 } from '@aethel/crypto'
import { DEFAULT_PARAMETERS, type LedgerState } from '@aethel/ledger'
import type { Store } from '@aethel/storage'
import { expect, it } from 'vitest'
import { epochOptions, epochToStartIn } from './epochs.js'
import type { Home } from './home.js'
import type { PeerNames } from './peer-names.js'

/** Each epoch's own. */
function setOf(inEpoch: number): ValidatorSet {
  const set = createValidatorSet(epoch(inEpoch), [{ publicKey: publicKey(sha256(Uint8Array.of(inEpoch))), power: 1n }])
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

/** The last block of the epoch before. */
function boundary(inEpoch: number): Header {
  return {
    version: 1,
    chainId: ZERO_HASH,
    epoch: epoch(inEpoch - 1),
    height: height(10 * inEpoch),
    parent: ZERO_HASH,
    view: view(0),
    proposer: validatorIndex(0),
    timestampMs: inEpoch,
    transactionsRoot: ZERO_HASH,
    evidenceRoot: ZERO_HASH,
    lastCertificateHash: ZERO_HASH,
    stateRoot: ZERO_HASH,
    validatorsHash: setOf(inEpoch - 1).hash,
    nextValidatorsHash: setOf(inEpoch).hash,
    totalDifficulty: 0n,
  }
}

const startOf = (inEpoch: number): EpochStart => ({
  validators: setOf(inEpoch),
  previousValidators: null,
  origin: { height: height(10 * inEpoch), hash: hashHeader(boundary(inEpoch)) },
})
const parameters = { ...DEFAULT_PARAMETERS, epochLength: 10 }
const genesis = { chainName: 'c', genesisTimeMs: 1, validators: [], kinds: [], libraries: [], parameters }
const home = { genesis, validators: setOf(0), consensusKeys: [] } as unknown as Home
const begin = (change: { readonly epoch?: (of: number) => EpochStart; readonly header?: (of: number) => Header } = {}): EpochStart => {
  const { epoch: epochAt = startOf, header = boundary } = change
  const store = { epoch: (of: number) => epochAt(of), header: (at: number) => header(at / 10) } as unknown as Store
  return epochToStartIn(home, store, { height: height(20), hash: ZERO_HASH, timestampMs: 1 })
}

it('J1: with the validators of this epoch and, for what is shown of the last one, those of the epoch before', () => {
  expect(begin()).toEqual({ ...startOf(2), previousValidators: setOf(1) })
})

it('C5: never with a record of an epoch that is not what its first block stands on', () => {
  const other = { ...startOf(2), validators: setOf(3) }
  expect(() => begin({ epoch: (of) => (of === 2 ? other : startOf(of)) })).toThrow('is not what block 20 began it with')
  expect(() => begin({ header: (of) => ({ ...boundary(of), timestampMs: 99 }) })).toThrow('is not what block 20 began it with')
})

it('validators are called what the newest state calls them, and it is asked once for each state', () => {
  const [before, after] = [{}, {}] as [LedgerState, LedgerState]
  const { publicKey: key } = setOf(0).validators[0] as ValidatorSet['validators'][0]
  let asked = 0
  const names = {
    ofValidators: (state: LedgerState) => {
      asked++
      return new Map([[keyOf(key), validatorIndex(state === before ? 1 : 2)]])
    },
  } as unknown as PeerNames
  const options = epochOptions(home, startOf(1), names)
  expect([before, before, after].map((state) => options?.peerOf(key, state))).toEqual([1, 1, 2])
  expect(asked).toBe(2)
})

/** The chain of a run with the ledger: its genesis, its kinds of proof, and whose keys are whose. */
import { assert, type PublicKey, type Refusal, type Result, type Signature } from '@aethel/codec'
import { blsPossessionBytes } from '@aethel/consensus'
import {
  createRegistry,
  DEFAULT_PARAMETERS,
  type Genesis,
  type GenesisValidator,
  type Governance,
  genesisKinds,
  genesisLibrary,
  type LedgerRegistry,
  type NewBlsKey,
} from '@aethel/ledger'
import { BVLRAT_KIND, LRAT_KIND, METAMATH_KIND, SAT_MODEL_KIND, TEST_KIND } from '@aethel/proofs'
import type { Knobs } from '../knobs.js'
import { type SignatureScheme, validatorOf } from '../signatures.js'
import { LIBRARY } from './library.js'

/** Proofs above this travel as blobs, where the chain has them: as small as the library's certificates allow. */
export const MAX_INLINE_PROOF_BYTES = 384
/** Seven chunks (blob-shelves.ts), so that two of them fill a block. */
export const MAX_BLOB_PROOF_BYTES = 448
const GOVERNORS = 3
const GOVERNOR_THRESHOLD = 2
/** Keys of validators are numbered below this (epochs.ts), accounts from here on, and governors after them. */
const FIRST_ACCOUNT = 1 << 20
const FIRST_GOVERNOR = 1 << 21

export interface Key {
  readonly publicKey: PublicKey
  sign(message: Uint8Array): Signature
}

export function accountKey(signatures: SignatureScheme, account: number): Key {
  return keyAt(signatures, FIRST_ACCOUNT + account)
}

function keyAt(signatures: SignatureScheme, index: number): Key {
  return { publicKey: signatures.keyOf(index), sign: signatures.signer(index) }
}

/** With their positions: enough of them to change the validators. */
export function approvingGovernors(signatures: SignatureScheme): readonly { readonly position: number; readonly key: Key }[] {
  return Array.from({ length: GOVERNOR_THRESHOLD }, (_, position) => ({ position, key: keyAt(signatures, FIRST_GOVERNOR + position) }))
}

export interface LedgerGround {
  readonly validators: number
  readonly knobs: Pick<Knobs, 'epochLength' | 'blobs'>
  readonly signatures: SignatureScheme
}

export function genesisOf({ validators, knobs, signatures }: LedgerGround): Genesis {
  const { epochLength, blobs } = knobs
  const proofs = blobs === null ? { maxBlobBytes: 0 } : { maxProofBytes: MAX_INLINE_PROOF_BYTES, maxBlobBytes: MAX_BLOB_PROOF_BYTES }
  const keys = Array.from({ length: GOVERNORS }, (_, position) => signatures.keyOf(FIRST_GOVERNOR + position))
  const governance: Governance = { keys, threshold: GOVERNOR_THRESHOLD }
  return {
    chainName: 'simulated',
    genesisTimeMs: 0,
    validators: Array.from({ length: validators }, (_, index) => genesisValidator(signatures, index)),
    parameters: { ...DEFAULT_PARAMETERS, epochLength, ...proofs },
    kinds: must(genesisKinds([BVLRAT_KIND, LRAT_KIND, METAMATH_KIND, SAT_MODEL_KIND, TEST_KIND])),
    libraries: [genesisLibrary(LIBRARY)],
    ...(epochLength === 0 ? {} : { governance }),
  }
}

/** Possession of BLS keys is checked by BLS itself, so a ledger with BLS certificates has real shares. */
function genesisValidator(signatures: SignatureScheme, index: number): GenesisValidator {
  const bls = blsKeyFor(signatures, index)
  const validator = validatorOf(signatures, index, 1n)
  return bls === null ? validator : { ...validator, blsPossession: bls.possession }
}

/** The BLS key that goes with the consensus key of this number; null: the chain has none. */
export function blsKeyFor(signatures: SignatureScheme, index: number): NewBlsKey | null {
  if (signatures.shares === null) return null
  const key = signatures.shares.keyOf(index)
  return { key, possession: signatures.shares.schemeOf(index).sign(blsPossessionBytes(signatures.keyOf(index), key)) }
}

/** Checkers that have seen nothing yet. */
export function freshRegistry(genesis: Genesis): LedgerRegistry {
  return must(createRegistry(genesis, [LIBRARY]))
}

/** For what this world makes itself. */
export function must<T>(result: Result<T, Refusal>): T {
  assert(result.ok, () => `expected what the simulator makes to be well formed: ${result.ok ? '' : result.error.message}`)
  return result.value
}

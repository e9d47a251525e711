/** A validator's consensus key: one secret seed, from which both of its keys come, the BLS key on chains that have them. */
import { blsPossessionBytes, type SignatureScheme } from '@aethel/consensus'
import { aggregateBls, type BlsKey, blsKey, type SecretSeed, type SigningKey, signingKey, verifyBls } from '@aethel/crypto'
import type { NewBlsKey } from '@aethel/ledger'
import type { ReplicaKey } from '@aethel/replica'

export interface ConsensusKey extends SigningKey, Pick<ReplicaKey, 'shares'> {
  /** Null: certificates of the chain are lists of Ed25519 signatures. */
  readonly bls: BlsKey | null
}

export function consensusKey(seed: SecretSeed, scheme: SignatureScheme): ConsensusKey {
  const { publicKey, sign } = signingKey(seed)
  if (scheme === 'ed25519') return { publicKey, sign, bls: null }
  const bls = blsKey(seed)
  return { publicKey, sign, bls, shares: { sign: (message) => bls.sign(message), aggregate: aggregateBls, verify: verifyBls } }
}

/** The BLS key as others are told of it, with the proof that its owner has it. */
export function newBlsKey({ publicKey, bls }: Pick<ConsensusKey, 'publicKey' | 'bls'>): NewBlsKey | null {
  return bls === null ? null : { key: bls.publicKey, possession: bls.sign(blsPossessionBytes(publicKey, bls.publicKey)) }
}

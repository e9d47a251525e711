/**
 * With what a replica starts in this world: the seed's knobs, and what is on its disk. The replica is the production one; nothing
 * about it is chosen here but numbers, and that its application is the run's (application.ts).
 */

import type { Height } from '@aethel/codec'
import { blobKey, type DisseminationChoice, type DurableState, type EpochStart } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { BlobOptions, ReplicaOptions, SyncOptions } from '@aethel/replica'
import type { SimulatedApplication, State } from './application.js'
import { SIMULATED_CHUNK_BYTES } from './blob-shelves.js'
import { blobsIn } from './blobs.js'
import type { SimulatedEpochs } from './epochs.js'
import { type Knobs, keepBlocksOf } from './knobs.js'
import type { Node } from './node.js'
import { type SignatureScheme, signersOf, verifiersOf } from './signatures.js'

/** A view timer grows to this and no further. */
export const CAP_MS = 6_400
export const STATUS_MS = 250
const CLOCK_DRIFT_MS = 2_000
/** Two blobs of seven chunks: small enough for a block to have to choose. */
const MAX_SIMULATED_BLOBS: number = 2 * 7 * SIMULATED_CHUNK_BYTES

/** What all replicas of a run have in common. */
export interface ChainParameters {
  readonly application: SimulatedApplication
  readonly epochs: SimulatedEpochs
  readonly signatures: SignatureScheme
  readonly knobs: Knobs
  readonly dissemination: DisseminationChoice
}

/** `start`: the newest epoch that has begun on the node's disk; `durable`: what else is on it. */
export function replicaOptionsOf(
  node: Node,
  start: EpochStart,
  durable: DurableState,
  { application, epochs, signatures, knobs, dissemination }: ChainParameters,
): ReplicaOptions<State> {
  const { floorMs, window } = knobs
  const { index, incarnation, disk } = node
  return {
    consensus: {
      chainId: application.chainId,
      validators: start.validators,
      origin: start.origin,
      epochLength: epochs.length,
      self: index,
      window,
      clockDriftMs: CLOCK_DRIFT_MS,
      timers: { floorMs, commitFactor: 4, allowanceMs: floorMs / 4, capMs: CAP_MS, statusMs: STATUS_MS, batchMs: 5 },
      recoveryNonce: hashTagged('aethel/simulated-nonce', Uint8Array.of(index, incarnation & 255, (incarnation >> 8) & 255)),
      dissemination,
      ...signersOf(signatures, index),
    },
    durable,
    epochs: { previousValidators: start.previousValidators, keys: epochs.keysOf(index), peerOf: (key) => epochs.peerOf(key) },
    application: application.open({ state: disk.state, writes: disk.writes() }, node.runs ?? 'current'),
    mempool: { transactions: 512, bytes: 1 << 20, perSender: 64, waiting: 64, maxWaitBlocks: 50, verdicts: 4096 },
    block: { transactions: knobs.blockTransactions, bytes: 1 << 16, gas: 1_000_000, blobBytes: MAX_SIMULATED_BLOBS },
    ...(knobs.blobs === null ? {} : { blobs: blobOptionsOf(node, application, knobs) }),
    order: 'difficulty',
    ...compactOptionOf(node, knobs),
    evidence: [...node.evidence.values()],
    sync: syncOptionsOf(node, knobs, signatures),
  }
}

/** Of a faulty validator strategies get to see whole proposals, and send some of them compact (adversaries/compact-lies.ts). */
function compactOptionOf({ isHonest }: Node, { compact }: Knobs): Pick<ReplicaOptions<State>, 'compactProposals'> {
  if (!isHonest) return { compactProposals: 'never' }
  return compact === null ? {} : { compactProposals: 'always' }
}

/** What the shelves hold, with the heights that the chain gives away. */
function blobOptionsOf(node: Node, application: SimulatedApplication, knobs: Knobs): BlobOptions {
  const keepBlocks = keepBlocksOf(knobs)
  const heights = new Map<string, Height>()
  for (const { block } of node.disk.chain) for (const blob of blobsIn(application, block)) heights.set(blobKey(blob), block.header.height)
  const held = node.blobs.sealed.map((blob) => ({ ...blob, height: heights.get(blobKey(blob)) ?? null }))
  return { chunkBytes: SIMULATED_CHUNK_BYTES, pendingBytes: 4 * MAX_SIMULATED_BLOBS, keepBlocks, keepBytes: null, held }
}

function syncOptionsOf({ disk, isHonest }: Node, { trustCertificates, snapshots }: Knobs, signatures: SignatureScheme): SyncOptions {
  const { headers, lastCommit, staged } = disk
  const certificate = lastCommit?.height === disk.committedHeight ? lastCommit : null
  // A faulty validator trusts nobody, so that what it repeats is what it has seen.
  const trusts = { trustCertificates: trustCertificates && isHonest }
  if (snapshots === null) return trusts
  return { ...trusts, snapshots: { ...snapshots, ...verifiersOf(signatures), stored: { headers, certificate, staged } } }
}

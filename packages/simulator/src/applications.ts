/** Which application a run has (application.ts), by name. */
import type { Hash } from '@aethel/codec'
import type { SimulatedApplication } from './application.js'
import type { Build } from './builds/build.js'
import type { Coverage } from './coverage.js'
import type { SimulatedEpochs } from './epochs.js'
import type { Knobs } from './knobs.js'
import { createLedgerApplication, ledgerChainId } from './ledger/application.js'
import { type Random, randomStream } from './random.js'
import type { SignatureScheme } from './signatures.js'
import { createTallyApplication, tallyChainId } from './tally-application.js'

/** What there is before anybody is cast. */
export interface RunGround {
  readonly validators: number
  readonly knobs: Knobs
  readonly signatures: SignatureScheme
}

export interface RunApplicationOptions extends RunGround {
  readonly seed: number
  readonly epochs: SimulatedEpochs
  /** What clients do by chance. */
  readonly clientele: Random
  isFaulty(node: number): boolean
  readonly coverage: Coverage
  /** What some of the validators run instead; null: there is one build. */
  readonly other: Build | null
}

export function chainIdOfRun(ground: RunGround): Hash {
  return ground.knobs.application === 'tally' ? tallyChainId(ground.validators) : ledgerChainId(ground)
}

export function createApplication(options: RunApplicationOptions): SimulatedApplication {
  const { seed, validators, knobs, epochs, clientele } = options
  if (knobs.application === 'ledger') return createLedgerApplication(options)
  const blobs = knobs.blobs === null ? null : randomStream(seed, 'blob clients')
  return createTallyApplication({ chainId: tallyChainId(validators), membership: epochs.membership, random: clientele, blobs })
}

/** Every target, in the order in which they run. */
import * as consensus from './consensus.js'
import * as files from './files.js'
import * as metamathTruth from './metamath-truth.js'
import * as proofs from './proofs.js'
import * as snapshots from './snapshots.js'
import * as truth from './truth.js'

/** @type {readonly import('../lib/properties.js').Target[]} */
export const TARGETS = [
  consensus.message,
  consensus.block,
  consensus.certificate,
  consensus.evidence,
  consensus.fork,
  consensus.frames,
  snapshots.offersOfStates,
  snapshots.partsOfMaps,
  files.transactions,
  files.genesisBinary,
  files.genesisJson,
  files.receipts,
  files.trust,
  files.stateRecords,
  files.storeRecords,
  files.storeFiles,
  files.transcripts,
  proofs.cnf,
  proofs.lratText,
  proofs.lratClaims,
  proofs.models,
  truth.lratTruth,
  truth.modelTruth,
  truth.bvlratTruth,
  proofs.scripts,
  proofs.bvlratClaims,
  proofs.dratProofs,
  proofs.databases,
  proofs.libraries,
  proofs.metamathClaims,
  metamathTruth.databaseTruth,
  metamathTruth.theoremTruth,
  consensus.replicaSequence,
]

/** @param {string} name */
export function targetNamed(name) {
  return TARGETS.find((target) => target.name === name)
}

export {
  encodeCertificate,
  encodeLetters,
  MAX_CERTIFICATE_BYTES,
  type MetamathCertificate,
  type Reference as MetamathReference,
} from './certificate.js'
export {
  checkDatabase,
  concludeChunks,
  type DatabaseCheckOptions,
  type DatabaseVerdict,
  OFFLINE_GAS_PER_PROOF,
  OFFLINE_MEMORY_WORDS_PER_PROOF,
  proofLimits,
} from './check.js'
export {
  type ClaimStatement as MetamathStatement,
  encodeClaim as encodeMetamathClaim,
  MAX_CLAIM_BYTES as MAX_METAMATH_CLAIM_BYTES,
  METAMATH_KIND,
  type MetamathClaim,
  readClaim as readMetamathClaim,
} from './claim.js'
export type { Database as MetamathDatabase } from './database.js'
export { MAX_DATABASE_BYTES, parseDatabase } from './database-reader.js'
export { type ExtractedTheorem, LibraryExtractor } from './extract.js'
export { GAS as METAMATH_GAS, METAMATH_REVISION } from './gas.js'
export type { LibraryVariable } from './lexicon.js'
export {
  decodeLibrary,
  encodeLibrary,
  type LibraryDefinition,
  type LibraryEntry,
  libraryAxioms,
  libraryDigest,
} from './library.js'
export { type ChunkVerdict, chunkChecker, DatabaseMirror, type DatabaseSlice, type ProofLimits, parseInSlices } from './slices.js'
export { METAMATH_LIMITS, metamathVerifier } from './verifier.js'

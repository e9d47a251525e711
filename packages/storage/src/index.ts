export * from './blob-files.js'
export { StoreError, type StoreErrorCode } from './errors.js'
export type { BlockGap, StoredVerdict, TransactionPlace } from './records.js'
export { type CommitRecord, type EvidenceRecord, openStore, type Store, type StoreOptions, type StoreRecord } from './store.js'

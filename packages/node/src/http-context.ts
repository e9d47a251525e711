/** What the routes of the HTTP API answer from. */
import type { LedgerState } from '@aethel/ledger'
import type { Mesh } from '@aethel/network'
import type { Replica } from '@aethel/replica'
import type { Store } from '@aethel/storage'
import type { BlobKeeper } from './blob-keeper.js'
import type { Driver } from './driver.js'
import type { Home } from './home.js'
import type { Metrics } from './metrics.js'
import type { ProofPool } from './proof-pool.js'

export interface HttpContext {
  readonly home: Home
  readonly driver: Driver
  readonly replica: Replica<LedgerState>
  readonly store: Store
  readonly mesh: Mesh
  readonly pool: ProofPool
  readonly metrics: Metrics
  readonly startedAt: number
  readonly blobs: BlobKeeper | null
}

/** What the parts of one simulated world share: its time, its fates, its network, and where they note what has happened. */
import type { Coverage } from './coverage.js'
import type { EventQueue } from './events.js'
import type { Fates } from './fates.js'
import type { Knobs } from './knobs.js'
import type { Network } from './network.js'
import type { Trace } from './trace.js'
import type { WorldEvent } from './world-events.js'

export interface Circumstances {
  /** What is going to happen, and the time now. */
  readonly events: EventQueue<WorldEvent>
  readonly fates: Fates
  /** Knows whether the world has healed. */
  readonly network: Network
  readonly knobs: Knobs
  readonly coverage: Coverage
  readonly trace: Trace
}

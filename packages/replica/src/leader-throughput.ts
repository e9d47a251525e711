/**
 * Is the leader far slower than leaders have been (protocol.md §8)? Work is counted in blocks: a block counts for as much as it
 * fills the tightest of its limits, so proofs and small transactions compare. Expected is the best time per full block of the
 * last N views, plus what round trips have grown by since. Blamed is only a leader under load: while something has waited for
 * long, an honest one fills its blocks. A pure state machine over status ticks.
 */

/** Ticks in one measurement; a view is judged on no fewer. */
const WINDOW_TICKS = 16
/** A leader may be this many times slower than the best seen, for honest ones differ in machines and place. */
const TOLERANCE = 4
/** Each view left on a complaint of ours halves what we expect, up to this many times: a wrong measure wears off. */
const MAX_RELAXATIONS = 4

export interface TickSample {
  readonly elapsedMs: number
  /** Blocks, by fill, that were accepted from this leader and committed since the last tick. */
  readonly blocks: number
  readonly roundTripMs: number
  /** How long the oldest transaction that could be proposed has waited here for this leader; 0 if none does. */
  readonly oldestWaitMs: number
}

interface Best {
  readonly perBlockMs: number
  readonly roundTripMs: number
}

export class LeaderThroughput {
  readonly #viewsKept: number
  /** Of the last views in which anything was measured, oldest first. */
  #history: Best[] = []
  #current: Best | null = null
  #all: TickSample[] = []
  /** The newest ticks, all of them under load. */
  #loaded: TickSample[] = []

  /** `viewsKept`: the number of validators, so that among those who led there was an honest one. */
  constructor(viewsKept: number) {
    this.#viewsKept = viewsKept
  }

  beginView(): void {
    if (this.#current !== null) this.#history.push(this.#current)
    if (this.#history.length > this.#viewsKept) this.#history.shift()
    this.#current = null
    this.#all = []
    this.#loaded = []
  }

  /** Adds a tick; true if this leader is far slower than it should be. `relaxations`: views left on our complaint in a row. */
  tick(sample: TickSample, relaxations: number): boolean {
    const allowedMs = this.allowedPerBlockMs(sample.roundTripMs, relaxations)
    push(this.#all, sample)
    if (this.#all.length === WINDOW_TICKS) this.#remember(sample.roundTripMs)
    if (allowedMs === null || sample.oldestWaitMs <= allowedMs + 2 * sample.elapsedMs) this.#loaded = []
    else push(this.#loaded, sample)
    if (allowedMs === null || this.#loaded.length < WINDOW_TICKS) return false
    const { blocks, elapsedMs } = sumOf(this.#loaded)
    return blocks * allowedMs < elapsedMs
  }

  /** The longest a full block may take on average under load; null while nothing is known. */
  allowedPerBlockMs(roundTripMs: number, relaxations: number): number | null {
    let least: number | null = null
    for (const best of this.#current === null ? this.#history : [...this.#history, this.#current]) {
      const expectedMs = best.perBlockMs + 2 * Math.max(0, roundTripMs - best.roundTripMs)
      least = least === null ? expectedMs : Math.min(least, expectedMs)
    }
    return least === null ? null : TOLERANCE * 2 ** Math.min(relaxations, MAX_RELAXATIONS) * least
  }

  /** Delivered is delivered: what a leader has shown it can do, it or another can do again, loaded or not. */
  #remember(roundTripMs: number): void {
    const { blocks, elapsedMs } = sumOf(this.#all)
    if (blocks === 0) return
    const perBlockMs = elapsedMs / blocks
    if (this.#current === null || perBlockMs < this.#current.perBlockMs) this.#current = { perBlockMs, roundTripMs }
  }
}

function push(ticks: TickSample[], sample: TickSample): void {
  ticks.push(sample)
  if (ticks.length > WINDOW_TICKS) ticks.shift()
}

function sumOf(ticks: readonly TickSample[]): { blocks: number; elapsedMs: number } {
  let blocks = 0
  let elapsedMs = 0
  for (const tick of ticks) {
    blocks += tick.blocks
    elapsedMs += tick.elapsedMs
  }
  return { blocks, elapsedMs }
}

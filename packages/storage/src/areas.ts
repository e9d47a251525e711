/**
 * Where the application's state lies (protocol.md §7, snapshots). The state in use and one that is being fetched have an area of
 * keys each; one record says which is in use, so taking over a state is one small batch, and the old one is there until that
 * is durable. An area's number is never used twice, so what is left of old ones can be cleared at leisure.
 */
import { assert, equalBytes, type Height, height } from '@aethel/codec'
import { type Header, hashHeader, type Restored, type SnapshotRecord, type SnapshotTarget } from '@aethel/consensus'
import { BASE_KEY, STAGED_HEADERS_KEY, STAGED_TARGET_KEY, stagedLaneKey, stateKey } from './keys.js'
import { type BaseRecord, type BlockGap, encodeBase, encodeHeaderList, encodeStagedLane, encodeStagedTarget } from './records.js'
import type { RecordSink } from './sealed-batch.js'

/** Of one batch, in which the order does not matter. */
export interface AreaOperations {
  readonly puts: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
  readonly deletes: readonly Uint8Array[]
}

interface Staging {
  readonly area: number
  readonly target: SnapshotTarget
  readonly lanes: Set<number>
}

export class StateAreas {
  #live = 0
  #newest = 0
  #gaps: BlockGap[] = []
  #staging: Staging | null = null
  /** Cleared once what made them superfluous is durable. */
  #superfluous: number[] = []

  load(base: BaseRecord | undefined, staged: Staging | null): void {
    this.#live = base?.area ?? 0
    this.#gaps = [...(base?.gaps ?? [])]
    this.#staging = staged
    this.#newest = Math.max(this.#live, staged?.area ?? 0)
  }

  get live(): number {
    return this.#live
  }

  get staging(): number | null {
    return this.#staging?.area ?? null
  }

  get gaps(): readonly BlockGap[] {
    return this.#gaps
  }

  /** The gap that a height lies in. */
  gapAt(at: number): BlockGap | undefined {
    return this.#gaps.find(({ from, to }) => at >= from && at <= to)
  }

  takeSuperfluous(): readonly number[] {
    const areas = this.#superfluous
    this.#superfluous = []
    return areas
  }

  stage(record: SnapshotRecord): AreaOperations {
    switch (record.kind) {
      case 'begin': {
        const dropped = this.#drop()
        const staging = { area: ++this.#newest, target: record.target, lanes: new Set<number>() }
        this.#staging = staging
        return { puts: [[STAGED_TARGET_KEY, encodeStagedTarget(staging)]], deletes: dropped.filter((key) => key !== STAGED_TARGET_KEY) }
      }
      case 'chunk': {
        const { area, lanes } = this.#mustStage()
        lanes.add(record.lane)
        const puts = record.puts.map(([key, value]) => [stateKey(area, key), value] as const)
        return { puts: [...puts, [stagedLaneKey(record.lane), encodeStagedLane(record.next)]], deletes: [] }
      }
      case 'headers':
        this.#mustStage()
        return { puts: [[STAGED_HEADERS_KEY, encodeHeaderList(record.headers)]], deletes: [] }
      case 'forget':
        return { puts: [], deletes: this.#drop() }
    }
  }

  /** `tip`: the newest block that is here. */
  restore({ target }: Restored, tip: Height): AreaOperations {
    const { area, target: staged } = this.#mustStage()
    assert(equalBytes(hashHeader(staged.header), hashHeader(target.header)), 'another state is staged than the one taken over')
    this.#superfluous.push(this.#live)
    this.#live = area
    this.#gaps.push({ from: height(tip + 1), to: target.header.height })
    const deletes = this.#forgetStaging()
    return { puts: [[BASE_KEY, encodeBase({ area, gaps: this.#gaps })]], deletes }
  }

  #mustStage(): Staging {
    assert(this.#staging !== null, 'a part of a state that was not begun')
    return this.#staging
  }

  #drop(): readonly Uint8Array[] {
    if (this.#staging === null) return []
    this.#superfluous.push(this.#staging.area)
    return this.#forgetStaging()
  }

  #forgetStaging(): readonly Uint8Array[] {
    const keys = [STAGED_TARGET_KEY, STAGED_HEADERS_KEY, ...[...(this.#staging?.lanes ?? [])].map(stagedLaneKey)]
    this.#staging = null
    return keys
  }
}

export function putAreas(queue: RecordSink, { puts, deletes }: AreaOperations): void {
  for (const key of deletes) queue.delete(key)
  for (const [key, value] of puts) queue.put(key, value)
}

/** Everything that must be known of blocks that are not here, of a state that is taken over: headers by height. */
export function headersOf({ target, headers }: Restored): readonly Header[] {
  return [...target.links.map(({ header }) => header), ...headers, target.header]
}

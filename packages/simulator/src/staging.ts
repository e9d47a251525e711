/** A state on its way to a disk: what has been written of it so far. */
import { assert } from '@aethel/codec'
import type { SnapshotRecord, StagedSnapshot } from '@aethel/replica'

export class Staging {
  readonly #target: StagedSnapshot['target']
  readonly #lanes = new Map<number, Uint8Array | null>()
  readonly #puts: (readonly [Uint8Array, Uint8Array])[] = []
  #headers: StagedSnapshot['headers'] = null

  constructor(target: StagedSnapshot['target']) {
    this.#target = target
  }

  static of(staged: StagedSnapshot): Staging {
    const staging = new Staging(staged.target)
    for (const { lane, next } of staged.lanes) staging.#lanes.set(lane, next)
    staging.#puts.push(...staged.puts)
    staging.#headers = staged.headers
    return staging
  }

  add(record: Exclude<SnapshotRecord, { kind: 'begin' | 'forget' }>): void {
    if (record.kind === 'headers') this.#headers = record.headers
    else {
      this.#lanes.set(record.lane, record.next)
      this.#puts.push(...record.puts)
    }
  }

  copy(): StagedSnapshot {
    const lanes = [...this.#lanes].map(([lane, next]) => ({ lane, next }))
    return { target: this.#target, lanes, puts: [...this.#puts], headers: this.#headers }
  }
}

export function stagedAfter(staging: Staging | null, record: SnapshotRecord): Staging | null {
  switch (record.kind) {
    case 'begin':
      return new Staging(record.target)
    case 'forget':
      return null
    case 'chunk':
    case 'headers':
      assert(staging !== null, 'a part of a state that was not begun')
      staging.add(record)
      return staging
  }
}

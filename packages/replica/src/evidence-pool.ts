/**
 * Evidence that this replica holds and that is not on the chain yet (protocol.md §11). Bounded per offender, so that one who
 * offends without end crowds out nobody else's record; what is recorded, or too old to be heard, leaves.
 */
import { equalBytes, type Height } from '@aethel/codec'
import { MAX_BLOCK_OFFENCES, MAX_BLOCK_REFUTATIONS, MAX_EVIDENCE_BYTES, type Offence, offenceFits, offenceKey } from '@aethel/consensus'

export interface HeldEvidence {
  readonly offence: Offence
  readonly bytes: Uint8Array
  /** A proof to be checked again by everybody. */
  readonly refutes: boolean
}

/** Pieces held of one offender: more than one block takes of all together. */
export const MAX_HELD_PER_OFFENDER = 32
/** Bytes held of one offender: four of the largest pieces. */
export const MAX_HELD_BYTES_PER_OFFENDER: number = 4 * MAX_EVIDENCE_BYTES

export class EvidencePool {
  /** By `offenceKey`, in order of arrival. */
  readonly #held = new Map<string, HeldEvidence>()

  get size(): number {
    return this.#held.size
  }

  /** In order of arrival. */
  list(): HeldEvidence[] {
    return [...this.#held.values()]
  }

  has(offence: Offence): boolean {
    return this.#held.has(offenceKey(offence))
  }

  /** False if it is held already, or its offender fills its share. */
  add(item: HeldEvidence): boolean {
    const key = offenceKey(item.offence)
    if (this.#held.has(key) || !this.hasRoomFor(item)) return false
    this.#held.set(key, item)
    return true
  }

  hasRoomFor({ offence, bytes }: Pick<HeldEvidence, 'offence' | 'bytes'>): boolean {
    const ofSame = this.list().filter((other) => equalBytes(other.offence.publicKey, offence.publicKey))
    const held = ofSame.reduce((sum, other) => sum + other.bytes.length, 0)
    return ofSame.length < MAX_HELD_PER_OFFENDER && held + bytes.length <= MAX_HELD_BYTES_PER_OFFENDER
  }

  remove(offence: Offence): boolean {
    return this.#held.delete(offenceKey(offence))
  }

  /** What a block of this height may carry, oldest first, within the bounds of a block. */
  choose(at: Height, isAcceptable: (offence: Offence) => boolean): HeldEvidence[] {
    const chosen: HeldEvidence[] = []
    let bytes = 0
    let refutations = 0
    for (const item of this.#held.values()) {
      if (chosen.length === MAX_BLOCK_OFFENCES) break
      if (bytes + item.bytes.length > MAX_EVIDENCE_BYTES || (item.refutes && refutations === MAX_BLOCK_REFUTATIONS)) continue
      if (!offenceFits(item.offence, at).ok || !isAcceptable(item.offence)) continue
      chosen.push(item)
      bytes += item.bytes.length
      if (item.refutes) refutations++
    }
    return chosen
  }
}

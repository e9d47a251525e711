/**
 * What a replica knows of its peers, whatever the epoch (protocol.md §10): validators change, the network does not. How far away each is; and
 * who has served blocks and is further still, so that whoever is many epochs behind asks for the next one at once, not at the next tick.
 */
import type { Epoch, ValidatorIndex } from '@aethel/codec'
import type { PeerNames } from './epochs.js'

export class PeerMemory {
  /** By peer, as the driver numbers them: as many as have ever been connected. */
  readonly #roundTripMs = new Map<ValidatorIndex, number>()
  /** The latest epoch that each has named. Nobody has checked it. */
  readonly #epochs = new Map<ValidatorIndex, Epoch>()
  readonly #servers = new Set<ValidatorIndex>()
  #turns = 0

  noteRoundTrip(peer: ValidatorIndex, roundTripMs: number): void {
    this.#roundTripMs.set(peer, roundTripMs)
  }

  noteEpoch(peer: ValidatorIndex, epoch: Epoch): void {
    if (epoch > (this.#epochs.get(peer) ?? -1)) this.#epochs.set(peer, epoch)
  }

  /** It has sent committed blocks. */
  noteServed(peer: ValidatorIndex): void {
    this.#servers.add(peer)
  }

  /** By validator of an epoch; 0: not known. */
  roundTripsMs(names: PeerNames, validators: number): number[] {
    return Array.from({ length: validators }, (_, index) => {
      const peer = names.toPeer(index as ValidatorIndex)
      return peer === null ? 0 : (this.#roundTripMs.get(peer) ?? 0)
    })
  }

  /** One that has served and is in a later epoch, each in turn, for none answers often in a tick (docs/protocol.md §7); null: there is none. */
  serverBeyond(epoch: Epoch): { readonly peer: ValidatorIndex; readonly epoch: Epoch } | null {
    const beyond = [...this.#servers].flatMap((peer) => {
      const of = this.#epochs.get(peer)
      return of === undefined || of <= epoch ? [] : [{ peer, epoch: of }]
    })
    return beyond[this.#turns++ % Math.max(1, beyond.length)] ?? null
  }
}

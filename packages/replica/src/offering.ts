/**
 * Telling others of the transactions that wait here (protocol.md §7): again to everybody at growing intervals, the oldest to whoever has
 * just connected, and little where one of the two is far behind and needs its line for blocks.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Transaction } from './application.js'
import type { Company } from './company.js'
import type { MempoolRounds } from './mempool-rounds.js'

export interface OfferingHost {
  readonly company: Company
  readonly rounds: MempoolRounds
  /** This replica is: what waits here is mostly final elsewhere. */
  readonly isFarBehind: boolean
  /** Peers that are, by their own word: they could do nothing with it. */
  readonly peersFarBehind: readonly ValidatorIndex[]
  gossip(peers: readonly (ValidatorIndex | 'all')[], transactions: readonly Transaction[]): void
}

export class Offering {
  readonly #host: OfferingHost
  /** Connected since the last tick, or since we are far behind; then whether they have heard what our clients brought. */
  readonly #toGreet = new Map<ValidatorIndex, 'untold' | 'told-of-clients'>()

  constructor(host: OfferingHost) {
    this.#host = host
  }

  onConnected(peer: ValidatorIndex): void {
    this.#toGreet.set(peer, 'untold')
  }

  onDisconnected(peer: ValidatorIndex): void {
    this.#toGreet.delete(peer)
  }

  onTick(): void {
    const { company, rounds, isFarBehind } = this.#host
    const circle = company.circle('tell')
    const goesToAll = circle.includes('all')
    const late = new Set(goesToAll ? this.#host.peersFarBehind : [])
    this.#greet(late, isFarBehind)
    const peers = late.size === 0 ? circle : company.peers.filter((peer) => !late.has(peer))
    this.#host.gossip(peers, rounds.regossip(goesToAll ? 'all' : 'some', isFarBehind))
  }

  /** Who has just connected missed what was passed on when it came. */
  #greet(late: ReadonlySet<ValidatorIndex>, isFarBehind: boolean): void {
    const greeted = [...this.#toGreet.keys()].filter((peer) => !late.has(peer))
    if (greeted.length === 0) return
    if (isFarBehind) return this.#tellOfClients(greeted.filter((peer) => this.#toGreet.get(peer) === 'untold'))
    this.#host.gossip(greeted, this.#host.rounds.oldest())
    for (const peer of greeted) this.#toGreet.delete(peer)
  }

  /** However far behind we are, somebody who can order it has to hear of what nobody else was told. */
  #tellOfClients(peers: readonly ValidatorIndex[]): void {
    if (peers.length > 0) this.#host.gossip(peers, this.#host.rounds.oldestOfClients())
    for (const peer of peers) this.#toGreet.set(peer, 'told-of-clients')
  }
}

/**
 * A state of the whole system, written down so that two of them with one text go on alike (docs/twins.md, "When two states are
 * one"): what can still be read of each replica, and the COMMITs under way. Blocks are called by who proposed them, when and how
 * far above the height that all have committed, with what they stand on; hashes, and signatures in certificates, are left out.
 */
import { assert, type Hash, keyOf } from '@aethel/codec'
import type { EssenceContext } from '@aethel/consensus'
import type { TwinsNetwork } from './twins-network.js'
import type { Held } from './twins-play.js'
import { essenceOf, type TwinState } from './twins-replica.js'

export class WorldEssence implements EssenceContext {
  readonly #network: TwinsNetwork
  readonly #live = new Set<string>()
  /** By name. */
  readonly #named = new Map<string, Hash>()
  readonly oldestLiveView: number
  readonly ground: number
  readonly text: string

  constructor(network: TwinsNetwork, states: readonly TwinState[], held: readonly Held[]) {
    this.#network = network
    this.ground = groundOf(states)
    const commits = held.map(({ message }) => network.commitVote(message))
    // A replica votes in its view, and sends again what it holds of its view: older votes are those under way, or none.
    this.oldestLiveView = Math.min(...states.map(({ core }) => core.view), ...commits.map(({ view }) => view))
    for (const { core } of states) for (const hash of core.named()) this.#keepAlive(hash)
    for (const { blockHash } of commits) this.#keepAlive(blockHash)
    const said = held.map(({ from }, at) => {
      const { sender, view, height, blockHash } = commits[at] as (typeof commits)[number]
      return `${from}:${sender}/${view}/${height - this.ground}/${this.nameOf(blockHash)}`
    })
    const replicas = states.map((state) => essenceOf(state, this))
    this.text = `${replicas.join('\u0001')};${said.join()};${this.#parents()}`
  }

  #keepAlive(hash: Hash): void {
    for (let at: Hash | null = hash; at !== null && !this.#live.has(keyOf(at)); at = this.#network.blockOf(at).parent)
      this.#live.add(keyOf(at))
  }

  readonly isLive = (hash: Hash): boolean => this.#live.has(keyOf(hash))

  readonly nameOf = (hash: Hash): string => {
    const { name, height } = this.#network.blockOf(hash)
    if (height <= this.ground) return `^${height - this.ground}` // below it there is one chain
    const full = `${name}.${height - this.ground}`
    const other = this.#named.get(full)
    assert(other === undefined || other === hash || keyOf(other) === keyOf(hash), 'two blocks of one world have one name')
    if (other === undefined) this.#named.set(full, hash)
    return full
  }

  /** What each block named stands on, and so on down to the ground: a Map goes on to what is added meanwhile. */
  #parents(): string {
    const lines: string[] = []
    for (const [name, hash] of this.#named) {
      const { parent } = this.#network.blockOf(hash)
      if (parent !== null) lines.push(`${name}<${this.nameOf(parent)}`)
    }
    return lines.sort().join()
  }
}

/** The height up to which all have committed, if they have committed the same there. */
function groundOf(states: readonly TwinState[]): number {
  const lowest = Math.min(...states.map(({ chain }) => chain.length))
  if (lowest === 0) return 0
  const at = states[0]?.chain[lowest - 1]
  return states.every(({ chain }) => chain[lowest - 1] === at) ? lowest : 0
}

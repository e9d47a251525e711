/**
 * What goes wrong with an honest validator's disk: syncs that fail or find it full, which stop the process, and stores found damaged
 * at a start, which are lost. Of losses there are no more than the protocol bears beside the faulty validators.
 */
import { height } from '@aethel/codec'
import { maxFaulty } from '@aethel/consensus'
import type { SimulatedApplication } from './application.js'
import type { Circumstances } from './circumstances.js'
import { Disk } from './disk.js'
import type { Knobs } from './knobs.js'
import type { Node } from './node.js'

/** Who may lose a store for good. */
export interface Losses {
  readonly most: number
  /** On a chain with epochs or uneven powers: the only one. Null there: nobody. */
  readonly frail: number | null
}

export interface RunPower {
  readonly knobs: Knobs
  readonly validators: number
  readonly byzantine: number
  readonly beyond?: boolean
}

/**
 * On a chain with epochs, or with uneven powers, every set is drawn with as much faulty power as it bears, or to bear the loss of this one beside the faulty, if
 * there is room for one more: there is none for others who do not come back.
 */
export function lossesBorne({ knobs, validators, byzantine, beyond }: RunPower, isHonest: (index: number) => boolean): Losses {
  const room = Math.max(0, maxFaulty(validators) - byzantine)
  if (knobs.epochLength === 0 && knobs.powers === 'even') return { most: room, frail: null }
  if (knobs.damageRate === 0 || beyond === true || room === 0) return { most: 0, frail: null }
  return { most: 1, frail: Array.from({ length: validators }, (_, index) => index).findIndex(isHonest) }
}

export interface DiskFaultsOptions {
  readonly circumstances: Circumstances
  readonly losses: Losses
  readonly application: Pick<SimulatedApplication, 'chainId' | 'genesis'>
}

export class DiskFaults {
  readonly #options: DiskFaultsOptions
  readonly #circumstances: Circumstances
  #lossesLeft: number
  readonly #rotten = new Set<Node>()

  constructor(options: DiskFaultsOptions) {
    this.#options = options
    this.#circumstances = options.circumstances
    this.#lossesLeft = options.losses.most
  }

  /** A failed fsync, or a full disk: the process has to stop, and tries nothing again on that file. */
  failsSync(node: Node): boolean {
    const { events, fates, network, knobs, coverage } = this.#circumstances
    const { diskFaultRate } = knobs
    const { nowMs } = events
    if (network.healed || !node.isHonest) return false
    const isFull = node.diskFullUntilMs > nowMs
    const draw = fates.unit('disk', node.index, node.syncs)
    if (!isFull && (draw >= diskFaultRate || !fates.allows('disk', `sync ${node.index}#${node.syncs}`, nowMs))) return false
    if (isFull || draw < diskFaultRate / 2) {
      if (!isFull) node.diskFullUntilMs = nowMs + fates.exponential(500, 'disk', node.index, node.syncs, 1)
      node.queue = [] // nothing of it was written
      coverage.hit('disk full')
    } else coverage.hit('fsync failed')
    return true
  }

  /**
   * At a start: the store finds a record damaged (rotten, or written over by a misdirected write) and refuses to open. True: for good.
   * False: all is well, or an operator has put a new store in its place.
   */
  refusesToStart(node: Node): boolean {
    if (!this.#findsDamage(node)) return false
    const { fates, coverage, trace } = this.#circumstances
    this.#lossesLeft--
    if (fates.unit('disk', node.index, node.incarnation, 3) < 0.5) {
      this.#replaceStore(node)
      return false
    }
    node.ruined = true
    coverage.hit('damaged store refused')
    trace(node.index, 'store damaged')
    return true
  }

  /** Whether its disk may lose what a vote of its attests, or others may come for: it counts among the faulty from then on. */
  mayLoseBlobs(node: Node): boolean {
    const { frail } = this.#options.losses
    if (!node.isHonest || this.#rotten.has(node)) return true
    if (this.#lossesLeft === 0 || (frail !== null && node.index !== frail)) return false
    this.#lossesLeft--
    this.#rotten.add(node)
    return true
  }

  #findsDamage(node: Node): boolean {
    const { events, fates, network, knobs } = this.#circumstances
    const { frail } = this.#options.losses
    const nth = node.incarnation
    if (network.healed || nth === 0 || !node.isHonest || this.#lossesLeft === 0 || knobs.damageRate === 0) return false
    if (frail !== null && node.index !== frail) return false
    if (fates.unit('disk', node.index, nth, 2) >= knobs.damageRate) return false
    return fates.allows('disk', `damage ${node.index}#${nth}`, events.nowMs)
  }

  /** An operator puts a new store in place of the damaged one, and says so; the key is the same (trap C6). */
  #replaceStore(node: Node): void {
    const { coverage, trace } = this.#circumstances
    const { chainId, genesis } = this.#options.application
    node.loseStore(new Disk({ height: height(0), hash: chainId, timestampMs: 0 }, genesis.state, { status: 'asking' }))
    coverage.hit('store lost')
    trace(node.index, 'store lost')
  }
}

/** The other validators of the epoch as peers: who can be reached, who is told what, how much power some of them have. */
import type { ValidatorIndex, View } from '@aethel/codec'
import { circleOf, isQuorum, isWeakQuorum, leaderOf, type ValidatorSet } from '@aethel/consensus'
import type { PeerNames } from './epochs.js'

export interface CompanyHost {
  readonly validators: ValidatorSet
  /** This validator's name in the epoch. */
  readonly self: ValidatorIndex
  readonly names: PeerNames
  readonly view: View
  /** Status ticks so far: who is told what goes round with them. */
  readonly ticks: number
}

export class Company {
  readonly #host: CompanyHost

  constructor(host: CompanyHost) {
    this.#host = host
  }

  /** Those who can be reached, in order. */
  get peers(): ValidatorIndex[] {
    const { validators, self, names } = this.#host
    return validators.validators.flatMap((_, index) => {
      const peer = index === self ? null : names.toPeer(index as ValidatorIndex)
      return peer === null ? [] : [peer]
    })
  }

  /** Whom we tell what everybody else who knows it tells, too (protocol.md §9). */
  circle(purpose: 'tell' | 'pass-on'): readonly (ValidatorIndex | 'all')[] {
    const { self, validators, ticks, names } = this.#host
    const some = circleOf({ self, count: validators.validators.length }, ticks, purpose)
    if (some === 'all') return ['all']
    return some.map((name) => names.toPeer(name)).filter((peer) => peer !== null)
  }

  /** The leader, who may order what it hears of, and some of the others, in turn: all of them, if they are few. */
  get told(): readonly ValidatorIndex[] {
    const some = this.circle('tell').filter((peer) => peer !== 'all')
    if (some.length === 0) return this.peers
    const { validators, self, view, names } = this.#host
    const leader = leaderOf(validators, view)
    const to = leader === self ? null : names.toPeer(leader)
    return to === null || some.includes(to) ? some : [to, ...some]
  }

  /** This validator counted in. */
  isQuorumWith(peers: ReadonlySet<ValidatorIndex>): boolean {
    const { validators, self } = this.#host
    const own = validators.validators[self]?.power ?? 0n
    return isQuorum(validators, own + this.#powerOf(peers))
  }

  /** This validator not counted in. */
  isWeakQuorum(peers: ReadonlySet<ValidatorIndex>): boolean {
    return isWeakQuorum(this.#host.validators, this.#powerOf(peers))
  }

  /** Of others. */
  #powerOf(peers: ReadonlySet<ValidatorIndex>): bigint {
    const { validators, self, names } = this.#host
    const members = new Set<ValidatorIndex>([...peers].map((peer) => names.toCore(peer)))
    members.delete(self)
    return validators.validators.reduce((sum, each, index) => (members.has(index as ValidatorIndex) ? sum + each.power : sum), 0n)
  }
}

/**
 * Who changes the validators of a chain with epochs: one update after the other, each drawn so that the set it leads to bears its faulty
 * members and nobody is a quorum alone. It keeps its own list of what the next set will be.
 */
import type { Hash, PublicKey } from '@aethel/codec'
import { possessionBytes, type UpdateValidators, updateSigningBytes, type ValidatorChange } from '@aethel/ledger'
import type { ReplicaKey } from '@aethel/replica'
import { keyIndexOf, type SimulatedEpochs } from '../epochs.js'
import type { Random } from '../random.js'
import type { SignatureScheme } from '../signatures.js'
import { approvingGovernors, blsKeyFor } from './chain.js'

const MAX_POWER = 3
const DRAWS = 16

/** One of the next validators. */
interface Seat {
  readonly node: number
  /** Which of the node's keys. */
  readonly generation: number
  readonly power: bigint
}

export interface GovernorOptions {
  readonly chainId: Hash
  readonly nodes: number
  readonly random: Random
  readonly epochs: Pick<SimulatedEpochs, 'keysOf'>
  readonly signatures: SignatureScheme
  isFaulty(node: number): boolean
}

export class Governor {
  readonly #options: GovernorOptions
  #seats: readonly Seat[]
  #sequence = 0

  constructor(options: GovernorOptions) {
    this.#options = options
    this.#seats = Array.from({ length: options.nodes }, (_, node) => ({ node, generation: 0, power: 1n }))
  }

  /** The next update, when all before it are final. */
  propose(): UpdateValidators {
    const { change, seats } = this.#draw()
    this.#seats = seats
    return this.#approved(this.#sequence++, [change], approvingGovernors(this.#options.signatures).length)
  }

  /** The same without enough approvals. */
  proposeAlone(): UpdateValidators {
    return this.#approved(this.#sequence, [this.#draw().change], 1)
  }

  #approved(sequence: number, changes: readonly ValidatorChange[], count: number): UpdateValidators {
    const { chainId, signatures } = this.#options
    const message = updateSigningBytes(chainId, { sequence, changes })
    const approvals = approvingGovernors(signatures).slice(0, count)
    return {
      type: 'update-validators',
      sequence,
      changes,
      approvals: approvals.map(({ position, key }) => ({ key: position, signature: key.sign(message) })),
    }
  }

  #draw(): { readonly change: ValidatorChange; readonly seats: readonly Seat[] } {
    const { random, nodes } = this.#options
    for (let draw = 0; draw < DRAWS; draw++) {
      const node = random.below(nodes)
      const seat = this.#seats.find((each) => each.node === node)
      const drawn = seat === undefined ? this.#join(node) : random.pick([this.#leave, this.#weigh, this.#rekey]).call(this, seat)
      if (this.#isBorne(drawn.seats)) return drawn
    }
    const [first] = this.#seats as [Seat]
    return this.#power(first, first.power)
  }

  #join(node: number): { change: ValidatorChange; seats: readonly Seat[] } {
    const { random } = this.#options
    const seat: Seat = { node, generation: this.#drawGeneration(node), power: BigInt(1 + random.below(MAX_POWER)) }
    const change = { change: 'join' as const, account: this.#account(node), power: seat.power, contact: null, ...this.#possessed(seat) }
    return { change, seats: [...this.#seats, seat] }
  }

  #leave({ node }: Seat): { change: ValidatorChange; seats: readonly Seat[] } {
    return { change: { change: 'leave', account: this.#account(node) }, seats: this.#seats.filter((each) => each.node !== node) }
  }

  #weigh(seat: Seat): { change: ValidatorChange; seats: readonly Seat[] } {
    return this.#power(seat, BigInt(1 + this.#options.random.below(MAX_POWER)))
  }

  #power(seat: Seat, power: bigint): { change: ValidatorChange; seats: readonly Seat[] } {
    return { change: { change: 'power', account: this.#account(seat.node), power }, seats: this.#with({ ...seat, power }) }
  }

  #rekey(seat: Seat): { change: ValidatorChange; seats: readonly Seat[] } {
    const rekeyed = { ...seat, generation: this.#drawGeneration(seat.node) }
    const change = { change: 'key' as const, account: this.#account(seat.node), ...this.#possessed(rekeyed) }
    return { change, seats: this.#with(rekeyed) }
  }

  #with(changed: Seat): readonly Seat[] {
    return this.#seats.map((seat) => (seat.node === changed.node ? changed : seat))
  }

  /** Faulty ones keep their first key: adversaries sign with that. */
  #drawGeneration(node: number): number {
    const { random, epochs, isFaulty } = this.#options
    return isFaulty(node) ? 0 : random.below(epochs.keysOf(node).length)
  }

  #account(node: number): PublicKey {
    return this.#key({ node, generation: 0 }).publicKey
  }

  #key({ node, generation }: Pick<Seat, 'node' | 'generation'>): ReplicaKey {
    return this.#options.epochs.keysOf(node)[generation] as ReplicaKey
  }

  #possessed(seat: Seat): Pick<Extract<ValidatorChange, { change: 'key' }>, 'publicKey' | 'possession' | 'bls'> {
    const { publicKey, sign } = this.#key(seat)
    const possession = sign(possessionBytes(this.#options.chainId, this.#account(seat.node), publicKey))
    const bls = blsKeyFor(this.#options.signatures, keyIndexOf(seat.node, seat.generation))
    return bls === null ? { publicKey, possession } : { publicKey, possession, bls }
  }

  #isBorne(seats: readonly Seat[]): boolean {
    const { isFaulty } = this.#options
    const total = sumOf(seats)
    const faulty = sumOf(seats.filter(({ node }) => isFaulty(node)))
    return 3n * faulty < total && seats.every(({ power }) => 3n * power <= 2n * total)
  }
}

function sumOf(seats: readonly Seat[]): bigint {
  return seats.reduce((sum, { power }) => sum + power, 0n)
}

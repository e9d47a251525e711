/**
 * Epochs of a simulated chain: who the validators of each are, drawn from the committed state so that every replica draws the
 * same. Validators come and go, change places, powers and keys; the faulty ones stay below a third of every set.
 */
import { assert, epoch, type Hash, type Height, height, keyOf, type PublicKey, type ValidatorIndex } from '@aethel/codec'
import {
  createEpochGate,
  createMessageChecker,
  createValidatorSet,
  type EpochGate,
  type EpochStart,
  isBoundary,
  type MessageChecker,
  type Validator,
  type ValidatorSet,
} from '@aethel/consensus'
import type { ReplicaKey } from '@aethel/replica'
import { unevenPowers } from './powers.js'
import { type Random, randomStream } from './random.js'
import { type SignatureScheme, signersOf, validatorOf, verifiersOf } from './signatures.js'
import type { Membership } from './tally-machine.js'
import { demand } from './violation.js'

/** Keys that a node has from the beginning and changes between. */
const KEYS_PER_NODE = 4
const NODE_STEP = 1 << 16
const MAX_POWER = 3
const DRAWS = 16

export interface SimulatedEpochsOptions {
  readonly chainId: Hash
  readonly nodes: number
  /** 0: one epoch, with every node in it. */
  readonly length: number
  readonly signatures: SignatureScheme
  /** Where powers are uneven: of the first epoch. Null: 1 each there, and 1 to 3 later. */
  readonly powers: Random | null
  isFaulty(node: number): boolean
}

export class SimulatedEpochs {
  readonly #options: SimulatedEpochsOptions
  /** The newest whose beginning no crash can take back. */
  #settled = 0
  readonly #starts: EpochStart[] = []
  readonly #checkers: MessageChecker[] = []
  /** By epoch: the node at each position, and back. */
  readonly #nodes: number[][] = []
  readonly #positions: Map<number, number>[] = []
  readonly #nodeOfKey = new Map<string, number>()

  constructor(options: SimulatedEpochsOptions) {
    this.#options = options
    const { nodes, chainId } = options
    for (let node = 0; node < nodes; node++) for (const { publicKey } of this.keysOf(node)) this.#nodeOfKey.set(keyOf(publicKey), node)
    const everybody = Array.from({ length: nodes }, (_, node) => validatorOf(options.signatures, node, 1n))
    const validators = createValidatorSet(epoch(0), options.powers === null ? everybody : this.#weighed(options.powers, everybody))
    assert(validators.ok, 'a simulated validator set is well formed')
    this.begin({ validators: validators.value, previousValidators: null, origin: { height: height(0), hash: chainId } })
  }

  get first(): EpochStart {
    return this.#starts[0] as EpochStart
  }

  /** The newest that has begun anywhere. */
  get newest(): EpochStart {
    return this.#starts.at(-1) as EpochStart
  }

  get length(): number {
    return this.#options.length
  }

  /**
   * A replica has committed the last block of an epoch: all must see the same next one, once that commit is settled. Before that its disk
   * may lose it, and with it the epoch, which another block may begin (provisional.ts). True: it begins anew, on another block.
   */
  begin(start: EpochStart): boolean {
    const { validators, origin, previousValidators } = start
    const known = this.#starts[validators.epoch]
    if (known !== undefined) {
      if (isSame(known, start)) return false
      demand('agreement', validators.epoch > this.#settled, () => `two different sets of validators begin epoch ${validators.epoch}`)
      for (const each of [this.#starts, this.#checkers, this.#nodes, this.#positions]) each.length = validators.epoch
    }
    demand('agreement', this.#starts.length === validators.epoch, () => `epoch ${validators.epoch} begins after ${this.#starts.length - 1}`)
    this.#starts.push(start)
    const nodes = validators.validators.map(({ publicKey }) => this.#nodeOfKey.get(keyOf(publicKey)) as number)
    this.#nodes.push(nodes)
    this.#positions.push(new Map(nodes.map((node, position) => [node, position])))
    const { chainId, signatures, length } = this.#options
    const previous = previousValidators === null ? null : { validators: previousValidators, ...origin }
    this.#checkers.push(createMessageChecker({ chainId, validators, ...verifiersOf(signatures), epochLength: length, previous }))
    return known !== undefined
  }

  /** The commit that began it stands, whatever becomes of a disk. The same answer as `begin`. */
  settle(start: EpochStart): boolean {
    const isAnew = this.begin(start)
    this.#settled = Math.max(this.#settled, start.validators.epoch)
    return isAnew
  }

  /** Whether this epoch has begun anywhere. */
  has(of: number): boolean {
    return this.#starts[of] !== undefined
  }

  checkerOf(start: EpochStart): MessageChecker {
    const checker = this.#checkers[start.validators.epoch]
    assert(checker !== undefined, 'an epoch has begun before its messages are checked')
    return checker
  }

  /** Holds back what is of other epochs; messages of this one have been looked at (edge.ts). */
  createGate(start: EpochStart): EpochGate {
    return createEpochGate({ start, check: (of, message) => this.checkerOf(of).check(message) })
  }

  validatorsOf(of: number): ValidatorSet {
    const start = this.#starts[of]
    assert(start !== undefined, () => `epoch ${of} has not begun`)
    return start.validators
  }

  nodeAt(of: number, position: number): number {
    const node = this.#nodes[of]?.[position]
    assert(node !== undefined, () => `epoch ${of} has no validator ${position}`)
    return node
  }

  positionOf(node: number, of: number): number | undefined {
    return this.#positions[of]?.get(node)
  }

  peerOf(key: PublicKey): ValidatorIndex | null {
    return (this.#nodeOfKey.get(keyOf(key)) ?? null) as ValidatorIndex | null
  }

  keysOf(node: number): ReplicaKey[] {
    return Array.from({ length: this.#options.length === 0 ? 1 : KEYS_PER_NODE }, (_, generation) => this.#keyAt(node, generation))
  }

  #keyAt(node: number, generation: number): ReplicaKey {
    const { signatures } = this.#options
    const index = keyIndexOf(node, generation)
    return { publicKey: signatures.keyOf(index), ...signersOf(signatures, index) }
  }

  #faultyPower(members: readonly Validator[]): bigint {
    let power = 0n
    for (const { publicKey, power: own } of members) if (this.#options.isFaulty(this.#nodeOfKey.get(keyOf(publicKey)) ?? -1)) power += own
    return power
  }

  /** By state root: every replica asks for the same ones, several times. */
  readonly #members = new Map<string, readonly Validator[] | null>()

  readonly membership: Membership = (at: Height, root: Hash) => {
    if (!isBoundary(this.#options.length, at)) return null
    const key = `${at}/${keyOf(root)}`
    let members = this.#members.get(key)
    if (members === undefined) {
      members = this.#drawMembers(at, root)
      this.#members.set(key, members)
    }
    return members
  }

  #drawMembers(at: Height, root: Hash): readonly Validator[] | null {
    const random = randomStream(new DataView(root.buffer, root.byteOffset, 4).getUint32(0), `validators after ${at}`)
    if (random.chance(0.1)) return [] // is none: the old set goes on
    for (let draw = 0; draw < DRAWS; draw++) {
      const members = this.#draw(random)
      const total = members.reduce((sum, { power }) => sum + power, 0n)
      // Who is a quorum alone commits before its disk has synced, and may lose that again: only what is durable is shown, but
      // `agreement` is checked at the commit.
      const isQuorumAlone = members.some(({ power }) => 3n * power > 2n * total)
      if (!isQuorumAlone && 3n * this.#faultyPower(members) < total) return members
    }
    return null
  }

  /**
   * Honest nodes in any order, with any of their keys. Faulty ones keep their first key, and their node's number as position where
   * the set is large enough: adversaries speak as that.
   */
  #draw(random: Random): Validator[] {
    const { nodes, isFaulty, signatures } = this.#options
    const honest: Validator[] = []
    const faulty: number[] = []
    for (let node = 0; node < nodes; node++) {
      if (!random.chance(0.85)) continue
      if (isFaulty(node)) faulty.push(node)
      else {
        const index = keyIndexOf(node, random.below(KEYS_PER_NODE))
        honest.splice(random.below(honest.length + 1), 0, validatorOf(signatures, index, BigInt(1 + random.below(MAX_POWER))))
      }
    }
    for (const node of faulty) {
      const validator = validatorOf(signatures, node, BigInt(1 + random.below(MAX_POWER)))
      honest.splice(Math.min(node, honest.length), 0, validator)
    }
    return this.#options.powers === null ? honest : this.#weighed(random, honest)
  }

  #weighed(random: Random, members: readonly Validator[]): Validator[] {
    const powers = unevenPowers(
      random,
      members.map(({ publicKey }) => this.#options.isFaulty(this.#nodeOfKey.get(keyOf(publicKey)) ?? -1)),
    )
    return members.map((member, at) => ({ ...member, power: powers[at] ?? 1n }))
  }
}

/** Number of a node's key, as the signature scheme counts them. */
export function keyIndexOf(node: number, generation: number): number {
  return node + NODE_STEP * generation
}

function isSame(a: EpochStart, b: EpochStart): boolean {
  return keyOf(a.validators.hash) === keyOf(b.validators.hash) && keyOf(a.origin.hash) === keyOf(b.origin.hash)
}

/**
 * Who is in a run: which validators are faulty, what these share, and every node with its clock, an empty disk and, if it is faulty, a
 * strategy. Who is faulty and how wrong each clock is are drawn from one stream, in this order.
 */
import { assert, height, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import type { AdversaryContext, Sign } from './adversaries/adversary.js'
import { Conspiracy } from './adversaries/conspiracy.js'
import { createAdversary } from './adversaries/create.js'
import type { SimulatedApplication } from './application.js'
import type { Circumstances } from './circumstances.js'
import { Disk } from './disk.js'
import type { SimulatedEpochs } from './epochs.js'
import { Node } from './node.js'
import { type Random, randomStream } from './random.js'
import type { SignatureScheme } from './signatures.js'

/** Position to strategy number. Half of the time the first of them leads view 0 or view 1. */
export function chooseFaulty(random: Random, validators: number, byzantine: number): Map<number, number> {
  const order = Array.from({ length: validators }, (_, index) => index)
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swap = order[i] as number
    order[i] = order[j] as number
    order[j] = swap
  }
  if (random.chance(0.5)) {
    const front = Math.min(random.below(2), order.length - 1)
    order.splice(order.indexOf(front), 1)
    order.unshift(front)
  }
  return new Map(order.slice(0, byzantine).map((index, position) => [index, position]))
}

export interface CastOptions {
  readonly seed: number
  readonly validators: number
  readonly application: SimulatedApplication
  readonly epochs: SimulatedEpochs
  readonly signatures: SignatureScheme
}

/** They sign as each other, and as anybody outside of this chain and epoch. */
export function conspire(
  { seed, validators, application, epochs, signatures }: CastOptions,
  members: readonly ValidatorIndex[],
): Conspiracy {
  const signers = Array.from({ length: validators }, (_, index) => signatures.signer(index))
  return new Conspiracy({
    application,
    validators: () => epochs.newest.validators,
    members,
    nodeAt: (position) => validatorIndex(epochs.nodeAt(epochs.newest.validators.epoch, position)),
    random: randomStream(seed, 'conspiracy'),
    sign: (member, bytes) => {
      assert(members.includes(member), 'conspirators sign as themselves only')
      return (signers[member] as Sign)(bytes)
    },
    shares: signatures.shares,
    signAbroad: (signer, bytes) => (signers[signer] as Sign)(bytes),
  })
}

export interface Roles {
  /** Position to strategy number. */
  readonly faulty: ReadonlyMap<number, number>
  readonly conspiracy: Conspiracy
  /** What is left of the stream that `chooseFaulty` drew from. */
  readonly processes: Random
  readonly circumstances: Circumstances
}

export function createNodes(options: CastOptions, roles: Roles): Node[] {
  const { validators, application, epochs } = options
  const { faulty, processes } = roles
  const { strategies, clockSkewMs } = roles.circumstances.knobs
  const nodes: Node[] = []
  for (let each = 0; each < validators; each++) {
    const index = validatorIndex(each)
    const strategyAt = faulty.get(index)
    const strategy = strategyAt === undefined ? undefined : strategies[strategyAt % strategies.length]
    nodes.push(
      new Node({
        index,
        disk: new Disk({ height: height(0), hash: application.chainId, timestampMs: 0 }, application.genesis.state),
        adversary: strategy === undefined ? null : createAdversary(strategy, contextOf(index, options, roles, nodes)),
        skewMs: Math.floor((processes.unit() * 2 - 1) * clockSkewMs) + clockSkewMs,
        gate: epochs.createGate(epochs.first),
        verifiersOf: (runs) => application.createVerifiers(runs),
      }),
    )
  }
  return nodes
}

function contextOf(self: ValidatorIndex, { seed, validators }: CastOptions, roles: Roles, nodes: readonly Node[]): AdversaryContext {
  const { events, network, knobs, coverage } = roles.circumstances
  return {
    self,
    peers: Array.from({ length: validators }, (_, index) => validatorIndex(index)).filter((index) => index !== self),
    conspiracy: roles.conspiracy,
    random: randomStream(seed, `adversary ${self}`),
    nowMs: () => events.nowMs,
    compact: knobs.compact,
    isHealed: () => network.healed,
    viewTimeoutMs: () => nodes[self]?.replica?.inspect().viewTimeoutMs ?? knobs.floorMs,
    isolate: (victim, forMs) => network.isolate(victim, events.nowMs + forMs),
    note: (lie) => coverage.hit(`lie: ${lie}`),
  }
}

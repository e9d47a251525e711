/** The parts of a simulated world, put together: what each knows of the others is what it is given here. */

import { type Hash, validatorIndex } from '@aethel/codec'
import type { DisseminationChoice } from '@aethel/consensus'
import type { ReplicaInput } from '@aethel/replica'
import type { Conspiracy } from './adversaries/conspiracy.js'
import type { SimulatedApplication, State } from './application.js'
import { chainIdOfRun, createApplication } from './applications.js'
import { Blobs } from './blobs.js'
import type { Builds } from './builds/build.js'
import { ForeignEdge } from './builds/foreign-edge.js'
import { Passage } from './builds/passage.js'
import { Rollout } from './builds/rollout.js'
import { chooseFaulty, conspire, createNodes } from './cast.js'
import type { Circumstances } from './circumstances.js'
import { Clients } from './clients.js'
import { Commits } from './commits.js'
import { Conduct } from './conduct.js'
import { Coverage } from './coverage.js'
import { Crashes, type CrashPoint } from './crashes.js'
import type { Write } from './disk.js'
import { DiskFaults, lossesBorne } from './disk-faults.js'
import { Edge } from './edge.js'
import { Effects } from './effects.js'
import { EpochPromises } from './epoch-promises.js'
import { SimulatedEpochs } from './epochs.js'
import { EventQueue } from './events.js'
import { type Decision, Fates } from './fates.js'
import { Forgery } from './forgery.js'
import { Forks } from './forks.js'
import { GroupCommit } from './group-commit.js'
import { Inbox } from './inbox.js'
import { Invariants } from './invariants.js'
import type { Knobs } from './knobs.js'
import { Lines } from './lines.js'
import { Mishaps } from './mishaps.js'
import { Network } from './network.js'
import type { Node } from './node.js'
import { Outbox } from './outbox.js'
import { type Random, randomStream } from './random.js'
import { createIdealSignatures, type SignatureScheme, verifiersOf } from './signatures.js'
import { TraceHash, type TraceLine } from './trace.js'
import type { WorldEvent } from './world-events.js'

export interface WorldOptions {
  readonly seed: number
  readonly validators: number
  /** The first `byzantine` positions of a shuffled order are faulty. */
  readonly byzantine: number
  readonly knobs: Knobs
  /** Heal when this many blocks are committed, instead of at `knobs.faultMs`. */
  readonly blocks?: number
  readonly signatures?: SignatureScheme
  /** Mesh if left out. */
  readonly dissemination?: DisseminationChoice
  readonly crashAt?: CrashPoint
  /** Only these of the decisions happen (fates.ts). */
  readonly only?: ReadonlySet<string>
  readonly onDecision?: (decision: Decision) => void
  readonly onTrace?: (line: TraceLine) => void
  /** More faulty power than the protocol bears: the chain may fork, and the honest halves hear nothing of each other until it heals. */
  readonly beyond?: boolean
  /** Some validators run another build. */
  readonly builds?: Builds
}

/** What the parts ask of the world. */
export interface Reactions {
  /** A replica takes an input. */
  step(node: Node, input: ReplicaInput): void
  /** A node has committed what nobody has committed before. */
  onFirstCommit(node: Node, transactions: readonly Uint8Array[]): void
}

/** Those that the world itself turns to. */
export interface Parts extends Cast, Judges, Ways {
  readonly signatures: SignatureScheme
  readonly circumstances: Circumstances
  readonly clients: Clients
  readonly forks: Forks
  readonly traceHash: TraceHash
}

export function assemble(options: WorldOptions, reactions: Reactions): Parts {
  const { validators, knobs } = options
  const base = {
    signatures: options.signatures ?? createIdealSignatures(),
    circumstances: drawCircumstances(options),
    forks: new Forks(),
    traceHash: new TraceHash(),
  }
  const cast = castOf(options, base)
  const judges = judgesOf(options, { ...base, ...cast })
  const ways = waysOf(options, { ...base, ...cast, ...judges }, reactions)
  const { author } = cast.application
  const clients = new Clients(cast.clientele, { author, validators, transactions: knobs.transactions, thinkMs: knobs.thinkMs })
  return { ...base, ...cast, ...judges, ...ways, clients }
}

function drawCircumstances({ seed, validators, knobs, only, onDecision, onTrace }: WorldOptions): Circumstances {
  const events = new EventQueue<WorldEvent>()
  const fates = new Fates({ seed, only: only ?? null, onDecision: onDecision ?? null })
  return {
    events,
    fates,
    network: new Network(fates, knobs, validators),
    knobs,
    coverage: new Coverage(),
    trace: (node, what, detail = {}) => onTrace?.({ atMs: events.nowMs, node, what, ...detail }),
  }
}

type Base = Pick<Parts, 'signatures' | 'circumstances' | 'forks' | 'traceHash'>

/** Who is there. */
interface Cast {
  isHonest(index: number): boolean
  readonly application: SimulatedApplication
  /** What clients do by chance. */
  readonly clientele: Random
  readonly epochs: SimulatedEpochs
  readonly conspiracy: Conspiracy
  readonly nodes: readonly Node[]
  readonly diskFaults: DiskFaults
}

function castOf(options: WorldOptions, { signatures, circumstances }: Base): Cast {
  const { seed, validators, knobs } = options
  const processes = randomStream(seed, 'processes')
  const faulty = chooseFaulty(processes, validators, options.byzantine)
  const isHonest = (index: number): boolean => !faulty.has(index)
  const losses = lossesBorne(options, isHonest)
  const isFaulty = (node: number): boolean => faulty.has(node) || node === losses.frail
  const chainId = chainIdOfRun({ validators, knobs, signatures })
  const powers = knobs.powers === 'uneven' ? randomStream(seed, 'powers') : null
  const epochs = new SimulatedEpochs({ chainId, nodes: validators, length: knobs.epochLength, signatures, powers, isFaulty })
  const clientele = randomStream(seed, 'clients')
  const application = createApplication({
    seed,
    validators,
    knobs,
    signatures,
    epochs,
    clientele,
    isFaulty,
    coverage: circumstances.coverage,
    other: options.builds?.other ?? null,
  })
  const cast = { seed, validators, application, epochs, signatures }
  const conspiracy = conspire(cast, [...faulty.keys()].map(validatorIndex))
  const nodes = createNodes(cast, { faulty, conspiracy, processes, circumstances })
  if (options.beyond === true)
    circumstances.network.keepApart(nodes.map(({ index }) => (isHonest(index) ? (conspiracy.side[index] ?? null) : null)))
  const diskFaults = new DiskFaults({ circumstances, losses, application })
  return { isHonest, application, clientele, epochs, conspiracy, nodes, diskFaults }
}

/** What is demanded. */
interface Judges {
  readonly invariants: Invariants
  readonly promises: EpochPromises
  readonly conduct: Conduct
}

function judgesOf(
  { validators, knobs, beyond }: WorldOptions,
  { application, signatures, circumstances, forks, epochs, isHonest }: Base & Cast,
): Judges {
  const { chainId, judge } = application
  const shared = { chainId, ...verifiersOf(signatures), epochs }
  const invariants = new Invariants({
    ...shared,
    validators: epochs.first.validators,
    isHonest: (position, epoch) => isHonest(epochs.nodeAt(epoch, position)),
    isValidTransaction: (bytes) => judge.isAcceptable(bytes),
    gasOf: (bytes) => judge.gasOf(bytes),
    nowMs: () => circumstances.events.nowMs,
    ...(beyond === true ? { forks } : {}),
  })
  const promises = new EpochPromises({
    ...shared,
    ...(beyond === true ? { isCommittedSomewhere: (at: number, hash: Hash) => forks.has(at, hash) } : {}),
    window: knobs.window,
    isHonest,
    committedAt: (at) => invariants.hashAt(at),
  })
  return { invariants, promises, conduct: new Conduct({ promises, judge, window: knobs.window, validators }) }
}

/** What a message, a write and a fault each go through. */
interface Ways {
  readonly edge: Edge
  readonly lines: Lines
  readonly inbox: Inbox
  readonly effects: Effects
  readonly groupCommit: GroupCommit
  readonly forgery: Forgery
  readonly blobs: Blobs
  readonly crashes: Crashes
  readonly mishaps: Mishaps
  /** Null: there is one build. */
  readonly mixture: Mixture | null
}

/** Two builds in one run. */
export interface Mixture {
  readonly rollout: Rollout
  readonly passage: Passage
  readonly edge: ForeignEdge
}

function waysOf(options: WorldOptions, base: Base & Cast & Judges, { step, onFirstCommit }: Reactions): Ways {
  const { validators, knobs, crashAt, beyond } = options
  const { application, circumstances, signatures, traceHash, epochs, nodes, diskFaults, invariants, promises, conduct } = base
  const { events, network, coverage } = circumstances
  const commits = new Commits({ application, epochs, invariants, promises, coverage, traceHash, onFirst: onFirstCommit })
  const write = (node: Node, each: Write<State>): void => commits.write(node, each)
  const crashes = new Crashes({ circumstances, crashAt, write })
  const blobs = new Blobs(circumstances, application, diskFaults)
  const edge = new Edge({ epochs, signatures, encodeOnWire: knobs.encodeOnWire })
  const mixture = mixtureOf(options, { ...base, edge })
  const lines = new Lines({ events, network, validators })
  const forgery = new Forgery({ circumstances, edge, lines, validators })
  const outbox = new Outbox({
    edge,
    lines,
    forgery,
    epochLength: knobs.epochLength,
    blocksPerAnswer: knobs.blocksPerAnswer,
    onAnswer: (node, to) => conduct.onAnswer(node, to),
  })
  const groupCommit = new GroupCommit({
    circumstances,
    crashes,
    diskFaults,
    write,
    check: (node, effect) => conduct.onRelease(node, effect),
    release: (node, effect) => outbox.release(node, effect),
  })
  return {
    edge,
    lines,
    inbox: new Inbox({
      circumstances,
      edge,
      foreignEdge: mixture?.edge ?? null,
      forgery,
      traceHash,
      conduct,
      isHonest: base.isHonest,
      proposedBy: (proposer, hash) => nodes[proposer]?.disk.blockOf(hash),
      step,
    }),
    effects: new Effects({ circumstances, nodes, promises, conduct, commits, blobs, groupCommit, outbox, beyond: beyond === true }),
    groupCommit,
    forgery,
    blobs,
    crashes,
    mishaps: new Mishaps({ circumstances, nodes, crashes }),
    mixture,
  }
}

function mixtureOf(
  { seed, validators, builds }: WorldOptions,
  { application, signatures, epochs, edge }: Base & Cast & Pick<Ways, 'edge'>,
): Mixture | null {
  if (builds === undefined) return null
  const { current, other } = builds
  const passage = new Passage(builds)
  const { chainId } = application
  const foreign = new ForeignEdge({ passage, current, edge, chainId, epochLength: epochs.length, ...verifiersOf(signatures) })
  return { rollout: new Rollout({ seed, validators, keeps: other.storeFormat !== current.storeFormat }), passage, edge: foreign }
}

/**
 * One simulated validator: what its process holds, which a crash takes, and what outlives that: its disk, its clock, and what the
 * world counts and remembers about it. Nothing here draws or decides; that is for the files that take one of these.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { EpochGate, ForkMaterial, TimerName } from '@aethel/consensus'
import type { Replica, ReplicaEffect } from '@aethel/replica'
import type { Adversary } from './adversaries/adversary.js'
import type { State, Verifiers } from './application.js'
import { BlobShelves } from './blob-shelves.js'
import type { Running } from './builds/build.js'
import type { Disk, Write } from './disk.js'
import { Staging } from './staging.js'

/** What leaves a node when everything written before it is durable. */
export type Leaving = Extract<ReplicaEffect, { kind: 'send' | 'gossip' | 'serve' | 'serve-offer' }>

/** What the world asks of a replica, whichever build it is of. */
export type RunningReplica = Pick<
  Replica<State>,
  'step' | 'wants' | 'epoch' | 'committed' | 'position' | 'self' | 'held' | 'snapshotsServed' | 'needsBlob' | 'inspect' | 'forkMaterial'
>

/** Held back until the writes before it are durable. */
export type Queued = { readonly kind: 'write'; readonly write: Write<State> } | { readonly kind: 'release'; readonly effect: Leaving }

export interface NodeOptions {
  readonly index: ValidatorIndex
  readonly disk: Disk<State>
  /** Null: it is honest. */
  readonly adversary: Adversary | null
  readonly skewMs: number
  readonly gate: EpochGate
  /** Of the build that it runs. */
  verifiersOf(runs: Running): Verifiers
}

export class Node {
  readonly index: ValidatorIndex
  readonly adversary: Adversary | null
  readonly isHonest: boolean
  readonly #verifiersOf: NodeOptions['verifiersOf']
  readonly #verifiers = new Map<Running, Verifiers>()

  // Of the running process.
  /** Null: it is down. */
  replica: RunningReplica | null = null
  /** What it runs, or ran last; null: it has not started. */
  runs: Running | null = null
  /** Rises at each start and at each crash. */
  incarnation = 0
  queue: Queued[] = []
  /** So many of these, the oldest, are on the disk, and are being concluded. */
  synced = 0
  syncing = false
  pausedUntilMs = 0
  /** The version of each timer that counts: it rises when the timer is set and when it is cancelled. */
  readonly timers: Map<TimerName, number> = new Map()
  /** Height of the newest commit effect of this incarnation. */
  appliedHeight = 0
  /** Messages to one peer alone since the last status tick. */
  readonly answers: Map<number, number> = new Map()
  gate: EpochGate
  /** Of the state being fetched: as the replica has it, durable or not. */
  staging: Staging | null = null

  // Of the machine.
  disk: Disk<State>
  diskFullUntilMs = 0
  /** Its store is damaged: it refuses to start. */
  ruined = false
  readonly blobs: BlobShelves = new BlobShelves()
  /** Kept across restarts, by `offenceKey`. */
  readonly evidence: Map<string, Uint8Array> = new Map()
  readonly skewMs: number
  jumpedMs = 0

  // What the world remembers of it.
  /** By epoch: the highest view that was ever on its disk. */
  readonly durableView: Map<number, number> = new Map()
  /** What it said when it saw a fork. */
  halted: ForkMaterial | null = null
  /** When its store was lost; null: never. */
  lostInEpoch: number | null = null
  /** Of transactions final here: they go when the replica says so. */
  readonly finalBlobs: Set<string> = new Set()
  /** Of blocks it has voted for: up to which height. */
  readonly attestedBlobs: Map<string, number> = new Map()
  /** Of these, what its disk has lost, whether or not it has it again. */
  readonly rottenBlobs: Set<string> = new Set()
  /** Blocks whose proposal it has accepted, by hash, and not committed; over all incarnations. */
  readonly accepted: Set<string> = new Set()

  // Counts over all incarnations.
  /** Effect boundaries passed. */
  boundaries = 0
  /** Inputs taken. */
  steps = 0
  /** Fates of this validator are named by these. */
  syncs = 0
  verifications = 0
  roundTrips = 0
  acts = 0
  blobsOpened = 0
  blobLooks = 0

  constructor({ index, disk, adversary, skewMs, gate, verifiersOf }: NodeOptions) {
    this.index = index
    this.disk = disk
    this.adversary = adversary
    this.isHonest = adversary === null
    this.skewMs = skewMs
    this.gate = gate
    this.#verifiersOf = verifiersOf
  }

  get verifiers(): Verifiers {
    const runs = this.runs ?? 'current'
    let verifiers = this.#verifiers.get(runs)
    if (verifiers === undefined) {
      verifiers = this.#verifiersOf(runs)
      this.#verifiers.set(runs, verifiers)
    }
    return verifiers
  }

  /** What its own clock says. */
  clockAt(nowMs: number): number {
    return Math.floor(nowMs + this.skewMs + this.jumpedMs + 1)
  }

  /** A process begins, with nothing but what is on the disk. */
  begin(): void {
    this.incarnation++
    this.queue = []
    this.syncing = false
    this.pausedUntilMs = 0
    this.timers.clear()
    this.answers.clear()
    this.appliedHeight = this.disk.committedHeight
    const { staged } = this.disk
    this.staging = staged === null ? null : Staging.of(staged)
  }

  /** A new store takes the place of a damaged one. */
  loseStore(empty: Disk<State>): void {
    this.disk = empty
    this.blobs.clear()
    this.finalBlobs.clear()
    this.durableView.clear()
    this.lostInEpoch = this.gate.epoch
  }

  /** Makes every setting of this timer until now void. */
  nextTimer(timer: TimerName): number {
    const version = (this.timers.get(timer) ?? 0) + 1
    this.timers.set(timer, version)
    return version
  }

  /** Which the view on its disk belongs to. */
  get epochOfView(): number {
    const { newView, viewChange } = this.disk.viewRecord
    return newView?.epoch ?? viewChange?.entry.epoch ?? 0
  }

  noteDurableView(): void {
    const epoch = this.epochOfView
    this.durableView.set(epoch, Math.max(this.durableView.get(epoch) ?? 0, this.disk.viewRecord.view))
  }
}

export function* writesIn(queue: readonly Queued[]): Iterable<Write<State>> {
  for (const item of queue) if (item.kind === 'write') yield item.write
}

/** A few replicas on one virtual clock: messages take a millisecond, disks none, verification as long as the test says. */
import { type Hash, height, keyOf, publicKey, signature, type ValidatorIndex, validatorIndex, view } from '@aethel/codec'
import {
  createMessageChecker,
  createValidatorSet,
  type DurableState,
  type Message,
  type MessageChecker,
  type ValidatorSet,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { Transaction } from '../src/application.js'
import type {
  Admission,
  BlockLimits,
  CompactWhen,
  MempoolLimits,
  Replica,
  ReplicaEffect,
  ReplicaInput,
  VerificationJob,
  VerificationOutcome,
} from '../src/interface.js'
import { createReplica } from '../src/replica.js'
import { createLibrary, type LibraryMachine, type LibraryState, verdictOf } from './library.js'

export const CHAIN_ID: Hash = hashTagged('test/chain', new Uint8Array(0))
export const MEMPOOL: MempoolLimits = { transactions: 4096, bytes: 1 << 22, perSender: 256, waiting: 64, maxWaitBlocks: 20, verdicts: 4096 }
export const BLOCK: BlockLimits = { transactions: 8, bytes: 1 << 16, gas: 1_000_000 }

export interface ClusterOptions {
  readonly validators?: number
  readonly mempool?: Partial<MempoolLimits>
  readonly block?: Partial<BlockLimits>
  readonly window?: number
  /** No more are recorded; left out: any number. */
  readonly mostOffences?: number
  /** What the verifier of a validator says, and after how long. */
  readonly verify?: (node: number, job: VerificationJob, attempt: number) => { outcome: VerificationOutcome; afterMs: number }
  readonly compactProposals?: CompactWhen
  readonly isCut?: (from: number, to: number, kind: Message['kind'] | 'gossip') => boolean
}

export interface ClusterNode {
  readonly index: ValidatorIndex
  readonly machine: LibraryMachine
  readonly replica: Replica<LibraryState>
  /** Verifications asked for, by key. */
  readonly verifications: Map<string, number>
  readonly effects: ReplicaEffect[]
  readonly timers: Map<string, number>
}

interface Due {
  readonly atMs: number
  readonly order: number
  run(): void
}

export function validatorSetOf(count: number): ValidatorSet {
  const keys = Array.from({ length: count }, (_, index) => ({
    publicKey: publicKey(hashTagged('test/key', Uint8Array.of(index))),
    power: 1n,
  }))
  const set = createValidatorSet(0 as never, keys)
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

export function freshState(): DurableState {
  return {
    view: view(0),
    phase: 'active',
    newView: null,
    viewChange: null,
    votes: [],
    blocks: [],
    highest: null,
    lastCommit: null,
    committed: { height: height(0), hash: CHAIN_ID, timestampMs: 0 },
    recent: [],
  }
}

/** Signatures are not what these tests are about: every one is good. */
export function signAs(index: number): (message: Uint8Array) => ReturnType<typeof signature> {
  return (message) => {
    const digest = hashTagged('test/signature', message)
    const bytes = new Uint8Array(64)
    bytes.set(digest)
    bytes[63] = index
    return signature(bytes)
  }
}

export class Cluster {
  readonly nodes: ClusterNode[] = []
  readonly #options: ClusterOptions
  readonly #checker: MessageChecker
  #due: Due[] = []
  #order = 0
  #requests = 0
  nowMs = 1_000

  constructor(options: ClusterOptions = {}) {
    this.#options = options
    const count = options.validators ?? 4
    const validators = validatorSetOf(count)
    this.#checker = createMessageChecker({ chainId: CHAIN_ID, validators, verifySignature: () => true })
    for (let index = 0; index < count; index++) {
      const machine = createLibrary(undefined, options.mostOffences)
      const replica = createReplica({
        consensus: {
          chainId: CHAIN_ID,
          validators,
          self: validatorIndex(index),
          window: options.window ?? 4,
          clockDriftMs: 5_000,
          timers: { floorMs: 1_000, commitFactor: 4, allowanceMs: 200, capMs: 8_000, statusMs: 250, batchMs: 5 },
          sign: signAs(index),
        },
        durable: freshState(),
        application: machine,
        mempool: { ...MEMPOOL, ...options.mempool },
        block: { ...BLOCK, ...options.block },
        order: 'difficulty',
        ...(options.compactProposals === undefined ? {} : { compactProposals: options.compactProposals }),
      })
      this.nodes.push({ index: validatorIndex(index), machine, replica, verifications: new Map(), effects: [], timers: new Map() })
    }
    for (const node of this.nodes) this.step(node, { kind: 'start', nowMs: this.nowMs })
  }

  node(index: number): ClusterNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`no validator ${index}`)
    return node
  }

  /** Returns the request number. */
  submit(index: number, transaction: Transaction): number {
    const request = ++this.#requests
    this.step(this.node(index), { kind: 'submit', request, transaction, nowMs: this.nowMs })
    return request
  }

  answersTo(index: number, request: number): Admission[] {
    return this.node(index).effects.flatMap((effect) =>
      effect.kind === 'admission' && effect.request === request ? [effect.admission] : [],
    )
  }

  dropped(index: number): { readonly key: string; readonly code: string }[] {
    return this.node(index).effects.flatMap((effect) =>
      effect.kind === 'dropped' ? [{ key: keyOf(effect.id), code: effect.refusal.code }] : [],
    )
  }

  /** Until `done`, at most `forMs` of virtual time. True if it came to be. */
  run(forMs: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs
    for (;;) {
      if (done()) return true
      const next = this.#pop()
      if (next === undefined || next.atMs > endMs) {
        if (next !== undefined) this.#due.push(next)
        this.nowMs = endMs
        return done()
      }
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
    }
  }

  #pop(): Due | undefined {
    let best = -1
    for (let i = 0; i < this.#due.length; i++) {
      const candidate = this.#due[i] as Due
      const known = this.#due[best]
      if (known === undefined || candidate.atMs < known.atMs || (candidate.atMs === known.atMs && candidate.order < known.order)) best = i
    }
    return best < 0 ? undefined : this.#due.splice(best, 1)[0]
  }

  after(ms: number, run: () => void): void {
    this.#due.push({ atMs: this.nowMs + ms, order: this.#order++, run })
  }

  step(node: ClusterNode, input: ReplicaInput): void {
    for (const effect of node.replica.step(input)) {
      node.effects.push(effect)
      this.#carryOut(node, effect)
    }
  }

  #carryOut(node: ClusterNode, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#transmit(node, effect.to, effect.message.kind, (to) => {
          const checked = this.#checker.check(effect.message)
          if (!checked.ok) throw new Error(checked.error.message)
          this.step(to, { kind: 'message', from: node.index, message: checked.value, nowMs: this.nowMs })
        })
      case 'gossip':
        return this.#transmit(node, effect.to, 'gossip', (to) =>
          this.step(to, { kind: 'transactions', from: node.index, transactions: effect.transactions, nowMs: this.nowMs }),
        )
      case 'verify':
        for (const job of effect.jobs) this.#verify(node, job)
        return
      case 'set-timer': {
        const version = (node.timers.get(effect.timer) ?? 0) + 1
        node.timers.set(effect.timer, version)
        return this.after(effect.afterMs, () => {
          if (node.timers.get(effect.timer) === version) this.step(node, { kind: 'timer', timer: effect.timer, nowMs: this.nowMs })
        })
      }
      case 'cancel-timer':
        node.timers.set(effect.timer, (node.timers.get(effect.timer) ?? 0) + 1)
        return
      default:
        return
    }
  }

  #verify(node: ClusterNode, job: VerificationJob): void {
    const key = keyOf(job.work.key)
    const attempt = (node.verifications.get(key) ?? 0) + 1
    node.verifications.set(key, attempt)
    const { outcome, afterMs } = this.#options.verify?.(node.index, job, attempt) ?? { outcome: verdictOf(job.work.proof), afterMs: 3 }
    this.after(afterMs, () => this.step(node, { kind: 'verified', key: job.work.key, outcome, nowMs: this.nowMs }))
  }

  #transmit(node: ClusterNode, to: ValidatorIndex | 'all', kind: Message['kind'] | 'gossip', deliver: (to: ClusterNode) => void): void {
    for (const other of this.nodes) {
      if (other === node || (to !== 'all' && to !== other.index)) continue
      if (this.#options.isCut?.(node.index, other.index, kind) === true) continue
      this.after(1, () => deliver(other))
    }
  }

  connect(index: number, peer: number): void {
    this.step(this.node(index), { kind: 'connected', peer: validatorIndex(peer), nowMs: this.nowMs })
  }
}

/** A process and its disk: what leaves when, and what a crash leaves behind. */
import { type Hash, height, validatorIndex } from '@aethel/codec'
import { createEpochGate } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import type { Replica } from '@aethel/replica'
import { describe, expect, it } from 'vitest'
import type { State } from './application.js'
import type { Circumstances } from './circumstances.js'
import { Coverage } from './coverage.js'
import { Crashes, type CrashPoint } from './crashes.js'
import { Disk, type Write } from './disk.js'
import { DiskFaults } from './disk-faults.js'
import { SimulatedEpochs } from './epochs.js'
import { EventQueue } from './events.js'
import { Fates } from './fates.js'
import { GroupCommit } from './group-commit.js'
import { drawKnobs, type Knobs, NO_FAULTS } from './knobs.js'
import { Network } from './network.js'
import { type Leaving, Node } from './node.js'
import { randomStream } from './random.js'
import { createIdealSignatures } from './signatures.js'
import { createTallyApplication } from './tally-application.js'

const CHAIN: Hash = hashTagged('aethel/test-chain', new Uint8Array(1))

/** One node whose replica orders what the test orders; `log` says what happened to its disk and what left, in order. */
class Machine {
  readonly circumstances: Circumstances
  readonly crashes: Crashes
  readonly groupCommit: GroupCommit
  readonly node: Node
  readonly log: string[] = []
  readonly #names = new Map<object, string>()
  /** Called when this write is on the disk. */
  readonly concluded = new Map<string, () => void>()

  constructor(options: { readonly seed?: number; readonly knobs?: Partial<Knobs>; readonly crashAt?: CrashPoint } = {}) {
    const { seed = 1 } = options
    const knobs: Knobs = { ...drawKnobs(seed, 0), ...NO_FAULTS, ...options.knobs }
    const fates = new Fates({ seed, only: null, onDecision: null })
    const network = new Network(fates, knobs, 1)
    this.circumstances = { events: new EventQueue(), fates, network, knobs, coverage: new Coverage(), trace: () => undefined }
    const { circumstances } = this
    const application = createTallyApplication({
      chainId: CHAIN,
      membership: () => null,
      random: randomStream(seed, 'clients'),
      blobs: null,
    })
    const epochs = new SimulatedEpochs({
      chainId: CHAIN,
      nodes: 1,
      length: 0,
      signatures: createIdealSignatures(),
      powers: null,
      isFaulty: () => false,
    })
    this.node = new Node({
      index: validatorIndex(0),
      disk: new Disk({ height: height(0), hash: CHAIN, timestampMs: 0 }, application.genesis.state),
      adversary: null,
      skewMs: 0,
      gate: createEpochGate({ start: epochs.first, check: (start, message) => epochs.checkerOf(start).check(message) }),
      verifiersOf: application.createVerifiers,
    })
    const write = (node: Node, each: Write<State>): void => {
      const name = this.#names.get(each) as string
      this.log.push(`${name} written${node.replica === null ? ' by the dead' : ''}`)
      this.concluded.get(name)?.()
    }
    this.crashes = new Crashes({ circumstances, crashAt: options.crashAt, write })
    this.groupCommit = new GroupCommit({
      circumstances,
      crashes: this.crashes,
      diskFaults: new DiskFaults({ circumstances, losses: { most: 0, frail: null }, application }),
      write,
      check: (_, effect) => this.log.push(`${this.#names.get(effect)} checked`),
      release: (_, effect) => this.log.push(`${this.#names.get(effect)} left`),
    })
    this.start()
  }

  start(): void {
    this.node.begin()
    this.node.replica = {} as Replica<State> // nobody asks it anything here
  }

  writes(...names: string[]): void {
    for (const name of names) {
      const write: Write<State> = { kind: 'records', records: [] }
      this.#names.set(write, name)
      this.node.queue.push({ kind: 'write', write })
    }
  }

  says(name: string): void {
    const effect: Leaving = { kind: 'gossip', to: 'all', transactions: [] }
    this.#names.set(effect, name)
    this.groupCommit.order(this.node, effect)
  }

  /** A sync begins; answers with how much it takes along. */
  beginsSync(): number {
    this.groupCommit.begin(this.node)
    return this.node.queue.length
  }
}

describe('what depends on a write', () => {
  it('leaves at once where nothing waits', () => {
    const machine = new Machine()
    machine.says('A')
    expect(machine.log).toEqual(['A checked', 'A left'])
  })

  it('leaves when it is durable, checked against what was durable before it and not against what came after', () => {
    const machine = new Machine()
    machine.writes('vote 1')
    machine.says('A')
    machine.writes('vote 2')
    machine.says('B')
    expect(machine.log).toEqual([])
    machine.groupCommit.onSynced(machine.node, machine.beginsSync())
    expect(machine.log).toEqual(['vote 1 written', 'A checked', 'vote 2 written', 'B checked', 'A left', 'B left'])
  })

  it('waits for the next sync if it was queued when one was under way', () => {
    const machine = new Machine()
    machine.writes('vote 1')
    const count = machine.beginsSync()
    machine.says('A')
    machine.writes('vote 2')
    machine.says('B')
    machine.groupCommit.onSynced(machine.node, count)
    expect(machine.log).toEqual(['vote 1 written', 'A checked', 'A left'])
    expect(machine.node.queue).toHaveLength(2)
    expect(machine.node.syncing).toBe(true)
  })

  it('does not leave a process that dies when its writes are durable', () => {
    const machine = new Machine({ crashAt: { node: 0, boundary: 2 } }) // the first is where the sync begins
    machine.writes('vote 1')
    machine.says('A')
    machine.groupCommit.onSynced(machine.node, machine.beginsSync())
    expect(machine.log).toEqual(['vote 1 written', 'A checked'])
    expect(machine.node.replica).toBeNull()
  })

  it('never leaves a process whose sync fails, and nothing is written on a full disk', () => {
    const machine = new Machine({ knobs: { diskFaultRate: 1 } })
    machine.node.diskFullUntilMs = 1
    machine.writes('vote 1')
    machine.says('A')
    machine.groupCommit.onSynced(machine.node, machine.beginsSync())
    expect(machine.log).toEqual([])
    expect(machine.node.replica).toBeNull()
  })
})

describe('a crash', () => {
  it('keeps a prefix of what was not synced: over seeds every length from none to all', () => {
    const lengths = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const machine = new Machine({ seed })
      machine.writes('1', '2', '3')
      machine.crashes.crash(machine.node)
      expect(machine.log).toEqual(['1', '2', '3'].slice(0, machine.log.length).map((name) => `${name} written by the dead`))
      lengths.add(machine.log.length)
    }
    expect([...lengths].sort()).toEqual([0, 1, 2, 3])
  })

  it('of what one of the synced writes concludes loses none of the others, and happens once', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const machine = new Machine({ seed, crashAt: { node: 0, boundary: 2 } })
      machine.writes('commit 1', 'commit 2', 'commit 3')
      const count = machine.beginsSync()
      machine.writes('unsynced')
      for (const name of ['commit 1', 'commit 2', 'commit 3'])
        machine.concluded.set(name, () => void machine.crashes.passes(machine.node, 'first-commit'))
      const { incarnation } = machine.node
      machine.groupCommit.onSynced(machine.node, count)
      const synced = ['commit 1 written', 'commit 2 written by the dead', 'commit 3 written by the dead']
      expect(machine.log.slice(0, 3)).toEqual(synced)
      expect(machine.log.length).toBeLessThanOrEqual(4)
      expect(machine.node.incarnation).toBe(incarnation + 1)
    }
  })

  it('is of a new incarnation, and so is the start after it: what was meant for the old one reaches neither', () => {
    const machine = new Machine()
    const { incarnation } = machine.node
    machine.crashes.crash(machine.node, 100)
    expect(machine.node.incarnation).toBe(incarnation + 1)
    expect(machine.circumstances.events.pop()).toEqual({ atMs: 1, event: { kind: 'died', node: 0 } }) // the others see it
    expect(machine.circumstances.events.pop()).toEqual({ atMs: 100, event: { kind: 'restart', node: 0 } })
    machine.start()
    expect(machine.node.incarnation).toBe(incarnation + 2)
  })

  it('does not strike who is down', () => {
    const machine = new Machine()
    machine.crashes.crash(machine.node, 100)
    const { incarnation } = machine.node
    machine.crashes.crash(machine.node, 100)
    expect(machine.node.incarnation).toBe(incarnation)
    expect(machine.circumstances.events.size).toBe(2)
  })
})

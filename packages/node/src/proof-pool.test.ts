import { readFileSync } from 'node:fs'
import { type Hash, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import { DEFAULT_PARAMETERS, encodeGenesis, genesisKinds } from '@aethel/ledger'
import { claimIdOf, cnfToClaim, type TestBehaviour, testClaim } from '@aethel/proofs'
import type { VerificationJob, VerificationOutcome } from '@aethel/replica'
import { afterEach, describe, expect, test, vi } from 'vitest'
// The built one: its worker is a file beside it.
import { encodeBatch } from '../dist/proof-batch.js'
import { ProofPool } from '../dist/proof-pool.js'
import { ProofThread } from '../dist/proof-thread.js'

const kinds = genesisKinds(['lrat/1', 'test/1'])
if (!kinds.ok) throw new Error(kinds.error.message)
const genesis = encodeGenesis({
  chainName: 'pool',
  genesisTimeMs: 1,
  validators: [{ publicKey: signingKey(sha256(utf8('v'))).publicKey, power: 1n }],
  parameters: DEFAULT_PARAMETERS,
  kinds: kinds.value,
  libraries: [],
})

function job(behaviour: TestBehaviour, name: string, priority: 'block' | 'mempool' = 'mempool', gas: number = 100): VerificationJob {
  const claim = testClaim({ behaviour, gas, nonce: utf8(name) })
  const key: Hash = sha256(utf8(name))
  return {
    work: { key, kind: 'test/1', claim, proof: utf8('p'), claimId: claimIdOf('test/1', claim), cites: [] },
    cited: [],
    priority,
  }
}

interface Run {
  readonly pool: ProofPool
  readonly outcomes: Map<VerificationJob, VerificationOutcome[]>
  readonly order: VerificationJob[]
  readonly lost: string[]
}

const pools: ProofPool[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const instance = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../proofs/instances/${name}`, import.meta.url)))

/** A refutation that takes some milliseconds. */
function slowJob(name: string): VerificationJob {
  const claim = cnfToClaim(instance('pigeonhole-9.cnf'))
  if (!claim.ok) throw new Error(claim.error.message)
  const work = { kind: 'lrat/1', claim: claim.value, proof: instance('pigeonhole-9.lrat'), claimId: claimIdOf('lrat/1', claim.value) }
  return { work: { key: sha256(utf8(name)), ...work, cites: [] }, cited: [], priority: 'mempool' }
}

function start(workers: number, stuckMs: number = 60_000, setup: Uint8Array = genesis, freeGrowthBytes: number = 1 << 30): Run {
  const outcomes = new Map<VerificationJob, VerificationOutcome[]>()
  const order: VerificationJob[] = []
  const lost: string[] = []
  const pool = new ProofPool({
    workers,
    stuckMs,
    freeGrowthBytes,
    setup: { genesis: setup, libraries: [], verifiers: [] },
    onOutcome: (done, outcome) => {
      outcomes.set(done, [...(outcomes.get(done) ?? []), outcome])
      order.push(done)
    },
    onWorkerLost: (reason) => lost.push(reason),
  })
  pools.push(pool)
  return { pool, outcomes, order, lost }
}

async function answered(run: Run, count: number): Promise<void> {
  for (let i = 0; i < 2000 && run.outcomes.size < count; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(run.outcomes.size).toBe(count)
}

describe('proof pool', () => {
  test('every job is answered exactly once, with the verdict of its proof', async () => {
    const run = start(2)
    const jobs = Array.from({ length: 500 }, (_, i) => job(i % 3 === 0 ? 'invalid' : 'valid', `${i}`, 'mempool', 50 + i))
    run.pool.run(jobs)
    await answered(run, jobs.length)
    for (const [i, each] of jobs.entries()) {
      const expected =
        i % 3 === 0 ? { status: 'invalid', code: 'asked-for', gas: expect.any(Number) } : { status: 'valid', gas: expect.any(Number) }
      expect(run.outcomes.get(each)).toMatchObject([expected])
    }
    expect(run.pool.queued).toBe(0)
  })

  test('jobs of blocks overtake those of the mempool that have not started', async () => {
    const run = start(1)
    run.pool.run(Array.from({ length: 400 }, (_, i) => job('valid', `m${i}`)))
    const urgent = job('valid', 'urgent', 'block')
    run.pool.run([urgent])
    await answered(run, 401)
    expect(run.order.indexOf(urgent)).toBeLessThan(100)
  })

  test('a checker that fails aborts its job alone', async () => {
    const run = start(1)
    const bad = job('throw', 'bad')
    const good = job('valid', 'good')
    run.pool.run([bad, good])
    await answered(run, 2)
    expect(run.outcomes.get(bad)).toMatchObject([{ status: 'aborted' }])
    expect(run.outcomes.get(good)).toMatchObject([{ status: 'valid' }])
    expect(run.lost).toEqual([])
  })

  test('a worker that hangs is replaced; the job that hangs again is aborted, never invalid, and the others get their verdicts', async () => {
    const run = start(1, 1_000)
    const before = job('valid', 'before')
    run.pool.run([before])
    await answered(run, 1)
    const hanging = job('loop', 'hanging')
    const others = Array.from({ length: 80 }, (_, i) => job('valid', `other ${i}`))
    run.pool.run([...others.slice(0, 10), hanging, ...others.slice(10)])
    await answered(run, 82)
    expect(run.outcomes.get(hanging)).toMatchObject([{ status: 'aborted', reason: 'no answer for 1000 ms' }])
    for (const other of others) expect(run.outcomes.get(other)).toMatchObject([{ status: 'valid' }])
    expect(run.lost.length).toBeGreaterThanOrEqual(2)
    expect(run.pool.queued).toBe(0) // so that it is run when it is asked for again
  })

  test('with a large blob a worker has as much more patience as it takes to read it', async () => {
    const run = start(1, 300)
    const { work, ...rest } = job('loop', 'large')
    const large: VerificationJob = { ...rest, work: { ...work, blob: { root: work.key, bytes: 3 * 64 * 1024 * 1024 } } }
    run.pool.run([large])
    await answered(run, 1)
    expect(run.outcomes.get(large)).toMatchObject([{ status: 'aborted', reason: 'no answer for 1200 ms' }])
  })

  test.each(['hasten', 'run'] as const)(
    'a block that needs what is in the middle of a batch for the mempool does not wait for the rest of it (%s)',
    async (how) => {
      const run = start(1)
      const slow = Array.from({ length: 90 }, (_, i) => slowJob(`slow ${i}`))
      const needed = slow[62] as VerificationJob
      run.pool.run(slow)
      await vi.waitFor(() => expect(run.pool.ready).toBe(1), { timeout: 30_000, interval: 1 })
      if (how === 'hasten') run.pool.hasten([needed.work.key])
      else run.pool.run([{ ...needed, priority: 'block' }])
      await answered(run, 90)
      expect(run.order.findIndex(({ work }) => work.key === needed.work.key)).toBeLessThan(32)
      expect(new Set(run.order.map(({ work }) => work.key)).size).toBe(90)
      await vi.waitFor(() => expect(run.pool.queued).toBe(0), { timeout: 30_000 })
      expect(run.order.length).toBe(90) // none is run twice
    },
  )

  test('a worker is replaced at once: a spare stands by', async () => {
    const run = start(2, 600)
    run.pool.run([job('valid', 'first')])
    await vi.waitFor(() => expect(run.pool.ready).toBe(2), { timeout: 30_000, interval: 20 })
    await new Promise((resolve) => setTimeout(resolve, 3_000)) // the spare loads meanwhile
    const readyWhenLost: number[] = []
    const pool = run.pool
    vi.spyOn(run.lost, 'push').mockImplementation(() => readyWhenLost.push(pool.ready))
    const hanging = job('loop', 'hanging')
    pool.run([hanging])
    await vi.waitFor(() => expect(run.outcomes.get(hanging)).toMatchObject([{ status: 'aborted' }]), { timeout: 30_000, interval: 5 })
    expect(readyWhenLost[0]).toBe(2)
    const after = job('valid', 'after')
    pool.run([after])
    await vi.waitFor(() => expect(run.outcomes.get(after)).toMatchObject([{ status: 'valid' }]), { timeout: 10_000, interval: 5 })
  })

  test('a job that takes thread after thread with it, faster than threads start, leaves the pool whole each time', async () => {
    const run = start(1, 60)
    await vi.waitFor(() => expect(run.pool.ready).toBe(1), { timeout: 60_000, interval: 5 })
    await new Promise((resolve) => setTimeout(resolve, 3_000)) // the spare loads meanwhile
    const readyWhenLost: number[] = []
    const { pool } = run
    vi.spyOn(run.lost, 'push').mockImplementation(() => readyWhenLost.push(pool.ready))
    const hanging = job('loop', 'hanging')
    pool.run([hanging])
    await vi.waitFor(() => expect(run.outcomes.get(hanging)).toMatchObject([{ status: 'aborted' }]), { timeout: 60_000, interval: 5 })
    expect(readyWhenLost).toEqual([1, 1])
  })

  test.each(['eat-heap', 'eat-buffers'] as const)(
    'a checker that does %s is ended before the machine suffers; the others get their verdicts',
    async (behaviour) => {
      const run = start(1, 60_000, genesis, 300_000_000)
      const eating = job(behaviour, 'eating')
      const others = Array.from({ length: 20 }, (_, i) => job('valid', `other ${i}`))
      run.pool.run([...others.slice(0, 5), eating, ...others.slice(5)])
      await answered(run, 21)
      expect(run.outcomes.get(eating)).toMatchObject([{ status: 'aborted', reason: expect.stringMatching(/memory|came into use/) }])
      for (const other of others) expect(run.outcomes.get(other)).toMatchObject([{ status: 'valid' }])
      expect(run.lost.length).toBe(2)
    },
  )

  test('a block does not wait behind the mempool: a batch under way is cut short, and what is left of it comes again', async () => {
    const run = start(1)
    const slow = Array.from({ length: 90 }, (_, i) => slowJob(`slow ${i}`))
    run.pool.run(slow)
    await vi.waitFor(() => expect(run.pool.ready).toBe(1), { timeout: 30_000, interval: 5 })
    const urgent = job('valid', 'urgent', 'block')
    run.pool.run([urgent])
    await answered(run, 91)
    expect(run.order.indexOf(urgent)).toBeLessThan(32)
    for (const each of slow) expect(run.outcomes.get(each)).toMatchObject([{ status: 'valid' }])
  })

  test('what a block turns out to need moves up; what nobody needs is not run; nothing is run twice', async () => {
    const run = start(1)
    const waiting = Array.from({ length: 300 }, (_, i) => job('valid', `w${i}`))
    run.pool.run(waiting)
    const [hastened, cancelled] = [waiting[299] as VerificationJob, waiting[298] as VerificationJob]
    run.pool.run(waiting.slice(0, 200))
    run.pool.hasten([hastened.work.key])
    run.pool.cancel([cancelled.work.key])
    await answered(run, 299)
    expect(run.order.length).toBe(299)
    expect(run.order.findIndex(({ work }) => work.key === hastened.work.key)).toBeLessThan(100)
    expect(run.order.some(({ work }) => work.key === cancelled.work.key)).toBe(false)
    expect(run.pool.queued).toBe(0)
  })

  test('a worker that cannot start is tried again slowly, and closing ends it', async () => {
    const run = start(1, 60_000, utf8('no genesis'))
    await vi.waitFor(() => expect(run.lost.length).toBeGreaterThanOrEqual(1), { timeout: 30_000, interval: 20 })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(run.lost.length).toBeLessThan(6)
  })

  test('a system that gives no thread ends nothing: proofs wait until it does, and it is asked once in a while', async () => {
    let gives = false
    const lost: string[] = []
    const outcomes: VerificationOutcome[] = []
    const pool = new ProofPool({
      workers: 1,
      stuckMs: 500,
      setup: {
        genesis,
        libraries: [],
        // Read when a thread is begun: `new Worker` throws, as it does where the limit of processes is reached.
        get verifiers() {
          if (!gives) throw new Error('EAGAIN')
          return []
        },
      },
      onOutcome: (_, outcome) => outcomes.push(outcome),
      onWorkerLost: (reason) => lost.push(reason),
    })
    pools.push(pool)
    pool.run([job('valid', 'waits')])
    for (const name of ['a', 'b', 'c']) pool.run([job('valid', name)])
    expect(lost).toEqual(['no thread can be started: EAGAIN'])
    gives = true
    await until(() => outcomes.length === 4)
    expect(outcomes.map(({ status }) => status)).toEqual(['valid', 'valid', 'valid', 'valid'])
    // The spare takes the place of one that is lost, and for another spare there is no thread.
    gives = false
    pool.run([job('loop', 'hangs')])
    const refused = (): number => lost.filter((reason) => reason.startsWith('no thread')).length
    await until(() => refused() > 1)
    pool.run([job('valid', 'meanwhile')])
    await until(() => outcomes.length === 5)
    gives = true
    await until(() => outcomes.length === 6)
    expect(outcomes.slice(4).map(({ status }) => status)).toEqual(['valid', 'aborted'])
  })
})

test('what a thread is at is known for as long as it runs, also after the number of its batches has wrapped', async () => {
  let ready = (): void => undefined
  const isReady = new Promise<void>((resolve) => {
    ready = resolve
  })
  let answers = 0
  const handlers = { onReady: () => ready(), onOutcomes: () => answers++, onLost: () => undefined }
  const thread = new ProofThread({ genesis, libraries: [], verifiers: [] }, handlers, 2 ** 31 - 2)
  const send = (behaviour: TestBehaviour): void => {
    const { kind, claim, proof } = job(behaviour, behaviour).work
    thread.send(encodeBatch({ forget: false, mayStop: false, statements: [], jobs: [{ kind, claim, proof, blob: null }] }))
  }
  try {
    await isReady
    for (let nth = 1; nth <= 3; nth++) {
      send('valid')
      await until(() => answers === nth)
      expect(thread.at).toBe(null)
    }
    send('loop')
    await until(() => thread.at !== null)
    expect(thread.at).toEqual({ batch: 0, job: 0 })
  } finally {
    await thread.end()
  }
})

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(condition()).toBe(true)
}

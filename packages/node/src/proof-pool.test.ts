import { type Hash, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import { DEFAULT_PARAMETERS, encodeGenesis, genesisKinds } from '@aethel/ledger'
import { claimIdOf, type TestBehaviour, testClaim } from '@aethel/proofs'
import type { VerificationJob, VerificationOutcome } from '@aethel/replica'
import { afterEach, describe, expect, test, vi } from 'vitest'
// The built one: its worker is a file beside it.
import { ProofPool } from '../dist/proof-pool.js'

const kinds = genesisKinds(['test/1'])
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
  return { work: { key, kind: 'test/1', claim, proof: utf8('p'), claimId: claimIdOf('test/1', claim), cites: [] }, cited: [], priority }
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

function start(workers: number, stuckMs: number = 60_000, setup: Uint8Array = genesis): Run {
  const outcomes = new Map<VerificationJob, VerificationOutcome[]>()
  const order: VerificationJob[] = []
  const lost: string[] = []
  const pool = new ProofPool({
    workers,
    stuckMs,
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
  })

  test('a worker that cannot start is tried again slowly, and closing ends it', async () => {
    const run = start(1, 60_000, utf8('no genesis'))
    await vi.waitFor(() => expect(run.lost.length).toBeGreaterThanOrEqual(1), { timeout: 30_000, interval: 20 })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(run.lost.length).toBeLessThan(6)
  })
})

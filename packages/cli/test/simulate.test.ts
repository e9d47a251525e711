import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(() => folder.remove())

interface Answer {
  readonly status: string
  readonly seeds: number
  readonly events: number
  readonly blocks: number
  readonly coverage: Readonly<Record<string, number>>
  readonly transactions: number
  readonly virtualSeconds: number
  readonly transactionsPerVirtualSecond: number
  readonly drawn?: Readonly<Record<string, unknown>>
}

function answerOf(...options: readonly string[]): Answer {
  const { code, stdout } = aethel('simulate', '--json', ...options)
  expect(code).toBe(0)
  return JSON.parse(stdout) as Answer
}

describe('aethel simulate', () => {
  it('the number of worker threads changes nothing about what the seeds do', () => {
    const alone = answerOf('--seed', '40', '--seeds', '4')
    const together = answerOf('--seed', '40', '--seeds', '4', '--jobs', '2')
    expect(together).toMatchObject({ status: 'ok', seeds: 4, events: alone.events, blocks: alone.blocks, coverage: alone.coverage })
  })

  it('chosen faults and strategies are those that happen', () => {
    const { coverage } = answerOf('--seed', '3', '--seeds', '2', '--byzantine', '1:re-signer', '--faults', 'crashes')
    expect(coverage['crash']).toBeGreaterThan(0)
    expect(coverage['partition']).toBeUndefined()
    expect(coverage['lie: vote signed again and again']).toBeGreaterThan(0)
  })

  it('one seed says what it drew, and a strategy that no seed draws is to be had by name', () => {
    const answer = answerOf('--seed', '3', '--byzantine', '1:mangler')
    const { drawn, coverage } = answer
    const rounding = 0.5 * answer.transactionsPerVirtualSecond + 0.005 * answer.virtualSeconds + 0.01
    expect(Math.abs(answer.transactionsPerVirtualSecond * answer.virtualSeconds - answer.transactions)).toBeLessThan(rounding)
    expect(drawn).toMatchObject({ strategies: ['mangler'], lossRate: expect.any(Number) })
    expect(coverage['lie: mangled status']).toBeGreaterThan(0)
    expect(answerOf('--seed', '3', '--seeds', '2').drawn).toBeUndefined()
  })

  it('a trace is one JSON document per line, in order of time', () => {
    expect(aethel('simulate', '--seed', '3', '--blocks', '3', '--faults', 'none', '--trace', folder.file('run.jsonl')).code).toBe(0)
    const times = readFileSync(folder.file('run.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { atMs: number }).atMs)
    expect(times.length).toBeGreaterThan(10)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('distances come from a file, and a bad one is refused with what was expected', () => {
    writeFileSync(
      folder.file('near.json'),
      JSON.stringify({
        regions: ['here', 'there'],
        oneWayMs: [
          [1, 20],
          [20, 1],
        ],
      }),
    )
    writeFileSync(folder.file('bad.json'), JSON.stringify({ regions: ['here'], oneWayMs: [] }))
    expect(answerOf('--seed', '2', '--latency', folder.file('near.json')).status).toBe('ok')
    const refused = aethel('simulate', '--latency', folder.file('bad.json'))
    expect(refused.code).toBe(2)
    expect(errorLine(refused)).toContain('one row and one column per region')
  })

  it('more faulty ones than can be borne: forks happen, and each is proven', () => {
    const outcome = aethel('simulate', '--validators', '7', '--byzantine', '3', '--seeds', '3', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'ok', beyond: true, seeds: 3, forked: 3 })
  })

  it('an unknown strategy and too many faulty validators are usage errors', () => {
    expect(aethel('simulate', '--byzantine', '1:nonsense').code).toBe(2)
    expect(aethel('simulate', '--byzantine', '3').code).toBe(2) // of four: they would commit by themselves
    expect(aethel('simulate', '--faults', 'rain').code).toBe(2)
  })

  it('options that a kind of run does not look at are refused, not passed over: what went well without them says nothing', () => {
    const refused = (...args: readonly string[]): string => {
      const outcome = aethel('simulate', ...args)
      expect([args, outcome.code]).toEqual([args, 2])
      return errorLine(outcome)
    }
    expect(refused('--twins', '--seeds', '3', '--faults', 'loss')).toContain('expected no --faults with --twins')
    expect(refused('--twins', '--minutes', '1')).toContain('expected no --minutes with --twins')
    expect(refused('--twins', '--views', '1', '--seed', '7')).toContain('expected --seeds with --twins --seed')
    expect(refused('--twins', '--views', '1', '--seeds', '3', '--to', '4')).toContain('expected --seeds or --to with --twins')
    expect(refused('--transcript', fileURLToPath(new URL('.', import.meta.url)))).toContain('is a directory; name a file inside it')
    expect(refused('--transcript', '/nowhere/x.transcript')).toContain('there is no such file')
    expect(refused('--transcript', SHIPPED, '--validators', '7')).toContain('expected no --validators with --transcript')
    expect(refused('--crash-points', '400', '--seeds', '3')).toContain('expected no --seeds with --crash-points')
    expect(refused('--views', '3')).toContain('expected --views with --twins only')
  })

  it('a decision in --only that the seed does not draw is named', () => {
    const { code, stderr } = aethel('simulate', '--seed', '7', '--duration', '1', '--only', 'jitter,crash #999999')
    expect(code).toBe(0)
    expect(stderr).toContain('--only: seed 7 draws no "crash #999999"')
  })

  it('every nth effect boundary of a seed is crashed at', () => {
    const { code, stdout } = aethel('simulate', '--seed', '6', '--faults', 'none', '--crash-points', '400', '--json')
    expect(code).toBe(0)
    const answer = JSON.parse(stdout) as { crashPoints: number; boundaries: number }
    expect(answer.crashPoints).toBeGreaterThan(3)
    expect(answer.boundaries).toBeGreaterThan(answer.crashPoints * 100)
  })
})

describe('aethel simulate, interrupted', () => {
  /** Sends a signal once some seeds are done, as progress on stderr says, and waits for the end. */
  const interrupt = async (signal: 'SIGINT' | 'SIGTERM', ...args: readonly string[]): Promise<Outcome & { readonly afterMs: number }> => {
    const child = spawn(process.execPath, [BIN, 'simulate', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    let sentAt = 0
    child.stdout.on('data', (part) => {
      stdout += part
    })
    child.stderr.on('data', (part) => {
      stderr += part
      if (sentAt > 0 || !/[1-9]\d*\//.test(stderr)) return
      sentAt = performance.now()
      child.kill(signal)
    })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, stdout, stderr, afterMs: performance.now() - sentAt }
  }
  /** Half an hour of virtual time: a seed that is not over when the signal comes. */
  const LONG = ['--duration', '1800', '--seed', '5']

  it.each([
    ['SIGINT', ['--minutes', '5']],
    ['SIGTERM', ['--seeds', '1000000', '--jobs', '2']],
  ] as const)('%s stops it soon, with a summary of what was run and exit code 130', async (signal, options) => {
    const outcome = await interrupt(signal, ...options, '--json')
    expect(outcome.code).toBe(130)
    const answer = JSON.parse(outcome.stdout) as Answer
    expect(answer.status).toBe('interrupted')
    expect(answer.seeds).toBeGreaterThan(0)
    expect(answer.events).toBeGreaterThan(100)
    expect(outcome.afterMs).toBeLessThan(SOON_MS)
  })

  it('a seed that takes long is given up, not waited for', async () => {
    const child = spawn(process.execPath, [BIN, 'simulate', '--seeds', '2', ...LONG], { stdio: ['ignore', 'pipe', 'ignore'] })
    let stdout = ''
    child.stdout.on('data', (part) => {
      stdout += part
    })
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const sentAt = performance.now()
    child.kill('SIGINT')
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130)
    expect(stdout).toContain('interrupted: 0 seeds from 5')
    expect(performance.now() - sentAt).toBeLessThan(SOON_MS)
  })

  it('so are crash points, twins and runs beyond what can be borne, between one run and the next', async () => {
    const kinds = [
      ['--crash-points', '--seed', '6', '--faults', 'none'],
      ['--twins', '--seeds', '1000000'],
      ['--validators', '7', '--byzantine', '3', '--seeds', '1000000'],
    ]
    for (const kind of kinds) {
      const { code, stdout } = await interrupt('SIGINT', ...kind)
      expect([kind, code]).toEqual([kind, 130])
      expect(stdout).toMatch(/^interrupted: [1-9]/)
    }
  })
})

/** On a machine that is busy with other things. */
const SOON_MS = 10_000

const SHIPPED = fileURLToPath(new URL('../../simulator/transcripts/s4-one-replica-committed.transcript', import.meta.url))

describe('aethel simulate --transcript', () => {
  it('prints every statement with what it brought about, and ends with 0', () => {
    const outcome = aethel('simulate', '--transcript', SHIPPED)
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toContain('deliver COMMIT *->2')
    expect(outcome.stdout).toContain('2: committed, A at height 1')
  })

  it('ends with 7 at an expectation that fails, and with 2 at a word it does not know, naming the line', () => {
    const file = folder.file('wrong.transcript')
    writeFileSync(file, 'validators 4\nsubmit 0 A\ndeliver all\nexpect height 1 = 2\n')
    const failed = aethel('simulate', '--transcript', file)
    expect(failed.code).toBe(7)
    expect(errorLine(failed)).toContain('line 4, "expect height 1 = 2": expected validator 1 at height 2, got 1')
    writeFileSync(file, 'validators 4\nsubmit 0 A\njump 3\n')
    const unknown = aethel('simulate', '--transcript', file)
    expect(unknown.code).toBe(2)
    expect(errorLine(unknown)).toContain('line 3: expected one of submit, deliver')
  })
})

describe('aethel simulate --mutant with a transcript', () => {
  it('runs the schedule with the bug in it', () => {
    const outcome = aethel('simulate', '--mutant', 'prepared-block-forgotten', '--transcript', SHIPPED)
    expect(outcome.code).toBe(7)
    expect(outcome.stderr).toContain('planted prepared-block-forgotten')
    expect(outcome.stderr).toContain('one-chain-per-view')
  })
})

describe('aethel simulate --twins', () => {
  it('explores a range and reports it as one JSON document', () => {
    const outcome = aethel('simulate', '--twins', '--views', '2', '--from', '0', '--to', '16', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'ok', schedules: 16, validators: 4, twins: 1, views: 2 })
  })

  it('refuses a range that is not there', () => {
    const outcome = aethel('simulate', '--twins', '--views', '1', '--from', '16')
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('expected 0 <= --from < --to <= 16')
  })
})

/**
 * Runs one mutant until something catches it: the real `aethel simulate`, or vitest, as a process in the mutated copy. The same
 * run without the mutant must pass; otherwise whatever caught it proves nothing.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHECKOUT, createWorkspace } from './workspace.js'

export const FIRST_SEED = 1
export const MOST_SEEDS = 10_000_000
/** Of one test: the slowest takes eight seconds by itself, and must pass beside other programs on a busy machine. */
const TEST_MS = 300_000
/** Clocks say little on a machine that is busy with other things; a hunt that does nothing for so many times its limit is over all the same. */
const MOST_PATIENCE = 12
const LOOK_MS = 500
const TICK_MS = 10

/**
 * @typedef {{ status: 'killed', by: string, detail: string, seeds: number | null, seconds: number }
 *   | { status: 'survived', seeds: number | null, seconds: number }
 *   | { status: 'broken', detail: string, seconds: number }} Outcome
 */

/**
 * @param {string} root A workspace with the mutant planted.
 * @param {Pick<import('./mutant.js').Mutant, 'hunt' | 'traps'>} mutant
 * @param {number} limitMs
 * @returns {Promise<Outcome>}
 */
export async function runHunt(root, { hunt, traps }, limitMs) {
  const started = performance.now()
  const outcome =
    hunt.by === 'simulation' ? await simulate(root, hunt.options, MOST_SEEDS, limitMs) : await runTests(root, hunt, traps, limitMs)
  return { ...outcome, seconds: Math.round((performance.now() - started) / 100) / 10 }
}

/** @typedef {{ [K in Outcome['status']]: Omit<Extract<Outcome, { status: K }>, 'seconds'> }[Outcome['status']]} Finding */

/**
 * @param {string} root
 * @param {readonly string[]} options
 * @param {number} seeds
 * @param {number} limitMs
 * @returns {Promise<Finding>}
 */
async function simulate(root, options, seeds, limitMs) {
  const program = join(root, 'packages/cli/bin/aethel.js')
  const words = ['simulate', '--seed', `${FIRST_SEED}`, '--seeds', `${seeds}`, '--json', ...options]
  const run = await runProcess(root, [program, ...words], limitMs)
  if (run.timedOut) return { status: 'survived', seeds: lastSeed(run.stderr) }
  if (run.code === 0) return { status: 'survived', seeds }
  const report = parsed(run.stdout)
  if (run.code !== 7 || typeof report?.invariant !== 'string') {
    return { status: 'broken', detail: `exit code ${run.code}: ${(run.stderr || run.stdout).trim().slice(-400)}` }
  }
  return { status: 'killed', by: report.invariant, detail: String(report.message), seeds: Number(report.seed) - FIRST_SEED + 1 }
}

/** @param {string} stderr Progress lines `seeds 120/1000`. */
function lastSeed(stderr) {
  const last = [...stderr.matchAll(/^seeds (\d+)\//gm)].at(-1)
  return last === undefined ? 0 : Number(last[1])
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @typedef {Extract<import('./mutant.js').Hunt, { by: 'tests' }>} TestHunt */

/**
 * @param {string} root
 * @param {TestHunt} hunt
 * @param {readonly string[]} traps A failed test that carries one of these ids is the one to name.
 * @param {number} limitMs
 * @returns {Promise<Finding>}
 */
async function runTests(root, hunt, traps, limitMs) {
  const first = await runTestsOnce(root, hunt, traps, limitMs)
  // On a busy machine a test may be too slow without being wrong, or its worker not start in time. What the mutant does it does again.
  return first.onlySlow || first.finding.status === 'broken' ? (await runTestsOnce(root, hunt, traps, limitMs)).finding : first.finding
}

/**
 * @param {string} root
 * @param {TestHunt} hunt
 * @param {readonly string[]} traps
 * @param {number} limitMs
 * @returns {Promise<{ finding: Finding, onlySlow: boolean }>}
 */
async function runTestsOnce(root, { file, isOneEnough }, traps, limitMs) {
  const folder = mkdtempSync(join(tmpdir(), 'aethel-mutant-report-'))
  const output = join(folder, 'report.json')
  const vitest = join(CHECKOUT, 'node_modules/vitest/vitest.mjs')
  const words = [
    'run',
    '--root',
    root,
    '--reporter=json',
    `--outputFile=${output}`,
    `--testTimeout=${TEST_MS}`,
    ...(isOneEnough ? ['--bail=1'] : []),
    file,
  ]
  const run = await runProcess(root, [vitest, ...words], limitMs)
  const failed = failedTests(output)
  const passed = allPassed(output)
  rmSync(folder, { recursive: true, force: true })
  if (run.timedOut) return sure({ status: 'killed', by: `${file}: does not end`, detail: '', seeds: null })
  // On a busy machine vitest may end with an error although every test has passed: a worker took too long to leave.
  if (run.code === 0 || passed) return sure({ status: 'survived', seeds: null })
  if (failed.length === 0)
    return sure({ status: 'broken', detail: `exit code ${run.code}, no failed test: ${(run.stderr || run.stdout).trim().slice(-400)}` })
  const isAbout = (/** @type {FailedTest} */ { title }) => traps.some((trap) => title.split(':')[0]?.split(', ').includes(trap))
  const wrong = failed.filter(({ isSlow }) => !isSlow)
  const named = wrong.find(isAbout) ?? wrong[0] ?? failed.find(isAbout) ?? failed[0]
  const by = `${file}: ${named?.title}${named?.isSlow ? ' (too slow)' : ''}`
  return { finding: { status: 'killed', by, detail: `${failed.length} tests failed`, seeds: null }, onlySlow: wrong.length === 0 }
}

/** @param {Finding} finding */
function sure(finding) {
  return { finding, onlySlow: false }
}

/** @param {string} output */
function allPassed(output) {
  const report = parsed(readOr(output, ''))
  return report?.numTotalTests > 0 && report.numFailedTests === 0 && report.numFailedTestSuites === 0
}

/** @typedef {{ title: string, isSlow: boolean }} FailedTest */

/**
 * @param {string} output
 * @returns {FailedTest[]}
 */
function failedTests(output) {
  const report = parsed(readOr(output, ''))
  const assertions = (report?.testResults ?? []).flatMap((/** @type {any} */ result) => result.assertionResults)
  return assertions
    .filter((/** @type {any} */ each) => each.status === 'failed')
    .map((/** @type {any} */ each) => ({ title: each.title, isSlow: /timed out in \d+ms/.test(each.failureMessages?.join('') ?? '') }))
}

/**
 * @param {string} path
 * @param {string} otherwise
 */
function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}

/**
 * @param {string} cwd
 * @param {readonly string[]} words
 * @param {number} limitMs of processor time, its children's included; on the clock twelve times that
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string, timedOut: boolean }>}
 */
function runProcess(cwd, words, limitMs) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NO_COLOR: '1' }
    // A group of its own: what it starts is measured, and stopped, with it.
    const child = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env, detached: true })
    const { pid } = child
    const stop = () => {
      if (pid === undefined) return
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // it has ended already
      }
    }
    process.once('exit', stop)
    const began = performance.now()
    let stdout = ''
    let stderr = ''
    let timedOut = false
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr = (stderr + text).slice(-100_000)
    })
    const timer = setInterval(() => {
      if (pid === undefined || (cpuMsOfGroup(pid) < limitMs && performance.now() - began < MOST_PATIENCE * limitMs)) return
      timedOut = true
      stop()
    }, LOOK_MS)
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(timer)
      process.off('exit', stop)
      resolve({ code, stdout, stderr, timedOut })
    })
  })
}

/**
 * Processor time of a process group, so far. Where there is no /proc it is unknown, and the clock alone decides.
 *
 * @param {number} group
 */
function cpuMsOfGroup(group) {
  let ticks = 0
  for (const name of existsSync('/proc/self/stat') ? readdirSync('/proc') : []) {
    const fields = /^\d+$/.test(name) ? readOr(`/proc/${name}/stat`, '').split(') ')[1]?.split(' ') : undefined
    if (fields !== undefined && Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12])
  }
  return TICK_MS * ticks
}

/**
 * Remembers, per run, how far it is known to pass without any mutant: in a copy like those in which mutants are planted, and within the
 * same time. What fails there, or takes longer, without a mutant says nothing about one.
 */
export class Baseline {
  /** @type {import('./workspace.js').Workspace | null} */
  #workspace = null
  /** @type {Map<string, number>} */
  #seedsPassed = new Map()
  /** @type {Map<string, Promise<void>>} */
  #pending = new Map()

  /**
   * @param {import('./mutant.js').Hunt} hunt
   * @param {number} seeds
   * @param {number} limitMs that a hunt has
   * @returns {Promise<void>} Rejects where the engine itself fails.
   */
  async require(hunt, seeds, limitMs) {
    const key = hunt.by === 'simulation' ? hunt.options.join(' ') : hunt.file
    const before = this.#pending.get(key) ?? Promise.resolve()
    const next = before.then(() => this.#check(hunt, key, seeds, limitMs))
    this.#pending.set(key, next)
    return next
  }

  /**
   * One hunt that fails without its mutant says nothing about the others: it is that mutant's outcome, and the run goes on.
   * @param {import('./mutant.js').Hunt} hunt
   * @param {number} seeds
   * @param {number} limitMs
   * @returns {Promise<Outcome | null>}
   */
  async failure(hunt, seeds, limitMs) {
    try {
      await this.require(hunt, seeds, limitMs)
      return null
    } catch (error) {
      return { status: 'broken', detail: error instanceof Error ? error.message : String(error), seconds: 0 }
    }
  }

  /**
   * @param {import('./mutant.js').Hunt} hunt
   * @param {string} key
   * @param {number} seeds
   * @param {number} limitMs
   */
  async #check(hunt, key, seeds, limitMs) {
    const wanted = hunt.by === 'simulation' ? seeds : 1
    if ((this.#seedsPassed.get(key) ?? 0) >= wanted) return
    this.#workspace ??= createWorkspace()
    const { root } = this.#workspace
    const run = hunt.by === 'simulation' ? simulate(root, hunt.options, seeds, 3_600_000) : runTests(root, hunt, [], limitMs)
    const finding = await run
    if (finding.status !== 'survived') {
      const why = finding.status === 'killed' ? `${finding.by}: ${finding.detail}` : finding.detail
      throw new Error(`the engine without any mutant fails "${key || 'the default run'}": ${why}`)
    }
    this.#seedsPassed.set(key, wanted)
  }

  /** The copy goes. */
  close() {
    this.#workspace?.remove()
    this.#workspace = null
  }
}

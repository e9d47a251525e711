/** Two builds in one run: what a version may change breaks nothing, and what it may not is called by its name, not taken for a broken promise. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CHECKOUT, createWorkspace } from './lib/workspace.js'
import { INCOMPATIBLE, LEGAL, OTHER_STORE } from './versions.js'

const LIMIT_MS = 110_000
const PROGRAM = join(CHECKOUT, 'packages/cli/bin/aethel.js')

const workspace = createWorkspace()
afterAll(() => workspace.remove())

/**
 * @param {import('./versions.js').Version} version
 * @param {readonly string[]} options
 */
function simulateWith({ id, edits }, options) {
  workspace.plant({ id, edits, traps: [], bug: '', hunt: { by: 'tests', file: '', isOneEnough: true } })
  const words = [PROGRAM, 'simulate', '--other-build', workspace.root, ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: LIMIT_MS })
  return { status, stdout, stderr }
}

/** @param {string} report */
function countsIn(report) {
  const { events, messages, blocks, transactions, viewChanges, latencyMs } = JSON.parse(report)
  expect([events, messages, blocks].every((count) => count > 0)).toBe(true)
  return { events, messages, blocks, transactions, viewChanges, latencyMs }
}

describe('validators of two builds', () => {
  it.each([
    ['the tally machine', ['--seed', '1', '--seeds', '24']],
    ['the tally machine, seven validators', ['--seed', '101', '--seeds', '8', '--validators', '7']],
    ['the ledger', ['--seed', '201', '--seeds', '10', '--application', 'ledger']],
  ])('keep every promise with %s, upgraded and put back on their stores, where the builds differ in what may differ', (_, options) => {
    const { status, stdout, stderr } = simulateWith(LEGAL, [...options, '--coverage'])
    expect(status === 0 ? '' : stdout + stderr).toBe('')
    expect(stdout).toContain('build: the current one starts on the store of the other one')
    expect(stdout).toContain('build: the other one starts on the store of the current one')
    expect(stdout).toMatch(/build: block final while [12] run the other one/)
  })

  it('change nothing, event by event, where the builds are copies: what passes in bytes is what passed before', () => {
    for (const application of ['tally', 'ledger']) {
      const options = ['--seed', '301', '--seeds', '8', '--application', application, '--json']
      const alone = spawnSync(process.execPath, [PROGRAM, 'simulate', ...options], { encoding: 'utf8', timeout: LIMIT_MS })
      const { status, stdout } = simulateWith({ id: 'copy', edits: [] }, options)
      expect(status).toBe(0)
      expect(countsIn(stdout)).toEqual(countsIn(alone.stdout))
    }
  })

  it('are another run than those of one build, the same each time', () => {
    const options = ['--seed', '64', '--json']
    const alone = spawnSync(process.execPath, [PROGRAM, 'simulate', ...options], { encoding: 'utf8', timeout: LIMIT_MS })
    // Seed 64 is run twice, and compared.
    const { status, stdout } = simulateWith(LEGAL, options)
    expect(status).toBe(0)
    expect(JSON.parse(stdout).events).not.toBe(JSON.parse(alone.stdout).events)
  })

  it.each(INCOMPATIBLE.map((version) => [version.id, version]))(
    '%s: the run says that the builds cannot run together, and why',
    (_, version) => {
      const { status, stdout, stderr } = simulateWith(version, ['--seed', '1', '--seeds', '10', '--json', ...version.options])
      expect([status, stderr]).toEqual([version.code, expect.stringContaining(version.says)])
      if (status === 7) expect(JSON.parse(stdout)).toMatchObject({ status: 'violation', invariant: 'compatible-builds' })
    },
  )

  it('keep their builds where one does not start on a store of the other, and the run says so', () => {
    const { status, stdout, stderr } = simulateWith(OTHER_STORE, ['--seed', '1', '--seeds', '10', '--coverage'])
    expect([status, stderr]).toEqual([0, expect.stringContaining('every validator keeps its build')])
    expect(stdout).toContain('build: started again')
    expect(stdout).not.toContain('starts on the store of')
  })

  it('--other-build names a checkout that was built', () => {
    const words = [PROGRAM, 'simulate', '--other-build', join(CHECKOUT, 'docs')]
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: LIMIT_MS })
    expect([status, stderr]).toEqual([2, expect.stringContaining('expected a checkout that was built')])
  })
})

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Baseline, runHunt } from './lib/hunt.js'
import { formatTable } from './lib/table.js'
import { CHECKOUT, createWorkspace, patched } from './lib/workspace.js'
import { chooseMutants, MUTANTS } from './list.js'

const LIMIT_MS = 60_000

describe('the list of mutants', () => {
  it('names each once, with its traps, its bug and what hunts it', () => {
    expect(new Set(MUTANTS.map((mutant) => mutant.id)).size).toBe(MUTANTS.length)
    for (const { id, traps, bug, edits } of MUTANTS) {
      expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
      expect([id, traps.length > 0, bug.length > 0, edits.length > 0]).toEqual([id, true, true, true])
    }
  })

  it.each(MUTANTS.map((mutant) => [mutant.id, mutant]))('%s fits the source: one place to patch, and the patch changes it', (_, mutant) => {
    for (const file of new Set(mutant.edits.map((edit) => edit.file))) expect(patched(mutant, file).length).toBeGreaterThan(0)
    for (const edit of mutant.edits) expect(edit.after).not.toBe(edit.before)
  })

  it('refuses an id that is none, and a patch that fits nowhere', () => {
    expect(() => chooseMutants(['no-such-bug'])).toThrow('no-such-bug')
    const [some] = MUTANTS
    const file = some?.edits[0]?.file ?? ''
    expect(() => patched({ ...some, edits: [{ file, before: 'these words stand nowhere', after: '' }] }, file)).toThrow('exactly once')
  })
})

describe('a few of them, hunted', () => {
  const workspace = createWorkspace()
  const baseline = new Baseline()
  afterAll(() => {
    workspace.remove()
    baseline.close()
  })

  const hunted = /** @type {const} */ ([
    ['quorum-two-f-plus-one', /^(agreement|certificate|commit-is-prepared)$/],
    ['vote-not-persisted', /^sent-implies-durable$/],
    ['quorum-in-doubles', /A10/],
  ])

  it.each(hunted)('S13: %s is caught, and without it the same run passes', async (id, by) => {
    const [mutant] = chooseMutants([id])
    workspace.plant(mutant)
    const outcome = await runHunt(workspace.root, mutant, LIMIT_MS)
    if (outcome.status !== 'killed') throw new Error(`expected it to be killed, got ${outcome.status}`)
    expect(outcome.by).toMatch(by)
    expect(formatTable([{ mutant, outcome }])).toContain(id)
    await baseline.require(mutant.hunt, outcome.seeds ?? 1, LIMIT_MS)
  })

  /** @param {import('./lib/mutant.js').Mutant} mutant */
  const harmless = (mutant) => ({
    ...mutant,
    edits: mutant.edits.slice(0, 1).map((edit) => ({ ...edit, after: `${edit.before}// the same\n` })),
  })

  it('S13: a patch that changes nothing survives: what is caught is the bug', async () => {
    const [mutant] = chooseMutants(['quorum-two-f-plus-one'])
    workspace.plant(harmless(mutant))
    const outcome = await runHunt(workspace.root, mutant, 3_000)
    expect(outcome.status).toBe('survived')
  })

  it('S13: nor is it caught by tests that read files outside the packages', async () => {
    const [mutant] = chooseMutants(['far-places-are-free'])
    workspace.plant(harmless(mutant))
    const outcome = await runHunt(workspace.root, mutant, LIMIT_MS)
    expect(outcome).toMatchObject({ status: 'survived' })
  })

  it('S13: tests that do not end in time without a mutant do not catch one', async () => {
    const [mutant] = chooseMutants(['far-places-are-free'])
    const short = new Baseline()
    const failure = await short.failure(mutant.hunt, 1, 50)
    short.close()
    expect(failure).toMatchObject({ status: 'broken', detail: expect.stringContaining('does not end') })
  })

  it('aethel simulate --mutant plants one, ends with exit code 7, and the command it prints replays that run', () => {
    const words = [join(CHECKOUT, 'packages/cli/bin/aethel.js'), 'simulate', '--mutant', 'quorum-half', '--json']
    const run = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: LIMIT_MS })
    expect(run.status).toBe(7)
    const { status, invariant, seed, command } = JSON.parse(run.stdout)
    expect(status).toBe('violation')
    expect(command).toMatch(/^npx aethel simulate .* --mutant quorum-half$/)
    expect(run.stderr).toContain(`replay: ${command}`)
    const again = spawnSync(process.execPath, [words[0] ?? '', ...command.split(' ').slice(2), '--json'], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    })
    expect(again.status).toBe(7)
    expect(JSON.parse(again.stdout)).toMatchObject({ invariant, seed })
  })

  it('aethel simulate --mutant refuses an id that is none with exit code 2', () => {
    const words = [join(CHECKOUT, 'packages/cli/bin/aethel.js'), 'simulate', '--mutant', 'no-such-bug']
    const run = spawnSync(process.execPath, words, { encoding: 'utf8', timeout: LIMIT_MS })
    expect([run.status, run.stderr.split('\n').length]).toEqual([2, 2])
  })
})

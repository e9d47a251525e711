/** What the logs are read for must be what validators write: names that nobody logs would make the verdict one that cannot fail. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { Governance } from './governance.js'
import { converged, examine, FATAL, OFFENCES, readLogs } from './verdict.js'

const NODE = fileURLToPath(new URL('../packages/node/src/', import.meta.url))

/** @param {object[]} events */
function problemsOf(...events) {
  const log = events.map((event) => JSON.stringify({ level: 'error', time: 1, validator: 0, ...event })).join('\n')
  return readLogs([{ index: 0, log: () => log }]).problems
}

it('an offence, a fork and a bug are problems; a full disk and what is usual are none', () => {
  for (const event of OFFENCES) expect(problemsOf({ event: 'started' }, { event, offence: 'equivocation', validator: 1 })).toHaveLength(1)
  expect(problemsOf({ event: FATAL, code: 'internal', message: 'internal error' })).toHaveLength(1)
  expect(problemsOf({ event: FATAL, code: 'disk-full', message: 'the disk is full' })).toEqual([])
  expect(problemsOf({ event: 'started' }, { event: 'view-entered', view: 1 }, { event: 'view-change-started', reason: 'timeout' })).toEqual(
    [],
  )
})

it('the node logs each of these under the name that is looked for', () => {
  const source = readdirSync(NODE)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${NODE}${name}`, 'utf8'))
    .join('\n')
  for (const event of [...OFFENCES, FATAL, 'view-entered', 'started', 'snapshot-begun', 'snapshot-restored', 'snapshot-given-up'])
    expect(source, event).toMatch(new RegExp(`'${event}'`))
  for (const event of [...OFFENCES, FATAL]) expect(source, event).toContain(`event: '${event}'`)
  expect(source).toContain("new AethelError('internal',")
})

/** A validator that is played here: each block as the hash and the transactions it has. @param {number} index @param {readonly { hash: string, ids: string[] }[]} chain */
function played(index, chain, gaps = []) {
  return /** @type {any} */ ({
    index,
    startMs: 500,
    status: async () => ({ sync: { gaps } }),
    client: {
      status: async () => ({ height: chain.length, hash: chain.at(-1)?.hash, pending: 0, waiting: 0 }),
      blocks: async (/** @type {number} */ from, /** @type {number} */ limit) =>
        chain.flatMap(({ hash }, at) => (hash !== '' && at + 1 >= from && at + 1 < from + limit ? [{ height: at + 1, hash }] : [])),
      transactionIds: async (/** @type {number} */ at) => chain[at - 1]?.ids ?? [],
      isFinal: async () => true,
    },
  })
}

/** @param {readonly { id: string, height: number }[]} acknowledged */
function told(acknowledged, sent = acknowledged.map(({ id }) => id)) {
  return /** @type {any} */ ({
    acknowledged: acknowledged.map((each) => ({ ...each, validator: 0 })),
    sent: new Set(sent),
    claims: new Map(),
  })
}

const A = { hash: 'a', ids: ['x'] }
const B = { hash: 'b', ids: ['y'] }
const OTHER = { hash: 'c', ids: ['z'] }
const XYZ = ['x', 'y', 'z']

it('two chains that never come together are named as such, and what was acknowledged below is not lost', async () => {
  const validators = [played(0, [A, B]), played(1, [A, B]), played(2, [A, OTHER]), played(3, [A, OTHER, B])]
  const { height, answering, problem } = await converged(validators, 300)
  expect(problem).toContain('did not come together')
  expect(height).toBe(2)
  const found = await examine(answering, height, told([{ id: 'x', height: 1 }], XYZ), null)
  expect(found.problems).toEqual([expect.stringContaining('validators 0 and 2 have different blocks at height 2')])
  expect(found).toMatchObject({ lost: 0, doubled: 0, unjudged: 0 })
})

it('a validator that is silent or behind leaves the others to be examined; what lies above is not judged, and not lost', async () => {
  const silent = played(1, [A, B])
  silent.client.status = async () => {
    throw new Error('silent')
  }
  const { height, answering, problem } = await converged([played(0, [A, B]), silent, played(2, [A])], 300)
  expect(problem).toContain('silent')
  expect({ height, answering: answering.map(({ index }) => index) }).toEqual({ height: 1, answering: [0, 2] })
  const clients = told([
    { id: 'x', height: 1 },
    { id: 'y', height: 2 },
  ])
  expect(await examine(answering, height, clients, null)).toEqual({ problems: [], lost: 0, doubled: 0, unjudged: 1 })
})

it('what was acknowledged and is nowhere, elsewhere or twice, what nobody sent, and a hole in a chain are problems', async () => {
  const whole = [played(0, [A, B]), played(1, [A, B])]
  const { height, answering, problem } = await converged(whole, 300)
  expect(problem).toBeNull()
  const judge = (/** @type {any} */ clients, validators = answering) => examine(validators, height, clients, null)
  expect((await judge(told([{ id: 'x', height: 1 }], XYZ))).problems).toEqual([])
  expect(await judge(told([{ id: 'z', height: 1 }], XYZ))).toMatchObject({ lost: 1, problems: [expect.stringContaining('no height')] })
  expect(await judge(told([{ id: 'x', height: 2 }], XYZ))).toMatchObject({ lost: 1, problems: [expect.stringContaining('has it at 1')] })
  expect((await judge(told([], ['x']))).problems).toEqual([expect.stringContaining('y at height 2 was never submitted')])
  const twice = [played(0, [A, { hash: 'b', ids: ['x'] }])]
  expect(await examine(twice, 2, told([], XYZ), null)).toMatchObject({ doubled: 1, problems: [expect.stringContaining('twice')] })
  const hole = { hash: '', ids: [] }
  await expect(judge(told([], XYZ), [played(0, [A, B]), played(1, [hole, B])])).rejects.toThrow('serves no block at height 1')
  expect((await judge(told([], XYZ), [played(0, [A, B]), played(1, [hole, B], [{ from: 1, to: 1 }])])).problems).toEqual([])
})

it('strangers in the chain are forgiven only for changes of the validators whose ids nobody was told', async () => {
  /** @type {string[]} */
  const violations = []
  const options = {
    validators: [],
    keyFiles: [],
    random: null,
    say: () => undefined,
    violated: (/** @type {string} */ text) => violations.push(text),
  }
  const governance = new Governance(/** @type {any} */ (options))
  const judge = () => examine([played(0, [A, B])], 2, told([{ id: 'x', height: 1 }]), governance)
  governance.note('a change', 5, JSON.stringify({ status: 'timeout', id: 'told' }))
  governance.note('a change', 3, JSON.stringify({ status: 'refused', id: 'refused' }))
  expect((await judge()).problems).toEqual([expect.stringContaining('y at height 2 was never submitted')])
  governance.note('a change', 6, JSON.stringify({ status: 'error', code: 'unreachable' }), 'aethel: no answer')
  expect((await judge()).problems).toEqual([])
  expect(violations).toEqual([])
  governance.note('a change', 1, '', 'aethel: this should not have happened')
  expect(violations).toEqual([expect.stringContaining('should not have happened')])
})

it('who left between two keys does not come back with the old one, which is about to go', async () => {
  const home = mkdtempSync(join(tmpdir(), 'aethel-governance-'))
  writeFileSync(join(home, 'config.json'), JSON.stringify({ peers: [] }))
  /** @type {string[][]} */
  const ran = []
  const listing = { next: { validators: [1, 2, 3, 4].map((seat) => ({ seat, power: '1', contact: null })) } }
  const options = {
    validators: [0, 1, 2, 3, 4].map((index) => ({ index, home, state: 'up', client: { url: '', validators: async () => listing } })),
    keyFiles: [],
    random: { pick: (/** @type {any[]} */ items) => items[0], chance: () => true },
    say: () => undefined,
    violated: () => undefined,
    run: async (/** @type {string[]} */ args) => {
      ran.push(args)
      return { code: 0, output: JSON.stringify({ status: 'final' }), errors: '' }
    },
  }
  const governance = new Governance(/** @type {any} */ (options))
  writeFileSync(join(home, 'consensus-next.key'), '')
  await governance.change()
  expect(ran.flat()).not.toContain('--join')
  rmSync(join(home, 'consensus-next.key'))
  await governance.change()
  expect(ran.flat()).toContain('--join')
  rmSync(home, { recursive: true })
})

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8]

it.each([
  ['forgiven', 'another knows that it has left', ALL.slice(0, 8), []],
  ['a violation', 'everybody knows it', ALL, [expect.stringContaining('unknown-validator')]],
])('a change of a validator that is unknown where it is proposed is %s if %s', async (_, __, seatsElsewhere, expected) => {
  const home = mkdtempSync(join(tmpdir(), 'aethel-governance-'))
  writeFileSync(join(home, 'config.json'), JSON.stringify({ peers: [] }))
  const listed = (/** @type {number[]} */ seats) => ({ next: { validators: seats.map((seat) => ({ seat, power: '1', contact: null })) } })
  const playedBy = (/** @type {number} */ index, /** @type {number[]} */ seats) => ({
    index,
    home,
    state: 'up',
    client: { url: '', validators: async () => listed(seats) },
  })
  /** @type {string[]} */
  const violations = []
  const options = {
    validators: ALL.map((index) => playedBy(index, index === 0 ? ALL : seatsElsewhere)),
    keyFiles: [],
    random: { pick: (/** @type {any[]} */ items) => items.at(-1), chance: () => false },
    say: () => undefined,
    violated: (/** @type {string} */ text) => violations.push(text),
    run: async () => ({ code: 2, output: JSON.stringify({ status: 'error', code: 'unknown-validator' }), errors: '' }),
  }
  const governance = new Governance(/** @type {any} */ (options))
  await governance.change()
  rmSync(home, { recursive: true })
  expect(violations).toEqual(expected)
})

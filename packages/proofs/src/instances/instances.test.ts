/** The bundled instances are what the generators and the solver make, no more and no less, and every one is proved. */
import { readdirSync, readFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { describe, expect, test } from 'vitest'
import { isSatisfiable } from '../../test/slow-lrat-checker.js'
import { claimIdOf } from '../claim-id.js'
import { checkLrat, clausesToClaim, cnfToClaim, LRAT_KIND } from '../lrat/index.js'
import {
  adderAssociativity,
  BUNDLED_INSTANCES,
  gridParity,
  multiplierCommutativity,
  multiplierDistributivity,
  parityChains,
  pigeonhole,
  refute,
  toBinaryLrat,
  toDimacs,
} from './index.js'

const folder = new URL('../../instances/', import.meta.url)
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)))
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(Buffer.from(b))
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as {
  name: string
  claimId: string
  gas: number
  lratBytes: number
}[]

describe('bundled instances', () => {
  test('are at least 24 different claims, small enough to travel inside a transaction', () => {
    expect(BUNDLED_INSTANCES.length).toBeGreaterThanOrEqual(24)
    expect(new Set(manifest.map((entry) => entry.claimId)).size).toBe(BUNDLED_INSTANCES.length)
    expect(manifest.map((entry) => entry.name)).toEqual(BUNDLED_INSTANCES.map((instance) => instance.name))
    expect(Math.max(...manifest.map((entry) => entry.lratBytes))).toBeLessThanOrEqual(60 * 1024)
    const files = readdirSync(folder).filter((file) => file.endsWith('.cnf') || file.endsWith('.lrat'))
    expect(files.toSorted()).toEqual(BUNDLED_INSTANCES.flatMap(({ name }) => [`${name}.cnf`, `${name}.lrat`]).toSorted())
  })

  test.each(BUNDLED_INSTANCES.map((instance) => [instance.name, instance] as const))('%s', (name, instance) => {
    const entry = manifest.find((candidate) => candidate.name === name)
    const formula = instance.formula()
    const cnf = read(`${name}.cnf`)
    const lrat = read(`${name}.lrat`)
    expect(same(toDimacs(formula), cnf)).toBe(true)
    expect(same(instance.certificate(), lrat)).toBe(true)
    expect(checkLrat(cnf, lrat)).toMatchObject({ status: 'valid', gas: entry?.gas })
    const claim = cnfToClaim(cnf)
    if (!claim.ok) throw new Error(claim.error.message)
    expect(toHex(claimIdOf(LRAT_KIND, claim.value))).toBe(entry?.claimId)
    expect(same(clausesToClaim(formula.clauses), claim.value)).toBe(true)

    const sibling = instance.satisfiableSibling()
    const outcome = refute(sibling, { conflicts: 20_000 })
    if (outcome.status !== 'satisfiable') throw new Error(`${sibling.name}: ${outcome.status}`)
    expect(sibling.clauses.every((clause) => clause.some((literal) => outcome.model[Math.abs(literal)] === literal > 0))).toBe(true)
    expect(checkLrat(toDimacs(sibling), lrat).status).toBe('invalid')
  })
})

test('a chain of implications as long as a formula may be is refuted like a short one', () => {
  const length = 20_000
  const [last, e, f] = [length + 1, length + 2, length + 3]
  const clauses = Array.from({ length }, (_, i) => [-(i + 1), i + 2])
  clauses.push([-e, -last, f], [-e, -last, -f], [e, -last, f], [e, -last, -f], [1, f], [1, -f])
  const formula = { name: 'a long chain', variables: f, clauses }
  const outcome = refute(formula, { conflicts: 100 })
  if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
  expect(checkLrat(toDimacs(formula), toBinaryLrat(outcome.steps))).toMatchObject({ status: 'valid' })
})

test('the generators mean what they say, by trying all assignments where that is possible', () => {
  for (const pigeons of [1, 2, 3, 4]) {
    for (const holes of [1, 2, 3, 4]) expect(isSatisfiable(pigeonhole(pigeons, holes).clauses)).toBe(pigeons <= holes)
  }
  for (const seed of [0, 1, 2]) {
    expect(isSatisfiable(parityChains(4, seed, 'differ').clauses)).toBe(false)
    expect(isSatisfiable(parityChains(4, seed, 'agree').clauses)).toBe(true)
  }
  expect(isSatisfiable(gridParity(3, 2, 'odd').clauses)).toBe(false)
  expect(isSatisfiable(gridParity(3, 2, 'even').clauses)).toBe(true)
  expect(isSatisfiable(adderAssociativity(1, 'sound').clauses)).toBe(false)
  expect(isSatisfiable(adderAssociativity(1, 'faulty').clauses)).toBe(true)
})

test('the arithmetic circuits compute: with all inputs fixed, propagation alone gives the product and the sum', () => {
  // A miter without its last clause (some output differs) is satisfied by every input, with equal outputs.
  for (const [formula, inputs] of [
    [multiplierCommutativity(3, 'sound'), 6],
    [adderAssociativity(2, 'sound'), 6],
    [multiplierDistributivity(2, 'sound'), 6],
  ] as const) {
    const circuit = formula.clauses.slice(0, -1)
    const differences = formula.clauses.at(-1) as readonly number[]
    for (let bits = 0; bits < 1 << inputs; bits++) {
      const units = Array.from({ length: inputs }, (_, i) => [((bits >> i) & 1) === 1 ? i + 1 : -(i + 1)])
      const outcome = refute({ ...formula, clauses: [...circuit, ...units] }, { conflicts: 10 })
      if (outcome.status !== 'satisfiable') throw new Error(`${formula.name}: ${outcome.status}`)
      expect(differences.map((difference) => outcome.model[difference])).toEqual(differences.map(() => false))
    }
  }
})

/** Inputs of `sat-model/1`. */
import { clausesToClaim, encodeModel, satModelVerifier } from '@aethel/proofs'
import { randomStream } from '../../packages/simulator/dist/random.js'
import { runOf } from './run.js'

/** Random clauses that an assignment drawn before satisfies. @param {number} variables @param {number} clauses @param {number} length */
function planted(variables, clauses, length) {
  const random = randomStream(7, 'planted')
  const values = Array.from({ length: variables + 1 }, () => random.below(2) === 1)
  const list = Array.from({ length: clauses }, () => {
    const clause = Array.from({ length }, () => {
      const v = 1 + random.below(variables)
      return random.below(2) === 1 ? v : -v
    })
    const v = 1 + random.below(variables)
    return [...clause.slice(1), values[v] ? v : -v]
  })
  const used = Math.max(...list.map((clause) => Math.max(...clause.map(Math.abs))))
  return { claim: clausesToClaim(list), model: encodeModel(used, (v) => values[v] === true) }
}

/** @param {string} name @param {'typical' | 'hostile'} nature @param {() => { claim: Uint8Array, model: Uint8Array }} make */
const input = (name, nature, make) => ({
  name,
  nature,
  prepare: () => {
    const { claim, model } = make()
    return runOf(satModelVerifier(), claim, model)
  },
})

/** @type {import('./run.js').GasKind} */
export const satModelInputs = {
  kind: 'sat-model/1',
  inputs: () => [
    input('random 3-SAT, 20 thousand variables', 'typical', () => planted(20_000, 80_000, 3)),
    input('random 3-SAT, 50 variables', 'typical', () => planted(50, 200, 3)),
    input('clauses of one literal, as many as fit', 'hostile', () => {
      const variables = 500_000
      return {
        claim: clausesToClaim(Array.from({ length: variables }, (_, i) => [((i * 7919) % variables) + 1])),
        model: encodeModel(variables, () => true),
      }
    }),
    input('one clause with every variable', 'hostile', () => {
      const variables = 1_000_000
      return { claim: clausesToClaim([Array.from({ length: variables }, (_, i) => i + 1)]), model: encodeModel(variables, (v) => v === 7) }
    }),
    input('the first of many clauses is false', 'hostile', () => {
      const { claim, model } = planted(20_000, 80_000, 3)
      return { claim, model: model.map((byte) => ~byte) }
    }),
    input('one literal', 'hostile', () => ({ claim: clausesToClaim([[1]]), model: Uint8Array.of(1) })),
    input('a model of the wrong length', 'hostile', () => ({ claim: planted(20_000, 80_000, 3).claim, model: Uint8Array.of(1) })),
  ],
}

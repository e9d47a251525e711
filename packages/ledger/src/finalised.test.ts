import { type Hash, hash, keyOf } from '@aethel/codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { axiomSetOf } from './axiom-set.js'
import { type CitedClaim, FinalisedClaims } from './finalised.js'

/** A state that knows by itself what is final in it. */
interface State {
  readonly claims: ReadonlyMap<string, CitedClaim>
}

const idOf = (claim: number): Hash => hash(new Uint8Array(32).fill(claim))
const claimed = (claim: number, state: number): CitedClaim => ({
  library: 'l',
  axioms: axiomSetOf([Math.min(claim, state), Math.max(claim, state)]),
  statement: Uint8Array.of(claim, state),
})

const fresh = (): State => ({ claims: new Map() })
const CLAIMS = 12

/** What to do next; numbers choose among what there is. */
const deeds = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('extend' as const), parent: fc.nat(), claim: fc.nat(CLAIMS - 1) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('settle' as const), state: fc.nat() }) },
    { weight: 6, arbitrary: fc.record({ type: fc.constant('find' as const), state: fc.nat(), claim: fc.nat(CLAIMS - 1) }) },
  ),
  { maxLength: 120 },
)

test('F1: whatever was seen, settled and dropped before, a state says what its own maps say', () => {
  fc.assert(
    fc.property(deeds, (list) => {
      const finalised = new FinalisedClaims<State>((state, claimId) => state.claims.get(keyOf(claimId)))
      const states = [fresh()]
      for (const deed of list) {
        const at = states[(deed.type === 'extend' ? deed.parent : deed.state) % states.length] as State
        if (deed.type === 'settle') finalised.settle(at)
        else if (deed.type === 'extend') {
          const key = keyOf(idOf(deed.claim))
          const added = at.claims.has(key) ? new Map() : new Map([[key, claimed(deed.claim, states.length)]])
          const child = { claims: new Map([...at.claims, ...added]) }
          finalised.extend(at, child, added)
          states.push(child)
        } else {
          const id = idOf(deed.claim)
          const expected = at.claims.get(keyOf(id))
          expect(finalised.find(at, keyOf(id))).toEqual(expected)
          expect([expected, undefined]).toContainEqual(finalised.atHand(at, keyOf(id)))
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

test('what a settled state brought is at hand for all that stand on it, and for nobody else', () => {
  const finalised = new FinalisedClaims<State>(() => undefined)
  const [genesis, block, other, child] = [fresh(), fresh(), fresh(), fresh()]
  const key = keyOf(idOf(1))
  finalised.settle(genesis)
  finalised.extend(genesis, block, new Map([[key, claimed(1, 1)]]))
  finalised.extend(genesis, other, new Map())
  finalised.extend(block, child, new Map())
  const seen = (): boolean[] => [genesis, block, other, child].map((state) => finalised.atHand(state, key) !== undefined)
  expect(seen()).toEqual([false, true, false, true])
  finalised.settle(block)
  expect(seen()).toEqual([false, true, false, true])
  finalised.settle(other) // another chain: nothing of the first may count
  expect(seen()).toEqual([false, false, false, false])
})

test('what is kept is bounded, and what is cited again stays', () => {
  const ids = Array.from({ length: 40_000 }, (_, i) =>
    hash(Uint8Array.from({ length: 32 }, (_, at) => (at < 4 ? (i >> (8 * at)) & 255 : 7))),
  )
  let walks = 0
  const finalised = new FinalisedClaims<State>((_, claimId) => {
    walks++
    return claimed(claimId[0] as number, 0)
  })
  const state = fresh()
  finalised.settle(state)
  const popular = ids[0] as Hash
  for (const id of ids) {
    finalised.find(state, keyOf(id))
    finalised.find(state, keyOf(popular))
  }
  expect(walks).toBe(ids.length)
  expect(finalised.size).toBeLessThanOrEqual(2 * 16_384)
})

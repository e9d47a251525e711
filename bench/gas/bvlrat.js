/** Inputs of `bvlrat/1`: the verification conditions of its benchmark, and scripts that make the encoder work and prove nothing. */
import { bvlratVerifier, scriptToClaim } from '@aethel/proofs'
import { conditions } from '../bvlrat.js'
import { runOf, runOfAll } from './run.js'

const NO_PROOF = Uint8Array.of(0x61)

/** @param {string} name @param {string} script */
function encodedOnly(name, script) {
  return {
    name,
    nature: /** @type {const} */ ('hostile'),
    prepare: () => {
      const claim = scriptToClaim(new TextEncoder().encode(script))
      if (!claim.ok) throw new Error(claim.error.message)
      return runOf(bvlratVerifier(), claim.value, NO_PROOF)
    },
  }
}

const constants = (/** @type {number} */ width) => `(declare-const x (_ BitVec ${width}))(declare-const y (_ BitVec ${width}))`

/** @type {import('./run.js').GasKind} */
export const bvlratInputs = {
  kind: 'bvlrat/1',
  inputs: () => [
    {
      name: 'a hundred verification conditions',
      nature: 'typical',
      prepare: () => runOfAll(conditions().map(({ claim, proof }) => runOf(bvlratVerifier(), claim, proof))),
    },
    encodedOnly('a product of 128 bits', `${constants(128)}(assert (= (bvmul x y) (bvmul y (bvadd x y))))(check-sat)`),
    encodedOnly('a quotient of 64 bits', `${constants(64)}(assert (= (bvudiv x y) (bvurem y x)))(check-sat)`),
    encodedOnly(
      'four thousand sums, the same again and again',
      `${constants(16)}${'(assert (distinct (bvadd x y) (bvadd y x)))'.repeat(4_000)}(check-sat)`,
    ),
    encodedOnly(
      'twenty thousand constants declared',
      `${Array.from({ length: 20_000 }, (_, i) => `(declare-const v${i} Bool)`).join('')}(check-sat)`,
    ),
    encodedOnly('rotations of 1024 bits', `${constants(1024)}${'(assert (= x ((_ rotate_left 77) y)))'.repeat(300)}(check-sat)`),
  ],
}

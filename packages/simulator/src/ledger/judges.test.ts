/** What judges the ledger can say no, and says yes to what is true: without that no seed with the ledger would mean anything. */
import { hash, toHex, utf8 } from '@aethel/codec'
import { type Action, AuthenticatedMap, chainIdOf, decodeTransaction, encodeTransaction, mapKey, type SubmitProof } from '@aethel/ledger'
import { clausesToClaim } from '@aethel/proofs'
import { describe, expect, it } from 'vitest'
import { randomStream } from '../random.js'
import { createIdealSignatures } from '../signatures.js'
import { isContradiction } from './bit-vectors.js'
import { genesisOf } from './chain.js'
import { Claims } from './claims.js'
import { implies, isTautology, parseFormula, textOf } from './formulas.js'
import { AXIOMS, type Theorem } from './library.js'
import { drawBrokenModel, drawFalseModel, drawModel, isModel } from './models.js'
import { Pen } from './pen.js'
import { PlainMap } from './plain-root.js'
import { ProofDrawer } from './proofs.js'
import { drawFalseRefutation, drawRefutation, isUnsatisfiable } from './refutations.js'
import { drawFalseScript, drawScript } from './scripts.js'

const signatures = createIdealSignatures()
const genesis = genesisOf({
  validators: 4,
  knobs: { epochLength: 0, blobs: { prunes: false, wholeRate: 1, expiryRate: 0, rotRate: 0 } },
  signatures,
})
const pen = new Pen(chainIdOf(genesis), signatures)
const random = randomStream(1, 'judges')
const claims = new Claims(genesis, signatures)
const drawer = new ProofDrawer({ random, claims, hasBlobs: true, labels: 't' })

const textOfBytes = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function isGood(action: Action): boolean {
  return claims.judge(pen.write(0, 0, action)).isGood
}

function many(draw: () => SubmitProof): boolean[] {
  return [...new Set(Array.from({ length: 40 }, () => isGood(draw())))]
}

describe('what judges the ledger', () => {
  it('S13: finds good what is proven, of each kind, theorem upon theorem, and the gas of it', () => {
    expect([many(() => drawer.test('valid')), many(() => drawer.refutation())]).toEqual([[true], [true]])
    expect([many(() => drawer.model()), many(() => drawer.script())]).toEqual([[true], [true]])
    let base = AXIOMS[1] as Theorem
    for (let height = 0; height < 40; height++) {
      const theorem = drawer.theoremFrom(random.chance(0.2) ? (random.pick(AXIOMS) as Theorem) : base)
      const { isGood, gas } = claims.judge(pen.write(0, 0, drawer.ofTheorem(theorem)))
      expect([textOf(theorem.formula), isGood, gas > 0]).toEqual([textOf(theorem.formula), true, true])
      base = theorem
    }
  })

  it('S13: finds bad what is not: false claims, broken proofs, other signers, and what was written to be refused', () => {
    const base = AXIOMS[0] as Theorem
    const draws = [
      () => drawer.test('invalid'),
      () => drawer.falseRefutation(),
      () => drawer.brokenRefutation(),
      () => drawer.falseModel(),
      () => drawer.brokenModel(),
      () => drawer.falseScript(),
      () => drawer.brokenScript(),
      () => drawer.falseTheorem(base),
      () => drawer.brokenTheorem(base),
    ]
    for (const draw of draws) expect(many(draw)).toEqual([false])
    expect(claims.judge(pen.forge(0, 1, 0, drawer.note())).isGood).toBe(false)
    const noted = pen.write(0, 0, drawer.note())
    expect(claims.judge(noted.slice()).isGood).toBe(true)
    claims.noteFalse(noted)
    expect(claims.judge(noted).isGood).toBe(false)
  })

  it('S13: a proof that its checker would let through for a false claim is bad all the same', () => {
    expect(isTautology(implies('p', implies('q', 'p')))).toBe(true)
    expect(isTautology(implies('p', 'q'))).toBe(false)
    expect(parseFormula('( p -> ( q -> p ) )')).toEqual(implies('p', implies('q', 'p')))
    expect(parseFormula('( p -> q ) )')).toBeNull()
    for (let nth = 0; nth < 20; nth++)
      expect([isUnsatisfiable(drawRefutation(random).claim), isUnsatisfiable(drawFalseRefutation(random).claim)]).toEqual([true, false])
    for (let nth = 0; nth < 40; nth++) {
      const [model, falseModel, brokenModel] = [drawModel(random), drawFalseModel(random), drawBrokenModel(random)]
      expect([model, falseModel, brokenModel].map(({ claim, proof }) => isModel(claim, proof))).toEqual([true, false, false])
      expect([model, falseModel, brokenModel].map(({ claim }) => isUnsatisfiable(claim))).toEqual([false, true, false])
      const scripts = [drawScript(random, 'a'), drawFalseScript(random, 'a')]
      expect(scripts.map(({ claim }) => isContradiction(textOfBytes(claim)))).toEqual([true, false])
    }
  })

  it('S13: a model has a bit for each variable, the first the lowest, and none beside them', () => {
    const claim = clausesToClaim([[1, -2], [9]])
    const models = [
      [0b01, 1],
      [0b11, 1],
      [0b00, 1],
      [0b10, 1],
      [0b01, 0],
      [0b01, 0b11],
    ].map((bytes) => isModel(claim, Uint8Array.from(bytes)))
    expect(models).toEqual([true, true, true, false, false, false])
    expect([isModel(claim, Uint8Array.of(1)), isModel(claim, Uint8Array.of(1, 1, 0))]).toEqual([false, false])
  })

  it('S13: a script can be satisfied or not by what SMT-LIB says of each operator', () => {
    const says = (...assertions: readonly string[]): boolean | null =>
      isContradiction(
        `(set-logic QF_BV)\n(declare-const x (_ BitVec 3))\n(declare-const b Bool)\n${assertions.map((each) => `(assert ${each})\n`).join('')}(check-sat)\n`,
      )
    // Each is true whatever x is: that it is not true contradicts itself.
    const laws = [
      '(= (bvadd x (bvneg x)) #b000)',
      '(= (bvsub x #b001) (bvadd x #b111))',
      '(= (bvnot x) (bvsub (bvneg x) #b001))',
      '(= (bvmul x #b010) (bvshl x #b001))',
      '(= (bvudiv x #b000) #b111)',
      '(= (bvurem x #b000) x)',
      '(= (bvudiv x #b010) (bvlshr x #b001))',
      '(= (bvurem x #b100) (bvand x #b011))',
      '(= (bvshl x #b011) (bvlshr x #b111))',
      '(= (bvxor x #b111) (bvnot x))',
      '(bvule (bvand x #b101) (bvor x #b010))',
      '(or (bvult x #b100) (bvslt x #b000))',
      '(or (bvsle #b000 x) (not (bvult x #b100)))',
      '(= (ite b x #b000) (ite (not b) #b000 x))',
      '(not (and b (not b)))',
    ]
    expect(laws.filter((law) => says(law) !== false || says(`(not ${law})`) !== true)).toEqual([])
    expect([says('(distinct x x)'), says('(bvult x #b000)'), says('(bvslt #b011 x)'), says('(bvsle x #b100)')]).toEqual([
      true,
      true,
      true,
      false,
    ])
    // Nothing is said of what is not known here.
    expect([says('(= (bvsdiv x x) x)'), says('(= x #b0000)'), says('(= y x)'), says('(bvult x')]).toEqual([null, null, null, null])
  })

  it('F4: the root by its definition is the one that the map has after any updates', () => {
    const plain = new PlainMap()
    let map = AuthenticatedMap.empty
    expect(toHex(plain.root)).toBe(toHex(map.root))
    for (let nth = 0; nth < 200; nth++) {
      const path = utf8(`entry ${random.below(100)}`)
      const value = Uint8Array.of(nth)
      plain.put(mapKey(path), value)
      map = map.update([{ key: mapKey(path), path, value }])
      expect(toHex(plain.root)).toBe(toHex(map.root))
    }
    plain.put(hash(new Uint8Array(32)), new Uint8Array(0))
    expect(toHex(plain.root)).not.toBe(toHex(map.root))
  })

  it('what clients write is canonical', () => {
    for (const action of [drawer.note(), drawer.refutation(), drawer.test('valid')]) {
      const bytes = pen.write(0, 7, action)
      const decoded = decodeTransaction(bytes)
      expect(decoded.ok && toHex(encodeTransaction(decoded.value))).toBe(toHex(bytes))
    }
  })
})

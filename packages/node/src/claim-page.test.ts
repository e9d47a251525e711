/** What a claim's page says of a bit-vector script: figures that anybody can count again, and no more than a page is worth. */
import { readFileSync } from 'node:fs'
import type { ClaimRecord, SubmitProof } from '@aethel/ledger'
import { BVLRAT_KIND, BVLRAT_REVISION, cnfToDimacs, encodeWithin, parseScript, scriptToClaim } from '@aethel/proofs'
import { describe, expect, test } from 'vitest'
import { describeClaim } from './claim-page.js'

const record = { kind: BVLRAT_KIND, library: null } as unknown as ClaimRecord
const page = (claim: Uint8Array): Record<string, unknown> | null =>
  describeClaim(
    record,
    { type: 'submit-proof', kind: BVLRAT_KIND, claim, proof: new Uint8Array(), metadata: null } satisfies SubmitProof,
    [],
  )
const claimOf = (text: string | Uint8Array): Uint8Array => {
  const claim = scriptToClaim(typeof text === 'string' ? new TextEncoder().encode(text) : text)
  if (!claim.ok) throw new Error(claim.error.message)
  return claim.value
}

describe('the page of a bvlrat/1 claim', () => {
  test('names the encoder and counts assertions, gates and the formula as its DIMACS file has them', () => {
    const claim = claimOf(new Uint8Array(readFileSync(new URL('../../../examples/overflow.smt2', import.meta.url))))
    const script = parseScript(claim)
    const encoded = script.ok ? encodeWithin(script.value) : script
    if (!encoded.ok) throw new Error(encoded.error.message)
    const dimacs = new TextDecoder().decode(cnfToDimacs(encoded.value.cnf))
    const header = /p cnf (\d+) (\d+)/.exec(dimacs)
    const clauses = dimacs.split('\n').filter((line) => /^-?\d/.test(line))
    const literals = clauses.reduce((sum, line) => sum + line.split(' ').length - 1, 0)
    expect(page(claim)).toEqual({
      encoder: `bvlrat/1 revision ${BVLRAT_REVISION}`,
      assertions: new TextDecoder().decode(claim).split('(assert ').length - 1,
      gates: encoded.value.usedGates,
      cnf: { variables: Number(header?.[1]), clauses: Number(header?.[2]), literals },
    })
    expect(clauses.length).toBe(Number(header?.[2]))
  })

  test('of a script too large to be encoded for a page still says what it asserts', () => {
    const wide = '(declare-const x (_ BitVec 2000))(declare-const y (_ BitVec 2000))(assert (= x (bvmul x y)))(assert (distinct x y))'
    expect(page(claimOf(`(set-logic QF_BV)${wide}(check-sat)`))).toEqual({ encoder: `bvlrat/1 revision ${BVLRAT_REVISION}`, assertions: 2 })
  })

  test('of a block that is no longer kept, and of bytes that are no script, says nothing', () => {
    expect(describeClaim(record, undefined, [])).toBeNull()
    expect(page(new TextEncoder().encode('(set-logic'))).toBeNull()
  })
})

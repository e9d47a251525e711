/** A theorem checked again from its database: for whoever trusts no validator, and not whoever wrote the database either. */
import { writeFileSync } from 'node:fs'
import { height, type PublicKey, ZERO_HASH } from '@aethel/codec'
import { proofHashOf } from '@aethel/ledger'
import { libraryDigest, METAMATH_KIND, metamathVerifier, runMetered } from '@aethel/proofs'
import type { CheckedReceipt } from '@aethel/receipts'
import { afterAll, describe, expect, it } from 'vitest'
import { recheckTheorem } from '../src/commands/verify.js'
import { definitionOf, openLibrary, statementsOf, theoremsUpTo } from '../src/metamath-library.js'
import { temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(folder.remove)

const PREAMBLE = `$c wff |- ( ) -> $. $v p q $. wp $f wff p $. wq $f wff q $. wi $a wff ( p -> q ) $.
ax-1 $a |- ( p -> ( q -> p ) ) $.
\${ min $e |- p $. maj $e |- ( p -> q ) $. ax-mp $a |- q $. $}
\${ a1i.1 $e |- p $. a1i $p |- ( q -> p ) $= ( wi ax-1 ax-mp ) ABADCABEF $. $}
`

/** What dishonest validators might sign: that the theorem was found valid, with everything it cites taken for proven. */
function receiptOf(file: string, label: string, axioms: readonly number[] = []): CheckedReceipt {
  const library = openLibrary(file)
  const definition = definitionOf(library)
  const theorems = theoremsUpTo(library, label)
  const theorem = theorems.at(-1)
  if (theorem === undefined) throw new Error(`no theorem ${label}`)
  const verifier = metamathVerifier([definition])
  const parsed = verifier.parseClaim(theorem.claim)
  if (!parsed.ok) throw new Error(parsed.error.message)
  const { status, gas } = runMetered(verifier, parsed.value.claim, theorem.proof, statementsOf(definition, theorems))
  expect(status).toBe('valid')
  return {
    claim: theorem.claim,
    record: {
      status: 'valid',
      kind: METAMATH_KIND,
      claimId: theorem.claimId,
      proofHash: proofHashOf(theorem.proof),
      proofBytes: theorem.proof.length,
      gas,
      height: height(1),
      timestampMs: 0,
      transactionId: ZERO_HASH,
      sender: new Uint8Array(32) as PublicKey,
      library: { name: library.name, digest: libraryDigest(definition), label, axioms },
    },
    chainId: ZERO_HASH,
  } as unknown as CheckedReceipt
}

/** In the order of the preamble. */
const [WI, AX_1, AX_MP] = [0, 1, 2]

function database(name: string, theorems: string): string {
  writeFileSync(folder.file(name), PREAMBLE + theorems)
  return folder.file(name)
}

describe('a theorem checked again', () => {
  it('is valid with all that it rests on, for the gas on record', () => {
    const file = database('good.mm', `\${ two.1 $e |- p $. two $p |- ( q -> ( q -> p ) ) $= ( wi a1i ) BADBABCEE $. $}\n`)
    const receipt = receiptOf(file, 'two', [WI, AX_1, AX_MP])
    expect(recheckTheorem(receipt, file)).toEqual({ ok: true, value: { gas: receipt.record.gas } })
  })

  it('is refused if it rests on a theorem whose proof does not check, however good its own proof is', () => {
    const file = database(
      'false.mm',
      'all $p |- p $= wp $.\nfalse $p |- ( p -> q ) $= ( wi all ) ABCD $.\nlast $p |- ( q -> p ) $= ( false ) BAC $.\n',
    )
    for (const label of ['false', 'last']) {
      const again = recheckTheorem(receiptOf(file, label), file)
      expect(again).toMatchObject({ ok: false, error: { code: 'wrong-conclusion' } })
      expect(again.ok ? '' : again.error.message).toContain(`the proof of all, which ${label} rests on, does not check`)
    }
  })

  it('is refused if it rests on an axiom that the receipt leaves out, cited by itself or by what it cites', () => {
    const file = database(
      'axioms.mm',
      `\${ two.1 $e |- p $. two $p |- ( q -> ( q -> p ) ) $= ( wi a1i ) BADBABCEE $. $}
\${ three.1 $e |- p $. three $p |- ( q -> ( q -> p ) ) $= ( two ) ABCD $. $}
`,
    )
    for (const label of ['two', 'three']) {
      for (const [left, axioms] of [
        ['wi', [AX_1, AX_MP]],
        ['ax-1', [WI, AX_MP]],
        ['ax-mp', [WI, AX_1]],
      ] as const) {
        const again = recheckTheorem(receiptOf(file, label, axioms), file)
        expect(again).toMatchObject({ ok: false, error: { code: 'axioms' } })
        expect(again.ok ? '' : again.error.message).toContain(`1 more, the first of them ${left}`)
      }
    }
    expect(recheckTheorem(receiptOf(file, 'three', [WI, AX_1, AX_MP]), file)).toMatchObject({ ok: true })
  })

  it('may rest on fewer axioms than the receipt says: what it cites can have been proven anew since', () => {
    const file = database('fewer.mm', 'id $p |- ( p -> ( q -> p ) ) $= ( ax-1 ) ABC $.\n')
    expect(recheckTheorem(receiptOf(file, 'id', [WI, AX_1, AX_MP]), file)).toMatchObject({ ok: true })
  })
})

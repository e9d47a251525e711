import { readFileSync } from 'node:fs'
import { fromHex, toHex } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { createMeter } from '../meter.js'
import { decodeLibrary, encodeLibrary, libraryAxioms, libraryDigest } from './library.js'
import { METAMATH_LIMITS, metamathVerifier } from './verifier.js'

interface Vector {
  readonly name: string
  readonly claim: string
  readonly proof: string
  readonly gasLimit: number
  readonly expect:
    | { readonly status: 'valid'; readonly claimId: string; readonly gas: number }
    | { readonly status: 'invalid'; readonly code: string; readonly at?: number; readonly gas: number }
    | { readonly status: 'refused'; readonly code: string }
}

interface Vectors {
  readonly library: string
  readonly libraryDigest: string
  /** claimId to canonical claim. */
  readonly statements: Readonly<Record<string, string>>
  readonly cases: readonly Vector[]
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/metamath-1.json', import.meta.url), 'utf8')) as Vectors

function bytes(hex: string): Uint8Array {
  const result = fromHex(hex)
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

describe('test vectors of metamath/1', () => {
  const library = decodeLibrary(bytes(vectors.library))
  if (!library.ok) throw new Error(library.error.message)
  const verifier = metamathVerifier([library.value])

  it('the library is canonical, has its digest, and its axioms are among the statements', () => {
    expect(toHex(encodeLibrary(library.value))).toBe(vectors.library)
    expect(toHex(libraryDigest(library.value))).toBe(vectors.libraryDigest)
    const axioms = libraryAxioms(library.value)
    if (!axioms.ok) throw new Error(axioms.error.message)
    expect(axioms.value.length).toBe(6)
    axioms.value.forEach(({ claimId }, i) => {
      expect(vectors.statements[toHex(claimId)]).toBe(toHex(library.value.axioms[i] ?? new Uint8Array()))
    })
  })

  it.each(vectors.cases)('$name', (vector) => {
    const parsed = verifier.parseClaim(bytes(vector.claim))
    if (!parsed.ok) {
      expect({ status: 'refused', code: parsed.error.code }).toEqual(vector.expect)
      return
    }
    const cited = {
      statementOf: (claimId: Uint8Array): Uint8Array | undefined => {
        const statement = vectors.statements[toHex(claimId)]
        return statement === undefined ? undefined : bytes(statement)
      },
    }
    const meter = createMeter({ ...METAMATH_LIMITS, gas: vector.gasLimit })
    const verdict = verifier.verify(parsed.value.claim, bytes(vector.proof), cited, meter)
    const { gas } = verdict
    if (verdict.status === 'valid') {
      expect({ status: 'valid', claimId: toHex(parsed.value.claimId), gas }).toEqual(vector.expect)
    } else {
      const at = verdict.at === undefined ? {} : { at: verdict.at }
      expect({ status: 'invalid', code: verdict.code, ...at, gas }).toEqual(vector.expect)
    }
  })
})

/**
 * The files in vectors/ give the results they state, and are what the generator makes. After a deliberate change of the
 * format: AETHEL_WRITE_VECTORS=1 npx vitest run packages/receipts writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { utf8 } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { blsTrust, blsTrustVectors, blsVectors } from '../test/bls.js'
import { badVectors, goodVectors, policyOf, type TrustVector, trustVectors, type Vector } from '../test/vectors.js'
import { must, trust } from '../test/world.js'
import { decodeTrust, encodeTrust, verifyReceipt } from './index.js'

interface VectorFile {
  readonly trust: string
  readonly vectors: readonly Vector[]
}

function fileAt(name: string, made: unknown): string {
  const url = new URL(`../vectors/${name}.json`, import.meta.url)
  const text = `${JSON.stringify(made, null, 2)}\n`
  if (process.env['AETHEL_WRITE_VECTORS'] === '1') writeFileSync(url, text)
  const found = readFileSync(url, 'utf8')
  expect(found === text, `${name}.json is what the generator makes`).toBe(true)
  expect(found.length).toBeLessThan(200 * 1024)
  return found
}

describe('the test vectors of receipts', () => {
  for (const [name, root, make] of [
    ['good', trust, goodVectors],
    ['bad', trust, badVectors],
    ['bls', blsTrust, blsVectors],
  ] as const) {
    it(`${name}: each gives the stated result`, () => {
      const { trust: trustText, vectors } = JSON.parse(fileAt(name, { trust: encodeTrust(root), vectors: make() })) as VectorFile
      for (const vector of vectors) {
        const believed = must(decodeTrust(utf8(vector.trust ?? trustText)))
        const result = verifyReceipt(utf8(vector.receipt), { trust: believed, policy: policyOf(vector) })
        expect([vector.name, result.ok ? 'ok' : result.error.code]).toEqual([vector.name, vector.expect])
        const last = result.steps.at(-1)
        expect([vector.name, last?.name, last?.ok]).toEqual([vector.name, vector.step ?? 'policy', result.ok])
        expect(result.steps.slice(0, -1).every((step) => step.ok)).toBe(true)
      }
      expect(new Set(vectors.map((vector) => vector.name)).size).toBe(vectors.length)
    })
  }

  it('trust roots: each gives the stated result', () => {
    const { vectors } = JSON.parse(fileAt('trust', { vectors: [...trustVectors(), ...blsTrustVectors()] })) as {
      vectors: readonly TrustVector[]
    }
    for (const vector of vectors) {
      const result = decodeTrust(utf8(vector.trust))
      expect([vector.name, result.ok ? 'ok' : result.error.code]).toEqual([vector.name, vector.expect])
    }
  })
})

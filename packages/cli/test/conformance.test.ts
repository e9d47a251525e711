/** `aethel conformance`: exit codes and words for a verifier that conforms, one that does not, and one that never returns. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, errorLine, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(folder.remove)

const PRATT = fileURLToPath(new URL('../../../examples/verifier-pratt/verifier.js', import.meta.url))

function changed(name: string, change: string): string {
  writeFileSync(folder.file(name), `import { verifier as v } from ${JSON.stringify(PRATT)}\nexport const verifier = { ...v, ${change} }\n`)
  return folder.file(name)
}

describe('conformance', () => {
  it('a good verifier conforms', () => {
    const outcome = aethel('conformance', PRATT, '--inputs', '500', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ kind: 'pratt/1', verdict: 'conforms' })
  })

  it('one that accepts everything fails with code 3, and is told why', () => {
    const module = changed('all.mjs', 'verify: (_claim, _proof, _cited, meter) => ({ status: "valid", gas: meter.gas, summary: {} })')
    const outcome = aethel('conformance', module, '--inputs', '100')
    expect(outcome.code).toBe(3)
    expect(outcome.stdout).toMatch(/FAIL {2}mutation/)
    expect(outcome.stdout).toMatch(/fails: pratt\/1/)
  })

  it('one that never returns is ended', () => {
    const outcome = aethel('conformance', changed('loop.mjs', 'verify: () => { for (;;); }'), '--timeout', '3')
    expect(outcome.code).toBe(3)
    expect(outcome.stdout).toMatch(/loops without calling its meter/)
  })

  it('one that ends its thread is told so at once, and what it prints is not on our output', () => {
    writeFileSync(folder.file('exit.mjs'), 'console.log("hello")\nprocess.exit(0)\n')
    const started = Date.now()
    const outcome = aethel('conformance', folder.file('exit.mjs'), '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout).checks).toMatchObject([{ status: 'failed', detail: expect.stringContaining('ended with code 0') }])
    expect(Date.now() - started).toBeLessThan(90_000)
  })

  it('what is no verifier is said to be none', () => {
    writeFileSync(folder.file('none.mjs'), 'export const something = 1\n')
    for (const module of [folder.file('none.mjs'), folder.file('missing.mjs')]) {
      const outcome = aethel('conformance', module)
      expect(outcome.code).toBe(2)
      expect(errorLine(outcome)).toMatch(/verifier/)
    }
  })
})

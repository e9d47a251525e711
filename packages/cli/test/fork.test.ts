/** `aethel fork` as a process: what is no proof is refused with exit code 3, and says why. */
import { writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, errorLine, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(() => folder.remove())

describe('aethel fork', () => {
  it('what is no fork proof: exit code 3; a missing file or trust root: exit code 2', () => {
    const made = aethel('testnet', '--validators', '4', '--output', folder.file('network'), '--base-port', '0', '--json')
    const { trustFile } = JSON.parse(made.stdout) as { trustFile: string }
    const file = folder.file('fork.bin')
    writeFileSync(file, 'nothing of the kind, though long enough')
    const outcome = aethel('fork', file, '--trust', trustFile, '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'invalid' })
    expect(aethel('fork', folder.file('nowhere'), '--trust', trustFile).code).toBe(2)
    const noTrust = aethel('fork', file, '--trust', file)
    expect(noTrust.code).toBe(2)
    expect(errorLine(noTrust)).toContain('expected a trust root')
  })
})

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, errorLine, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(() => folder.remove())
const SHIPPED = fileURLToPath(new URL('../../simulator/transcripts/s4-one-replica-committed.transcript', import.meta.url))

describe('aethel simulate --transcript', () => {
  it('prints every statement with what it brought about, and ends with 0', () => {
    const outcome = aethel('simulate', '--transcript', SHIPPED)
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toContain('deliver COMMIT *->2')
    expect(outcome.stdout).toContain('2: committed, A at height 1')
  })

  it('ends with 7 at an expectation that fails, and with 2 at a word it does not know, naming the line', () => {
    const file = folder.file('wrong.transcript')
    writeFileSync(file, 'validators 4\nsubmit 0 A\ndeliver all\nexpect height 1 = 2\n')
    const failed = aethel('simulate', '--transcript', file)
    expect(failed.code).toBe(7)
    expect(errorLine(failed)).toContain('line 4, "expect height 1 = 2": expected validator 1 at height 2, got 1')
    writeFileSync(file, 'validators 4\nsubmit 0 A\njump 3\n')
    const unknown = aethel('simulate', '--transcript', file)
    expect(unknown.code).toBe(2)
    expect(errorLine(unknown)).toContain('line 3: expected one of submit, deliver')
  })
})

describe('aethel simulate --twins', () => {
  it('explores a range and reports it as one JSON document', () => {
    const outcome = aethel('simulate', '--twins', '--views', '2', '--from', '0', '--to', '16', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'ok', schedules: 16, validators: 4, twins: 1, views: 2 })
  })

  it('refuses a range that is not there', () => {
    const outcome = aethel('simulate', '--twins', '--views', '1', '--from', '16')
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('expected 0 <= --from < --to <= 16')
  })
})

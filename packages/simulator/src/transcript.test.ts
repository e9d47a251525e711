import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_TRANSCRIPT_BYTES, parseTranscript } from './transcript.js'
import { runTranscript, type TranscriptReport } from './transcript-run.js'

const FOLDER = new URL('../transcripts/', import.meta.url)
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.transcript'))

function run(text: string): TranscriptReport {
  const parsed = parseTranscript(text)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return runTranscript(parsed.value)
}

function refusal(text: string): string {
  const parsed = parseTranscript(text)
  return parsed.ok ? 'understood' : parsed.error.message
}

describe('schedules of the paper and of known bugs', () => {
  it.each(NAMES)('%s', (name) => {
    const report = run(readFileSync(new URL(name, FOLDER), 'utf8'))
    expect(report.failure).toBeUndefined()
    expect(report.expectations).toBeGreaterThan(0)
    expect(report.deliveries).toBeGreaterThan(0)
  })

  it('are all there', () => {
    expect(NAMES.length).toBeGreaterThanOrEqual(18)
  })

  /** An expectation that nothing could break would prove nothing: each one, negated or shifted, must fail. */
  it.each(NAMES)('%s fails if one more block is expected at the end', (name) => {
    const report = run(`${readFileSync(new URL(name, FOLDER), 'utf8')}\nexpect height all = 99\n`)
    expect(report.failure).toMatchObject({ code: 'expected', text: 'expect height all = 99' })
  })
})

describe('a failing statement ends the run', () => {
  it('with the line and what was found instead', () => {
    const report = run('validators 4\nsubmit 0 A\ndeliver all\nexpect committed 2 1 A\nexpect view 1 = 3\nsubmit 0 B\n')
    expect(report.failure).toEqual({
      line: 5,
      text: 'expect view 1 = 3',
      code: 'expected',
      message: 'expected validator 1 in view 3, got view 0 active',
    })
    expect(report.steps).toBe(4)
  })

  it.each([
    ['validators 4\nsubmit 0 A\ndeliver COMMIT 1->2', 'nothing-matched', 'PREPREPARE view 0 height 1 block A 0->1'],
    ['validators 4\ntimeout 1', 'timer', 'stands still'],
    ['validators 4\nsend 0->1 PREPARE view 0 height 1 block A', 'honest', 'declared "byzantine"'],
    ['validators 4\nbyzantine 3\nsend 3->1 PREPARE view 0 height 1 block A', 'block', 'seen before'],
    ['validators 4\nbyzantine 3\nsend 3->1 NEWVIEW view 3 from 1,2', 'view-change', 'validator 1 for view 3'],
    ['validators 4\ncrash 1\nsubmit 1 A', 'down', 'crashed'],
    ['validators 4\nsubmit 0 falseA', 'submit', 'honest mempool'],
    ['validators 4\nbyzantine 3\nsend 3->1 PREPREPARE view 0 height 1 block A\ndeliver all', 'refused', 'not-leader'],
  ])('%j: %s', (text, code, message) => {
    const report = run(text)
    expect(report.failure?.code).toBe(code)
    expect(report.failure?.message).toContain(message)
  })

  it('a broken invariant does so too: more than a third faulty can fork a cluster, and that is seen', () => {
    const fork = `validators 4
byzantine 0 3
send 0->1 PREPREPARE view 0 height 1 block A
send 0->2 PREPREPARE view 0 height 1 block B
deliver PREPREPARE 0->1,2
drop all
send 0->1 PREPARE view 0 height 1 block A
send 3->1 PREPARE view 0 height 1 block A
send 0->2 PREPARE view 0 height 1 block B
send 3->2 PREPARE view 0 height 1 block B
deliver all except COMMIT *->*
drop all
send 0->1 COMMIT view 0 height 1 block A
send 3->1 COMMIT view 0 height 1 block A
send 0->2 COMMIT view 0 height 1 block B
send 3->2 COMMIT view 0 height 1 block B
deliver all`
    expect(run(fork).failure?.code).toBe('agreement')
  })
})

describe('what is not understood is refused with its line', () => {
  it.each([
    ['', 'expected a line "validators N"'],
    ['validators 4', 'at least one statement'],
    ['submit 0 A', 'line 1: expected "validators N" before anything else'],
    ['validators 4\n\n# a remark\njump 3', 'line 4: expected one of submit, deliver'],
    ['validators 0\ndeliver all', 'at least one validator'],
    ['validators 4 powers 1 2 3\ndeliver all', 'expected 4 powers, got 3'],
    ['validators 4\ntimeout 4', 'line 2: expected a validator 0..3'],
    ['validators 4\ndeliver', 'expected a kind of message'],
    ['validators 4\ndeliver PREPARE 1->2->3', 'expected FROM->TO'],
    ['validators 4\ndeliver all now', 'expected the end of the line, got "now"'],
    ['validators 4\npartition 0 1 2 3', 'expected groups'],
    ['validators 4\npartition 0 1 | 1 2 3', 'each of 4 validators in one group'],
    ['validators 4\nexpect happiness', 'line 2: expected one of committed'],
    ['validators 4\nexpect view 1 = 99999999999999999', 'expected a view'],
    ['validators 4\ndeliver all\nwindow 3', 'before the first statement'],
    ['#'.repeat(MAX_TRANSCRIPT_BYTES + 1), 'at most 65536 letters'],
    ['validators 4\nbyzantine 1 1\ndeliver all', 'line 2: expected each validator once, got 1 again'],
    ['validators 4\npartition 0 1 || 2 3', 'expected a validator before "|"'],
    [`validators 4\ndeliver all ${'x'.repeat(60_000)}`, 'expected the end of the line, got "xxx'],
  ])('%j', (text, expected) => {
    expect(refusal(text)).toContain(expected)
  })

  it('arrows stand with or without blanks, and numbers of lines count blank ones and remarks', () => {
    const read = (text: string) => {
      const parsed = parseTranscript(text)
      return parsed.ok ? parsed.value.statements.map(({ line, text: said, action }) => [line, said, action]) : parsed.error
    }
    const pattern = { word: 'any', from: [0], to: [1, 2], view: null, height: null }
    const action = { kind: 'drop', pattern, except: null }
    expect(read('validators 4\n\ndrop 0->1,2 # x\r\n#\n drop 0  ->\t1,2\ndrop 0-> 1,2\ndrop 0 ->1,2')).toEqual([
      [3, 'drop 0->1,2', action],
      [5, 'drop 0  ->\t1,2', action],
      [6, 'drop 0-> 1,2', action],
      [7, 'drop 0 ->1,2', action],
    ])
  })

  it.each([
    ['blanks', `validators 4\ntick${' '.repeat(65_000)}0`],
    ['remarks within a remark', `validators 4\ntick 0${'#'.repeat(65_000)}\rx`],
    ['arrows', `validators 4\ntick ${'-> '.repeat(21_000)}`],
    ['bars', `validators 4\npartition 0 ${'|'.repeat(65_000)}`],
  ])(
    'E6: %s to the end of what a transcript may hold are read in milliseconds, not tried anew from each, and the answer is short',
    (_, text) => {
      const before = process.cpuUsage()
      const parsed = parseTranscript(text)
      const { user, system } = process.cpuUsage(before)
      expect((user + system) / 1000).toBeLessThan(1000)
      expect(parsed.ok ? 0 : parsed.error.message.length).toBeLessThan(400)
    },
  )

  it('and nothing makes the reader or the run throw', () => {
    const words = readFileSync(new URL('b4-new-view-hides-the-highest.transcript', FOLDER), 'utf8').split(/[\s]+/)
    const word = fc.oneof(fc.constantFrom(...words, '\n', '\n', '|', 'all', '1->2'), fc.string({ maxLength: 8 }))
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (parts) => {
        const parsed = parseTranscript(`validators 4\nbyzantine 1\n${parts.join(' ')}`)
        if (parsed.ok) runTranscript(parsed.value)
      }),
      { numRuns: 500 },
    )
  })
})

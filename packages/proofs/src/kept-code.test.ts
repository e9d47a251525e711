/** Compiled code outlives the objects that it was compiled for (`keepShapeOf` of the codec). */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('../test/between-collections.js', import.meta.url))
/** What V8 logs of code that it throws away because an object that the code relied on was collected. */
const LOST = /^code-deopt,.*packages\/proofs\/dist\/(?:lrat|bvlrat)\/.*weak objects/

test('a collection between two proofs throws hardly any compiled code of the kernels away', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aethel-kept-code-'))
  try {
    const log = join(folder, 'v8.log')
    const output = execFileSync(process.execPath, ['--log-deopt', `--logfile=${log}`, '--no-logfile-per-isolate', SCRIPT])
    expect(Number(output.toString().trim().split('\n').at(-1))).toBe(72)
    const lines = readFileSync(log, 'latin1').split('\n')
    expect(lines[0]).toMatch(/^v8-version/)
    // Without the kept shapes it is some hundred functions.
    expect(lines.filter((line) => LOST.test(line)).length).toBeLessThan(15)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

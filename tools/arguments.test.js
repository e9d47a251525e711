/** Every tool of this repository says what it takes, and in one line what it does not. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TOOLS = [
  ['bench', 'bench/main.js'],
  ['chaos', 'chaos/main.js'],
  ['differential', 'differential/main.js'],
  ['fuzz', 'fuzz/main.js'],
  ['model', 'spec/model.js'],
  ['mutants', 'mutants/main.js'],
]

/** @param {string} file @param {readonly string[]} args */
function run(file, ...args) {
  return spawnSync(process.execPath, [file, ...args], { cwd: ROOT, encoding: 'utf8' })
}

test.each(TOOLS)('%s: --help says what it takes', (tool, file) => {
  const { status, stdout, stderr } = run(file, '--help')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^npm run ${tool} -- .*\n$`))
})

test.each(TOOLS)('%s: an argument that it does not take ends it with exit code 2, and nothing is done', (tool, file) => {
  const { status, stdout, stderr } = run(file, '--no-such-thing')
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^${tool}: Unknown option '--no-such-thing'\n  npm run ${tool} -- .*\n$`))
})

test.each([
  ['fuzz', 'fuzz/main.js', '--minutes', 'soon'],
  ['fuzz', 'fuzz/main.js', '--target', 'nothing'],
  ['chaos', 'chaos/main.js', '--validators', '4.5'],
  ['chaos', 'chaos/main.js', '--only', 'kill,kiss'],
  ['model', 'spec/model.js', '--traces', '0'],
  ['mutants', 'mutants/main.js', '--jobs', ''],
  ['bench', 'bench/main.js', 'nothing', ''],
])('%s: a value that cannot be: %s %s %s', (tool, file, ...args) => {
  const { status, stderr } = run(file, ...args)
  expect(status).toBe(2)
  expect(stderr).toMatch(new RegExp(`^${tool}: expected .*\n  npm run `))
})

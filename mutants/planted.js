/** `aethel simulate --mutant ID` runs here: the same command, out of a copy in which the bug is planted. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { FIRST_SEED, MOST_SEEDS } from './lib/hunt.js'
import { createWorkspace } from './lib/workspace.js'
import { chooseMutants } from './list.js'

/**
 * @param {string} id
 * @param {readonly string[]} words What followed `aethel simulate`, without `--mutant`; what is not said is taken from the mutant.
 * @param {(line: string) => void} note
 * @returns {Promise<number>} The exit code of the run: 7 if the bug was caught.
 */
export async function runPlanted(id, words, note) {
  const mutant = chooseMutants([id])[0]
  if (mutant === undefined) throw new Error(`no mutant ${id}`)
  const { hunt } = mutant
  note(`planted ${id}: ${mutant.bug}; replay with --mutant ${id}`)
  if (hunt.by === 'tests') note(`this one is caught by the tests in ${hunt.file} (npm run mutants -- ${id}), perhaps not by seeds`)
  const usual = ['--seed', `${FIRST_SEED}`, '--seeds', `${MOST_SEEDS}`, ...(hunt.by === 'simulation' ? hunt.options : [])]
  const workspace = createWorkspace()
  workspace.plant(mutant)
  try {
    return await runHere(workspace.root, [...words, ...withoutRepeats(usual, words)])
  } finally {
    workspace.remove()
  }
}

/**
 * @param {readonly string[]} pairs Option, value, option, value.
 * @param {readonly string[]} said
 */
function withoutRepeats(pairs, said) {
  return pairs.filter((_, position) => {
    const option = pairs[position - (position % 2)]
    return !said.some((word) => word === option || word.startsWith(`${option}=`))
  })
}

/**
 * @param {string} root
 * @param {readonly string[]} words
 * @returns {Promise<number>}
 */
function runHere(root, words) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'packages/cli/bin/aethel.js'), 'simulate', ...words], { stdio: 'inherit' })
    const stop = () => child.kill('SIGKILL')
    process.once('exit', stop)
    child.on('error', reject)
    child.on('close', (code) => {
      process.off('exit', stop)
      resolve(code ?? 1)
    })
  })
}

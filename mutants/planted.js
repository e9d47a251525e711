/** `aethel simulate --mutant ID` runs here: the same command, out of a copy in which the bug is planted. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { FIRST_SEED, MOST_SEEDS } from './lib/hunt.js'
import { createWorkspace } from './lib/workspace.js'
import { chooseMutants } from './list.js'

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM'])
/** The exit code of `aethel simulate` when one of these ends it. */
const INTERRUPTED = 130

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
  note(`planted ${id}: ${mutant.bug}`)
  if (hunt.by === 'tests') note(`this one is caught by the tests in ${hunt.file} (npm run mutants -- ${id}), perhaps not by seeds`)
  // A signal ends the run, not us: we stay to take the copy away. What comes while the copy is made is heard once the run has begun.
  const stay = () => undefined
  for (const signal of SIGNALS) process.on(signal, stay)
  const workspace = createWorkspace()
  workspace.plant(mutant)
  try {
    return await runHere(workspace.root, [...words, ...usualWords(mutant, words)], id)
  } finally {
    workspace.remove()
    for (const signal of SIGNALS) process.off(signal, stay)
  }
}

/**
 * What is not said is as it is when the mutant is hunted. With `--twins` that is the number of validators alone: seeds would turn all
 * schedules into a sample of them. A transcript says all of it, and crashes are enumerated for one seed.
 * @param {Pick<import('./lib/mutant.js').Mutant, 'hunt'>} mutant
 * @param {readonly string[]} words
 * @returns {string[]}
 */
export function usualWords({ hunt }, words) {
  const options = hunt.by === 'simulation' ? hunt.options : []
  const has = (/** @type {string} */ option) => words.some((word) => word === option || word.startsWith(`${option}=`))
  if (has('--transcript')) return []
  if (has('--crash-points')) return withoutRepeats(['--seed', `${FIRST_SEED}`, ...options], words)
  if (!words.includes('--twins')) return withoutRepeats(['--seed', `${FIRST_SEED}`, '--seeds', `${MOST_SEEDS}`, ...options], words)
  const at = options.indexOf('--validators')
  return at < 0 ? [] : withoutRepeats(options.slice(at, at + 2), words)
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
 * @param {string} id The run names it in the command that replays it.
 * @returns {Promise<number>}
 */
function runHere(root, words, id) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'packages/cli/bin/aethel.js'), 'simulate', ...words], {
      stdio: 'inherit',
      env: { ...process.env, AETHEL_PLANTED: id },
    })
    const stop = () => child.kill('SIGKILL')
    // A terminal signals both of us: the run takes two in a row for one.
    const pass = (/** @type {NodeJS.Signals} */ signal) => void child.kill(signal)
    process.once('exit', stop)
    for (const signal of SIGNALS) process.on(signal, pass)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('exit', stop)
      for (const each of SIGNALS) process.off(each, pass)
      resolve(code ?? (signal === null ? 1 : INTERRUPTED))
    })
  })
}

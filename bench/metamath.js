/** The Metamath kernel on the whole of set.mm, against the C program of Metamath's author where it is installed. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { checkDatabase, parseDatabase } from '@aethel/proofs'
import { obtainLibrary } from '../packages/cli/dist/demo/library.js'
import { CheckingThreads } from '../packages/cli/dist/metamath-jobs/check.js'
import { BIN } from './lib/network.js'
import { median, timed } from './lib/statistics.js'

const REPEATS = 3

/** @type {import('./lib/report.js').Benchmark} */
export const metamath = {
  name: 'metamath',
  description: 'all proofs of set.mm, one thread',
  run: async () => {
    const library = await obtainLibrary(undefined, (line) => console.log(`  ${line}`))
    const bytes = readFileSync(library.path)
    let theorems = 0
    let gas = 0
    const parse = await timed(REPEATS, () => {
      if (!parseDatabase(bytes).ok) throw new Error('the database was refused')
    })
    const check = await timed(REPEATS, () => {
      const verdict = checkDatabase(bytes)
      if (verdict.status !== 'valid') throw new Error(verdict.message)
      theorems = verdict.theorems
      gas = verdict.gas
    })
    const whole = await timed(REPEATS, () => {
      execFileSync(process.execPath, [BIN, 'check', 'metamath', library.path, '--jobs', '1', '--json'])
    })
    const pair = await timed(REPEATS, () => {
      execFileSync(process.execPath, [BIN, 'check', 'metamath', library.path, '--jobs', '2', '--json'])
    })
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    const threads = new CheckingThreads(2)
    const twoThreads = await timed(REPEATS, async () => {
      const verdict = await threads.check(shared)
      if (verdict.status !== 'valid' || verdict.gas !== gas) throw new Error('two threads say something else than one')
    })
    await threads.close()
    const twoProcesses = await timed(REPEATS, async () => {
      await Promise.all([checkProcess(library.path), checkProcess(library.path)])
    })
    const reference = await referenceSeconds(library.path)
    const compared = reference === null ? {} : { floor: { name: 'C metamath', value: reference } }
    return [
      { name: 'theorems', value: theorems, unit: '' },
      { name: 'gas', value: gas / 1e6, unit: 'million' },
      { name: 'parse', value: median(parse) / 1000, unit: 's' },
      { name: 'parse and check', value: median(check) / 1000, unit: 's' },
      { name: 'per gas', value: (median(check) * 1e6) / gas, unit: 'ns' },
      { name: 'aethel check metamath (process)', value: median(whole) / 1000, unit: 's', ...compared, target: 'at most 0.5 x C metamath' },
      { name: 'with two threads (process)', value: median(pair) / 1000, unit: 's' },
      {
        name: 'two threads: parse and check',
        value: median(twoThreads) / 1000,
        unit: 's',
        floor: { name: 'one thread', value: median(check) / 1000 },
        target: 'at most 1/1.7 = 0.59 x one thread',
      },
      {
        // What two cores of this machine are worth: two processes that share nothing, each with the whole work.
        name: 'two processes at once, for each',
        value: median(twoProcesses) / 2000,
        unit: 's',
        floor: { name: 'one process', value: median(whole) / 1000 },
      },
    ]
  },
}

/** @param {string} path */
async function checkProcess(path) {
  const [code] = await once(spawn(process.execPath, [BIN, 'check', 'metamath', path, '--jobs', '1', '--json'], { stdio: 'ignore' }), 'exit')
  if (code !== 0) throw new Error(`exit code ${code}`)
}

/** @param {string} path */
async function referenceSeconds(path) {
  if (spawnSync('metamath', ['exit']).error !== undefined) {
    console.log('  the program "metamath" is not installed: no comparison')
    return null
  }
  const samples = await timed(REPEATS, () => {
    const output = execFileSync('metamath', [`read "${path}"`, 'verify proof *', 'exit'], { maxBuffer: 1 << 26 }).toString()
    if (!output.includes('All proofs in the database were verified')) throw new Error('metamath did not verify the database')
  })
  return median(samples) / 1000
}

/** The main job on the whole library: every theorem of set.mm through four validators, faults and final checks included. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { obtainLibrary } from '../packages/cli/dist/demo/library.js'
import { runDemo } from '../packages/cli/dist/demo/run.js'
import { stopAll } from '../packages/cli/dist/processes.js'

/** @type {import('./lib/report.js').Benchmark} */
export const library = {
  name: 'library',
  description: 'the main job with all theorems of set.mm',
  run: async () => {
    const say = (/** @type {string} */ line) => console.log(`  ${line}`)
    const folder = mkdtempSync(join(tmpdir(), 'aethel-bench-'))
    /** @type {readonly import('../packages/cli/dist/processes.js').ValidatorProcess[]} */
    let validators = []
    try {
      const { report, checks, rssBytes } = await runDemo({
        library: await obtainLibrary(undefined, say),
        theorems: Number.MAX_SAFE_INTEGER,
        folder: join(folder, 'network'),
        say,
        onNetwork: (network) => {
          validators = network.validators
        },
      })
      for (const check of checks) if (!check.passed) throw new Error(`${check.name}: ${check.detail}`)
      return [
        { name: 'proofs final', value: report.finalised, unit: '' },
        { name: 'blocks', value: report.blocks, unit: '' },
        { name: 'theorems', value: report.theoremsPerSecond, unit: '/s', target: 'at least 500' },
        { name: 'verifications per proof and validator', value: report.verificationsPerProof, unit: '', target: '1.00' },
        { name: 'resident memory, largest validator', value: Math.max(...rssBytes) / 1e6, unit: 'MB', target: 'at most 1,000' },
      ]
    } finally {
      await stopAll(validators)
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/**
 * `npm run mutants [-- ID...] [--minutes-per-mutant M] [--jobs J] [--json]`: plants each bug, or those named, and prints what
 * caught it. Exit code 0: all were caught; 7: one survived; 1: one could not be planted, or the engine itself fails; 2: usage.
 */
import { startProgress } from '../packages/cli/dist/ui/progress.js'
import { numberOf, readArguments, wholeNumberOf } from '../tools/arguments.js'
import { Baseline, runHunt } from './lib/hunt.js'
import { formatTable } from './lib/table.js'
import { createWorkspace } from './lib/workspace.js'
import { chooseMutants, UnknownMutantError } from './list.js'

/** Seeds that every configuration must pass without a mutant before anything is planted. */
const FIRST_BASELINE_SEEDS = 10

/** @typedef {{ mutant: import('./lib/mutant.js').Mutant, outcome: import('./lib/hunt.js').Outcome }} Row */

function readOptions() {
  return readArguments(
    {
      tool: 'mutants',
      usage: 'npm run mutants -- [ID...] [--minutes-per-mutant M] [--jobs J] [--json]',
      options: {
        'minutes-per-mutant': { type: 'string', default: '10' },
        jobs: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
      takesNames: true,
    },
    (values, ids) => ({
      ids,
      minutes: numberOf('minutes-per-mutant', values['minutes-per-mutant'], 0.01, 1_440),
      jobs: wholeNumberOf('jobs', values.jobs, 1, 64),
      json: values.json === true,
    }),
  )
}

/**
 * @param {readonly import('./lib/mutant.js').Mutant[]} mutants
 * @param {{ minutes: number, jobs: number }} options
 * @returns {Promise<Row[]>}
 */
async function huntAll(mutants, { minutes, jobs }) {
  const baseline = new Baseline()
  const progress = startProgress('mutants', mutants.length)
  const queue = [...mutants.entries()]
  /** @type {Row[]} */
  const rows = []
  let done = 0
  const worker = async () => {
    const workspace = createWorkspace()
    /** @param {import('./lib/mutant.js').Mutant} mutant */
    const huntOne = async (mutant) => {
      const limitMs = minutes * 60_000
      const missing = await baseline.failure(mutant.hunt, FIRST_BASELINE_SEEDS, limitMs)
      if (missing !== null) return missing
      workspace.plant(mutant)
      const outcome = await runHunt(workspace.root, mutant, limitMs)
      return outcome.status === 'killed' ? ((await baseline.failure(mutant.hunt, outcome.seeds ?? 1, limitMs)) ?? outcome) : outcome
    }
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [position, mutant] = next
        const outcome = await huntOne(mutant)
        rows[position] = { mutant, outcome }
        progress.event(`${mutant.id}: ${inWords(outcome)}`)
        progress.update(++done)
      }
    } finally {
      workspace.remove()
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, mutants.length) }, worker))
  } finally {
    progress.stop()
    baseline.close()
  }
  return rows
}

/** @param {import('./lib/hunt.js').Outcome} outcome */
function inWords(outcome) {
  switch (outcome.status) {
    case 'killed':
      return `killed by ${outcome.by}${outcome.seeds === null ? '' : `, seed ${outcome.seeds}`}, ${outcome.seconds} s`
    case 'survived':
      return `SURVIVED${outcome.seeds === null ? '' : ` ${outcome.seeds} seeds`}, ${outcome.seconds} s`
    case 'broken':
      return `BROKEN: ${outcome.detail}`
  }
}

// What runs and what was copied goes with us (the hooks on `exit`).
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
]))
  process.on(signal, () => process.exit(code))

const options = readOptions()
try {
  const rows = await huntAll(chooseMutants(options.ids), options)
  const survivors = rows.filter((row) => row.outcome.status === 'survived').length
  const broken = rows.filter((row) => row.outcome.status === 'broken').length
  if (options.json)
    console.log(
      JSON.stringify(
        rows.map(({ mutant, outcome }) => ({ id: mutant.id, traps: mutant.traps, ...outcome })),
        null,
        2,
      ),
    )
  else
    console.log(
      `${formatTable(rows)}\n${rows.length} mutants: ${rows.length - survivors - broken} killed, ${survivors} survived, ${broken} broken`,
    )
  process.exitCode = broken > 0 ? 1 : survivors > 0 ? 7 : 0
} catch (error) {
  console.error(`mutants: ${error instanceof Error ? error.message : error}`)
  process.exit(error instanceof UnknownMutantError ? 2 : 1)
}

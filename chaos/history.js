/**
 * The ledger of recorded runs, `chaos/history.md`: one row per run, and a line with their sums, which is computed from the
 * rows whenever one is added. A run with violations is recorded like any other.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FILE = process.env['AETHEL_CHAOS_HISTORY'] ?? fileURLToPath(new URL('history.md', import.meta.url))
const COLUMNS = [
  'date',
  'seed',
  'minutes',
  'validators',
  'wires',
  'kills',
  'while starting',
  'acknowledged',
  'lost',
  'doubled',
  'violations',
  'options',
]
const SUMMED = ['minutes', 'kills', 'while starting', 'acknowledged', 'lost', 'doubled', 'violations']
/** In a run that ended before the chains were read. */
const UNREAD = 'not read'
const HEAD = `# Recorded runs of the chaos suite

Each row is one run of \`npm run chaos -- --record\` (docs/chaos.md). \`npm run chaos -- --totals\` prints the sums.
`

/**
 * @param {{ seed: number, minutes: number, validators: number, wires: string, kills: number, killsInStart: number, acknowledged: number,
 *   lost: number | null, doubled: number | null, violations: readonly string[], command: string }} run
 * @returns {string} the sums, this run included
 */
export function recordRun(run) {
  const { rows } = readHistory()
  const options = /--(only|pace|epochs|behind|certificates|dissemination) .*/.exec(run.command)?.[0] ?? ''
  const { seed, minutes, validators, wires, kills, killsInStart, acknowledged, lost, doubled, violations } = run
  const date = new Date().toISOString().slice(0, 10)
  rows.push(
    [
      date,
      seed,
      minutes,
      validators,
      wires,
      kills,
      killsInStart,
      acknowledged,
      lost ?? UNREAD,
      doubled ?? UNREAD,
      violations.length,
      options,
    ].map(String),
  )
  const lines = [COLUMNS, COLUMNS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const totals = totalsOf(rows)
  writeFileSync(FILE, `${HEAD}\n**${totals}**\n\n${lines.join('\n')}\n`)
  return totals
}

export function readHistory() {
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
  const rows = text
    .split('\n')
    .filter((line) => /^\| \d{4}-/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  return { rows, totals: totalsOf(rows) }
}

/** @param {readonly (readonly string[])[]} rows */
function totalsOf(rows) {
  const sums = SUMMED.map((name) => {
    const sum = rows.reduce((total, row) => total + (Number(row[COLUMNS.indexOf(name)]) || 0), 0)
    return `${Math.round(sum * 10) / 10} ${name === 'kills' ? 'kill -9' : name}`
  })
  const unread = rows.filter((row) => row.includes(UNREAD)).length
  return `${rows.length} runs: ${sums.join(', ')}${unread === 0 ? '' : `; ${unread} ended before the chains were read`}`
}

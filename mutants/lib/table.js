/** The table of kills, as aligned Markdown: it is read on a terminal and pasted into docs/traps.md. */

/**
 * @param {readonly { mutant: import('./mutant.js').Mutant, outcome: import('./hunt.js').Outcome }[]} rows
 */
export function formatTable(rows) {
  const header = ['mutant', 'traps', 'killed by', 'seeds', 'seconds']
  const lines = [
    header,
    header.map(() => '---'),
    ...rows.map(({ mutant, outcome }) => [mutant.id, mutant.traps.join(' '), ...cells(outcome)]),
  ]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`).join('\n')
}

/** @param {import('./hunt.js').Outcome} outcome */
function cells(outcome) {
  switch (outcome.status) {
    case 'killed':
      return [outcome.by, outcome.seeds === null ? '' : `${outcome.seeds}`, outcome.seconds.toFixed(1)]
    case 'survived':
      return ['NOTHING', outcome.seeds === null ? '' : `${outcome.seeds}`, outcome.seconds.toFixed(1)]
    case 'broken':
      return [`BROKEN: ${outcome.detail.split('\n').at(-1)}`, '', outcome.seconds.toFixed(1)]
  }
}

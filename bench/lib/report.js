/**
 * A benchmark and its figures. A figure stands beside the floor it can't beat (or the tool it is compared with), measured
 * in the same run, and beside the target the project sets itself.
 *
 * @typedef {object} Figure
 * @property {string} name
 * @property {number} value
 * @property {string} unit
 * @property {{ name: string, value: number }} [floor] in the same unit
 * @property {string} [target]
 *
 * @typedef {object} Benchmark
 * @property {string} name
 * @property {string} description
 * @property {boolean} [onlyIfNamed] too long for a run of all
 * @property {() => Promise<readonly Figure[]>} run
 */

/** @param {readonly Figure[]} figures */
export function printFigures(figures) {
  const width = Math.max(...figures.map((figure) => figure.name.length))
  for (const figure of figures) {
    const value = `${rounded(figure.value)} ${figure.unit}`.padEnd(16)
    const floor =
      figure.floor === undefined
        ? ''
        : `  ${rounded(figure.value / figure.floor.value)} x ${figure.floor.name} (${rounded(figure.floor.value)})`
    const target = figure.target === undefined ? '' : `  target ${figure.target}`
    console.log(`  ${figure.name.padEnd(width)}  ${value}${floor}${target}`)
  }
}

/** @param {number} value */
function rounded(value) {
  if (value === 0) return '0'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: Math.abs(value) < 100 ? digits : 0 })
}

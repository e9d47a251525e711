/** How much processor time something takes: what other programs do meanwhile counts for little. */

/**
 * Nanoseconds of processor time of one run, the least of several measurements, each of so many milliseconds at least.
 *
 * @param {() => void} run
 * @param {{ measurements: number, leastMs: number }} options
 */
export function leastCpuNanoseconds(run, { measurements, leastMs }) {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < measurements; i++) {
    const before = process.cpuUsage()
    let runs = 0
    let spentMs = 0
    do {
      run()
      runs++
      const { user, system } = process.cpuUsage(before)
      spentMs = (user + system) / 1000
    } while (spentMs < leastMs)
    least = Math.min(least, (spentMs * 1e6) / runs)
  }
  return least
}

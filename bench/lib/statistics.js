/** Order statistics of samples. */

/**
 * @param {readonly number[]} samples
 * @param {number} fraction 0..1
 */
export function quantile(samples, fraction) {
  if (samples.length === 0) throw new RangeError('no samples')
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]
}

/** @param {readonly number[]} samples */
export function median(samples) {
  return quantile(samples, 0.5)
}

/**
 * Milliseconds of each of `repeats` runs, after one that is not counted.
 *
 * @param {number} repeats
 * @param {() => void | Promise<void>} run
 */
export async function timed(repeats, run) {
  await run()
  const samples = []
  for (let i = 0; i < repeats; i++) {
    const started = performance.now()
    await run()
    samples.push(performance.now() - started)
  }
  return samples
}

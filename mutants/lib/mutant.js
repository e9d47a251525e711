/**
 * What a mutant is: a bug that somebody once had, as an exact replacement in a source file, and the run that must catch it.
 */

/**
 * @typedef {object} Edit
 * @property {string} file From the root of the repository.
 * @property {string} before Occurs exactly once in the file.
 * @property {string} after
 */

/**
 * @typedef {object} Mutant
 * @property {string} id
 * @property {readonly string[]} traps Rows of docs/traps.md.
 * @property {string} bug What the code does wrong now, in one line.
 * @property {readonly Edit[]} edits
 * @property {Hunt} hunt
 */

/**
 * How it is caught: by seeds of `aethel simulate` with these options until an invariant breaks, or by a file of tests.
 * @typedef {{ readonly by: 'simulation', readonly options: readonly string[] } | { readonly by: 'tests', readonly file: string, readonly isOneEnough: boolean }} Hunt
 */

/**
 * @param {string} options Of `aethel simulate`, without seeds.
 * @returns {Hunt}
 */
export function simulation(options = '') {
  return { by: 'simulation', options: options.split(' ').filter((word) => word !== '') }
}

/**
 * @param {string} file
 * @param {{ isOneEnough?: boolean }} [options] Whether the first test that fails ends the hunt; otherwise all run, and one that carries the
 *   mutant's trap is named.
 * @returns {Hunt}
 */
export function tests(file, { isOneEnough = false } = {}) {
  return { by: 'tests', file, isOneEnough }
}

/**
 * The command line of this repository's own tools: `--help` prints what one takes; an argument that it does not take, or a value that cannot
 * be, ends it with exit code 2 and one line that says what was expected.
 */
import { parseArgs } from 'node:util'

/** A value that cannot be; whatever else is thrown is a bug, and shown as one. */
export class UsageError extends Error {
  /** @override */
  name = 'UsageError'
}

/**
 * What `read` makes of the arguments; it throws `UsageError`.
 *
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} Options
 * @template T
 * @param {{ tool: string, usage: string, options: Options, takesNames?: boolean }} tool
 * @param {(values: ReturnType<typeof parseArgs<{ options: Options }>>['values'], names: readonly string[]) => T} read
 * @returns {T}
 */
export function readArguments({ tool, usage, options, takesNames = false }, read) {
  try {
    const { values, positionals } = parsed({ ...options, help: { type: 'boolean', short: 'h' } }, takesNames)
    if (/** @type {{ help?: boolean }} */ (values).help === true) {
      console.log(usage)
      process.exit(0)
    }
    return read(/** @type {any} */ (values), positionals)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${tool}: ${error.message}\n  ${usage}`)
    process.exit(2)
  }
}

/**
 * @param {NonNullable<import('node:util').ParseArgsConfig['options']>} options
 * @param {boolean} takesNames
 */
function parsed(options, takesNames) {
  try {
    return parseArgs({ options, allowPositionals: takesNames })
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message.split('. ')[0])
  }
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {number} least
 * @param {number} most
 */
export function numberOf(name, text, least, most) {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  if (!(value >= least && value <= most)) throw new UsageError(`expected --${name} of ${least}..${most}, got ${text}`)
  return value
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {number} least
 * @param {number} most
 */
export function wholeNumberOf(name, text, least, most) {
  const value = numberOf(name, text, least, most)
  if (!Number.isSafeInteger(value)) throw new UsageError(`expected --${name} to be a whole number, got ${text}`)
  return value
}

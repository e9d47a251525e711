/**
 * Whole databases, as they are and spoilt: the verdict here and that of the reference program. What is accepted here and refused there
 * would be a falsehood; what is refused here and accepted there has to be one of the ways in which the grammar of
 * docs/proof-kinds/metamath.md is stricter, and is counted by its code.
 */
import { checkDatabase } from '@aethel/proofs'
import { judge } from './metamath-program.js'
import { random } from './random.js'

/** @typedef {{ here: string, there: 'accepts' | 'refuses' | 'crashes', reason: string }} Pair */

/** @param {Uint8Array} bytes @returns {Pair} */
export function compare(bytes) {
  const verdict = checkDatabase(bytes)
  const { errors, failed, crashed } = judge(bytes)
  return {
    here: verdict.status === 'valid' ? 'valid' : verdict.code,
    there: crashed ? 'crashes' : errors.length > 0 || failed.size > 0 ? 'refuses' : 'accepts',
    reason: verdict.status === 'valid' ? [...errors, ...failed].slice(0, 2).join('; ') : verdict.message,
  }
}

/**
 * @typedef {{ tried: number, bothAccept: number, bothRefuse: number, stricter: Record<string, number>, crashes: number, falsehoods: { input: string, reason: string }[] }} FileReport
 * @returns {FileReport}
 */
export const emptyReport = () => ({ tried: 0, bothAccept: 0, bothRefuse: 0, stricter: {}, crashes: 0, falsehoods: [] })

/** @param {FileReport} report @param {Uint8Array} bytes */
export function count(report, bytes) {
  const { here, there, reason } = compare(bytes)
  report.tried++
  if (there === 'crashes') report.crashes++
  else if (here === 'valid' && there === 'accepts') report.bothAccept++
  else if (here === 'valid') report.falsehoods.push({ input: Buffer.from(bytes).toString('latin1'), reason })
  else if (there === 'refuses') report.bothRefuse++
  else report.stricter[here] = (report.stricter[here] ?? 0) + 1
}

/** Every prefix. @param {Uint8Array} bytes @param {number} [step] */
export function tryPrefixes(bytes, step = 1) {
  const report = emptyReport()
  for (let length = 0; length < bytes.length; length += step) count(report, bytes.subarray(0, length))
  return report
}

/** Changes of tokens and bytes. @param {Uint8Array} bytes @param {number} cases @param {number} seed */
export function trySpoilt(bytes, cases, seed) {
  const report = emptyReport()
  const draw = random(seed)
  for (let i = 0; i < cases; i++) count(report, spoil(bytes, draw))
  return report
}

const KEYWORDS = ['$c', '$v', '$f', '$e', '$d', '$a', '$p', '$.', '$=', '$(', '$)', '${', '$}']

/** One or two changes: a token dropped, doubled, exchanged, put elsewhere or made a keyword; or a byte changed. @param {Uint8Array} bytes @param {ReturnType<typeof random>} draw */
function spoil(bytes, draw) {
  let tokens = Buffer.from(bytes).toString('latin1').split(/(\s+)/)
  for (let round = draw.below(2); round >= 0; round--) {
    const at = 2 * draw.below((tokens.length + 1) >> 1)
    const other = 2 * draw.below((tokens.length + 1) >> 1)
    const [here, there] = [tokens[at] ?? '', tokens[other] ?? '']
    const change = draw.below(7)
    if (change === 0) tokens = tokens.toSpliced(at, 2)
    else if (change === 1) tokens = tokens.toSpliced(at, 0, here, ' ')
    else if (change === 2) tokens = tokens.with(at, there).with(other, here)
    else if (change === 3) tokens = tokens.with(at, there)
    else if (change === 4) tokens = tokens.with(at, draw.pick(KEYWORDS))
    else if (change === 5) tokens = tokens.with(at, spoilWord(here, draw))
    else tokens = tokens.toSpliced(at, 0, there, ' ')
  }
  return new Uint8Array(Buffer.from(tokens.join(''), 'latin1'))
}

/** @param {string} word @param {ReturnType<typeof random>} draw */
function spoilWord(word, draw) {
  const at = draw.below(word.length + 1)
  return word.slice(0, at) + String.fromCharCode(33 + draw.below(94)) + word.slice(at + draw.below(2))
}

/**
 * Every prefix of a longer database. Most are refused here; only of those that are not is the reference program asked, so that all of
 * tens of thousands can be tried. The last theorem of a prefix says how far it got.
 *
 * @param {Uint8Array} bytes @param {number} [step] @param {(done: number) => void} [onDone]
 */
export function tryAcceptedPrefixes(bytes, step = 1, onDone = () => undefined) {
  const report = { tried: 0, accepted: 0, falsehoods: /** @type {{ length: number, reason: string }[]} */ ([]) }
  for (let length = 0; length < bytes.length; length += step) {
    const prefix = bytes.subarray(0, length)
    report.tried++
    if (report.tried % 1000 === 0) onDone(report.tried)
    if (checkDatabase(prefix).status !== 'valid') continue
    report.accepted++
    const { errors, failed, crashed } = judge(prefix)
    if (crashed || errors.length > 0 || failed.size > 0)
      report.falsehoods.push({ length, reason: [...errors, ...failed].slice(0, 2).join('; ') })
  }
  return report
}

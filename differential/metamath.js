/** `metamath/1` against the reference program: real databases, spoilt small ones, their prefixes, and every change of one symbol of real proofs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkDatabase } from '@aethel/proofs'
import { DATABASES_FOLDER, isInstalled, judgeFile } from './lib/metamath-program.js'
import { openWorld, prefixes, tryMutations, tryTruncatedBytes } from './lib/proof-letters.js'
import { BY_HAND, bundledPart } from './lib/small-databases.js'
import { tryAcceptedPrefixes, tryPrefixes, trySpoilt } from './lib/whole-files.js'

/** Longer proofs have so many changes that fewer theorems would fit into the time. */
const MOST_LETTERS = 120
const BUNDLED_THEOREMS = 6

export { isInstalled }

export const asBytes = (/** @type {string} */ text) => new Uint8Array(Buffer.from(text, 'latin1'))

/** The databases of Debian's package, by size. */
export function databases() {
  if (!existsSync(DATABASES_FOLDER)) return []
  const names = readdirSync(DATABASES_FOLDER).filter((name) => name.endsWith('.mm'))
  return names.map((name) => join(DATABASES_FOLDER, name)).toSorted((a, b) => sizeOf(a) - sizeOf(b))
}

const sizeOf = (/** @type {string} */ path) => readFileSync(path).length

/** @param {string} path */
export function compareDatabase(path) {
  const verdict = checkDatabase(new Uint8Array(readFileSync(path)))
  const { errors, failed, crashed } = judgeFile(path, '/')
  const there = !crashed && errors.length === 0 && failed.size === 0
  return { path, theorems: verdict.theorems, here: verdict.status === 'valid', there, agree: (verdict.status === 'valid') === there }
}

/**
 * @param {string} path
 * @param {number} theorems how many, spread evenly over the database
 * @param {number} most changes per proof
 * @param {(done: number) => void} [onDone]
 */
export function mutateProofs(path, theorems, most, onDone = () => undefined) {
  const world = openWorld(new Uint8Array(readFileSync(path)), 'differential.mm')
  const total = {
    theorems: 0,
    tried: 0,
    accepted: 0,
    stricter: /** @type {Record<string, number>} */ ({}),
    disagreements: /** @type {string[]} */ ([]),
  }
  const step = world.theorems.length / theorems
  for (let i = 0; i < theorems; i++) {
    const label = shortProofFrom(world, Math.floor(i * step))
    if (label === undefined) continue
    const report = tryMutations(world, label, most)
    total.theorems++
    total.tried += report.tried
    total.accepted += report.accepted
    for (const [code, count] of Object.entries(report.stricter)) total.stricter[code] = (total.stricter[code] ?? 0) + count
    total.disagreements.push(...report.disagreements.map((line) => `${label}: ${line}`))
    onDone(i + 1)
  }
  return total
}

/**
 * A library cut at every byte, and every proof of it cut behind every letter; and claims and certificates at every byte, of which nothing may pass.
 *
 * @param {string} path
 * @param {{ fileStep: number, theorems: number }} options every so many bytes of the file; how many theorems
 */
export function truncate(path, { fileStep, theorems }) {
  const bytes = new Uint8Array(readFileSync(path))
  const world = openWorld(bytes, 'differential.mm')
  const proofs = { theorems: 0, tried: 0, accepted: 0, disagreements: /** @type {string[]} */ ([]) }
  const ledger = { tried: 0, accepted: /** @type {string[]} */ ([]) }
  const step = Math.max(1, world.theorems.length / theorems)
  for (let at = 0; at < world.theorems.length; at += step) {
    const { label } = world.theorems[Math.floor(at)] ?? { label: '' }
    const report = tryMutations(world, label, Number.POSITIVE_INFINITY, prefixes)
    proofs.theorems++
    proofs.tried += report.tried - 1
    proofs.accepted += report.accepted - 1
    const stricter = Object.entries(report.stricter).map(([code, count]) => `${code} here, accepted there: ${count}`)
    proofs.disagreements.push(...[...report.disagreements, ...stricter].map((line) => `${label}: ${line}`))
    const cut = tryTruncatedBytes(world, label)
    ledger.tried += cut.tried
    ledger.accepted.push(...cut.accepted)
  }
  return { file: tryAcceptedPrefixes(bytes, fileStep), proofs, ledger }
}

/** The first theorem from `ordinal` on with a proof that is not too long. @param {import('./lib/proof-letters.js').World} world @param {number} ordinal */
function shortProofFrom(world, ordinal) {
  for (let at = ordinal; at < Math.min(ordinal + 100, world.theorems.length); at++) {
    const { label } = world.theorems[at] ?? { label: '' }
    if (world.letterCount(label) <= MOST_LETTERS) return label
  }
  return undefined
}

/** @param {{ prefixStep: number, spoilt: number, seed: number }} options */
export function tryFiles({ prefixStep, spoilt, seed }) {
  const byHand = asBytes(BY_HAND)
  return {
    'prefixes of the database by hand': tryPrefixes(byHand, prefixStep),
    'spoilt: the database by hand': trySpoilt(byHand, spoilt, seed),
    'spoilt: part of the bundled library': trySpoilt(asBytes(bundledPart(BUNDLED_THEOREMS)), spoilt, seed + 1),
  }
}

/**
 * Real proofs, changed in one symbol. A theorem is written as a database of its own (the library's symbols, what the proof cites as
 * `$a`, then the theorem many times, each time with another proof), so that one run of the reference program judges thousands.
 */

import { keyOf } from '@aethel/codec'
import {
  chunkChecker,
  encodeCertificate,
  LibraryExtractor,
  METAMATH_LIMITS,
  metamathVerifier,
  parseDatabase,
  proofLimits,
  readMetamathClaim,
  runMetered,
} from '@aethel/proofs'
import { certificateParts } from '../../packages/cli/dist/certificate-parts.js'
import { judge } from './metamath-program.js'

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
/** The reference program looks for the line of every error from the start of the file. */
const PROOFS_PER_FILE = 500
const LIMITS = proofLimits({})

/** @template T @param {import('@aethel/codec').Result<T, import('@aethel/codec').Refusal>} result */
function unwrap(result) {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const text = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString('latin1')

/** @param {Uint8Array} bytes @param {string} name */
export function openWorld(bytes, name) {
  const database = unwrap(parseDatabase(bytes))
  const extractor = new LibraryExtractor(database, name)
  const library = unwrap(extractor.library())
  /** @type {Map<string, Uint8Array>} */
  const statements = new Map()
  const { axioms, theorems } = extractor.entries()
  axioms.forEach(({ claimId }, i) => {
    statements.set(keyOf(claimId), /** @type {Uint8Array} */ (library.axioms[i]))
  })
  const letterCount = (/** @type {string} */ label) => certificateParts(unwrap(extractor.theorem(label)).proof).letters.length
  return { extractor, library, statements, theorems, letterCount, verifier: metamathVerifier([library]) }
}

/** @typedef {ReturnType<typeof openWorld>} World */

/** The theorem's claim and certificate, and the claims it cites. @param {World} world @param {string} label */
function open(world, label) {
  const { claim, proof } = unwrap(world.extractor.theorem(label))
  const certificate = certificateParts(proof)
  const cited = certificate.references.flatMap((reference) => (reference.kind === 'citation' ? [reference] : []))
  for (const { claimId, label: name } of cited) {
    if (!world.statements.has(keyOf(claimId))) world.statements.set(keyOf(claimId), unwrap(world.extractor.theorem(text(name))).claim)
  }
  return { claim, certificate, cited }
}

/**
 * One statement in a block of its own, hypotheses in the order of its frame.
 * @typedef {{ prefix: string, label: string, claim: Uint8Array, dummies?: readonly Variable[], disjoint?: readonly (readonly [string, string])[], proof?: string }} Block
 * @typedef {{ symbol: string, typecode: string }} Variable
 * @param {Block} block
 */
function block({ prefix, label, claim, dummies = [], disjoint = [], proof }) {
  const statement = unwrap(readMetamathClaim(claim))
  const variable = (/** @type {number} */ slot) => /** @type {string} */ (statement.hypotheses[slot]?.symbols.split(' ')[1])
  const pairs = [...statement.disjoint.map(([a, b]) => [variable(a), variable(b)]), ...disjoint]
  const floating = statement.hypotheses.flatMap(({ kind, symbols }) =>
    kind === 'floating' ? [/** @type {string} */ (symbols.split(' ')[1])] : [],
  )
  const variables = [...floating, ...dummies.map(({ symbol }) => symbol)]
  const lines = variables.length === 0 ? [] : [`$v ${variables.join(' ')} $.`]
  statement.hypotheses.forEach(({ kind, symbols }, i) => {
    lines.push(`${prefix}-${i} ${kind === 'floating' ? '$f' : '$e'} ${symbols} $.`)
  })
  dummies.forEach(({ symbol, typecode }, i) => {
    lines.push(`${prefix}-d${i} $f ${typecode} ${symbol} $.`)
  })
  for (const [a, b] of pairs) lines.push(`$d ${a} ${b} $.`)
  const end = proof === undefined ? `$a ${statement.assertion} $.` : `$p ${statement.assertion} $= ${proof} $.`
  return `\${ ${lines.join(' ')} ${label} ${end} $}\n`
}

/** Every change of one letter, every letter left out, every letter doubled; and every citation exchanged for the next. @param {string} letters */
export function mutations(letters) {
  const out = new Set()
  for (let at = 0; at < letters.length; at++) {
    const [before, after] = [letters.slice(0, at), letters.slice(at + 1)]
    for (const letter of LETTERS) out.add(before + letter + after)
    out.add(before + after)
    out.add(`${before}${letters[at]}${letters[at]}${after}`)
  }
  out.delete(letters)
  return [...out]
}

/** Every proper prefix that holds a letter. @param {string} letters */
export function prefixes(letters) {
  return Array.from({ length: Math.max(0, letters.length - 1) }, (_, k) => letters.slice(0, k + 1))
}

/**
 * Every prefix of a theorem's claim and of its certificate, as bytes: what is accepted of them is returned, and should be nothing.
 *
 * @param {World} world
 * @param {string} label
 */
export function tryTruncatedBytes(world, label) {
  const { claim, certificate } = open(world, label)
  const citations = { statementOf: (/** @type {Uint8Array} */ claimId) => world.statements.get(keyOf(claimId)) }
  const parsed = unwrap(world.verifier.parseClaim(claim)).claim
  const proof = encodeCertificate(certificate)
  const judge = (/** @type {Uint8Array} */ bytes) => runMetered(world.verifier, parsed, bytes, citations, METAMATH_LIMITS).status
  if (judge(proof) !== 'valid') throw new Error(`${label}: the proof itself is refused`)
  /** @type {string[]} */
  const accepted = []
  for (let length = 0; length < proof.length; length++)
    if (judge(proof.subarray(0, length)) === 'valid') accepted.push(`${label}: certificate cut at ${length}`)
  for (let length = 0; length < claim.length; length++)
    if (world.verifier.parseClaim(claim.subarray(0, length)).ok) accepted.push(`${label}: claim cut at ${length}`)
  return { tried: proof.length + claim.length, accepted }
}

/**
 * @typedef {{ label: string, tried: number, accepted: number, stricter: Record<string, number>, disagreements: string[] }} LetterReport
 */

/**
 * Judges every one-symbol change of a proof three times: as a file, as a certificate of the ledger, and by the reference program.
 * @param {World} world
 * @param {string} label
 * @param {number} [most] changes of this proof, at most; chosen evenly
 * @param {(letters: string) => string[]} [changes] to be tried
 * @returns {LetterReport}
 */
export function tryMutations(world, label, most = Number.POSITIVE_INFINITY, changes = mutations) {
  const theorem = open(world, label)
  const letters = text(theorem.certificate.letters)
  const all = changes(letters)
  const step = Math.max(1, Math.ceil(all.length / most))
  const tried = [letters, ...all.filter((_, i) => i % step === 0)]
  /** @type {LetterReport} */
  const report = { label, tried: tried.length, accepted: 0, stricter: {}, disagreements: [] }
  for (let from = 0; from < tried.length; from += PROOFS_PER_FILE) {
    judgeProofs(world, theorem, tried.slice(from, from + PROOFS_PER_FILE), report)
  }
  if (report.accepted === 0) report.disagreements.push('the proof itself is refused')
  return report
}

/** @param {World} world @param {ReturnType<typeof open>} theorem @param {readonly string[]} proofs @param {LetterReport} report */
function judgeProofs(world, theorem, proofs, report) {
  const { claim, certificate } = theorem
  const file = databaseOf(world, theorem, proofs)
  const check = chunkChecker(unwrap(parseDatabase(Buffer.from(file, 'latin1'))), LIMITS)
  const reference = judge(file)
  if (reference.errors.length > 0)
    throw new Error(`${report.label}: the reference program does not read its database: ${reference.errors.join('; ')}`)
  const parsed = unwrap(world.verifier.parseClaim(claim)).claim
  const citations = { statementOf: (/** @type {Uint8Array} */ claimId) => world.statements.get(keyOf(claimId)) }
  for (const [i, proof] of proofs.entries()) {
    const code = check(i, i + 1).refusal?.code ?? 'valid'
    const encoded = encodeCertificate({ ...certificate, letters: Buffer.from(proof, 'latin1') })
    const verdict = runMetered(world.verifier, parsed, encoded, citations, METAMATH_LIMITS)
    const ledgerCode = verdict.status === 'valid' ? 'valid' : verdict.code
    const referenceAccepts = !reference.failed.has(`mutant-${i}`)
    if (code === 'valid') report.accepted++
    if (ledgerCode !== code) report.disagreements.push(`${proof}: as a file ${code}, on the ledger ${ledgerCode}`)
    if (code === 'valid' && !referenceAccepts) report.disagreements.push(`${proof}: accepted here, refused by the reference program`)
    if (code !== 'valid' && referenceAccepts) report.stricter[code] = (report.stricter[code] ?? 0) + 1
  }
}

/**
 * A claim as a database of its own: what is cited as `$a`, then the theorem once for each proof, `mutant-0` and on.
 *
 * @param {{ library: Pick<import('@aethel/proofs').LibraryDefinition, 'constants' | 'variables'>, statements: ReadonlyMap<string, Uint8Array> }} world
 * @param {ReturnType<typeof open>} theorem
 * @param {readonly string[]} proofs
 */
export function databaseOf(world, { claim, certificate, cited }, proofs) {
  const { hypotheses } = unwrap(readMetamathClaim(claim))
  const typecodes = new Map(world.library.variables.map(({ symbol, typecode }) => [symbol, typecode]))
  const slots = hypotheses.map(({ symbols }) => /** @type {string} */ (symbols.split(' ')[1]))
  /** @type {Variable[]} */
  const dummies = []
  for (const reference of certificate.references) {
    if (reference.kind !== 'dummy') continue
    const symbol = text(reference.symbol)
    slots.push(symbol)
    dummies.push({ symbol, typecode: /** @type {string} */ (typecodes.get(symbol)) })
  }
  /** @type {[string, string][]} */
  const disjoint = []
  for (let i = 0; i < certificate.disjoint.length; i += 2) {
    disjoint.push([
      /** @type {string} */ (slots[certificate.disjoint[i] ?? -1]),
      /** @type {string} */ (slots[certificate.disjoint[i + 1] ?? -1]),
    ])
  }
  let file = `$c ${world.library.constants.join(' ')} $.\n`
  for (const [i, { claimId, label }] of cited.entries()) {
    file += block({
      prefix: `h-${i}`,
      label: `cited-${text(label)}`,
      claim: /** @type {Uint8Array} */ (world.statements.get(keyOf(claimId))),
    })
  }
  for (const [i, letters] of proofs.entries()) {
    const prefix = `m-${i}`
    let dummy = 0
    const names = certificate.references.map((r) => (r.kind === 'dummy' ? `${prefix}-d${dummy++}` : `cited-${text(r.label)}`))
    file += block({ prefix, label: `mutant-${i}`, claim, dummies, disjoint, proof: `( ${names.join(' ')} ) ${letters}` })
  }
  return file
}

/**
 * Small Metamath databases, and theorems as the ledger has them, judged by the reference program: whatever is accepted here is written as a
 * file, and the program `metamath` must accept it, too. Where it is not installed, a theorem must still be what its file is; nothing else
 * is judged. The program is asked once about each file.
 */
import { keyOf, utf8 } from '@aethel/codec'
import { checkDatabase, decodeLibrary, metamathVerifier, runMetered } from '@aethel/proofs'
import { isInstalled, judge } from '../../differential/lib/metamath-program.js'
import { databaseOf } from '../../differential/lib/proof-letters.js'
import { BY_HAND, bundledPart } from '../../differential/lib/small-databases.js'
import { certificateParts } from '../../packages/cli/dist/certificate-parts.js'
import { pair, unpaired } from '../lib/mutate.js'
import { mutateTheorem } from '../lib/mutate-theorem.js'
import { Broken } from '../lib/properties.js'
import { DATABASE, hex, KEYWORDS, metamath } from './proofs.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const LIMITS = { claimBytes: 1 << 16, proofBytes: 1 << 16, gas: 200_000, memoryWords: 1 << 16 }
/** A run of the program takes some milliseconds of another process. */
const SLOW_MS = 1_000
const MAX_ASKED = 1 << 20
/** What is kept is a number; the kernel keeps its tables and its heap for the next database. */
const KEPT_BYTES = 1 << 20

const decoded = decodeLibrary(hex(metamath.library))
if (!decoded.ok) throw new Error(decoded.error.message)
const library = decoded.value
const statements = new Map(Object.entries(metamath.statements).map(([claimId, statement]) => [keyOf(hash(claimId)), hex(statement)]))

/** @param {string} text */
function hash(text) {
  return /** @type {import('@aethel/codec').Hash} */ (hex(text))
}

/** @type {boolean | undefined} */
let installed
/** @type {Set<string>} */
const asked = new Set()

/** @param {Uint8Array | string} file */
function expectTrue(file) {
  installed ??= isInstalled()
  if (!installed) return
  const text = typeof file === 'string' ? file : Buffer.from(file).toString('latin1')
  if (asked.has(text)) return
  if (asked.size >= MAX_ASKED) asked.clear()
  asked.add(text)
  // Where it ends abnormally it has said nothing.
  const { errors, failed, crashed } = judge(file)
  if (!crashed && (errors.length > 0 || failed.size > 0))
    throw new Broken(`accepted here, refused by the reference program: ${[...errors, ...failed].slice(0, 2).join('; ')}\n${text}`)
}

/** @type {Target} */
export const databaseTruth = {
  name: 'database-truth',
  what: 'small Metamath databases: what is valid here is valid for the reference program',
  seeds: () => [utf8(DATABASE), utf8(BY_HAND), utf8(bundledPart(2))],
  dictionary: KEYWORDS,
  slowMs: SLOW_MS,
  memoryBytes: KEPT_BYTES,
  decode: (bytes) => {
    const verdict = checkDatabase(bytes, { gasPerProof: LIMITS.gas, memoryWordsPerProof: LIMITS.memoryWords })
    if (verdict.status !== 'valid') return { ok: false, error: { code: verdict.code, message: verdict.message } }
    return { ok: true, value: verdict.theorems }
  },
  use: (_theorems, bytes) => expectTrue(bytes),
}

/** @type {Target} */
export const theoremTruth = {
  name: 'theorem-truth',
  isPair: true,
  change: mutateTheorem,
  what: 'theorems with their certificates, as the ledger checks them: what is valid there is valid as a file, here and for the reference program',
  seeds: () => metamath.cases.map(({ claim, proof }) => pair(hex(claim), hex(proof))).filter((bytes) => bytes.length < 4000),
  dictionary: [...Object.keys(metamath.statements).map(hex), 'ABZ', 'UUA', ' wff', ' |-', Uint8Array.of(0, 0, 0, 1)],
  slowMs: SLOW_MS,
  memoryBytes: KEPT_BYTES,
  decode: (bytes) => {
    const verifier = metamathVerifier([library], LIMITS)
    const { first, second } = unpaired(bytes)
    const claim = verifier.parseClaim(first)
    if (!claim.ok) return claim
    const cited = { statementOf: (/** @type {import('@aethel/codec').Hash} */ claimId) => statements.get(keyOf(claimId)) }
    const verdict = runMetered(verifier, claim.value.claim, second, cited)
    if (verdict.status !== 'valid') return { ok: false, error: verdict }
    return { ok: true, value: verdict.gas }
  },
  use: (_gas, bytes) => {
    const { first, second } = unpaired(bytes)
    const certificate = certificateParts(second)
    const citations = certificate.references.flatMap((reference) => (reference.kind === 'citation' ? [reference] : []))
    const letters = Buffer.from(certificate.letters).toString('latin1')
    const file = databaseOf({ library, statements }, { claim: first, certificate, cited: citations }, [letters])
    const verdict = checkDatabase(utf8(file))
    if (verdict.status !== 'valid') throw new Broken(`valid on the ledger, as a file ${verdict.code}: ${verdict.message}\n${file}`)
    expectTrue(file)
  },
}

/** The kernels and what they read. Their work is metered, so a small meter must also bound their time. */
import { readFileSync } from 'node:fs'
import { decode, fromHex, toHex, utf8 } from '@aethel/codec'
import {
  bvlratVerifier,
  checkDatabase,
  checkLrat,
  cnfToClaim,
  decodeLibrary,
  elaborateDrat,
  encodeLibrary,
  encodeMetamathClaim,
  LibraryExtractor,
  lratVerifier,
  metamathVerifier,
  parseCnfClaim,
  parseDatabase,
  parseScript,
  readMetamathClaim,
  readModel,
  runMetered,
  satModelVerifier,
  scriptToClaim,
} from '@aethel/proofs'
import { encodeCertificate, readCertificate } from '../../packages/proofs/dist/metamath/certificate.js'
import { bitCount, bruteForce, readSlowScript } from '../../packages/proofs/test/slow-bv.js'
import { pair, unpaired } from '../lib/mutate.js'
import { mutateScript } from '../lib/mutate-script.js'
import { mutateLibrary, mutateTheorem } from '../lib/mutate-theorem.js'
import { Broken } from '../lib/properties.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const PACKAGES = new URL('../../packages/proofs/', import.meta.url)
/** So much work takes a few milliseconds. */
const GAS = 200_000
const MEMORY_WORDS = 1 << 16
const LIMITS = { claimBytes: 1 << 16, proofBytes: 1 << 16, gas: GAS, memoryWords: MEMORY_WORDS }

/** @type {{ vectors: { cnf: string, proofHex: string }[] }} */
const lrat = JSON.parse(readFileSync(new URL('vectors/lrat-1.json', PACKAGES), 'utf8'))
/** The vectors. @type {{ library: string, statements: Record<string, string>, cases: { claim: string, proof: string }[] }} */
export const metamath = JSON.parse(readFileSync(new URL('vectors/metamath-1.json', PACKAGES), 'utf8'))

/** @param {string} text */
export function hex(text) {
  const bytes = fromHex(text)
  if (!bytes.ok) throw new Error(bytes.error.message)
  return bytes.value
}

const DIMACS = ['p cnf ', ' 0\n', '-', 'c\n', '%\n0\n', '99999999999', '2147483648', 'd ', '\n', ' ']

/** @type {Target} */
export const cnf = {
  name: 'cnf',
  what: 'DIMACS text, and the claim it becomes',
  seeds: () => lrat.vectors.map((vector) => utf8(vector.cnf)).filter((bytes) => bytes.length < 2000),
  dictionary: DIMACS,
  decode: cnfToClaim,
  use: (claim) => {
    const parsed = parseCnfClaim(claim)
    if (!parsed.ok) throw new Broken(`the claim of a DIMACS text is not canonical: ${parsed.error.message}`)
  },
}

/** @type {Target} */
export const lratText = {
  name: 'lrat',
  isPair: true,
  what: 'a formula in DIMACS and its refutation, text or binary, as `aethel check` reads them',
  seeds: () => lrat.vectors.map((vector) => pair(utf8(vector.cnf), hex(vector.proofHex))).filter((bytes) => bytes.length < 2000),
  dictionary: [...DIMACS, Uint8Array.of(0x61, 2), Uint8Array.of(0x64), Uint8Array.of(255, 255, 255, 255, 15)],
  decode: (bytes) => {
    const { first, second } = unpaired(bytes)
    return { ok: true, value: checkLrat(first, second, LIMITS) }
  },
  use: (verdict) => {
    expectVerdict(verdict)
  },
}

/** @type {Target} */
export const lratClaims = {
  name: 'lrat-claims',
  isPair: true,
  what: 'canonical claims of `lrat/1` with their proofs, as the ledger checks them',
  seeds: () =>
    lrat.vectors.flatMap((vector) => {
      const claim = cnfToClaim(utf8(vector.cnf))
      return claim.ok && vector.proofHex.length < 4000 ? [pair(claim.value, hex(vector.proofHex))] : []
    }),
  dictionary: [...DIMACS, Uint8Array.of(0x61, 2), Uint8Array.of(0x64), Uint8Array.of(0, 0, 0, 2), Uint8Array.of(255, 255, 255, 255, 15)],
  decode: (bytes) => {
    const verifier = lratVerifier(LIMITS)
    const { first, second } = unpaired(bytes)
    const claim = verifier.parseClaim(first)
    if (!claim.ok) return claim
    if (!verifier.citationsOf(claim.value.claim, second).ok) throw new Broken('a refutation cites')
    const run = () => runMetered(verifier, claim.value.claim, second, { statementOf: () => undefined })
    const verdict = run()
    if (JSON.stringify(run()) !== JSON.stringify(verdict)) throw new Broken('two verdicts on one proof')
    return { ok: true, value: verdict }
  },
  use: (verdict) => {
    expectVerdict(verdict)
  },
}

/** @type {Target} */
export const models = {
  name: 'models',
  isPair: true,
  what: 'claims of `sat-model/1` with what a solver prints, as certificate and as text',
  seeds: () => {
    const claim = cnfToClaim(utf8('p cnf 9 3\n1 -2 9 0\n-1 2 0\n-9 3 0\n'))
    if (!claim.ok) throw new Error(claim.error.message)
    return ['c x\ns SATISFIABLE\nv 1 2 -3\nv 4 0\n', 'SAT\n1 2 3 -9 0\n', '\u0007\u0001'].map((text) => pair(claim.value, utf8(text)))
  },
  dictionary: ['v ', 's SATISFIABLE\n', 'SAT\n', ' 0\n', '-', 'c', Uint8Array.of(0, 0, 0, 1)],
  decode: (bytes) => {
    const verifier = satModelVerifier(LIMITS)
    const { first, second } = unpaired(bytes)
    const claim = verifier.parseClaim(first)
    if (!claim.ok) return claim
    const text = readModel(second, claim.value.claim.variables)
    const run = (/** @type {Uint8Array} */ model) => runMetered(verifier, claim.value.claim, model, { statementOf: () => undefined })
    const fromText = text.ok ? run(text.value) : null
    if (fromText?.status === 'invalid' && ['model-length', 'model-padding'].includes(fromText.code))
      throw new Broken(`a model that was read has no good form: ${fromText.code}`)
    return { ok: true, value: run(second) }
  },
  use: (verdict) => {
    expectVerdict(verdict)
  },
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
export const DATABASE = `
$c ( ) -> wff |- $.  $v p q r $.
wp $f wff p $.  wq $f wff q $.  wr $f wff r $.
wi $a wff ( p -> q ) $.
a1 $a |- ( p -> ( q -> p ) ) $.
a2 $a |- ( ( p -> ( q -> r ) ) -> ( ( p -> q ) -> ( p -> r ) ) ) $.
\${ mp.1 $e |- p $.  mp.2 $e |- ( p -> q ) $.  mp $a |- q $. $}
\${ a1i.1 $e |- p $.  a1i $p |- ( q -> p ) $= ( wi a1 mp ) ABADCABEF $. $}
\${ $d p q $. n $p |- ( p -> ( q -> p ) ) $= wp wq a1 $. $}
$( a comment $)
`
export const KEYWORDS = [
  '$c ',
  '$v ',
  '$f ',
  '$e ',
  '$a ',
  '$p ',
  '$= ',
  '$. ',
  '${ ',
  '$} ',
  '$d ',
  '$( ',
  '$) ',
  '$[ ',
  '( ',
  ') ',
  '? ',
  'ABZ',
  'UUUUUA',
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: to here

/** @type {Target} */
export const databases = {
  name: 'metamath-databases',
  what: 'Metamath text: every proof checked, and theorems extracted as claims',
  seeds: () => [utf8(DATABASE)],
  dictionary: [...KEYWORDS, ' wff ', ' |- ', ' p ', ' a1 ', '\n'],
  decode: parseDatabase,
  use: (database, bytes) => {
    const verdict = checkDatabase(bytes, { gasPerProof: GAS, memoryWordsPerProof: MEMORY_WORDS })
    if (verdict.status === 'invalid' && !(verdict.code.length > 0 && verdict.message.length > 0)) throw new Broken('no reason given')
    const extractor = new LibraryExtractor(database, 'fuzz')
    const library = extractor.library()
    if (!library.ok) return
    const encoded = encodeLibrary(library.value)
    const decoded = decodeLibrary(encoded)
    if (!decoded.ok) throw new Broken(`an extracted library is refused: ${decoded.error.code} ${decoded.error.message}`)
    for (const theorem of extractor.theorems()) if (!theorem.ok) return
  },
}

/** @type {Target} */
export const libraries = {
  name: 'libraries',
  change: mutateLibrary,
  what: 'library definitions of genesis',
  seeds: () => [hex(metamath.library)],
  dictionary: [Uint8Array.of(0, 0, 0, 1), Uint8Array.of(3, 119, 102, 102), Uint8Array.of(2, 124, 45)],
  decode: decodeLibrary,
  encode: encodeLibrary,
}

const library = decodeLibrary(hex(metamath.library))
if (!library.ok) throw new Error(library.error.message)

/** @type {Target} */
export const metamathClaims = {
  name: 'metamath-claims',
  isPair: true,
  change: mutateTheorem,
  what: 'claims of `metamath/1` with their certificates, as the ledger checks them',
  seeds: () => metamath.cases.map(({ claim, proof }) => pair(hex(claim), hex(proof))).filter((bytes) => bytes.length < 4000),
  dictionary: [...Object.keys(metamath.statements).map(hex), 'ABZ', 'UUUUUA', ' wff', ' |-', Uint8Array.of(0, 0, 0, 1)],
  decode: (bytes) => {
    const { first, second } = unpaired(bytes)
    const text = readMetamathClaim(first)
    if (text.ok && Buffer.compare(encodeMetamathClaim(text.value), first) !== 0) throw new Broken('a claim has two encodings')
    const verifier = metamathVerifier([library.value], LIMITS)
    const claim = verifier.parseClaim(first)
    if (!claim.ok) return claim
    if (!text.ok) throw new Broken(`a claim is accepted by its library and cannot be read: ${text.error.message}`)
    const { variables } = claim.value.claim
    const certificate = decode(second, (reader) => readCertificate(reader, variables.length))
    if (certificate.ok && Buffer.compare(encodeCertificate(certificate.value), second) !== 0)
      throw new Broken('a certificate has two encodings')
    if (verifier.citationsOf(claim.value.claim, second).ok !== certificate.ok) throw new Broken('citations of what is no certificate')
    const cited = {
      statementOf: (/** @type {Uint8Array} */ claimId) => {
        const statement = metamath.statements[toHex(claimId)]
        return statement === undefined ? undefined : hex(statement)
      },
    }
    const verdict = runMetered(verifier, claim.value.claim, second, cited)
    const again = runMetered(verifier, claim.value.claim, second, cited)
    if (JSON.stringify(again) !== JSON.stringify(verdict)) throw new Broken('another verdict from what was seen before')
    return { ok: true, value: verdict }
  },
  use: (verdict) => {
    expectVerdict(verdict)
  },
}

/** @param {{ status: string, code?: string, message?: string, gas: number }} verdict */
function expectVerdict({ status, code, message, gas }) {
  if (status !== 'valid' && !(code !== undefined && code.length > 0 && message !== undefined && message.length > 0))
    throw new Broken(`${status} without a reason`)
  if (!(Number.isSafeInteger(gas) && gas >= 0 && gas <= GAS)) throw new Broken(`${gas} gas where ${GAS} was the limit`)
}

/** @type {{ proofs: { script: string, proofHex: string }[], files: { file: string }[], formulas: { script: string }[] }} */
const bvlrat = JSON.parse(readFileSync(new URL('vectors/bvlrat-1.json', PACKAGES), 'utf8'))
export const SMT_LIB = [
  '(set-logic QF_BV)\n',
  '(declare-const x (_ BitVec 2))\n',
  '(declare-const p Bool)\n',
  '(define-fun f ((a Bool)) Bool a)\n',
  '(define-fun g () (_ BitVec 2) #b01)\n',
  '(assert ',
  '(check-sat)\n',
  '(let ((',
  '((_ extract 1 0) ',
  '((_ repeat 65536) ',
  '((_ sign_extend 1) ',
  '((_ rotate_left 3) ',
  ...['and', 'xor', '=>', '=', 'distinct', 'ite', 'bvneg', 'bvadd', 'bvmul', 'bvudiv', 'bvsmod', 'bvashr', 'bvult', 'bvsge'].map(
    (name) => `(${name} `,
  ),
  ...['concat', 'bvcomp', 'bvsmulo'].map((name) => `(${name} `),
  ...['#b01', '#xf', '(_ bv3 2)', 'true', ' x', ' p', ')', '\n', '|a|', ';', '"'],
]

/** @type {Target} */
export const scripts = {
  name: 'smt2',
  change: mutateScript,
  what: 'SMT-LIB files, and the canonical claims they become',
  seeds: () => [...bvlrat.files.map(({ file }) => utf8(file)), ...bvlrat.formulas.slice(0, 60).map(({ script }) => utf8(script))],
  dictionary: SMT_LIB,
  decode: scriptToClaim,
  use: (claim) => {
    if (!parseScript(claim).ok) throw new Broken('the claim of a file is no canonical script')
    const again = scriptToClaim(claim)
    if (!again.ok || Buffer.compare(again.value, claim) !== 0) throw new Broken('a canonical script becomes another one')
  },
}

/** So few bits and bytes are tried out in a few milliseconds. */
const TRIED_BITS = 6
const TRIED_BYTES = 600

/** @type {Target} */
export const bvlratClaims = {
  name: 'bvlrat-claims',
  isPair: true,
  what: 'canonical claims of `bvlrat/1` with their proofs: no throw, one verdict, and no refutation of a script that has a model',
  seeds: () => bvlrat.proofs.map(({ script, proofHex }) => pair(utf8(script), hex(proofHex))).filter((bytes) => bytes.length < 2500),
  dictionary: [...SMT_LIB, Uint8Array.of(0x61, 6), Uint8Array.of(0x64), Uint8Array.of(255, 255, 255, 255, 15), '3 0 1 2 0\n'],
  slowMs: 200,
  decode: (bytes) => {
    const verifier = bvlratVerifier(LIMITS)
    const { first, second } = unpaired(bytes)
    const claim = verifier.parseClaim(first)
    if (!claim.ok) return claim
    const run = () => runMetered(verifier, claim.value.claim, second, { statementOf: () => undefined })
    const verdict = run()
    if (JSON.stringify(run()) !== JSON.stringify(verdict)) throw new Broken('two verdicts on one proof')
    const again = scriptToClaim(first)
    if (!again.ok || Buffer.compare(again.value, first) !== 0) throw new Broken('a claim is not its own canonical script')
    return { ok: true, value: { claim: claim.value, verdict } }
  },
  use: ({ verdict }, bytes) => {
    expectVerdict(verdict)
    const { first } = unpaired(bytes)
    if (verdict.status !== 'valid' || first.length > TRIED_BYTES) return
    const script = readSlowScript(new TextDecoder('latin1').decode(first))
    if (bitCount(script) <= TRIED_BITS && bruteForce(script) !== null) throw new Broken('a script that has a model is refuted')
  },
}

/** @type {Target} */
export const dratProofs = {
  name: 'drat',
  isPair: true,
  what: 'DRAT proofs, as the elaborator of `aethel prove` reads them: what it makes of them, the kernel finds valid',
  seeds: () =>
    lrat.vectors
      .filter((vector) => vector.cnf.length < 500)
      .flatMap((vector) => ['2 0\n0\n', 'd 1 2 0\n1 0\n0\n', '3 1 0\n-3 2 0\n0\n'].map((drat) => pair(utf8(vector.cnf), utf8(drat)))),
  dictionary: [...DIMACS, Uint8Array.of(0x61, 4, 0), Uint8Array.of(0x64, 2, 4, 0), Uint8Array.of(255, 255, 255, 255, 1)],
  // Tables of watches and values grow with the largest variable named.
  slowMs: 500,
  decode: (bytes) => {
    const { first, second } = unpaired(bytes)
    const claim = cnfToClaim(first)
    const parsed = claim.ok ? parseCnfClaim(claim.value) : claim
    if (!parsed.ok) return parsed
    const made = elaborateDrat(parsed.value, second)
    if (!made.ok) return made
    const verdict = checkLrat(first, made.value.lrat)
    if (verdict.status !== 'valid') throw new Broken(`the kernel refuses what was elaborated: ${verdict.code} ${verdict.message}`)
    return { ok: true, value: made.value.steps }
  },
}

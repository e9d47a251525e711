/**
 * What `aethel submit` is given, as actions that can be signed: refutations and models of formulas, theorems of databases or taken out of
 * one, and claims of kinds from outside. Nothing here talks to a validator.
 */
import { statSync } from 'node:fs'
import { EMPTY_BYTES, type Hash, toHex } from '@aethel/codec'
import { type Action, checkAction, INLINE_PROOF_BYTES } from '@aethel/ledger'
import {
  BVLRAT_KIND,
  checkBvlrat,
  checkLrat,
  claimIdOf,
  cnfToClaim,
  LRAT_KIND,
  METAMATH_KIND,
  parseCnfClaim,
  readModel,
  SAT_MODEL_KIND,
  scriptToClaim,
} from '@aethel/proofs'
import { type BlobFile, blobFile } from './blob-upload.js'
import { usageError } from './exit.js'
import { MAX_REFUTATION_BYTES, openInputPieces, readInputFile, readTextFile } from './files.js'
import { adviceOn, formatOf, refusedFile } from './formats.js'
import { citedClaims, type MetamathLibrary, openLibrary } from './metamath-library.js'
import { isBundle, readBundle } from './proof-bundle.js'
import { isScript } from './prove/formula.js'
import { metadataFrom, rawAction } from './raw-submission.js'

/** What is said of the files. */
export interface SubmissionOptions {
  readonly label: readonly string[]
  readonly proof: readonly string[]
  readonly model: readonly string[]
  readonly withDependencies?: boolean
  readonly library?: string
  readonly kind?: string
  readonly title?: string
  readonly toolchain?: string
  readonly source?: string
}

export interface Submission {
  readonly name: string
  readonly claimId: Hash
  readonly action: Action
  /** Theorems it cites, label to claimId; axioms are in genesis. */
  readonly cites: ReadonlyMap<string, Hash>
  /** Sent only because something else cites it: no receipt is asked for. */
  readonly dependency: boolean
  /** The proof, if it is too large for the transaction. */
  readonly blob?: BlobFile
}

/** What is wanted, and what it needs first, each once. Errors are `CliError`s: the files say what is wrong with them. */
export function submissionsFrom(files: readonly string[], options: SubmissionOptions): Submission[] {
  return withMetadata(eachOnce(readSubmissions(files, options)), options)
}

function withMetadata(submissions: readonly Submission[], options: SubmissionOptions): Submission[] {
  const metadata = metadataFrom(options)
  return submissions.map((submission) => {
    const { action, name, dependency } = submission
    if (metadata === null || dependency || action.type !== 'submit-proof') return submission
    return { ...submission, action: sendable({ ...action, metadata }, name) }
  })
}

/** A claim is final once: named twice, or wanted here and cited there, it is sent once. */
function eachOnce(submissions: readonly Submission[]): Submission[] {
  const byClaim = new Map<string, Submission>()
  for (const submission of submissions) {
    const key = toHex(submission.claimId)
    const known = byClaim.get(key)
    if (known === undefined) byClaim.set(key, submission)
    else if (!submission.dependency) byClaim.set(key, { ...known, dependency: false })
  }
  return [...byClaim.values()]
}

function rawSubmission(kind: string, file: string, proofFile: string | undefined): Submission {
  const action = rawAction(kind, file, proofFile)
  return { name: file, claimId: claimIdOf(kind, action.claim), action: sendable(action, file), cites: new Map(), dependency: false }
}

/** What each kind of file is submitted with; an option that would not be looked at is refused. */
const OPTIONS_OF = {
  '--kind': ['proof'],
  'proof bundles (.json)': ['withDependencies'],
  'Metamath databases (.mm)': ['label', 'withDependencies', 'library'],
  'formulas (.cnf, .smt2)': ['proof', 'model'],
} as const

function refuseUnfitting(what: keyof typeof OPTIONS_OF, options: SubmissionOptions): void {
  const { label, withDependencies, library, proof, model } = options
  const given = { label: label[0], withDependencies, library, proof: proof[0], model: model[0] }
  const taken: readonly string[] = OPTIONS_OF[what]
  const unfitting = Object.entries(given).find(([name, value]) => value !== undefined && !taken.includes(name))?.[0]
  if (unfitting === undefined) return
  const said = unfitting === 'withDependencies' ? 'with-dependencies' : unfitting
  throw usageError('usage', `expected no --${said} with ${what}, where nothing looks at it`)
}

function readSubmissions(files: readonly string[], options: SubmissionOptions): Submission[] {
  const { kind } = options
  if (kind !== undefined) refuseUnfitting('--kind', options)
  if (kind !== undefined) return files.map((file, index) => rawSubmission(kind, file, options.proof[index]))
  const bundles = files.filter(isBundle)
  if (bundles.length === files.length) {
    refuseUnfitting('proof bundles (.json)', options)
    return files.flatMap((file) => bundleSubmissions(file))
  }
  if (bundles.length > 0)
    throw usageError('usage', 'expected either proof bundles (.json) or other files, got both; submit them one after the other')
  const databases = files.filter((file) => file.endsWith('.mm'))
  if (databases.length === files.length) {
    refuseUnfitting('Metamath databases (.mm)', options)
    return files.flatMap((file) => metamathSubmissions(file, options))
  }
  if (databases.length > 0)
    throw usageError(
      'usage',
      'expected either Metamath databases (.mm) or formulas (.cnf, .smt2), got both; submit them one after the other',
    )
  refuseUnfitting('formulas (.cnf, .smt2)', options)
  if (options.model.length > 0) {
    if (options.proof.length > 0) throw usageError('usage', 'expected --proof or --model, got both: a formula is refuted or has a model')
    if (options.model.length !== files.length) {
      throw usageError('usage', `expected one --model for each of ${files.length} formulas, got ${options.model.length}`)
    }
    return files.map((file, index) => modelSubmission(file, options.model[index] as string))
  }
  if (options.proof.length > 0 && options.proof.length !== files.length) {
    throw usageError('usage', `expected one --proof for each of ${files.length} formulas, got ${options.proof.length}`)
  }
  return files.map((file, index) => refutationSubmission(file, options.proof[index] ?? refutationBeside(file)))
}

/** Where the refutation of a formula is, if nothing else is said. */
export function refutationBeside(file: string): string {
  return file.replace(/\.(cnf|smt2)$/, '.lrat')
}

function refutationSubmission(file: string, proofFile: string): Submission {
  const [kind, what, toClaim, expected] = isScript(file)
    ? ([BVLRAT_KIND, 'a QF_BV script in SMT-LIB form', scriptToClaim, 'script'] as const)
    : ([LRAT_KIND, 'a CNF in DIMACS form', cnfToClaim, 'cnf'] as const)
  const formula = readTextFile(file, what, MAX_REFUTATION_BYTES)
  const claim = toClaim(formula)
  if (!claim.ok) throw refusedFile(file, claim.error, formula, expected)
  if (proofFile === file) throw usageError('usage', `expected --proof with the refutation of ${file}`)
  const submission = { name: file, claimId: claimIdOf(kind, claim.value), cites: new Map(), dependency: false }
  const common = { type: 'submit-proof', kind, claim: claim.value, metadata: null } as const
  if (isLargeFile(proofFile)) {
    requireRefutation(proofFile, headOf(proofFile), () => false)
    const blob = blobFile(proofFile, 'an LRAT refutation')
    return { ...submission, action: sendable({ ...common, proof: EMPTY_BYTES, blob: blob.ref }, file), blob }
  }
  const proof = readInputFile(proofFile, 'an LRAT refutation', MAX_REFUTATION_BYTES)
  requireRefutation(proofFile, proof, () => (isScript(file) ? checkBvlrat(formula, proof) : checkLrat(formula, proof)).status === 'invalid')
  return { ...submission, action: sendable({ ...common, proof }, file) }
}

/** The network would refuse it as well, but could not say why so well. What may be LRAT after all is left to it. */
function requireRefutation(file: string, head: Uint8Array, isRefuted: () => boolean): void {
  const format = formatOf(head)
  if (format === null || format === 'lrat' || format === 'binary-proof') return
  // LRAT may break its lines anywhere, and then looks like DRAT.
  if (format === 'drat' && !isRefuted()) return
  throw usageError('not-lrat', `${file} is no LRAT refutation${adviceOn(head, 'lrat')}`)
}

/** The first piece of a file. */
function headOf(file: string): Uint8Array {
  const pieces = openInputPieces(file, 'an LRAT refutation', Number.MAX_SAFE_INTEGER)
  try {
    return pieces.next() ?? EMPTY_BYTES
  } finally {
    pieces.close()
  }
}

/** What `aethel prove FILE.mm --label L` wrote: the wanted theorem last, what it rests on before it. */
function bundleSubmissions(file: string): Submission[] {
  const { kind, proofs } = readBundle(file)
  const claimIds = new Map(proofs.map(({ label, claim }) => [label, claimIdOf(kind, claim)]))
  return proofs.map(({ label, claim, proof }, index) => {
    const action = sendable({ type: 'submit-proof', kind, claim, proof, metadata: null }, label)
    const cites = new Map([...citedClaims(proof)].filter(([cited]) => claimIds.has(cited)))
    return { name: label, claimId: claimIdOf(kind, claim), action, cites, dependency: index < proofs.length - 1 }
  })
}

function modelSubmission(cnfFile: string, modelFile: string): Submission {
  const cnf = readTextFile(cnfFile, 'a CNF in DIMACS form', MAX_REFUTATION_BYTES)
  const claim = cnfToClaim(cnf)
  if (!claim.ok) throw refusedFile(cnfFile, claim.error, cnf, 'cnf')
  const formula = parseCnfClaim(claim.value)
  if (!formula.ok) throw usageError(formula.error.code, `${cnfFile}: ${formula.error.message}`)
  const text = readTextFile(modelFile, 'a model of a CNF', MAX_REFUTATION_BYTES)
  const model = readModel(text, formula.value.variables)
  if (!model.ok) throw refusedFile(modelFile, model.error, text, 'model')
  const action = sendable({ type: 'submit-proof', kind: SAT_MODEL_KIND, claim: claim.value, proof: model.value, metadata: null }, cnfFile)
  return { name: cnfFile, claimId: claimIdOf(SAT_MODEL_KIND, claim.value), action, cites: new Map(), dependency: false }
}

function metamathSubmissions(file: string, options: SubmissionOptions): Submission[] {
  if (options.label.length === 0) throw usageError('usage', `expected --label with the theorem of ${file} to submit`)
  const library = options.library === undefined ? openLibrary(file) : openLibrary(file, options.library)
  const submissions = new Map<string, Submission>()
  for (const label of options.label) collectTheorem(library, label, options.withDependencies === true, submissions)
  for (const label of options.label) {
    const submission = submissions.get(label)
    if (submission !== undefined) submissions.set(label, { ...submission, dependency: false })
  }
  return [...submissions.values()]
}

/** What a theorem cites goes before it; an explicit stack, because chains of citations are long. */
function collectTheorem(library: MetamathLibrary, label: string, withDependencies: boolean, into: Map<string, Submission>): void {
  const stack: { readonly submission: Submission; readonly open: string[] }[] = []
  const push = (name: string): void => {
    const submission = theoremSubmission(library, name)
    stack.push({ submission, open: withDependencies ? [...submission.cites.keys()] : [] })
  }
  if (!into.has(label)) push(label)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.open.pop()
    if (next === undefined) {
      into.set(top.submission.name, top.submission)
      stack.pop()
    } else if (!into.has(next)) {
      push(next)
    }
  }
}

function theoremSubmission(library: MetamathLibrary, label: string): Submission {
  const theorem = library.extractor.theorem(label)
  if (!theorem.ok) throw usageError(theorem.error.code, theorem.error.message)
  const { claim, claimId, proof } = theorem.value
  const cites = new Map([...citedClaims(proof)].filter(([cited]) => library.extractor.theorem(cited).ok))
  const action = sendable({ type: 'submit-proof', kind: METAMATH_KIND, claim, proof, metadata: null }, label)
  return { name: label, claimId, action, cites, dependency: true }
}

export function sendable(action: Action, name: string): Action {
  const checked = checkAction(action)
  if (!checked.ok) throw usageError(checked.error.code, `${name}: ${checked.error.message}`)
  return action
}

/** Pipes are read once, so they are never blobs. */
export function isLargeFile(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false })
  return status?.isFile() === true && status.size > INLINE_PROOF_BYTES
}

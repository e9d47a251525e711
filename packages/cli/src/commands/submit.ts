/**
 * `aethel submit`: signs proofs and brings them to a validator, waits until they are final, and keeps the receipts. What is
 * final already is not sent again; its receipt is fetched.
 */
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EMPTY_BYTES, type Hash, toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, blobChunks } from '@aethel/consensus'
import {
  type Action,
  chainIdOf,
  checkAction,
  decodeGenesis,
  type Genesis,
  INLINE_PROOF_BYTES,
  MAX_PROOF_BYTES,
  proofHashOf,
} from '@aethel/ledger'
import {
  BVLRAT_KIND,
  checkBvlrat,
  checkLrat,
  claimIdOf,
  cnfToClaim,
  LRAT_KIND,
  METAMATH_KIND,
  parseCnfClaim,
  readMetamathClaim,
  readModel,
  SAT_MODEL_KIND,
  scriptToClaim,
} from '@aethel/proofs'
import { decodeReceipt } from '@aethel/receipts'
import { type Command, Option } from 'commander'
import { loadKey } from '../accounts.js'
import type { SubmissionOutcome } from '../answers.js'
import { type BlobFile, blobFile, sendBlob, type Uploadable } from '../blob-upload.js'
import { type Client, createClient, DEFAULT_URL, MAX_WAIT_MS, unreachable, type Wait } from '../client.js'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { CliError, EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import {
  MAX_REFUTATION_BYTES,
  openInputPieces,
  proofBeside,
  readInputFile,
  readTextFile,
  requireOther,
  requireWritable,
  unwritableBy,
  writeOutputFile,
} from '../files.js'
import { adviceOn, formatOf, refusedFile } from '../formats.js'
import { citedClaims, type MetamathLibrary, openLibrary } from '../metamath-library.js'
import { Patience } from '../patience.js'
import { isBundle, readBundle } from '../proof-bundle.js'
import { isScript } from '../prove/formula.js'
import { metadataFrom, rawAction } from '../raw-submission.js'
import { Sender, UNANSWERED } from '../sender.js'
import { startProgress } from '../ui/progress.js'
import { note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

const WAITS = ['final', 'admitted', 'none'] as const
/** So many are sent, and waited for, before the next. */
const PART = 256
/** Every validator fetches and checks a blob before it is final: so much longer is waited than was asked for. */
const BLOB_BYTES_PER_MS = 1_000

interface SubmitOptions extends CommonOptions {
  readonly label: readonly string[]
  readonly proof: readonly string[]
  readonly model: readonly string[]
  readonly withDependencies?: boolean
  readonly library?: string
  readonly kind?: string
  readonly title?: string
  readonly toolchain?: string
  readonly source?: string
  readonly url: string
  readonly key?: string
  readonly wait: Wait
  readonly timeout: number
  readonly output?: string
}

interface Submission {
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

interface Report {
  readonly name: string
  readonly claimId: string
  readonly status: SubmissionOutcome['status']
  readonly height?: number
  readonly code?: string
  readonly message?: string
  readonly receipt?: string
  readonly proof?: string
  /** The receipt is about another proof of the same claim than the one that was to be submitted. */
  readonly otherProof?: true
}

export function registerSubmit(program: Command): void {
  const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value]
  withJson(program.command('submit'))
    .description('submit proofs and wait for their receipts')
    .argument(
      '<file...>',
      'a Metamath database (.mm) with --label, a theorem taken out of one (.json), or a formula (.cnf, .smt2) with --proof or --model',
    )
    .option('--label <label>', 'metamath: the theorem to submit (repeatable)', collect, [])
    .option('--with-dependencies', 'metamath: also submit the theorems it rests on that are not final yet')
    .option('--library <name>', 'metamath: how the chain calls the library (default: the file name)')
    .option('--proof <file>', 'formulas: the refutation, one per formula in the same order (default: FILE with .lrat)', collect, [])
    .option('--kind <kind>', 'another kind of proof: FILE is the canonical claim, --proof the proof')
    .option('--title <text>', 'what the claim is about, as you say it; nobody checks it')
    .option('--toolchain <text>', 'what made claim and proof, as you say it')
    .option('--source <file>', 'what the claim was made from; its SHA-256 goes on record as you say it')
    .option('--model <file>', "sat-model: a solver's output with the model, one per formula in the same order", collect, [])
    .option('--url <url>', "a validator's HTTP API", DEFAULT_URL)
    .option('--key <file>', 'account key (default: one in your configuration folder, made when missing)')
    .addOption(new Option('--wait <for>', 'how long to wait').choices(WAITS).default('final'))
    .option('--timeout <seconds>', 'longest wait', integer(1, MAX_WAIT_MS / 1000), 60)
    .option('-o, --output <path>', 'where to write the receipt; a folder if there are several')
    .action((files: string[], options: SubmitOptions) => finish(options, () => submit(files, options)))
}

async function submit(files: readonly string[], options: SubmitOptions): Promise<ExitCode> {
  const submissions = withMetadata(eachOnce(readSubmissions(files, options)), options)
  const wanted = submissions.filter((submission) => !submission.dependency)
  if (options.output !== undefined && options.wait !== 'final')
    throw usageError('usage', 'expected --wait final with --output: only what is final has a receipt')
  if (wanted.length > 1 && options.output !== undefined && !isFolder(options.output)) {
    throw usageError('usage', `expected --output to be an existing folder for ${wanted.length} receipts, got ${options.output}`)
  }
  if (wanted.length === 1 && options.output !== undefined) {
    requireWritable(options.output, 'the receipt')
    const refutations = options.proof.length === 0 ? files.map(refutationBeside) : options.proof
    const inputs = [...files, ...options.model, ...(options.source === undefined ? [] : [options.source])]
    requireOther(options.output, 'the receipt', [...inputs, ...refutations])
    // The proof goes there, and may come from there: then it is what is there already.
    requireOther(proofBeside(options.output), 'the proof', inputs)
  }
  const key = loadKey(options.key, note)
  const client = createClient(options.url)
  const genesis = await genesisFrom(client)
  requireLibraries(genesis, submissions, options)
  const pending = (await notFinal(client, submissions)).map((submission) => fittingInto(genesis, submission))
  if (options.withDependencies !== true) await requireCited(client, submissions)
  const patience = new Patience(note)
  for (const { blob } of pending) if (blob !== undefined) await uploadBlob(client, blob, patience, options.timeout * 1000)
  const outcomes = await send(new Sender(client, key, chainIdOf(genesis), patience), pending, options)
  const reports: Report[] = []
  // As it was sent: what is wanted may have been fitted to the chain.
  const sent = new Map(pending.map((submission) => [toHex(submission.claimId), submission]))
  for (const each of wanted) {
    const submission = sent.get(toHex(each.claimId)) ?? each
    const report = (): Promise<Report> => reportOn(client, submission, outcomes.get(submission), wanted.length > 1, options)
    reports.push(await patience.during(options.timeout * 1000, report))
  }
  if (options.json === true) printJson(reports.length === 1 ? reports[0] : reports)
  else for (const report of reports) printReport(report)
  // A dependency that was refused is the reason why what rests on it waits.
  const dependencies = pending.filter((submission) => submission.dependency).map((submission) => outcomes.get(submission)?.status)
  return exitCodeOf([...reports.map((report) => report.status), ...dependencies.filter((status) => status === 'refused')], options.wait)
}

/** What is interrupted goes on where it was. */
async function uploadBlob(client: Client, blob: Uploadable, patience: Patience, timeoutMs: number): Promise<void> {
  const progress = startProgress(`uploading ${blob.name}`, blobChunks(blob.ref.bytes))
  let sent = 0
  const upload = (): Promise<void> =>
    sendBlob(client, blob, (done) => {
      sent = Math.max(sent, done)
      progress.update(done, `chunks of ${BLOB_CHUNK_BYTES / 1024} KiB`)
    })
  try {
    await patience.during(timeoutMs, upload, () => sent)
  } finally {
    progress.stop()
  }
}

function exitCodeOf(statuses: readonly (SubmissionOutcome['status'] | undefined)[], wait: Wait): ExitCode {
  if (statuses.includes('refused')) return EXIT.invalid
  if (statuses.includes('timeout') || statuses.includes('unknown')) return EXIT.pending
  return wait === 'final' && statuses.some((status) => status !== 'final' && status !== 'duplicate') ? EXIT.pending : EXIT.ok
}

// --- what to submit -------------------------------------------------------------------------------------------------

function withMetadata(submissions: readonly Submission[], options: SubmitOptions): Submission[] {
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

function refuseUnfitting(what: keyof typeof OPTIONS_OF, options: SubmitOptions): void {
  const { label, withDependencies, library, proof, model } = options
  const given = { label: label[0], withDependencies, library, proof: proof[0], model: model[0] }
  const taken: readonly string[] = OPTIONS_OF[what]
  const unfitting = Object.entries(given).find(([name, value]) => value !== undefined && !taken.includes(name))?.[0]
  if (unfitting === undefined) return
  const said = unfitting === 'withDependencies' ? 'with-dependencies' : unfitting
  throw usageError('usage', `expected no --${said} with ${what}, where nothing looks at it`)
}

function readSubmissions(files: readonly string[], options: SubmitOptions): Submission[] {
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
function refutationBeside(file: string): string {
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

function metamathSubmissions(file: string, options: SubmitOptions): Submission[] {
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

function sendable(action: Action, name: string): Action {
  const checked = checkAction(action)
  if (!checked.ok) throw usageError(checked.error.code, `${name}: ${checked.error.message}`)
  return action
}

// --- talking to the validator ---------------------------------------------------------------------------------------

async function genesisFrom(client: Client): Promise<Genesis> {
  const genesis = decodeGenesis(await client.genesis())
  if (!genesis.ok) throw unreachable(client.url, `its genesis is not understood (${genesis.error.message})`)
  return genesis.value
}

/** What is of a library that the chain does not have can never be final, nor what rests on it: said before anything is sent. */
function requireLibraries({ libraries }: Genesis, submissions: readonly Submission[], options: SubmitOptions): void {
  const known = libraries.map(({ name }) => name)
  for (const { name, action } of submissions) {
    if (action.type !== 'submit-proof' || action.kind !== METAMATH_KIND) continue
    const library = libraryNamedBy(action.claim)
    if (library === null || known.includes(library)) continue
    const has = known.length === 0 ? 'none' : known.map((each) => `"${each}"`).join(', ')
    const how = options.kind === undefined ? '; name it with --library, here or of "aethel prove"' : ''
    throw usageError('unknown-library', `expected ${name} to be of a library of this chain, which has ${has}; got "${library}"${how}`)
  }
}

/** Null: no claim, which the validator will say. */
function libraryNamedBy(claim: Uint8Array): string | null {
  const decoded = readMetamathClaim(claim)
  return decoded.ok ? decoded.value.library : null
}

/** Pipes are read once, so they are never blobs. */
function isLargeFile(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false })
  return status?.isFile() === true && status.size > INLINE_PROOF_BYTES
}

/** On a chain without blobs the proof goes into the transaction, if it fits. */
function fittingInto({ parameters }: Genesis, submission: Submission): Submission {
  const { blob, action, name, ...rest } = submission
  if (blob === undefined || action.type !== 'submit-proof') return submission
  const { bytes } = blob.ref
  const most = parameters.maxBlobBytes === 0 ? Math.min(parameters.maxProofBytes, MAX_PROOF_BYTES) : parameters.maxBlobBytes
  if (bytes > most)
    throw usageError('proof-too-large', `expected a proof of at most ${most} bytes for this chain, but ${blob.file} has ${bytes}`)
  if (parameters.maxBlobBytes > 0) return submission
  const { blob: _ref, ...inline } = action
  return { ...rest, name, action: sendable({ ...inline, proof: readInputFile(blob.file, 'an LRAT refutation', most) }, name) }
}

async function notFinal(client: Client, submissions: readonly Submission[]): Promise<Submission[]> {
  const pending: Submission[] = []
  for (const submission of submissions) if (!(await client.isFinal(toHex(submission.claimId)))) pending.push(submission)
  return pending
}

/** Without `--with-dependencies` whatever is cited must be final: waiting would be in vain. */
async function requireCited(client: Client, submissions: readonly Submission[]): Promise<void> {
  const own = new Set(submissions.map((submission) => submission.name))
  for (const { name, cites } of submissions) {
    for (const [label, claimId] of cites) {
      if (own.has(label) || (await client.isFinal(toHex(claimId)))) continue
      throw usageError(
        'citation-missing',
        `${name} cites ${label}, which is not final on this chain; submit it first, or add --with-dependencies`,
      )
    }
  }
}

async function send(sender: Sender, pending: readonly Submission[], options: SubmitOptions): Promise<Map<Submission, SubmissionOutcome>> {
  const outcomes = new Map<Submission, SubmissionOutcome>()
  for (let from = 0; from < pending.length; from += PART) {
    const part = pending.slice(from, from + PART)
    const blobBytes = part.reduce((sum, { blob }) => sum + (blob?.ref.bytes ?? 0), 0)
    const timeoutMs = Math.min(MAX_WAIT_MS, options.timeout * 1000 + blobBytes / BLOB_BYTES_PER_MS)
    const actions = part.map((submission) => submission.action)
    const results = await sender.send(actions, options.wait, Math.ceil(timeoutMs))
    for (const [index, submission] of part.entries()) outcomes.set(submission, results[index] ?? { status: 'unknown' })
  }
  return outcomes
}

async function reportOn(
  client: Client,
  submission: Submission,
  outcome: SubmissionOutcome | undefined,
  several: boolean,
  options: SubmitOptions,
): Promise<Report> {
  const claimId = toHex(submission.claimId)
  // Not sent: it was final before.
  const { id: _id, ...known } = outcome ?? { status: 'duplicate' as const }
  const report: Report = { name: submission.name, claimId, ...known }
  const final = report.status === 'final' || report.status === 'duplicate'
  if (!final || options.output === undefined) return report
  const bytes = await client.receipt(claimId)
  if (bytes === null)
    throw new CliError(
      EXIT.internal,
      'no-receipt',
      `the validator at ${client.url} calls ${submission.name} final but has no receipt for it`,
    )
  const path = several ? join(options.output, `${claimId}.json`) : options.output
  writeOutputFile(path, 'the receipt', bytes)
  return { ...report, receipt: path, ...keptProof(submission, path, proofHashIn(bytes)) }
}

/** What the receipt names; undefined if it is none of ours, which `aethel verify` will say. */
function proofHashIn(receipt: Uint8Array): string | undefined {
  const decoded = decodeReceipt(receipt)
  return decoded.ok ? toHex(decoded.value.proofHash) : undefined
}

/**
 * The proof beside its receipt, where `aethel verify --recheck` looks for it. A theorem's is not enough for that: it takes the
 * statements cited. If the claim was final before, the proof on record may be another one: then this one is not put there, because
 * `--recheck` would refuse it, and a copy of the other that is there already stays.
 */
function keptProof({ action, blob }: Submission, receipt: string, recorded: string | undefined): Pick<Report, 'proof' | 'otherProof'> {
  if (action.type !== 'submit-proof' || action.kind === METAMATH_KIND) return {}
  const path = proofBeside(receipt)
  if (recorded !== toHex(blob === undefined ? proofHashOf(action.proof) : blob.ref.root))
    return { otherProof: true, ...(recorded !== undefined && isProofOf(path, recorded) ? { proof: path } : {}) }
  // Beside a device or a pipe there is no place for it.
  if (statSync(receipt, { throwIfNoEntry: false })?.isFile() !== true) return {}
  if (blob === undefined) writeOutputFile(path, 'the proof', action.proof)
  else {
    try {
      copyFileSync(blob.file, path)
    } catch (error) {
      throw unwritableBy(path, 'the proof', error)
    }
  }
  return { proof: path }
}

/** Whether the file is the proof that a receipt names, as a transaction's bytes or as a blob. */
function isProofOf(path: string, recorded: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false
  if (isLargeFile(path) && toHex(blobFile(path, 'the proof').ref.root) === recorded) return true
  return toHex(proofHashOf(readInputFile(path, 'the proof', MAX_REFUTATION_BYTES))) === recorded
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function printReport(report: Report): void {
  const beside = report.proof === undefined ? '' : ` with its proof in ${report.proof}`
  const other = report.otherProof === undefined ? '' : '; it was proved by another proof than this one'
  const where = report.receipt === undefined ? '' : `, receipt in ${report.receipt}${beside}${other}`
  switch (report.status) {
    case 'final':
      return printLine(`${paint('green', 'final')}: ${report.name}, block ${report.height ?? '?'}, claim ${report.claimId}${where}`)
    case 'duplicate':
      return printLine(`${paint('green', 'final')} already: ${report.name}, claim ${report.claimId}${where}`)
    case 'refused':
      return note(`${paintError('red', 'refused')} (${report.code}): ${report.name}: ${oneLine(report.message ?? '')}`)
    case 'pending':
    case 'waiting':
    case 'timeout':
    case 'unknown':
      if (report.code === UNANSWERED)
        return printLine(`${paint('yellow', 'submitted')}, and then not answered: ${report.name}: ${oneLine(report.message ?? '')}`)
      if (report.status === 'timeout' && report.code !== undefined && report.code !== 'timeout')
        return printLine(`${paint('yellow', 'not taken yet')} (${report.code}): ${report.name}: ${oneLine(report.message ?? '')}`)
      if (report.status === 'unknown' && report.message !== undefined)
        return printLine(`${paint('yellow', 'perhaps final')} (${report.code}): ${report.name}: ${oneLine(report.message)}`)
      return printLine(`${paint('yellow', 'submitted')}, not final yet: ${report.name}, claim ${report.claimId}`)
  }
}

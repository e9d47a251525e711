/**
 * `aethel submit`: signs proofs and brings them to a validator, waits until they are final, and keeps the receipts. What is
 * final already is not sent again; its receipt is fetched.
 */
import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, blobChunks } from '@aethel/consensus'
import { chainIdOf, decodeGenesis, type Genesis, MAX_PROOF_BYTES, proofHashOf } from '@aethel/ledger'
import { METAMATH_KIND, readMetamathClaim } from '@aethel/proofs'
import { decodeReceipt } from '@aethel/receipts'
import { type Command, Option } from 'commander'
import { loadKey } from '../accounts.js'
import type { SubmissionOutcome } from '../answers.js'
import { blobFile, sendBlob, type Uploadable } from '../blob-upload.js'
import { type Client, createClient, DEFAULT_URL, MAX_WAIT_MS, unreachable, type Wait } from '../client.js'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { CliError, EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { MAX_REFUTATION_BYTES, proofBeside, readInputFile, requireOther, requireWritable, unwritableBy, writeOutputFile } from '../files.js'
import { Patience } from '../patience.js'
import { Sender, UNANSWERED } from '../sender.js'
import { isLargeFile, refutationBeside, type Submission, type SubmissionOptions, sendable, submissionsFrom } from '../submissions.js'
import { startProgress } from '../ui/progress.js'
import { note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

const WAITS = ['final', 'admitted', 'none'] as const
/** So many are sent, and waited for, before the next. */
const PART = 256
/** Every validator fetches and checks a blob before it is final: so much longer is waited than was asked for. */
const BLOB_BYTES_PER_MS = 1_000

interface SubmitOptions extends CommonOptions, SubmissionOptions {
  readonly url: string
  readonly key?: string
  readonly wait: Wait
  readonly timeout: number
  readonly output?: string
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
  const submissions = submissionsFrom(files, options)
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
  const bytes = await client.receipt(claimId, options.timeout * 1000)
  if (bytes === null)
    throw new CliError(
      EXIT.pending,
      'no-receipt',
      `the validator at ${client.url} calls ${submission.name} final but has no receipt for it yet; the same command asks again, or that of another validator with --url`,
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

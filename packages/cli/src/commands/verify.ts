/**
 * `aethel verify`: is this receipt true, given a trust root? Offline. With `--recheck` the proof kind's own kernel runs on
 * the proof as well, and then no validator needs to be trusted at all.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { equalBytes, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import { INLINE_PROOF_BYTES } from '@aethel/ledger'
import {
  BVLRAT_KIND,
  bvlratVerifier,
  createMeter,
  type DefinedVerifier,
  LRAT_KIND,
  libraryDigest,
  lratVerifier,
  METAMATH_KIND,
  metamathVerifier,
  type ProofVerifier,
  parseCnfClaim,
  readModel,
  runMetered,
  SAT_MODEL_KIND,
  satModelVerifier,
} from '@aethel/proofs'
import {
  type CheckedReceipt,
  decodeEpochs,
  decodeTrust,
  type EpochLink,
  encodeTrust,
  MAX_EPOCHS_BYTES,
  recheckBlobReceipt,
  recheckReceipt,
  type TrustRoot,
  type Verification,
  verifyEpochChain,
  verifyReceipt,
} from '@aethel/receipts'
import type { Command } from 'commander'
import { blobFile } from '../blob-upload.js'
import { type CommonOptions, finish, withJson } from '../command.js'
import { EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { MAX_REFUTATION_BYTES, MAX_SMALL_FILE_BYTES, proofBeside, readInputFile, writeOutputFile } from '../files.js'
import { axiomsBehind, definitionOf, openLibrary, statementsOf, theoremsUpTo } from '../metamath-library.js'
import { type CheckLine, grouped, note, paint, paintError, printChecklist, printJson, printLine, printTable } from '../ui/terminal.js'

interface VerifyOptions extends CommonOptions {
  readonly trust: string
  readonly epochs?: string
  readonly advanceTrust?: string
  readonly recheck?: boolean
  readonly proof?: string
  readonly verifier?: string
}

export function registerVerify(program: Command): void {
  withJson(program.command('verify'))
    .description('verify a receipt, offline')
    .argument('<receipt>', 'the receipt (JSON)')
    .requiredOption('--trust <file>', 'the chain and validators you trust (trust.json)')
    .option('--epochs <file>', 'proof of the epochs since the trusted one (aethel validators epochs)')
    .option('--advance-trust <file>', 'write a trust root of the newest epoch that --epochs proves')
    .option('--recheck', 'run the proof checker as well, on the proof in --proof, or on the one that submit put beside the receipt')
    .option('--proof <file>', 'the proof that was submitted: an .lrat file, a model, or the .mm database with the theorem')
    .option('--verifier <module>', 'for --recheck of a proof kind from outside: the file that exports its verifier')
    .action((file: string, options: VerifyOptions) => finish(options, () => verify(file, options)))
}

async function verify(file: string, options: VerifyOptions): Promise<ExitCode> {
  const proofFile = options.recheck === true ? (options.proof ?? proofBeside(file)) : undefined
  if (proofFile !== undefined && options.proof === undefined && !existsSync(proofFile)) {
    throw usageError(
      'usage',
      `expected --proof FILE with --recheck: the proof to check again (there is no ${proofFile} beside the receipt)`,
    )
  }
  if (options.recheck !== true && options.proof !== undefined)
    throw usageError('usage', 'expected --recheck with --proof: without it the proof is not looked at')
  if (options.recheck !== true && options.verifier !== undefined)
    throw usageError('usage', 'expected --recheck with --verifier: without it no proof is checked')
  if (options.advanceTrust !== undefined && options.epochs === undefined)
    throw usageError('usage', 'expected --epochs with --advance-trust: it proves the newer validators')
  const trust = readTrust(options.trust)
  const epochs = options.epochs === undefined ? undefined : readEpochs(options.epochs)
  const receipt = readInputFile(file, 'a receipt', MAX_SMALL_FILE_BYTES)
  const verification = verifyReceipt(receipt, { trust, ...(epochs === undefined ? {} : { epochs }) })
  const checks: CheckLine[] = verification.steps.map((step) => ({ name: step.name, passed: step.ok, detail: step.detail }))
  let refusal: Refusal | null = verification.ok ? null : verification.error
  if (verification.ok && proofFile !== undefined) {
    const form = options.proof === undefined ? 'as-submitted' : 'as-given'
    const outside = await verifierFromOutside(verification.value.record.kind, options.verifier)
    const again =
      outside === undefined ? recheck(verification.value, proofFile, form) : recheckOutside(verification.value, proofFile, outside)
    const detail = again.ok
      ? `the checker finds the proof valid here too, for the same ${grouped(again.value.gas)} gas`
      : again.error.message
    checks.push({ name: 'recheck', passed: again.ok, detail })
    if (!again.ok) refusal = again.error
  }
  const isAdvanced = refusal === null && options.advanceTrust !== undefined && epochs !== undefined
  const newest = isAdvanced ? advanceTrust(trust, epochs, options.advanceTrust) : undefined
  if (options.json === true) printJson(document(verification, checks, refusal))
  else {
    print(file, verification, checks, refusal)
    if (newest !== undefined) printLine(`wrote ${options.advanceTrust}, the trust root of epoch ${newest.validators.epoch}`)
  }
  return refusal === null ? EXIT.ok : EXIT.invalid
}

function readTrust(file: string): TrustRoot {
  const trust = decodeTrust(readInputFile(file, 'a trust root (trust.json)', MAX_SMALL_FILE_BYTES))
  if (!trust.ok) throw usageError(trust.error.code, `expected a trust root in ${file}, but it is none: ${trust.error.message}`)
  return trust.value
}

function readEpochs(file: string): readonly EpochLink[] {
  const links = decodeEpochs(readInputFile(file, 'an epoch chain', MAX_EPOCHS_BYTES))
  if (!links.ok) throw usageError(links.error.code, `expected an epoch chain in ${file}, but it is none: ${links.error.message}`)
  return links.value
}

/** The chain has been verified: its last link is as good as the trust root it began with. */
function advanceTrust(trust: TrustRoot, links: readonly EpochLink[], file: string): TrustRoot | undefined {
  const roots = verifyEpochChain(trust, links)
  const newest = roots.ok ? roots.value.at(-1) : undefined
  if (newest !== undefined) writeOutputFile(file, 'the newer trust root', encodeTrust(newest))
  return newest
}

/** `as-submitted`: the very bytes of the proof, as `submit` keeps them. `as-given`: the file that was given to `submit`. */
function recheck(receipt: CheckedReceipt, proofFile: string, form: 'as-submitted' | 'as-given'): Result<{ readonly gas: number }, Refusal> {
  switch (receipt.record.kind) {
    case METAMATH_KIND:
      return recheckTheorem(receipt, proofFile)
    case LRAT_KIND:
    case BVLRAT_KIND: {
      const verifier = (receipt.record.kind === LRAT_KIND ? lratVerifier() : bvlratVerifier()) as ProofVerifier<unknown>
      const blob = receipt.record.proofBytes > INLINE_PROOF_BYTES ? blobFile(proofFile, 'an LRAT refutation') : undefined
      if (blob !== undefined && equalBytes(blob.ref.root, receipt.record.proofHash)) {
        const meter = createMeter(verifier.streamed?.limits ?? verifier.limits)
        return recheckBlobReceipt(receipt, blob.ref, blob.source(), { verifier, meter })
      }
      const proof = readInputFile(proofFile, 'an LRAT refutation', MAX_REFUTATION_BYTES)
      return recheckReceipt(receipt, proof, { verifier, meter: createMeter(verifier.limits) })
    }
    case SAT_MODEL_KIND:
      return recheckModel(receipt, proofFile, form)
    default:
      throw usageError('unknown-kind', `expected --verifier MODULE with --recheck: this program has no checker of ${receipt.record.kind}`)
  }
}

/** The receipt names no edition of the kind, so the module is whoever verifies's to choose, as the trust root is. */
async function verifierFromOutside(kind: string, module: string | undefined): Promise<DefinedVerifier | undefined> {
  if (module === undefined) return undefined
  const { loadVerifiers, verifierUrl } = await import('@aethel/node') // a validator's whole software, which a receipt alone does without
  const [verifier] = await loadVerifiers([verifierUrl(process.cwd(), resolve(module))])
  if (verifier?.kind !== kind)
    throw usageError('verifier-kind', `expected a verifier of ${kind} in ${module}, got one of ${verifier?.kind}`)
  return verifier
}

function recheckOutside(receipt: CheckedReceipt, proofFile: string, verifier: DefinedVerifier): Result<{ readonly gas: number }, Refusal> {
  const proof = readInputFile(proofFile, `a proof of ${verifier.kind}`, MAX_REFUTATION_BYTES)
  return recheckReceipt(receipt, proof, { verifier: verifier as ProofVerifier<unknown>, meter: createMeter(verifier.limits) })
}

/** As it was given to `aethel submit`, the file is a solver's output. */
function recheckModel(
  receipt: CheckedReceipt,
  modelFile: string,
  form: 'as-submitted' | 'as-given',
): Result<{ readonly gas: number }, Refusal> {
  const verifier = satModelVerifier() as ProofVerifier<unknown>
  const formula = parseCnfClaim(receipt.claim)
  if (!formula.ok) return formula
  const bytes = readInputFile(modelFile, 'a model of a CNF', MAX_REFUTATION_BYTES)
  const model = form === 'as-submitted' ? ok(bytes) : readModel(bytes, formula.value.variables)
  if (!model.ok) return model
  return recheckReceipt(receipt, model.value, { verifier, meter: createMeter(verifier.limits) })
}

/**
 * The certificate and the statements it cites are taken from the database, which must define the library of the receipt. Anybody may have written
 * it, and a certificate is worth what it cites is: so the theorems that this one rests on are checked as well, each under the network's limits.
 * Their proofs are the database's, which may be other ones than the chain has: fewer axioms bear the receipt out, others do not.
 */
export function recheckTheorem(receipt: CheckedReceipt, proofFile: string): Result<{ readonly gas: number }, Refusal> {
  const place = receipt.record.library
  if (place === null) return refuse('library', 'expected a theorem with its place in a library')
  const library = openLibrary(proofFile, place.name)
  const definition = definitionOf(library)
  if (!equalBytes(libraryDigest(definition), place.digest)) {
    return refuse(
      'library-digest',
      `expected the library with digest ${toHex(place.digest)}, got ${toHex(libraryDigest(definition))}; its symbols or axioms differ`,
    )
  }
  const theorem = library.extractor.theorem(place.label)
  if (!theorem.ok) return theorem
  const theorems = theoremsUpTo(library, place.label)
  const cited = statementsOf(definition, theorems)
  const verifier = metamathVerifier([definition])
  const meter = createMeter(verifier.limits)
  const again = recheckReceipt(receipt, theorem.value.proof, { verifier: verifier as ProofVerifier<unknown>, cited, meter })
  if (!again.ok) return again
  for (const { label, claim, proof } of theorems.slice(0, -1)) {
    const parsed = verifier.parseClaim(claim)
    const verdict = parsed.ok ? runMetered(verifier, parsed.value.claim, proof, cited) : { status: 'invalid' as const, ...parsed.error }
    if (verdict.status === 'invalid')
      return refuse(verdict.code, `the proof of ${label}, which ${place.label} rests on, does not check: ${verdict.message}`)
  }
  const onRecord = new Set(place.axioms)
  const { axioms } = library.extractor.entries(0)
  const others = axiomsBehind(axioms, theorems).filter((axiom) => !onRecord.has(axiom))
  if (others.length > 0) {
    return refuse(
      'axioms',
      `expected ${place.label} to rest on no other axioms than the ${onRecord.size} of the receipt; by the proofs in this database it rests on ${others.length} more, the first of them ${axioms[others[0] as number]?.label}`,
    )
  }
  return again
}

function document(verification: Verification, checks: readonly CheckLine[], refusal: Refusal | null): unknown {
  const steps = checks.map((check) => ({ name: check.name, ok: check.passed, detail: check.detail }))
  if (refusal !== null || !verification.ok) return { status: 'invalid', code: refusal?.code, message: refusal?.message, steps }
  const { record, header, chainId, blockHash, signers } = verification.value
  return {
    status: 'valid',
    chainId: toHex(chainId),
    kind: record.kind,
    claimId: toHex(record.claimId),
    label: record.library?.label,
    library: record.library?.name,
    axioms: record.library?.axioms,
    gas: record.gas,
    height: header.height,
    blockHash: toHex(blockHash),
    signers,
    steps,
  }
}

function print(file: string, verification: Verification, checks: readonly CheckLine[], refusal: Refusal | null): void {
  printChecklist(checks)
  if (refusal !== null || !verification.ok) {
    note(`${paintError('red', 'invalid')} (${refusal?.code}): ${file}: ${oneLine(refusal?.message ?? '')}`)
    return
  }
  const { record, header, blockHash, signers, totalPower, signedPower } = verification.value
  printLine(`${paint('green', 'valid')}: ${file}`)
  printTable([
    ['claim', `${record.kind}  ${toHex(record.claimId)}`],
    ...(record.library === null
      ? []
      : ([['theorem', `${record.library.label} of ${record.library.name}, resting on ${record.library.axioms.length} axioms`]] as const)),
    ['found valid in', `block ${record.height}, for ${grouped(record.gas)} gas`],
    ['agreed in', `block ${header.height}  ${toHex(blockHash)}`],
    ['signed by', `validators ${signers.join(', ')}, power ${signedPower} of ${totalPower}`],
  ])
}

/**
 * A theorem taken out of its database with everything it rests on, as one JSON file that `aethel submit` takes without the
 * database: claims and proofs in an order in which each follows what it cites. Nothing in it is trusted.
 */
import { AssertionError, fromHex, toHex } from '@aethel/codec'
import { METAMATH_KIND, metamathVerifier, runMetered } from '@aethel/proofs'
import { CliError, EXIT, usageError } from './exit.js'
import { MAX_DATABASE_BYTES, readInputFile } from './files.js'
import { citedClaims, definitionOf, openLibrary, statementsOf, theoremsUpTo } from './metamath-library.js'
import { startProgress } from './ui/progress.js'
import { grouped } from './ui/terminal.js'

const FORMAT = 'aethel-proofs/1'

export interface BundledProof {
  readonly label: string
  readonly claim: Uint8Array
  readonly proof: Uint8Array
}

export interface ProofBundle {
  readonly kind: string
  readonly library: string
  /** The wanted theorem is the last. */
  readonly proofs: readonly BundledProof[]
}

export function isBundle(file: string): boolean {
  return file.endsWith('.json')
}

export function encodeBundle(bundle: ProofBundle): string {
  const proofs = bundle.proofs.map(({ label, claim, proof }) => ({ label, claim: toHex(claim), proof: toHex(proof) }))
  return `${JSON.stringify({ format: FORMAT, kind: bundle.kind, library: bundle.library, proofs }, null, 1)}\n`
}

export function readBundle(file: string): ProofBundle {
  const text = new TextDecoder().decode(readInputFile(file, 'a proof bundle (aethel prove FILE.mm --label L)', MAX_DATABASE_BYTES))
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw usageError('not-json', `expected a proof bundle in ${file}, but it is not JSON`)
  }
  const bundle = json as { format?: unknown; kind?: unknown; library?: unknown; proofs?: unknown }
  if (
    typeof json !== 'object' ||
    json === null ||
    bundle.format !== FORMAT ||
    bundle.kind !== METAMATH_KIND ||
    !Array.isArray(bundle.proofs)
  )
    throw usageError('bundle', `expected a proof bundle of format ${FORMAT} in ${file}`)
  const proofs = (bundle.proofs as unknown[]).map((entry): BundledProof => {
    const { label, claim, proof } = (entry ?? {}) as Record<string, unknown>
    const [claimBytes, proofBytes] = [hexOf(claim), hexOf(proof)]
    if (typeof label !== 'string' || claimBytes === null || proofBytes === null)
      throw usageError('bundle', `expected each proof in ${file} to have a label, and claim and proof in hexadecimal`)
    if (!isCertificate(proofBytes)) throw usageError('bundle', `expected a Metamath certificate as the proof of ${label} in ${file}`)
    return { label, claim: claimBytes, proof: proofBytes }
  })
  if (proofs.length === 0) throw usageError('bundle', `expected a proof in ${file}, got none`)
  return { kind: METAMATH_KIND, library: String(bundle.library), proofs }
}

function isCertificate(proof: Uint8Array): boolean {
  try {
    citedClaims(proof)
    return true
  } catch (error) {
    if (error instanceof AssertionError) return false
    throw error
  }
}

function hexOf(value: unknown): Uint8Array | null {
  const bytes = typeof value === 'string' ? fromHex(value) : null
  return bytes?.ok === true ? bytes.value : null
}

/** The theorem and all theorems it rests on, each checked by the kernel under the network's limits. */
export function theoremBundle(
  file: string,
  label: string,
  libraryName: string | undefined,
  say: (name: string, text: string) => void,
): { readonly bundle: ProofBundle; readonly proofBytes: number; readonly gas: number } {
  const library = libraryName === undefined ? openLibrary(file) : openLibrary(file, libraryName)
  const definition = definitionOf(library)
  say('library', `${library.name}: ${grouped(definition.axioms.length)} axioms and definitions, which the chain's genesis must hold`)
  const theorems = theoremsUpTo(library, label)
  const direct = [...citedClaims(theorems.at(-1)?.proof ?? new Uint8Array(0)).keys()].filter((cited) => library.extractor.theorem(cited).ok)
  say('theorem', `${label} cites ${grouped(direct.length)} theorems and rests on ${grouped(theorems.length - 1)} in all`)
  const verifier = metamathVerifier([definition])
  const cited = statementsOf(definition, theorems)
  const progress = startProgress('checking', theorems.length)
  let gas = 0
  let proofBytes = 0
  for (const [done, theorem] of theorems.entries()) {
    progress.update(done, theorem.label)
    const parsed = verifier.parseClaim(theorem.claim)
    const verdict = parsed.ok ? runMetered(verifier, parsed.value.claim, theorem.proof, cited) : null
    if (!parsed.ok || verdict?.status !== 'valid') {
      progress.stop()
      const reason = !parsed.ok ? parsed.error : verdict?.status === 'invalid' ? verdict : { code: 'invalid', message: '' }
      throw new CliError(EXIT.invalid, reason.code, `the proof of ${theorem.label} in ${file} does not hold: ${reason.message}`)
    }
    gas += verdict.gas
    proofBytes += theorem.proof.length
  }
  progress.stop()
  say('checked', `all valid by the kernel of ${METAMATH_KIND}, ${grouped(gas)} gas`)
  const proofs = theorems.map(({ label: name, claim, proof }) => ({ label: name, claim, proof }))
  return { bundle: { kind: METAMATH_KIND, library: library.name, proofs }, proofBytes, gas }
}

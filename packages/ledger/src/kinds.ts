/**
 * What the ledger knows about proof kinds: a checker, and for kinds whose claims build on each other, where a claim stands
 * in which library. Nothing else in this package knows any kind by name, except `registry.ts`, which lists ours.
 */
import { equalBytes, type Hash, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import type { ProofVerifier } from '@aethel/proofs'
import type { Genesis } from './genesis.js'
import { MAX_LIBRARY_AXIOMS } from './records.js'

export type { CitedClaims, Meter, ProofSource, ProofVerifier, Verdict } from '@aethel/proofs'

export interface LedgerKind {
  readonly verifier: ProofVerifier<unknown>
  /** Of the checker; must be the one that genesis pins. */
  readonly revision: number
  /** Of a kind from outside: what genesis pins. Kinds of this program are pinned by their revision. */
  readonly digest?: Hash
  /** The claim's place in a library; kinds without it have claims that stand alone and cannot be cited. */
  describe?(claim: unknown): { readonly library: string; readonly label: string }
}

export interface LedgerAxiom {
  readonly label: string
  readonly claimId: Hash
  /** Canonical claim bytes. */
  readonly claim: Uint8Array
}

export interface LedgerLibrary {
  readonly name: string
  readonly digest: Hash
  /** In the definition's order; records name axioms by position. */
  readonly axioms: readonly LedgerAxiom[]
}

export interface LedgerRegistry {
  readonly kinds: readonly LedgerKind[]
  readonly libraries: readonly LedgerLibrary[]
}

function sameDigest(pinned: Hash | undefined, found: Hash | undefined): boolean {
  return pinned === undefined || found === undefined ? pinned === found : equalBytes(pinned, found)
}

function digestText(digest: Hash | undefined): string {
  return digest === undefined ? 'of this program' : toHex(digest)
}

/** Whether a registry holds exactly what genesis lists: same kinds at the same revision, same libraries by digest. */
export function checkRegistry(genesis: Genesis, registry: LedgerRegistry): Result<LedgerRegistry, Refusal> {
  if (registry.kinds.length !== genesis.kinds.length || registry.libraries.length !== genesis.libraries.length) {
    return refuse(
      'registry',
      `expected ${genesis.kinds.length} kinds and ${genesis.libraries.length} libraries, as genesis lists, got ${registry.kinds.length} and ${registry.libraries.length}`,
    )
  }
  for (const { kind, revision, digest } of genesis.kinds) {
    const found = registry.kinds.find((candidate) => candidate.verifier.kind === kind)
    if (found === undefined)
      return refuse('unknown-kind', `genesis lists the proof kind ${kind}, which this program does not have; run a version that has it`)
    if (found.revision !== revision) {
      return refuse(
        'kind-revision',
        `genesis pins revision ${revision} of ${kind}, this program has revision ${found.revision}; run the version the chain was made for`,
      )
    }
    if (!sameDigest(digest, found.digest)) {
      return refuse(
        'kind-digest',
        `genesis pins ${kind} with specification and vectors ${digestText(digest)}, the verifier given has ${digestText(found.digest)}; get the edition the chain was made for`,
      )
    }
  }
  for (const { name, digest } of genesis.libraries) {
    const found = registry.libraries.find((candidate) => candidate.name === name)
    if (found === undefined) return refuse('unknown-library', `genesis lists the library ${name}, whose definition is missing`)
    if (!equalBytes(found.digest, digest)) {
      return refuse(
        'library-digest',
        `genesis pins the library ${name} with digest ${toHex(digest)}, the definition given has ${toHex(found.digest)}`,
      )
    }
    if (found.axioms.length > MAX_LIBRARY_AXIOMS)
      return refuse('library-axioms', `expected at most ${MAX_LIBRARY_AXIOMS} axioms in ${name}, got ${found.axioms.length}`)
    if (new Set(found.axioms.map((axiom) => axiom.label)).size !== found.axioms.length) {
      return refuse('library-labels', `expected distinct labels in the library ${name}`)
    }
  }
  return ok(registry)
}

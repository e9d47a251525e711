/** The proof kinds this program has, made ready for a genesis: the one place where the ledger names them. */
import { equalBytes, ok, type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import {
  BVLRAT_KIND,
  BVLRAT_REVISION,
  bvlratVerifier,
  type DefinedVerifier,
  type LibraryDefinition,
  LRAT_KIND,
  LRAT_REVISION,
  libraryAxioms,
  libraryDigest,
  lratVerifier,
  METAMATH_KIND,
  METAMATH_REVISION,
  type MetamathClaim,
  metamathVerifier,
  type ProofVerifier,
  SAT_MODEL_KIND,
  SAT_MODEL_REVISION,
  satModelVerifier,
  TEST_KIND,
  testVerifier,
} from '@aethel/proofs'
import { checkGenesis, type Genesis, type GenesisKind, type GenesisLibrary } from './genesis.js'
import { checkRegistry, type LedgerKind, type LedgerLibrary, type LedgerRegistry } from './kinds.js'

/** A kind by name, for the libraries of a chain; undefined: this program does not have it. */
function createKind(kind: string, libraries: readonly LibraryDefinition[], verifiers: readonly DefinedVerifier[]): LedgerKind | undefined {
  switch (kind) {
    case METAMATH_KIND: {
      const verifier: ProofVerifier<MetamathClaim> = metamathVerifier(libraries)
      const describe = (claim: unknown) => ({ library: (claim as MetamathClaim).library, label: (claim as MetamathClaim).label })
      return { verifier, revision: METAMATH_REVISION, describe }
    }
    case LRAT_KIND:
      return { verifier: lratVerifier(), revision: LRAT_REVISION }
    case SAT_MODEL_KIND:
      return { verifier: satModelVerifier(), revision: SAT_MODEL_REVISION }
    case BVLRAT_KIND:
      return { verifier: bvlratVerifier(), revision: BVLRAT_REVISION }
    case TEST_KIND:
      return { verifier: testVerifier(), revision: 1 }
    default: {
      const verifier = verifiers.find((candidate) => candidate.kind === kind)
      return verifier && { verifier: verifier as ProofVerifier<unknown>, revision: verifier.revision, digest: verifier.digest }
    }
  }
}

/** Kinds of this program, or from outside, by name, as genesis lists them. `test/1` is for tests: list it only on networks that are for nothing else. */
export function genesisKinds(
  names: readonly string[],
  verifiers: readonly DefinedVerifier[] = [],
): Result<readonly GenesisKind[], Refusal> {
  const kinds: GenesisKind[] = []
  for (const name of [...names].sort()) {
    const kind = createKind(name, [], verifiers)
    if (kind === undefined)
      return refuse(
        'unknown-kind',
        `expected a proof kind of this program (${METAMATH_KIND}, ${LRAT_KIND}, ${BVLRAT_KIND}, ${SAT_MODEL_KIND}, ${TEST_KIND}), got ${JSON.stringify(name)}`,
      )
    kinds.push({ kind: name, revision: kind.revision, ...(kind.digest === undefined ? {} : { digest: kind.digest }) })
  }
  return ok(kinds)
}

/** What genesis lists about a library definition. */
export function genesisLibrary(definition: LibraryDefinition): GenesisLibrary {
  return { name: definition.name, digest: libraryDigest(definition) }
}

/**
 * Checkers and libraries for a genesis. `definitions` are the files that genesis names by digest, in any order; one that
 * is missing, differs, or is not listed is refused. `verifiers` are kinds from outside; those that genesis does not list are left alone.
 */
export function createRegistry(
  genesis: Genesis,
  definitions: readonly LibraryDefinition[],
  verifiers: readonly DefinedVerifier[] = [],
): Result<LedgerRegistry, Refusal> {
  const checked = checkGenesis(genesis)
  if (!checked.ok) return checked
  const libraries: LedgerLibrary[] = []
  const listed: LibraryDefinition[] = []
  for (const { name, digest } of genesis.libraries) {
    const definition = definitions.find((candidate) => candidate.name === name)
    if (definition === undefined)
      return refuse('library-missing', `genesis lists the library ${name}, whose definition is missing; put its file beside genesis`)
    const actual = libraryDigest(definition)
    if (!equalBytes(actual, digest)) {
      return refuse(
        'library-digest',
        `genesis pins the library ${name} with digest ${toHex(digest)}, the definition given has ${toHex(actual)}`,
      )
    }
    const entries = libraryAxioms(definition)
    if (!entries.ok) return entries
    const axioms = entries.value.map((entry, position) => ({ ...entry, claim: definition.axioms[position] as Uint8Array }))
    libraries.push({ name, digest, axioms })
    listed.push(definition)
  }
  if (definitions.length !== listed.length)
    return refuse('library-unlisted', `expected the ${listed.length} library definitions that genesis lists, got ${definitions.length}`)
  const kinds: LedgerKind[] = []
  for (const { kind } of genesis.kinds) {
    const created = createKind(kind, listed, verifiers)
    if (created === undefined)
      return refuse(
        'unknown-kind',
        `genesis lists the proof kind ${kind}, which this program does not have; run a version that has it, or name the module of its verifier under "verifiers" in config.json`,
      )
    kinds.push(created)
  }
  return checkRegistry(genesis, { kinds, libraries })
}

/** A Metamath file as a library of the network: the definition for genesis, and theorems ready to submit. */
import { basename } from 'node:path'
import { type Hash, keyOf } from '@aethel/codec'
import { type AxiomSet, axiomSetOf, unionOf } from '@aethel/ledger'
import {
  type CitedClaims,
  claimIdOf,
  type ExtractedTheorem,
  type LibraryDefinition,
  type LibraryEntry,
  LibraryExtractor,
  METAMATH_KIND,
  parseDatabase,
} from '@aethel/proofs'
import { certificateParts } from './certificate-parts.js'
import { CliError, EXIT, usageError } from './exit.js'
import { MAX_DATABASE_BYTES, readTextFile } from './files.js'

export interface MetamathLibrary {
  readonly name: string
  readonly extractor: LibraryExtractor
}

/** A library is called like its file, without the folder. */
export function libraryNameOf(path: string): string {
  return basename(path)
}

export function openLibrary(path: string, name: string = libraryNameOf(path)): MetamathLibrary {
  return parseLibrary(readTextFile(path, 'a Metamath database', MAX_DATABASE_BYTES), path, name)
}

export function parseLibrary(bytes: Uint8Array, path: string, name: string): MetamathLibrary {
  const database = parseDatabase(bytes)
  if (!database.ok) throw new CliError(EXIT.invalid, database.error.code, `${path} is no Metamath database: ${database.error.message}`)
  return { name, extractor: new LibraryExtractor(database.value, name) }
}

export function definitionOf(library: MetamathLibrary): LibraryDefinition {
  const definition = library.extractor.library()
  if (!definition.ok)
    throw new CliError(EXIT.invalid, definition.error.code, `${library.name} cannot be a library: ${definition.error.message}`)
  return definition.value
}

/** What a theorem's certificate cites: label and claimId. */
export function citedClaims(proof: Uint8Array): Map<string, Hash> {
  const cited = new Map<string, Hash>()
  for (const reference of certificateParts(proof).references) {
    if (reference.kind === 'citation') cited.set(String.fromCharCode(...reference.label), reference.claimId)
  }
  return cited
}

/**
 * The theorem, as the last, and before it all that it rests on, each behind what it cites itself; an explicit stack, because chains of citations
 * are long. Nothing is checked.
 */
export function theoremsUpTo(library: MetamathLibrary, label: string): ExtractedTheorem[] {
  const extracted = new Map<string, ExtractedTheorem | null>()
  /** Null: an axiom, or what has no proof that can be read. */
  const theoremOf = (name: string): ExtractedTheorem | null => {
    const known = extracted.get(name)
    if (known !== undefined) return known
    const found = library.extractor.theorem(name)
    if (!found.ok && name === label) throw usageError(found.error.code, found.error.message)
    extracted.set(name, found.ok ? found.value : null)
    return found.ok ? found.value : null
  }
  const done = new Map<string, ExtractedTheorem>()
  const stack: { readonly theorem: ExtractedTheorem; readonly open: string[] }[] = []
  const push = (name: string): void => {
    const theorem = theoremOf(name)
    if (theorem !== null) stack.push({ theorem, open: [...citedClaims(theorem.proof).keys()] })
  }
  push(label)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.open.pop()
    if (next === undefined) {
      done.set(top.theorem.label, top.theorem)
      stack.pop()
    } else if (!done.has(next)) push(next)
  }
  return [...done.values()]
}

/** All axioms (of the library's, in order) that the last of these theorems rests on, each of which stands behind what it cites: positions, ascending. */
export function axiomsBehind(axioms: readonly LibraryEntry[], theorems: readonly ExtractedTheorem[]): number[] {
  const behind = new Map<string, { readonly axioms: AxiomSet }>()
  for (const [position, { claimId }] of axioms.entries()) behind.set(keyOf(claimId), { axioms: axiomSetOf([position]) })
  let last: number[] = []
  for (const { claimId, proof } of theorems) {
    const cited = [...citedClaims(proof).values()].flatMap((id) => behind.get(keyOf(id)) ?? [])
    last = unionOf(cited, axioms.length)
    behind.set(keyOf(claimId), { axioms: axiomSetOf(last) })
  }
  return last
}

/** What proofs of these theorems may cite: the axioms, and these theorems. */
export function statementsOf(definition: LibraryDefinition, theorems: readonly ExtractedTheorem[]): CitedClaims {
  const statements = new Map<string, Uint8Array>()
  for (const axiom of definition.axioms) statements.set(keyOf(claimIdOf(METAMATH_KIND, axiom)), axiom)
  for (const { claimId, claim } of theorems) statements.set(keyOf(claimId), claim)
  return { statementOf: (claimId: Hash) => statements.get(keyOf(claimId)) }
}

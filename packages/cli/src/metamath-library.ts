/** A Metamath file as a library of the network: the definition for genesis, and theorems ready to submit. */
import { basename } from 'node:path'
import type { Hash } from '@aethel/codec'
import { type LibraryDefinition, LibraryExtractor, parseDatabase } from '@aethel/proofs'
import { certificateParts } from './certificate-parts.js'
import { CliError, EXIT } from './exit.js'
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

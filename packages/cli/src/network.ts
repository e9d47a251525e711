/**
 * A network of validators on this machine: made once in a folder (homes, keys, genesis, trust root), opened again later.
 * `network.json` remembers what is where.
 */
import { existsSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { DisseminationChoice, SignatureScheme } from '@aethel/consensus'
import type { Parameters } from '@aethel/ledger'
import type { LibraryDefinition } from '@aethel/proofs'
import { bundledLibraryPath } from './demo/library.js'
import { usageError } from './exit.js'
import { readJsonObject, writeOutputFile } from './files.js'
import { definitionOf, openLibrary } from './metamath-library.js'
import { createValidatorProcess, type ValidatorProcess } from './processes.js'
import { asObject, type JsonObject, listAt, ShapeError, textAt } from './shape.js'

export const DEFAULT_BASE_PORT = 27_100
const DESCRIPTION = 'network.json'
const FORMAT = 'aethel-network/1'

export interface LocalNetwork {
  readonly folder: string
  readonly chainId: string
  readonly trustFile: string
  /** Keys that may change the validators; none on a chain with one epoch. */
  readonly governanceFiles: readonly string[]
  readonly validators: readonly ValidatorProcess[]
}

export interface NetworkOptions {
  readonly folder: string
  readonly validators: number
  /** 0: free ports. */
  readonly basePort: number
  /** Libraries of genesis; without them those in `libraryPaths`, without any the bundled one. */
  readonly libraries?: readonly LibraryDefinition[] | undefined
  readonly libraryPaths?: readonly string[] | undefined
  /** Modules with proof kinds from outside. */
  readonly verifiers?: readonly string[] | undefined
  readonly parameters?: Partial<Parameters> | undefined
  /** What certificates are made of; `ed25519` if left out. */
  readonly certificates?: SignatureScheme | undefined
  readonly dissemination?: DisseminationChoice | undefined
}

export async function createNetwork(options: NetworkOptions): Promise<LocalNetwork> {
  const folder = resolve(options.folder)
  const paths = options.libraryPaths ?? []
  const libraries =
    options.libraries ?? (paths.length === 0 ? [bundledLibraryPath()] : paths).map((path) => definitionOf(openLibrary(path)))
  const { dissemination = 'auto' } = options
  const parameters = { ...options.parameters, ...(dissemination === 'auto' ? {} : { dissemination }) }
  const { createTestnet } = await import('@aethel/node')
  const made = await createTestnet({
    validators: options.validators,
    output: folder,
    basePort: options.basePort,
    libraries,
    verifiers: options.verifiers ?? [],
    parameters,
    ...(options.certificates === undefined ? {} : { certificates: options.certificates }),
  })
  const validators = made.homes.map((home, index) => ({ home: relative(folder, home), url: made.urls[index] }))
  const governanceFiles = made.governanceFiles.map((file) => relative(folder, file))
  const description = { format: FORMAT, chainId: made.chainId, trustFile: relative(folder, made.trustFile), governanceFiles, validators }
  writeOutputFile(join(folder, DESCRIPTION), 'the description of the network', `${JSON.stringify(description, null, 2)}\n`)
  return describe(folder, description as unknown as JsonObject)
}

/** The network that an earlier run left in the folder, or null if there is none. */
export function openNetwork(path: string): LocalNetwork | null {
  const folder = resolve(path)
  const file = join(folder, DESCRIPTION)
  if (!existsSync(file)) return null
  const description = readJsonObject(file, 'the description of a network')
  try {
    if (description['format'] !== FORMAT) throw new ShapeError(`"format" is not ${FORMAT}`)
    return describe(folder, description)
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    throw usageError('network', `expected the description of a network in ${file}, but ${error.message}; make a new one in another folder`)
  }
}

function describe(folder: string, description: JsonObject): LocalNetwork {
  const chainId = textAt(description, 'chainId')
  return {
    folder,
    chainId,
    trustFile: join(folder, textAt(description, 'trustFile')),
    governanceFiles:
      description['governanceFiles'] === undefined ? [] : listAt(description, 'governanceFiles').map((file) => join(folder, String(file))),
    validators: listAt(description, 'validators').map((value, index) => {
      const validator = asObject(value, `validator ${index}`)
      return createValidatorProcess(index, join(folder, textAt(validator, 'home')), textAt(validator, 'url'), chainId)
    }),
  }
}

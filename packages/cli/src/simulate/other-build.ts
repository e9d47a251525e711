/**
 * A build of the software in another folder, for a run in which some validators have that one: a checkout of the repository that was built. What it
 * has of its own is imported from there, the modules it uses among them, beside our own.
 */
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Refusal, Result } from '@aethel/codec'
import type { Build, Builds, Form, Forms } from '@aethel/simulator'
import { usageError } from '../exit.js'

/** Where this build is. */
const OURS = fileURLToPath(new URL('../../../../', import.meta.url))

/** As far as modules of a build are looked into; they are checked by being used. */
type Module = Readonly<Record<string, unknown>>
type Encode = (value: unknown) => Uint8Array
type Decode = (bytes: Uint8Array) => Result<unknown, Refusal>

const MODULES = {
  codec: 'codec/dist/index.js',
  consensus: 'consensus/dist/index.js',
  replica: 'replica/dist/index.js',
  ledger: 'ledger/dist/index.js',
  proofs: 'proofs/dist/index.js',
  network: 'network/dist/index.js',
  records: 'storage/dist/records.js',
} as const

export async function loadBuilds(folder: string): Promise<Builds> {
  return { current: await loadBuild(OURS, 'the current build'), other: await loadBuild(resolve(folder), folder) }
}

async function loadBuild(folder: string, name: string): Promise<Build> {
  const loaded = new Map<keyof typeof MODULES, Module>()
  for (const [part, file] of Object.entries(MODULES)) {
    const path = join(folder, 'packages', file)
    if (!existsSync(path))
      throw usageError(
        'other-build',
        `expected a checkout that was built ("npm ci" does that), found no ${path}; --other-build names its folder`,
      )
    loaded.set(part as keyof typeof MODULES, await importFrom(path))
  }
  requireOwnModules(folder)
  const of = <T>(part: keyof typeof MODULES, word: string): T => {
    const found = loaded.get(part)?.[word]
    if (found === undefined) throw usageError('other-build', `${name} is too different: its ${MODULES[part]} has no ${word}`)
    return found as T
  }
  return {
    name,
    protocolVersion: of('network', 'PROTOCOL_VERSION'),
    storeFormat: of('records', 'STORE_FORMAT'),
    consensus: { createMessageChecker: of('consensus', 'createMessageChecker'), createValidatorSet: of('consensus', 'createValidatorSet') },
    replica: { createReplica: of('replica', 'createReplica') },
    ledger: {
      chainIdOf: of('ledger', 'chainIdOf'),
      createRegistry: of('ledger', 'createRegistry'),
      restoreLedger: of('ledger', 'restoreLedger'),
      runMetered: of('proofs', 'runMetered'),
      runStreamed: of('proofs', 'runStreamed'),
    },
    forms: formsOf(of),
  }
}

async function importFrom(path: string): Promise<Module> {
  try {
    return (await import(pathToFileURL(path).href)) as Module
  } catch (error) {
    throw usageError('other-build', `expected ${path} to load, got ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A folder whose packages lead to ours would run our code under its name. */
function requireOwnModules(folder: string): void {
  const from = createRequire(join(folder, 'packages/consensus/dist/index.js'))
  const found = from.resolve('@aethel/codec')
  const expected = join(folder, 'packages/codec/dist/index.js')
  if (existsSync(found) && realpathSync(found) !== realpathSync(expected))
    throw usageError(
      'other-build',
      `expected the packages of ${folder} to use its own, but @aethel/codec leads to ${found}; run "npm ci" there`,
    )
}

function formsOf(of: <T>(part: keyof typeof MODULES, word: string) => T): Forms {
  const form = <T>(encode: Encode, decode: Decode): Form<T> => ({
    encode: encode as Form<T>['encode'],
    decode: decode as Form<T>['decode'],
  })
  const record = <T>(word: string): Form<T> => form(of('records', `encode${word}`), of('records', `decode${word}`))
  const consensus = <T>(word: string): Form<T> => form(of('consensus', `encode${word}`), of('consensus', `decode${word}`))
  const decode = of<(bytes: Uint8Array, read: unknown) => Result<unknown, Refusal>>('codec', 'decode')
  const readCertificate = of('consensus', 'readCertificate')
  const staged = record<{ readonly area: number; readonly target: unknown }>('StagedTarget')
  return {
    message: consensus('Message'),
    view: record('View'),
    vote: record('Vote'),
    block: consensus('Block'),
    certificate: form(of('consensus', 'encodeCertificate'), (bytes) => decode(bytes, readCertificate)),
    recovery: record('Recovery'),
    tip: record('Tip'),
    epoch: record('Epoch'),
    offer: form(
      (target) => staged.encode({ area: 1, target }),
      (bytes) => {
        const read = staged.decode(bytes)
        return read.ok ? { ok: true, value: read.value.target } : read
      },
    ),
    headers: consensus('Headers'),
  }
}

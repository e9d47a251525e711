/**
 * Proof kinds from outside: `config.json` names modules under "verifiers", and each exports a `verifier` that
 * `defineVerifier` of `@aethel/proofs` made. The main thread loads them to read claims, every proof worker to check proofs. Their
 * code runs with the validator's rights: genesis says which kinds, whoever runs the validator says which files.
 */
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asDefinedVerifier, type DefinedVerifier } from '@aethel/proofs'
import { AethelError } from './errors.js'

/** A path (relative to the home), or the name of a package that can be found from there; as a URL that any thread can import. */
export function verifierUrl(home: string, module: string): string {
  if (isAbsolute(module) || module.startsWith('.')) return pathToFileURL(resolve(home, module)).href
  try {
    return pathToFileURL(createRequire(join(resolve(home), 'config.json')).resolve(module)).href
  } catch (error) {
    throw moduleError(module, `no such package can be found from ${home}`, error)
  }
}

/** What each module exports as `verifier`, in this order; throws an `AethelError` (`verifier-module`). A module runs with the rights of this process. */
export async function loadVerifiers(urls: readonly string[]): Promise<DefinedVerifier[]> {
  const verifiers: DefinedVerifier[] = []
  for (const url of urls) {
    const verifier = await loadVerifier(url)
    if (verifiers.some((other) => other.kind === verifier.kind)) throw moduleError(url, `another module has ${verifier.kind}, too`)
    verifiers.push(verifier)
  }
  return verifiers
}

async function loadVerifier(url: string): Promise<DefinedVerifier> {
  let loaded: { readonly verifier?: unknown }
  try {
    loaded = (await import(url)) as { readonly verifier?: unknown }
  } catch (error) {
    throw moduleError(url, error instanceof Error ? error.message : String(error), error)
  }
  const verifier = asDefinedVerifier(loaded.verifier)
  if (!verifier.ok) throw moduleError(url, verifier.error.message)
  return verifier.value
}

function moduleError(module: string, why: string, cause?: unknown): AethelError {
  return new AethelError(
    'verifier-module',
    `the verifier module ${module} cannot be loaded: ${why}`,
    'correct "verifiers" in config.json, or install the module; "aethel conformance MODULE" tests one',
    cause === undefined ? {} : { cause },
  )
}

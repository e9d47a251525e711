/** Native code, loaded when it is first used: loading both libraries takes as long as many a command that needs neither. */
import { createRequire } from 'node:module'

/** The functions of sodium-native that we call; the package ships no types. */
interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
}

type Blst = typeof import('@chainsafe/blst')

const load = createRequire(import.meta.url)
let loadedSodium: Sodium | null = null
let loadedBlst: Blst | null = null

export function sodium(): Sodium {
  loadedSodium ??= load('sodium-native') as Sodium
  return loadedSodium
}

export function blst(): Blst {
  loadedBlst ??= load('@chainsafe/blst') as Blst
  return loadedBlst
}

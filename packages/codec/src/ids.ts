/**
 * Branded ids: a number or byte string that has passed its one checking constructor. Heights, views and the like are
 * checked to be safe integers (0 .. 2^53-1), so number arithmetic on them is exact.
 */
import { assert } from './result.js'

declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Sequence number of a block; genesis is 0, the first block is 1. */
export type Height = Brand<number, 'Height'>
/** View number within an epoch, from 0; its leader is `validators[view mod N]`. */
export type View = Brand<number, 'View'>
/** Number of the validator set in force, from 0. */
export type Epoch = Brand<number, 'Epoch'>
/** Position in the epoch's declared validator order, 0..N-1. */
export type ValidatorIndex = Brand<number, 'ValidatorIndex'>
/** 32 bytes, SHA-256 of something domain-tagged. Never mutated after construction. */
export type Hash = Brand<Uint8Array, 'Hash'>
/** Ed25519 public key, 32 bytes (RFC 8032). */
export type PublicKey = Brand<Uint8Array, 'PublicKey'>
/** Ed25519 signature, 64 bytes (RFC 8032). */
export type Signature = Brand<Uint8Array, 'Signature'>
/** BLS12-381 public key: a point of G1, compressed, 48 bytes. */
export type BlsPublicKey = Brand<Uint8Array, 'BlsPublicKey'>
/** BLS12-381 signature, of one or of many: a point of G2, compressed, 96 bytes. */
export type BlsSignature = Brand<Uint8Array, 'BlsSignature'>

export const HASH_BYTES = 32
export const PUBLIC_KEY_BYTES = 32
export const SIGNATURE_BYTES = 64
export const BLS_PUBLIC_KEY_BYTES = 48
export const BLS_SIGNATURE_BYTES = 96

function checkSafeInteger(name: string, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, () => `${name} must be an integer in 0..2^53-1, got ${value}`)
}

export function height(value: number): Height {
  checkSafeInteger('height', value)
  return value as Height
}

export function view(value: number): View {
  checkSafeInteger('view', value)
  return value as View
}

export function epoch(value: number): Epoch {
  checkSafeInteger('epoch', value)
  return value as Epoch
}

export function validatorIndex(value: number): ValidatorIndex {
  checkSafeInteger('validator index', value)
  return value as ValidatorIndex
}

function checkLength(name: string, bytes: Uint8Array, expected: number): void {
  assert(bytes.length === expected, () => `${name} must be ${expected} bytes, got ${bytes.length}`)
}

export function hash(bytes: Uint8Array): Hash {
  checkLength('hash', bytes, HASH_BYTES)
  return bytes as Hash
}

export function publicKey(bytes: Uint8Array): PublicKey {
  checkLength('public key', bytes, PUBLIC_KEY_BYTES)
  return bytes as PublicKey
}

export function signature(bytes: Uint8Array): Signature {
  checkLength('signature', bytes, SIGNATURE_BYTES)
  return bytes as Signature
}

export function blsPublicKey(bytes: Uint8Array): BlsPublicKey {
  checkLength('BLS public key', bytes, BLS_PUBLIC_KEY_BYTES)
  return bytes as BlsPublicKey
}

export function blsSignature(bytes: Uint8Array): BlsSignature {
  checkLength('BLS signature', bytes, BLS_SIGNATURE_BYTES)
  return bytes as BlsSignature
}

export const ZERO_HASH: Hash = new Uint8Array(HASH_BYTES) as Hash

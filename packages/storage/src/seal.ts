/**
 * Seals: a checksum over key and value behind every value, because LevelDB does not check its own block checksums when it
 * reads. A flipped byte in a record is then a named error, never a different vote.
 *
 * A lost record leaves no bad bytes behind. Therefore the safety records also have a summary: how many there are and the
 * exclusive-or of their seals, kept up to date in every batch. A record that vanished, came back, or moved to another key
 * makes it disagree.
 */
import { encode } from '@aethel/codec'
import { hashEncoded } from '@aethel/crypto'

export const SEAL_BYTES = 16

const SEAL_DOMAIN = 'aethel/store/v1'

export function sealOf(key: Uint8Array, value: Uint8Array): Uint8Array {
  return hashEncoded(SEAL_DOMAIN, (writer) =>
    writer
      .u8(key.length & 0xff)
      .raw(key)
      .raw(value),
  ).subarray(0, SEAL_BYTES)
}

export function sealed(value: Uint8Array, seal: Uint8Array): Uint8Array {
  const out = new Uint8Array(value.length + SEAL_BYTES)
  out.set(value)
  out.set(seal, value.length)
  return out
}

/** The value if its seal is good. */
export function unseal(key: Uint8Array, stored: Uint8Array): { value: Uint8Array; seal: Uint8Array } | undefined {
  if (stored.length < SEAL_BYTES) return undefined
  const value = stored.subarray(0, stored.length - SEAL_BYTES)
  const seal = stored.subarray(stored.length - SEAL_BYTES)
  const expected = sealOf(key, value)
  for (let i = 0; i < SEAL_BYTES; i++) if (seal[i] !== expected[i]) return undefined
  return { value, seal }
}

/** Count and exclusive-or of the seals of a changing set of records. */
export class Summary {
  readonly #seals = new Map<string, Uint8Array>()
  readonly #mixed = new Uint8Array(SEAL_BYTES)

  put(key: string, seal: Uint8Array): void {
    this.remove(key)
    this.#seals.set(key, seal)
    this.#mix(seal)
  }

  remove(key: string): void {
    const seal = this.#seals.get(key)
    if (seal === undefined) return
    this.#seals.delete(key)
    this.#mix(seal)
  }

  #mix(seal: Uint8Array): void {
    for (let i = 0; i < SEAL_BYTES; i++) this.#mixed[i] = (this.#mixed[i] as number) ^ (seal[i] as number)
  }

  bytes(): Uint8Array {
    return encode((writer) => writer.u32(this.#seals.size).raw(this.#mixed))
  }
}

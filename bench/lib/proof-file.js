/** Proofs in a file, for handing them to another process: kind, claim and certificate of each. */
import { decode, encode } from '@aethel/codec'

const MOST_PROOFS = 1 << 20
const MOST_BYTES = 1 << 26

/** @typedef {{ kind: string, claim: Uint8Array, proof: Uint8Array }} BareProof */

/** @param {readonly BareProof[]} proofs */
export function encodeProofs(proofs) {
  return encode((writer) =>
    writer.list(proofs, (w, { kind, claim, proof }) => w.bytes(new TextEncoder().encode(kind)).bytes(claim).bytes(proof)),
  )
}

/** @param {Uint8Array} bytes @returns {readonly BareProof[]} */
export function decodeProofs(bytes) {
  const proofs = decode(bytes, (reader) =>
    reader.list(MOST_PROOFS, (r) => ({
      kind: new TextDecoder().decode(r.bytes(64)),
      claim: r.bytes(MOST_BYTES),
      proof: r.bytes(MOST_BYTES),
    })),
  )
  if (!proofs.ok) throw new Error(proofs.error.message)
  return proofs.value
}

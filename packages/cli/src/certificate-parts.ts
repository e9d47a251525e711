/** A Metamath certificate taken apart, without any of the kernel's checks: to see what it cites, or to spoil it. */
import { assert, decode, type Reader } from '@aethel/codec'
import type { MetamathCertificate, MetamathReference } from '@aethel/proofs'

/** Of a certificate this program has made itself; anything else is a bug. */
export function certificateParts(proof: Uint8Array): MetamathCertificate {
  const parts = decode(proof, (reader): MetamathCertificate => {
    const references = reader.list(proof.length, readReference)
    const disjoint = reader.list(proof.length, (r) => [r.u16(), r.u16()] as const).flat()
    return { references, disjoint, letters: reader.bytes(proof.length) }
  })
  assert(parts.ok, 'a certificate that was just made does not read')
  return parts.value
}

function readReference(reader: Reader): MetamathReference {
  if (reader.u8() === 0) return { kind: 'dummy', symbol: reader.raw(reader.u8()) }
  return { kind: 'citation', label: reader.raw(reader.u8()), claimId: reader.hash() }
}

/**
 * The one identity of a claim, whatever its kind: a hash of what is claimed, never of how it is proved. A mutated
 * certificate is often another valid one, so certificates cannot name anything.
 */
import { encode, type Hash } from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'

const CLAIM_DOMAIN = 'aethel/claim/v1'

/**
 * SHA-256 of the domain tag, the kind (u32 length, UTF-8) and the canonical claim bytes to the end. The length prefix
 * keeps one kind's name from running into another's claim.
 */
export function claimIdOf(kind: string, claim: Uint8Array): Hash {
  return hashTagged(
    CLAIM_DOMAIN,
    encode((writer) => writer.text(kind).raw(claim)),
  )
}

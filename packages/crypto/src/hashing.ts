/** Domain-separated hashing over whatever SHA-256 the build provides. */
import { concatBytes, type Hash, utf8 } from '@aethel/codec'

const tags = new Map<string, Uint8Array>()

/** Domain prefix: one length byte, then the ASCII name; no domain's prefix can begin another's. */
export function domainTag(domain: string): Uint8Array {
  let tag = tags.get(domain)
  if (tag === undefined) {
    const name = utf8(domain)
    if (name.length > 255) throw new RangeError(`domain name longer than 255 bytes: ${domain}`)
    tag = concatBytes(Uint8Array.of(name.length), name)
    tags.set(domain, tag)
  }
  return tag
}

export type Sha256 = (bytes: Uint8Array) => Hash

/** SHA-256(domain tag || bytes). */
export function hashWith(sha256: Sha256, domain: string, bytes: Uint8Array): Hash {
  return sha256(concatBytes(domainTag(domain), bytes))
}

/** Domain-separated hashing over whatever SHA-256 the build provides. */
import { concatBytes, type Hash, useEncoded, utf8, type Writer } from '@aethel/codec'

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
/** Of two runs of bytes, one after the other. */
export type Sha256OfTwo = (first: Uint8Array, second: Uint8Array) => Hash

/** Inputs are put together here, all but the longest: new memory costs as much as hashing a short one. */
const joined = new Uint8Array(16 * 1024)

/** SHA-256(domain tag || bytes). `ofTwo`: for long ones, where the build can hash without putting them together. */
export function hashWith(sha256: Sha256, domain: string, bytes: Uint8Array, ofTwo?: Sha256OfTwo): Hash {
  const tag = domainTag(domain)
  const length = tag.length + bytes.length
  if (length > joined.length) return ofTwo === undefined ? sha256(concatBytes(tag, bytes)) : ofTwo(tag, bytes)
  joined.set(tag)
  joined.set(bytes, tag.length)
  return sha256(joined.subarray(0, length))
}

/** SHA-256(domain tag || what `write` writes), without a copy of it. */
export function hashEncodedWith(sha256: Sha256, domain: string, write: (writer: Writer) => void): Hash {
  return useEncoded((writer) => {
    writer.raw(domainTag(domain))
    write(writer)
  }, sha256)
}

/**
 * The self-signed X.509 certificate that TLS wants around a node's Ed25519 network key. Peers pin the key and look at
 * nothing else in it, so the certificate is as small as RFC 5280 allows, the same bytes at every start, and never expires
 * (RFC 5280 §4.1.2.5: 99991231235959Z).
 */
import { createPrivateKey, type KeyObject, sign, type X509Certificate } from 'node:crypto'
import { concatBytes, type PublicKey, publicKey, utf8 } from '@aethel/codec'
import { type SecretSeed, signingKey } from '@aethel/crypto'

export interface TlsIdentity {
  readonly publicKey: PublicKey
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly privateKey: string
}

/** DER of AlgorithmIdentifier for Ed25519, OID 1.3.101.112 (RFC 8410 §3). */
const ED25519 = Uint8Array.of(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70)
const COMMON_NAME = Uint8Array.of(0x06, 0x03, 0x55, 0x04, 0x03)

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
  version: 0xa0,
} as const

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts)
  if (content.length < 0x80) return concatBytes(Uint8Array.of(tag, content.length), content)
  if (content.length < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, content.length), content)
  return concatBytes(Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 0xff), content)
}

function bitString(bytes: Uint8Array): Uint8Array {
  return der(TAG.bitString, Uint8Array.of(0), bytes)
}

function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function privateKeyDer(seed: SecretSeed): Uint8Array {
  return der(TAG.sequence, der(TAG.integer, Uint8Array.of(0)), ED25519, der(TAG.octetString, der(TAG.octetString, seed)))
}

/** A self-signed X.509 certificate of the Ed25519 key that this seed makes: peers look at nothing but the key (decision 0004). */
export function createTlsIdentity(seed: SecretSeed): TlsIdentity {
  const publicKey = signingKey(seed).publicKey
  const keyDer = privateKeyDer(seed)
  const key: KeyObject = createPrivateKey({ key: Buffer.from(keyDer), format: 'der', type: 'pkcs8' })
  const name = der(TAG.sequence, der(TAG.set, der(TAG.sequence, COMMON_NAME, der(TAG.utf8String, utf8('aethel')))))
  const toBeSigned = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Uint8Array.of(2))),
    der(TAG.integer, Uint8Array.of(1)),
    ED25519,
    name,
    der(TAG.sequence, der(TAG.utcTime, utf8('700101000000Z')), der(TAG.generalizedTime, utf8('99991231235959Z'))),
    name,
    der(TAG.sequence, ED25519, bitString(publicKey)),
  )
  const signature = new Uint8Array(sign(null, toBeSigned, key))
  return {
    publicKey,
    certificate: pem('CERTIFICATE', der(TAG.sequence, toBeSigned, ED25519, bitString(signature))),
    privateKey: pem('PRIVATE KEY', keyDer),
  }
}

/** The Ed25519 key of a peer's certificate; undefined for any other kind of key. */
export function keyOfCertificate(certificate: X509Certificate): PublicKey | undefined {
  const key = certificate.publicKey
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  const spki = key.export({ format: 'der', type: 'spki' })
  return publicKey(Uint8Array.from(spki.subarray(spki.length - 32)))
}

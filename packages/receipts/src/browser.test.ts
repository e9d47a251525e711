/**
 * The same light client on the browser's cryptography: `@aethel/crypto` is replaced, for everything that is loaded here, by
 * the build that browsers get.
 */
import { readFileSync } from 'node:fs'
import { fromHex, utf8 } from '@aethel/codec'
import { describe, expect, it, vi } from 'vitest'

const calls = vi.hoisted(() => ({ hashTagged: 0 }))

vi.mock('@aethel/crypto', async () => {
  const browser = await import('../../crypto/dist/browser.js')
  const hashTagged: typeof browser.hashTagged = (domain, bytes) => {
    calls.hashTagged++
    return browser.hashTagged(domain, bytes)
  }
  return { ...browser, hashTagged }
})
vi.mock('../../crypto/dist/native.js', () => {
  throw new Error('a browser has no native code')
})

interface VectorFile {
  readonly trust: string
  readonly vectors: readonly {
    readonly name: string
    readonly expect: string
    readonly policy?: Readonly<Record<string, string>>
    readonly trust?: string
    readonly receipt: string
  }[]
}

interface EpochFile {
  readonly trust: string
  readonly vectors: readonly { readonly name: string; readonly expect: string; readonly epochs: string }[]
}

describe('the light client on the browser build of crypto', () => {
  it('is what the packages below use as well', async () => {
    const { createValidatorSet } = await import('@aethel/consensus')
    const { mapKey } = await import('@aethel/ledger/merkle')
    const { claimIdOf } = await import('@aethel/ledger/records')
    for (const hashing of [
      () => createValidatorSet(0 as never, [{ publicKey: new Uint8Array(32).fill(7) as never, power: 1n }]),
      () => mapKey(utf8('x')),
      () => claimIdOf('x', utf8('x')),
    ]) {
      const before = calls.hashTagged
      hashing()
      expect(calls.hashTagged).toBe(before + 1)
    }
  })

  it('gives the stated result on every vector', async () => {
    const { decodeTrust, verifyReceipt } = await import('./index.js')
    for (const name of ['good', 'bad', 'bls']) {
      const file = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as VectorFile
      for (const vector of file.vectors) {
        const trust = decodeTrust(utf8(vector.trust ?? file.trust))
        if (!trust.ok) throw new Error(trust.error.message)
        const { claimId, kind, library, withoutAxiom } = vector.policy ?? {}
        const wanted = claimId === undefined ? undefined : fromHex(claimId)
        const digest = library === undefined ? undefined : fromHex(library)
        const policy = {
          ...(kind === undefined ? {} : { kinds: [kind] }),
          ...(wanted?.ok === true ? { claimId: wanted.value as never } : {}),
          ...(digest?.ok === true ? { withoutAxioms: { library: digest.value as never, axioms: [Number(withoutAxiom)] } } : {}),
        }
        const result = verifyReceipt(utf8(vector.receipt), { trust: trust.value, policy })
        expect([vector.name, result.ok ? 'ok' : result.error.code]).toEqual([vector.name, vector.expect])
      }
    }
  })

  it('gives the stated result on every epoch chain', async () => {
    const { decodeEpochs, decodeTrust, verifyEpochChain } = await import('./index.js')
    for (const name of ['epochs', 'bls-epochs']) {
      const file = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as EpochFile
      const trust = decodeTrust(utf8(file.trust))
      if (!trust.ok) throw new Error(trust.error.message)
      for (const vector of file.vectors) {
        const links = decodeEpochs(utf8(vector.epochs))
        const result = links.ok ? verifyEpochChain(trust.value, links.value) : links
        expect([vector.name, result.ok ? 'ok' : result.error.code]).toEqual([vector.name, vector.expect])
      }
    }
  })
})

/** The epoch chain against its vectors (see vectors.test.ts for how they are written), and receipts that lean on it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { blsPublicKey, epoch, height, publicKey, utf8 } from '@aethel/codec'
import { createValidatorSet } from '@aethel/consensus'
import { MAX_CHAIN_VALIDATORS } from '@aethel/ledger'
import { describe, expect, it } from 'vitest'
import { blsEpochTrust, blsEpochVectors, blsLaterReceipt } from '../test/bls.js'
import { type EpochVector, epochTrust, epochVectors, laterReceipt, setOf } from '../test/epochs.js'
import { must, trust } from '../test/world.js'
import { decodeEpochs, decodeTrust, encodeTrust, MAX_EPOCHS_BYTES, verifyEpochChain, verifyReceipt } from './index.js'

function linksOf(name: string): ReturnType<typeof must<readonly import('./index.js').EpochLink[]>> {
  const vector = epochVectors().find((each) => each.name.startsWith(name))
  return must(decodeEpochs(utf8(vector?.epochs ?? '')))
}

describe('the epoch chain', () => {
  it.each([
    ['epochs', epochTrust, epochVectors],
    ['bls-epochs', blsEpochTrust, blsEpochVectors],
  ] as const)('%s: gives the stated result on each vector', (name, root, make) => {
    const url = new URL(`../vectors/${name}.json`, import.meta.url)
    const made = `${JSON.stringify({ trust: encodeTrust(root), vectors: make() }, null, 2)}\n`
    if (process.env['AETHEL_WRITE_VECTORS'] === '1') writeFileSync(url, made)
    const found = readFileSync(url, 'utf8')
    expect(found === made, `${name}.json is what the generator makes`).toBe(true)
    expect(found.length).toBeLessThan(200 * 1024)
    const { trust: text, vectors } = JSON.parse(found) as { trust: string; vectors: readonly EpochVector[] }
    const believed = must(decodeTrust(utf8(text)))
    expect(believed.epochLength).toBe(2)
    for (const vector of vectors) {
      const links = decodeEpochs(utf8(vector.epochs))
      const result = links.ok ? verifyEpochChain(believed, links.value) : links
      expect([vector.name, result.ok ? 'ok' : result.error.code]).toEqual([vector.name, vector.expect])
      if (result.ok) expect(String(result.value.at(-1)?.validators.epoch)).toBe(vector.newest)
    }
    expect(new Set(vectors.map((vector) => vector.name)).size).toBe(vectors.length)
  })

  it('can be taken up in the middle: links of epochs before the trusted one are passed over, unread', () => {
    const chain = linksOf('three epochs on')
    const later = { ...epochTrust, validators: setOf(2) }
    expect(must(verifyEpochChain(later, chain)).map((root) => root.validators.epoch)).toEqual([2, 3])
    const [first, ...rest] = chain
    if (first === undefined) throw new Error('a chain has links')
    const spoiled = [{ ...first, header: { ...first.header, height: height(9) } }, ...rest]
    expect(verifyEpochChain(later, spoiled).ok).toBe(true)
    expect(verifyEpochChain(epochTrust, spoiled)).toMatchObject({ error: { code: 'epoch-boundary' } })
  })

  it('proves nothing to a trust root that knows of one epoch only', () => {
    expect(verifyEpochChain(trust, linksOf('one epoch on'))).toMatchObject({ error: { code: 'single-epoch' } })
  })

  it('the trust root it ends in is a trust root: written, read, and good for the rest of the chain', () => {
    const chain = linksOf('three epochs on')
    const halfway = must(verifyEpochChain(epochTrust, chain.slice(0, 2))).at(-1) ?? epochTrust
    const again = must(decodeTrust(utf8(encodeTrust(halfway))))
    expect(again).toEqual(halfway)
    expect(must(verifyEpochChain(again, chain)).at(-1)?.validators.epoch).toBe(3)
  })

  it('the trust root it ends in can be read again, of however many validators with however much power', () => {
    const validators = Array.from({ length: MAX_CHAIN_VALIDATORS }, (_, index) => {
      const key = new Uint8Array(48).fill(0xff)
      new DataView(key.buffer).setUint32(4, index)
      return { publicKey: publicKey(key.slice(0, 32)), power: (1n << 96n) - 1n, blsKey: blsPublicKey(key) }
    })
    const largest = { ...trust, epochLength: 2 ** 32, validators: must(createValidatorSet(epoch(7), validators)) }
    expect(must(decodeTrust(utf8(encodeTrust(largest))))).toEqual(largest)
  })

  it('a file of absurd size is refused, not read', () => {
    expect(decodeEpochs(new Uint8Array(MAX_EPOCHS_BYTES + 1))).toMatchObject({ ok: false, error: { code: 'too-long' } })
  })
})

describe('a receipt of a later epoch', () => {
  const chain = linksOf('three epochs on')

  it('is good with the chain from what is trusted, and not without', () => {
    const result = verifyReceipt(laterReceipt(), { trust: epochTrust, epochs: chain })
    expect(result.ok).toBe(true)
    expect(result.steps.find((step) => step.name === 'epochs')?.ok).toBe(true)
    if (result.ok) expect(result.value.totalPower).toBe(6n)
    expect(verifyReceipt(laterReceipt(), { trust: epochTrust })).toMatchObject({ error: { code: 'epoch' } })
    expect(verifyReceipt(laterReceipt(), { trust: epochTrust, epochs: [] })).toMatchObject({ error: { code: 'epoch' } })
  })

  it('of a chain of BLS certificates is good along its chain, and with the trust root that this leads to', () => {
    const vector = blsEpochVectors().find((each) => each.name === 'two epochs on')
    const epochs = must(decodeEpochs(utf8(vector?.epochs ?? '')))
    const result = verifyReceipt(blsLaterReceipt(), { trust: blsEpochTrust, epochs })
    expect(result).toMatchObject({ ok: true, value: { totalPower: 6n, signedPower: 5n } })
    const moved = must(verifyEpochChain(blsEpochTrust, epochs.slice(0, 1))).at(-1) ?? blsEpochTrust
    const again = must(decodeTrust(utf8(encodeTrust(moved))))
    expect(again).toEqual(moved)
    expect(verifyReceipt(blsLaterReceipt(), { trust: again }).ok).toBe(true)
    expect(verifyReceipt(blsLaterReceipt(), { trust: blsEpochTrust })).toMatchObject({ error: { code: 'epoch' } })
  })

  it('is good with the trust root that the chain ends in', () => {
    const newest = must(verifyEpochChain(epochTrust, chain.slice(0, 1))).at(-1) ?? epochTrust
    expect(verifyReceipt(laterReceipt(), { trust: newest }).ok).toBe(true)
    expect(verifyReceipt(laterReceipt(2), { trust: newest })).toMatchObject({ error: { code: 'epoch' } })
  })

  it('is refused with a bad chain, even where only a part that it does not need is bad', () => {
    const bad = linksOf('a good link, then a bad one')
    expect(verifyReceipt(laterReceipt(), { trust: epochTrust, epochs: bad })).toMatchObject({ error: { code: 'certificate-signature' } })
  })

  it('J4: of an epoch before the trusted one is not believed, whatever signs it', () => {
    const newest = must(verifyEpochChain(epochTrust, chain)).at(-1) ?? epochTrust
    expect(verifyReceipt(laterReceipt(1), { trust: newest, epochs: chain })).toMatchObject({ error: { code: 'epoch' } })
  })
})

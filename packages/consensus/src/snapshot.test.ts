import { height, ZERO_HASH } from '@aethel/codec'
import { describe, expect, it } from 'vitest'
import { CHAIN, certify, chainTo, headerAt, offerOf, setOf, startOf, verifySignature } from '../../replica/test/shelves.js'
import { hashHeader } from './block.js'
import type { EpochLink } from './epoch-chain.js'
import { checkHeaders, checkOffer, recentHashes, type SnapshotOffer } from './snapshot.js'

const CONTEXT = { chainId: CHAIN, epochLength: 5, verifySignature }
const rootAt = () => ZERO_HASH

/** Epoch e has the keys from e on: three of the four stay, one goes. */
function linkOf(epoch: number): EpochLink {
  const validators = setOf(epoch, epoch)
  const next = setOf(epoch + 1, epoch + 1)
  const header = headerAt(5 * (epoch + 1), ZERO_HASH, { epoch, validators, next })
  return { header, certificate: certify(header, [0, 1, 2], epoch), nextValidators: next.validators }
}

function offerIn(epoch: number, at: number, links: readonly EpochLink[]): SnapshotOffer {
  const header = headerAt(at, ZERO_HASH, { epoch, validators: setOf(epoch, epoch) })
  return offerOf(header, links, certify(header, [0, 1, 2], epoch))
}

describe('an offer of a state', () => {
  it('is proven by a certificate of the validators that are trusted, within the epoch', () => {
    expect(checkOffer(CONTEXT, startOf(), offerIn(0, 3, []))).toMatchObject({ ok: true, value: { status: 'proven' } })
  })

  it('S9: whatever it brings itself, a header that the trusted validators did not certify is refused', () => {
    const good = offerIn(0, 3, [])
    const other = { ...good.header, stateRoot: CHAIN }
    const cases: readonly (readonly [SnapshotOffer, string])[] = [
      [{ ...good, header: other }, 'certificate-block'],
      [{ ...good, header: other, certificate: certify(other, [0, 1]) }, 'certificate-power'],
      [{ ...good, header: other, certificate: certify(other, [0, 1, 2], 4) }, 'certificate-signature'],
      [{ ...good, certificate: { ...good.certificate, kind: 'prepare' } }, 'certificate-kind'],
      [offerIn(0, 3, []), ''],
    ]
    for (const [offer, code] of cases) {
      const checked = checkOffer(CONTEXT, startOf(), offer)
      expect(checked.ok ? '' : checked.error.code).toBe(code)
    }
  })

  it('J3, J4: leads through the ends of epochs, each by the validators of the one before; another set of them is refused', () => {
    const links = [linkOf(0), linkOf(1)]
    const checked = checkOffer(CONTEXT, startOf(), offerIn(2, 12, links))
    expect(checked).toMatchObject({ ok: true, value: { status: 'proven', start: { validators: { epoch: 2 }, origin: { height: 10 } } } })
    const strangers = setOf(1, 4)
    const header = headerAt(5, ZERO_HASH, { epoch: 0, validators: setOf(0), next: strangers })
    const forged = { header, certificate: certify(header, [0, 1, 2], 4), nextValidators: strangers.validators }
    expect(checkOffer(CONTEXT, startOf(), offerIn(2, 12, [forged, linkOf(1)]))).toMatchObject({
      ok: false,
      error: { code: 'certificate-signature' },
    })
    const swapped = { ...linkOf(0), nextValidators: strangers.validators }
    expect(checkOffer(CONTEXT, startOf(), offerIn(1, 7, [swapped]))).toMatchObject({ ok: false, error: { code: 'next-validators' } })
  })

  it('whose links end too early is to be completed, from where they end; one of before what is known is passed over', () => {
    expect(checkOffer(CONTEXT, startOf(), offerIn(2, 12, [linkOf(0)]))).toMatchObject({
      ok: true,
      value: { status: 'more-links', start: { validators: { epoch: 1 } } },
    })
    const later = {
      validators: setOf(2, 2),
      previousValidators: setOf(1, 1),
      origin: { height: height(10), hash: hashHeader(linkOf(1).header) },
    }
    expect(checkOffer(CONTEXT, later, offerIn(0, 3, []))).toMatchObject({ ok: true, value: { status: 'stale' } })
    expect(checkOffer(CONTEXT, startOf(), offerIn(0, 3, [linkOf(0), linkOf(1)]))).toMatchObject({
      ok: true,
      value: { status: 'proven', start: { validators: { epoch: 0 } } },
    })
  })

  it('of the last block of an epoch says who goes on', () => {
    const { header, certificate } = linkOf(0)
    expect(checkOffer(CONTEXT, startOf(), { links: [linkOf(0)], header, descendants: [], certificate })).toMatchObject({
      ok: true,
      value: { status: 'proven', start: { validators: { epoch: 1 }, previousValidators: { epoch: 0 } } },
    })
  })

  it('D4: a certificate of a descendant will do, on the headers between', () => {
    const chain = chainTo(4, rootAt)
    const [, second, third, fourth] = chain as [never, (typeof chain)[0], (typeof chain)[0], (typeof chain)[0]]
    const offer = { links: [], header: second, descendants: [third, fourth], certificate: certify(fourth) }
    expect(checkOffer(CONTEXT, startOf(), offer)).toMatchObject({ ok: true, value: { status: 'proven' } })
    expect(checkOffer(CONTEXT, startOf(), { ...offer, descendants: [fourth] })).toMatchObject({
      ok: false,
      error: { code: 'snapshot-gap' },
    })
    expect(checkOffer(CONTEXT, startOf(), { ...offer, descendants: [] })).toMatchObject({ ok: false, error: { code: 'certificate-block' } })
  })
})

describe('the headers below a state', () => {
  it('are the parents, one by one, as many as a replica keeps; none is taken on its word', () => {
    const chain = chainTo(6, rootAt)
    const top = chain.at(-1) as (typeof chain)[0]
    const below = chain.slice(0, -1).reverse()
    expect(checkHeaders(CHAIN, top, below).ok).toBe(true)
    expect(recentHashes(CHAIN, top, below)).toEqual([
      { height: 0, hash: CHAIN },
      ...chain.map((header) => ({ height: header.height, hash: hashHeader(header) })),
    ])
    expect(checkHeaders(CHAIN, top, below.slice(1))).toMatchObject({ ok: false, error: { code: 'headers-count' } })
    const forged = below.map((header, at) => (at === 2 ? { ...header, timestampMs: 9 } : header))
    expect(checkHeaders(CHAIN, top, forged)).toMatchObject({ ok: false, error: { code: 'headers-gap' } })
    expect(checkHeaders(ZERO_HASH, top, below)).toMatchObject({ ok: false, error: { code: 'headers-genesis' } })
  })
})

/** What peers say about states: offers and the headers below, and parts of an authenticated map, which must hold nothing but the map. */
import { compareBytes, encode, epoch, height, utf8 } from '@aethel/codec'
import { checkHeaders, checkOffer, decodeHeaders, decodeMessage, encodeHeaders, encodeMessage } from '@aethel/consensus'
import { AuthenticatedMap, checkRange, mapKey, writeRange } from '@aethel/ledger'
import { verifyIdeal } from '../../packages/simulator/dist/ideal-hash-signatures.js'
import { CHAIN, validatorsOf } from '../lib/cluster.js'
import { Broken } from '../lib/properties.js'
import { aggregateOf, BLS_VALIDATORS, blsLink, certificateOf, chainOfBlocks, verifyAggregate } from './consensus.js'

/** @typedef {import('../lib/properties.js').Target} Target */

const VALIDATORS = validatorsOf(4)
const EPOCH_LENGTH = 2
/** Also signatures whose last bit is clear: so that what lies behind a signature is reached. @type {import('@aethel/consensus').VerifySignature} */
const verifySignature = (key, message, signature) => ((signature[63] ?? 1) & 1) === 0 || verifyIdeal(key, message, signature)
/** @type {import('@aethel/consensus').EpochStart} */
const START = { validators: VALIDATORS, previousValidators: null, origin: { height: height(0), hash: CHAIN } }
const BLS_START = { ...START, validators: BLS_VALIDATORS }

/** @param {'ed25519' | 'bls12-381'} scheme @returns {import('@aethel/consensus').SnapshotOffer[]} */
function offers(scheme) {
  const certify = scheme === 'ed25519' ? certificateOf : aggregateOf
  const blocks = chainOfBlocks()
  return blocks.map((block, position) => {
    const link =
      scheme === 'ed25519'
        ? { header: block.header, certificate: certificateOf(block), nextValidators: VALIDATORS.validators }
        : blsLink(block)
    const links = position === 0 ? [] : [link]
    const above = blocks[position + 1]
    return above === undefined
      ? { links, header: block.header, descendants: [], certificate: certify(block) }
      : { links, header: block.header, descendants: [above.header], certificate: certify(above) }
  })
}

/** @type {Target} */
export const offersOfStates = {
  name: 'snapshots',
  what: 'offers of states with the ends of epochs, wishes for parts, and the headers below a state',
  seeds: () => {
    const headers = chainOfBlocks().map(({ header }) => header)
    const place = { height: height(2), lane: 0xffff, cursor: new Uint8Array(0) }
    return [
      ...[...offers('ed25519'), ...offers('bls12-381')].map((offer) => encodeMessage({ kind: 'snapshot', offer })),
      encodeMessage({ kind: 'chunk', ...place, chunk: encodeHeaders(headers.toReversed()) }),
      encodeMessage({ kind: 'fetch', want: 'snapshot', epoch: epoch(1) }),
      encodeMessage({ kind: 'fetch', want: 'chunk', ...place, cursor: CHAIN }),
    ]
  },
  dictionary: [Uint8Array.of(11), Uint8Array.of(12), Uint8Array.of(6, 3), Uint8Array.of(6, 4), CHAIN, VALIDATORS.hash, new Uint8Array(8)],
  decode: decodeMessage,
  encode: encodeMessage,
  use: (message) => {
    if (message.kind === 'snapshot') {
      for (const epochLength of [0, EPOCH_LENGTH])
        for (const start of [START, BLS_START])
          expectRefusal(checkOffer({ chainId: CHAIN, epochLength, verifySignature, verifyAggregate }, start, message.offer))
      expectRefusal(checkHeaders(CHAIN, message.offer.header, message.offer.descendants))
    }
    if (message.kind === 'chunk') expectRefusal(decodeHeaders(message.chunk))
  },
}

const ENTRIES = Array.from({ length: 48 }, (_, at) => ({ path: utf8(`entry/${at}`), value: utf8('v'.repeat(at % 7)) }))
const MAP = AuthenticatedMap.empty.update(ENTRIES.map(({ path, value }) => ({ key: mapKey(path), path, value })))

/** By the first byte: one of eight ranges. @param {number} choice */
function rangeOf(choice) {
  const lane = choice & 7
  const low = /** @type {import('@aethel/codec').Hash} */ (new Uint8Array(32).fill(0, 0).with(0, lane << 5))
  const high = /** @type {import('@aethel/codec').Hash} */ (new Uint8Array(32).fill(0xff).with(0, (lane << 5) | 0x1f))
  return { low, high }
}

/** @param {import('@aethel/ledger').KeyRange} range */
function entriesIn({ low, high }) {
  return [...MAP.entries()].filter(({ key }) => compareBytes(key, low) >= 0 && compareBytes(key, high) <= 0)
}

/** @type {Target} */
export const partsOfMaps = {
  name: 'state-chunks',
  what: 'parts of an authenticated map: what passes is a beginning of what the map holds in the range, and all of it if it says so',
  seeds: () =>
    [0, 1, 5, 7].flatMap((lane) =>
      [0, 30, 10_000].map((bytes) =>
        encode((writer) => {
          writer.u8(lane)
          writeRange(writer, MAP, rangeOf(lane), bytes)
        }),
      ),
    ),
  dictionary: [MAP.root, ...[0, 1, 2, 3, 4].map((kind) => Uint8Array.of(kind)), 'entry/1', new Uint8Array(4)],
  decode: (bytes) => checkRange(bytes.subarray(1), MAP.root, rangeOf(bytes[0] ?? 0), mapKey),
  use: (part, bytes) => {
    const expected = entriesIn(rangeOf(bytes[0] ?? 0))
    const isBeginning = part.entries.every(({ key, value }, at) => {
      const own = expected[at]
      return own !== undefined && compareBytes(own.key, key) === 0 && compareBytes(own.value, value) === 0
    })
    if (!isBeginning) throw new Broken('a part of the map holds what the map does not, or leaves something out')
    if (part.complete && part.entries.length !== expected.length) throw new Broken('a part that claims to be whole is not')
  },
}

/** @param {{ ok: boolean, error?: { code: string, message: string } }} result */
function expectRefusal(result) {
  if (!result.ok && !(result.error !== undefined && result.error.code.length > 0 && result.error.message.length > 0))
    throw new Broken('refused without a code and a sentence')
}

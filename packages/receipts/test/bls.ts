/**
 * Vectors of a chain of BLS certificates: the first block of `world.ts`, of a chain whose genesis gives the same validators BLS
 * keys, made of the same seeds as their Ed25519 keys; and an epoch chain of such validators.
 */
import {
  type BlsPublicKey,
  type BlsSignature,
  bitmapOf,
  epoch,
  type Hash,
  height,
  toHex,
  validatorIndex,
  view,
  ZERO_HASH,
} from '@aethel/codec'
import {
  type Aggregate,
  assembleCertificate,
  type Ballot,
  ballotBytes,
  blsPossessionBytes,
  type Certificate,
  createValidatorSet,
  type Header,
  hashHeader,
  type Validator,
  type ValidatorSet,
} from '@aethel/consensus'
import { aggregateBls, type BlsKey, blsKey } from '@aethel/crypto'
import { chainIdOf, type Genesis, genesisValidators } from '@aethel/ledger'
import { infinity, stray } from '../../crypto/test/rogue.js'
import { createReceipt, type EpochLink, encodeEpochs, encodeTrust, type TrustRoot } from '../src/index.js'
import type { EpochVector } from './epochs.js'
import type { TrustVector, Vector } from './vectors.js'
import { certify, first, genesis, keyAt, must, second, standAlone, standAloneId, trust } from './world.js'

export function blsKeyAt(index: number): BlsKey {
  return blsKey(new Uint8Array(32).fill(index + 1))
}

const blsGenesis: Genesis = {
  ...genesis,
  validators: genesis.validators.map((validator, index) => {
    const { publicKey, sign } = blsKeyAt(index)
    return { ...validator, blsKey: publicKey, blsPossession: sign(blsPossessionBytes(validator.publicKey, publicKey)) }
  }),
}
const chainId: Hash = chainIdOf(blsGenesis)
export const blsTrust: TrustRoot = { chainId, validators: must(genesisValidators(blsGenesis)), epochLength: 0 }

const header: Header = {
  ...first.header,
  chainId,
  parent: chainId,
  validatorsHash: blsTrust.validators.hash,
  nextValidatorsHash: blsTrust.validators.hash,
}
const next: Header = { ...header, height: height(2), parent: hashHeader(header), stateRoot: second.header.stateRoot }

interface Signing {
  readonly members?: readonly number[]
  readonly kind?: 'prepare' | 'commit'
  /** What the signers sign instead of the certificate's own ballot. */
  readonly signed?: Partial<Ballot> & { readonly chainId?: Hash }
}

/** By the validators in these places of a set of `members`, who are the keys 0, 1, 2 and 3 unless told. */
function certified(
  of: Header,
  places: readonly number[],
  { members = [0, 1, 2, 3], kind = 'commit', signed = {} }: Signing = {},
): Aggregate {
  const { chainId: signedChain = of.chainId, ...change } = signed
  const ballot: Ballot = { kind, epoch: of.epoch, view: view(0), height: of.height, blockHash: hashHeader(of) }
  const message = ballotBytes(signedChain, { ...ballot, ...change })
  const votes = places.map((place) => ({ ...ballot, sender: validatorIndex(place), signature: new Uint8Array(64) as never }))
  const shares = places.map((place) => blsKeyAt(members[place] as number).sign(message))
  return assembleCertificate(ballot, members.length, votes, aggregateBls(shares)) as Aggregate
}

const ALL = [0, 1, 2, 3]
const whole = certified(header, ALL)

function receiptOf(certificate: Certificate, of: Header = header, trail: readonly Header[] = []): string {
  const parts = { header: of, certificate, state: first.state, claimId: standAloneId, claim: standAlone, trail }
  return Buffer.from(must(createReceipt(parts))).toString('utf8')
}

const text = receiptOf(whole)

/** The text with the bytes of its certificate replaced by a function of them. */
function withCertificateHex(change: (hex: string) => string): string {
  const start = text.indexOf('"certificate": "') + 16
  const end = text.indexOf('"', start)
  return text.slice(0, start) + change(text.slice(start, end)) + text.slice(end)
}

function sumOf(indices: readonly number[]): BlsSignature {
  return aggregateBls(indices.map((index) => blsKeyAt(index).sign(ballotBytes(chainId, whole)))) as BlsSignature
}

function withoutKeys({ publicKey, power }: Validator): Validator {
  return { publicKey, power }
}

export function blsVectors(): Vector[] {
  const good = (name: string, receipt: string): Vector => ({ name, expect: 'ok', receipt })
  const refused = (name: string, expect: string, receipt: string, step = 'certificate', root?: TrustRoot): Vector => {
    const vector = { name, expect, step, receipt }
    return root === undefined ? vector : { ...vector, trust: encodeTrust(root) }
  }
  const spoiled = (name: string, change: Partial<Aggregate>): Vector =>
    refused(name, 'certificate-signature', receiptOf({ ...whole, ...change }))
  const keyless = must(createValidatorSet(epoch(0), blsTrust.validators.validators.map(withoutKeys)))
  return [
    good('the sum of all four', text),
    good('the sum of two of four with 7 of 10 power', receiptOf(certified(header, [2, 3]))),
    good(
      'a block without a certificate of its own: the trail leads to one that has',
      receiptOf(certified(next, [1, 2, 3]), header, [next]),
    ),
    spoiled('one signer more in the bitmap than in the sum', { aggregate: sumOf([1, 2, 3]) }),
    spoiled('one signer less in the bitmap than in the sum', { signers: bitmapOf(4, [1, 2, 3]) }),
    spoiled('another signer in the bitmap than in the sum', { signers: bitmapOf(4, [0, 1, 3]), aggregate: sumOf([1, 2, 3]) }),
    spoiled('one signer twice in the sum', { aggregate: sumOf([0, 0, 1, 2, 3]) }),
    spoiled('the signature of one signer alone', { aggregate: sumOf([3]) }),
    spoiled('no point', { aggregate: new Uint8Array(96) as BlsSignature }),
    spoiled('infinity', { aggregate: infinity(96) as BlsSignature }),
    spoiled('a point outside the subgroup', { aggregate: stray(96) as BlsSignature }),
    refused(
      'the sum of votes for another block',
      'certificate-signature',
      receiptOf(certified(header, ALL, { signed: { blockHash: hashHeader(next) } })),
    ),
    refused(
      'the sum of prepare votes under a commit certificate',
      'certificate-signature',
      receiptOf(certified(header, ALL, { signed: { kind: 'prepare' } })),
    ),
    refused(
      'the sum of votes made for another chain',
      'certificate-signature',
      receiptOf(certified(header, ALL, { signed: { chainId: trust.chainId } })),
    ),
    refused(
      'the sum of signatures of outsiders',
      'certificate-signature',
      receiptOf(certified(header, ALL, { members: [10, 11, 12, 13] })),
    ),
    refused('three of four validators with 6 of 10 power', 'certificate-power', receiptOf(certified(header, [0, 1, 2]))),
    refused('nobody in the bitmap', 'certificate-power', receiptOf({ ...whole, signers: bitmapOf(4, []) })),
    refused('signers of a larger set', 'certificate-size', receiptOf({ ...whole, signers: { size: 5, bits: whole.signers.bits } })),
    refused('a prepare certificate', 'certificate-kind', receiptOf(certified(header, ALL, { kind: 'prepare' }))),
    refused('a list of good Ed25519 signatures', 'certificate-scheme', receiptOf(certify(header, ALL))),
    refused(
      'the other way round: a sum for a chain whose validators have no BLS keys',
      'certificate-scheme',
      receiptOf(certified(first.header, ALL), first.header),
      'certificate',
      trust,
    ),
    refused('a trust root without the BLS keys', 'validators', text, 'header', { ...blsTrust, validators: keyless }),
    refused(
      'an aggregate cut short',
      'truncated',
      withCertificateHex((hex) => hex.slice(0, -2)),
      'format',
    ),
    refused(
      'a byte behind the aggregate',
      'trailing',
      withCertificateHex((hex) => `${hex}00`),
      'format',
    ),
    refused(
      'a scheme that is none',
      'scheme',
      withCertificateHex((hex) => hex.replace('0200040f', '0300040f')),
      'format',
    ),
    refused(
      'a sum that says it is a list',
      'too-many',
      withCertificateHex((hex) => hex.replace('0200040f', '0100040f')),
      'format',
    ),
  ]
}

export function blsTrustVectors(): TrustVector[] {
  const good = encodeTrust(blsTrust)
  const [own, other] = [0, 1].map((index) => toHex(blsKeyAt(index).publicKey)) as [string, string]
  const line = `"power": "1",\n      "blsKey": "${own}"`
  return [
    { name: 'four validators with BLS keys', expect: 'ok', trust: good },
    { name: 'one of four without a BLS key', expect: 'bls-key', trust: good.replace(line, '"power": "1"') },
    { name: 'one BLS key twice', expect: 'duplicate-key', trust: good.replace(other, own) },
    { name: 'a BLS key of 47 bytes', expect: 'json-shape', trust: good.replace(own, own.slice(2)) },
    { name: 'a BLS key in upper case', expect: 'hex', trust: good.replace(own, own.toUpperCase()) },
    { name: 'a BLS key that is named twice', expect: 'json-duplicate', trust: good.replace(line, `${line}, "blsKey": "${own}"`) },
    { name: 'a possession, which belongs into genesis', expect: 'unknown-field', trust: good.replace('"blsKey"', '"blsPossession"') },
  ]
}

const LENGTH = 2
/** Keys of the validators of each epoch, by number, with powers 1, 2, 3, ... */
const MEMBERS: readonly (readonly number[])[] = [
  [0, 1, 2, 3],
  [3, 4, 5],
  [6, 5, 7, 8],
]

function setOf(of: number, change: (validator: Validator) => Validator = (validator) => validator): ValidatorSet {
  const validators = (MEMBERS[of] ?? []).map((key, position) => {
    return change({ publicKey: keyAt(key).publicKey, power: BigInt(position + 1), blsKey: blsKeyAt(key).publicKey })
  })
  return must(createValidatorSet(epoch(of), validators))
}

export const blsEpochTrust: TrustRoot = { chainId, validators: setOf(0), epochLength: LENGTH }

function linkOf(of: number, change: Partial<EpochLink> & { readonly header?: Header } = {}): EpochLink {
  const last: Header = {
    ...header,
    epoch: epoch(of),
    height: height(LENGTH * (of + 1)),
    parent: ZERO_HASH,
    validatorsHash: setOf(of).hash,
    nextValidatorsHash: setOf(of + 1).hash,
    ...change.header,
  }
  const members = MEMBERS[of] ?? []
  const certificate = certified(
    last,
    members.map((_, place) => place),
    { members },
  )
  return { certificate, nextValidators: setOf(of + 1).validators, ...change, header: last }
}

/** A receipt of the second epoch. */
export function blsLaterReceipt(): Uint8Array {
  const later: Header = { ...header, epoch: epoch(1), height: height(LENGTH + 1), validatorsHash: setOf(1).hash }
  const certificate = certified(later, [1, 2], { members: MEMBERS[1] ?? [] })
  return must(createReceipt({ header: later, certificate, state: first.state, claimId: standAloneId, claim: standAlone }))
}

export function blsEpochVectors(): EpochVector[] {
  const accepted = (name: string, newest: number, links: readonly EpochLink[]): EpochVector => {
    return { name, expect: 'ok', newest: String(newest), epochs: encodeEpochs(links) }
  }
  const refused = (name: string, expect: string, links: readonly EpochLink[]): EpochVector => ({
    name,
    expect,
    epochs: encodeEpochs(links),
  })
  const text = (name: string, expect: string, epochs: string): EpochVector => ({ name, expect, epochs })
  const keyless = setOf(1, withoutKeys)
  const namesKeyless = { header: { nextValidatorsHash: keyless.hash } as Header, nextValidators: keyless.validators }
  const { header: last, certificate } = linkOf(0)
  const swapped = setOf(1).validators.map((each, place, all) => ({ ...each, blsKey: all[(place + 1) % 3]?.blsKey as BlsPublicKey }))
  const good = encodeEpochs([linkOf(0)])
  const own = toHex(blsKeyAt(4).publicKey)
  return [
    accepted('two epochs on', 2, [linkOf(0), linkOf(1)]),
    refused('the same next validators with their BLS keys exchanged', 'next-validators', [linkOf(0, { nextValidators: swapped })]),
    refused('the same next validators without their BLS keys', 'next-validators', [linkOf(0, { nextValidators: keyless.validators })]),
    refused('a quorum that hands over to validators without BLS keys', 'bls-key', [linkOf(0, namesKeyless)]),
    refused('one of the next validators without a BLS key', 'bls-key', [
      linkOf(0, { nextValidators: setOf(1).validators.map((each, place) => (place === 1 ? withoutKeys(each) : each)) }),
    ]),
    refused('one BLS key twice', 'duplicate-key', [
      linkOf(0, { nextValidators: setOf(1).validators.map((each) => ({ ...each, blsKey: blsKeyAt(3).publicKey })) }),
    ]),
    refused('a list of Ed25519 signatures', 'certificate-scheme', [linkOf(0, { certificate: certify(last, ALL) })]),
    refused('a sum with one signer more in the bitmap', 'certificate-signature', [
      linkOf(0, { certificate: { ...certificate, aggregate: certified(last, [1, 2, 3]).aggregate } as Aggregate }),
    ]),
    refused('validators of the epoch before sign the second link', 'certificate-size', [
      linkOf(0),
      linkOf(1, { certificate: certified(linkOf(1).header, ALL) }),
    ]),
    text('a BLS key of 47 bytes', 'json-shape', good.replace(own, own.slice(2))),
    text('a possession in an epoch chain', 'unknown-field', good.replace('"blsKey"', '"blsPossession"')),
  ]
}

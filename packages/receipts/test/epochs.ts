/**
 * Vectors of the epoch chain: three epochs of two blocks, whose validators change completely on the way, and what an
 * adversary with the keys of some of them might present instead.
 */
import { epoch, type Hash, height, toHex, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  assembleCertificate,
  type Ballot,
  ballotBytes,
  type Certificate,
  createValidatorSet,
  type Header,
  hashHeader,
  type ValidatorSet,
} from '@aethel/consensus'
import { createReceipt, type EpochLink, encodeEpochs, type TrustRoot } from '../src/index.js'
import { chainId, first, keyAt, must, standAlone, standAloneId } from './world.js'

export interface EpochVector {
  readonly name: string
  /** 'ok' or the code of the refusal. */
  readonly expect: string
  /** Epoch that is trusted in the end, if accepted. */
  readonly newest?: string
  /** The epoch chain's text. */
  readonly epochs: string
}

const LENGTH = 2

/** Keys of the validators of each epoch, by number, with powers 1, 2, 3, ... */
const MEMBERS: readonly (readonly number[])[] = [
  [0, 1, 2, 3],
  [3, 4, 5],
  [6, 5, 7, 8],
  [9, 10, 11, 12],
]

export function setOf(of: number, members: readonly number[] = MEMBERS[of] ?? []): ValidatorSet {
  return must(
    createValidatorSet(
      epoch(of),
      members.map((key, position) => ({ publicKey: keyAt(key).publicKey, power: BigInt(position + 1) })),
    ),
  )
}

export const epochTrust: TrustRoot = { chainId, validators: setOf(0), epochLength: LENGTH }

function boundary(of: number, change: Partial<Header> = {}): Header {
  return {
    ...first.header,
    epoch: epoch(of),
    height: height(LENGTH * (of + 1)),
    parent: ZERO_HASH,
    validatorsHash: setOf(of).hash,
    nextValidatorsHash: setOf(of + 1).hash,
    ...change,
  }
}

/** A certificate of a header by keys, given by number, in the places of a set. */
function certified(
  header: Header,
  members: readonly number[],
  signed: Partial<Ballot> = {},
  signers = members.map((_, at) => at),
): Certificate {
  const ballot: Ballot = {
    kind: 'commit',
    epoch: header.epoch,
    view: view(0),
    height: header.height,
    blockHash: hashHeader(header),
    ...signed,
  }
  const votes = signers.map((at) => ({
    ...ballot,
    sender: validatorIndex(at),
    signature: keyAt(members[at] as number).sign(ballotBytes(chainId, ballot)),
  }))
  return assembleCertificate(ballot, members.length, votes)
}

function linkOf(of: number, change: Partial<EpochLink> = {}): EpochLink {
  const header = change.header ?? boundary(of)
  return { header, certificate: certified(header, MEMBERS[of] ?? []), nextValidators: setOf(of + 1).validators, ...change }
}

const good = [linkOf(0), linkOf(1), linkOf(2)]

/** A receipt of the second epoch, for a chain that leads there. */
export function laterReceipt(of = 1): Uint8Array {
  const header: Header = { ...first.header, epoch: epoch(of), height: height(LENGTH * of + 1), validatorsHash: setOf(of).hash }
  const certificate = certified(header, MEMBERS[of] ?? [])
  return must(createReceipt({ header, certificate, state: first.state, claimId: standAloneId, claim: standAlone }))
}

export function epochVectors(): EpochVector[] {
  const accepted = (name: string, newest: number, links: readonly EpochLink[]): EpochVector => ({
    name,
    expect: 'ok',
    newest: String(newest),
    epochs: encodeEpochs(links),
  })
  const refused = (name: string, expect: string, links: readonly EpochLink[]): EpochVector => ({
    name,
    expect,
    epochs: encodeEpochs(links),
  })
  const text = (name: string, expect: string, epochs: string): EpochVector => ({ name, expect, epochs })
  const changedHeader = (change: Partial<Header>): EpochLink => linkOf(0, { header: boundary(0, change) })
  const whole = encodeEpochs(good)
  const conspirators = [20, 21, 22]
  const forgedNext = setOf(1, conspirators)
  const forged = boundary(0, { nextValidatorsHash: forgedNext.hash })
  return [
    accepted('no link: trust stays where it is', 0, []),
    accepted('one epoch on', 1, good.slice(0, 1)),
    accepted('three epochs on, to validators none of whom was in the first', 3, good),
    refused('a link left out', 'epoch-order', [linkOf(0), linkOf(2)]),
    refused('a chain that begins after what is trusted', 'epoch-gap', good.slice(1)),
    refused('links in another order', 'epoch-gap', good.toReversed()),
    refused('a link twice', 'epoch-order', [linkOf(0), linkOf(0)]),
    refused('next validators of somebody else under a true header', 'next-validators', [
      linkOf(0, { nextValidators: forgedNext.validators }),
    ]),
    refused('the same next validators in another order', 'next-validators', [
      linkOf(0, { nextValidators: setOf(1).validators.toReversed() }),
    ]),
    refused('the same next validators with another power', 'next-validators', [
      linkOf(0, { nextValidators: setOf(1).validators.map((validator) => ({ ...validator, power: validator.power + 1n })) }),
    ]),
    refused('no next validators', 'validator-count', [linkOf(0, { nextValidators: [] })]),
    refused('a header that names other validators next, signed by too few', 'certificate-power', [
      { header: forged, certificate: certified(forged, MEMBERS[0] ?? [], {}, [0, 1, 2]), nextValidators: forgedNext.validators },
    ]),
    refused('the same, signed by those it names', 'certificate-size', [
      { header: forged, certificate: certified(forged, conspirators), nextValidators: forgedNext.validators },
    ]),
    refused('the same, signed by strangers in the places of the validators', 'certificate-signature', [
      { header: forged, certificate: certified(forged, [20, 21, 22, 23]), nextValidators: forgedNext.validators },
    ]),
    refused('the certificate of another header', 'certificate-block', [
      { ...linkOf(0), header: forged, nextValidators: forgedNext.validators },
    ]),
    refused('a prepare certificate', 'certificate-kind', [
      linkOf(0, { certificate: certified(boundary(0), MEMBERS[0] ?? [], { kind: 'prepare' }) }),
    ]),
    refused('a certificate of another epoch', 'certificate-epoch', [
      linkOf(0, { certificate: certified(boundary(0), MEMBERS[0] ?? [], { epoch: epoch(1) }) }),
    ]),
    refused('validators of the epoch before sign the second link', 'certificate-size', [
      linkOf(0),
      linkOf(1, { certificate: certified(boundary(1), MEMBERS[0] ?? []) }),
    ]),
    refused('a block before the last of its epoch', 'epoch-boundary', [changedHeader({ height: height(1) })]),
    refused('a block of the next epoch that says it is of this one', 'epoch-boundary', [changedHeader({ height: height(3) })]),
    refused('another chain', 'chain-id', [changedHeader({ chainId: ZERO_HASH as Hash })]),
    refused('a header that names other validators of its own epoch', 'validators', [changedHeader({ validatorsHash: setOf(1).hash })]),
    refused('a good link, then a bad one: nothing of it counts', 'certificate-signature', [
      linkOf(0),
      linkOf(1, { certificate: certified(boundary(1), [20, 21, 22]) }),
    ]),
    text('another format', 'format', whole.replace('aethel-epochs/1', 'aethel-epochs/2')),
    text('a repeated field', 'json-duplicate', whole.replace('"links"', '"links": [], "links"')),
    text('an unknown field', 'unknown-field', whole.replace('"links"', '"epoch": "0", "links"')),
    text('a power as a bare number', 'json-number', whole.replace('"power": "1"', '"power": 1')),
    text('a byte behind the header', 'trailing', whole.replace('",\n      "certificate"', '00",\n      "certificate"')),
    text('cut in the middle', 'json', whole.slice(0, 700)),
    text('a key of 31 bytes', 'json-shape', whole.replace(toHex(keyAt(4).publicKey), toHex(keyAt(4).publicKey).slice(2))),
  ]
}

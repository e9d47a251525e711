/** A node's view of epochs: which one it is in, who its validators are, and the proof of each for light clients. */
import { BLS_PUBLIC_KEY_BYTES, type Epoch, epoch, equalBytes, keyOf, toHex, type ValidatorIndex } from '@aethel/codec'
import {
  type CommittedTip,
  type EpochLink,
  type EpochStart,
  epochOfHeight,
  hashHeader,
  lastHeightOf,
  originHeightOf,
  signatureBytesOf,
} from '@aethel/consensus'
import { currentMembersOf, genesisTip, type LedgerState, type Member, nextMembersOf, previousMembersOf } from '@aethel/ledger'
import type { EpochOptions } from '@aethel/replica'
import { type Store, StoreError } from '@aethel/storage'
import type { Home } from './home.js'
import type { PeerNames } from './peer-names.js'

/** Where the next block belongs; read from the store, and checked against the chain. */
export function epochToStartIn(home: Home, store: Store, committed: CommittedTip): EpochStart {
  const { epochLength } = home.genesis.parameters
  const current = epochOfHeight(epochLength, committed.height + 1)
  const { height, hash } = genesisTip(home.genesis)
  if (current === 0) return { validators: home.validators, previousValidators: null, origin: { height, hash } }
  const start = store.epoch(current)
  const before = current === 1 ? { validators: home.validators } : store.epoch(epoch(current - 1))
  const boundary = store.header(originHeightOf(epochLength, current))
  if (start === undefined || before === undefined || boundary === undefined) throw damaged(`the record of epoch ${current} is missing`)
  if (!equalBytes(boundary.nextValidatorsHash, start.validators.hash) || !equalBytes(hashHeader(boundary), start.origin.hash)) {
    throw damaged(`the record of epoch ${current} is not what block ${boundary.height} began it with`)
  }
  return { ...start, previousValidators: before.validators }
}

function damaged(what: string): StoreError {
  return new StoreError('store-damaged', `the store is damaged: ${what}`, 'restore this home from a backup, or keep it for inspection')
}

/** How the replica finds its place in an epoch, and what its validators are called here. Undefined on a chain with one epoch. */
export function epochOptions(home: Home, start: EpochStart, names: PeerNames): EpochOptions<LedgerState> | undefined {
  if (home.genesis.parameters.epochLength === 0) return undefined
  let known: { readonly state: LedgerState; readonly ofKey: ReadonlyMap<string, ValidatorIndex> } | null = null
  return {
    previousValidators: start.previousValidators,
    keys: home.consensusKeys,
    peerOf: (key, state) => {
      if (known?.state !== state) known = { state, ofKey: names.ofValidators(state) }
      return known.ofKey.get(keyOf(key)) ?? null
    },
  }
}

/** The validators of the epoch before, of this one and of the next, in this order; who is in several of them, several times. */
export function membersIn(state: LedgerState): Member[] {
  return [previousMembersOf(state), currentMembersOf(state), nextMembersOf(state)].flatMap((record) => record?.members ?? [])
}

/** Genesis' validators, and those of this epoch, the one before and the next, by seat: with each key that offences may be recorded under. */
export function knownValidators(home: Pick<Home, 'validators'>, state: LedgerState): Pick<Member, 'seat' | 'publicKey'>[] {
  const known = new Map<string, Pick<Member, 'seat' | 'publicKey'>>()
  for (const [seat, { publicKey }] of home.validators.validators.entries()) known.set(keyOf(publicKey), { seat, publicKey })
  for (const { seat, publicKey } of membersIn(state)) known.set(keyOf(publicKey), { seat, publicKey })
  return [...known.values()].sort((a, b) => a.seat - b.seat)
}

/** In one answer: each costs the decoding of a block. */
export const EPOCH_LINKS_PER_ANSWER = 256
/** Of links with many validators fewer go into one: as JSON they take three times as much, and whoever asks reads 64 MiB at most. */
const EPOCH_LINK_BYTES_PER_ANSWER: number = 4 * 1024 * 1024
/** Of a link, besides its signatures and validators: chains begin with few, and may come to have thousands. */
const LINK_BYTES = 1024
/** Without its BLS key. */
const BYTES_PER_VALIDATOR = 48

/** The epochs that are over, from `from` on, each with what proves who came next (docs/receipts.md). */
export function epochLinks(
  home: Home,
  store: Store,
  publishedHeight: number,
  from: Epoch,
  most: number = EPOCH_LINKS_PER_ANSWER,
  mostBytes: number = EPOCH_LINK_BYTES_PER_ANSWER,
): EpochLink[] {
  const { epochLength } = home.genesis.parameters
  // Whoever asks names any number: of an epoch that has not ended not even the last height is computed, which may be no number any more.
  const underWay = epochOfHeight(epochLength, publishedHeight + 1)
  const links: EpochLink[] = []
  let bytes = 0
  for (let at: number = from; links.length < most && at < underWay; at++) {
    const last = lastHeightOf(epochLength, epoch(at))
    const next = store.epoch(epoch(at + 1))
    const header = next === undefined ? undefined : store.header(last)
    const certificate = next === undefined ? undefined : store.certificateFrom(last)
    if (next === undefined || header === undefined || certificate?.height !== last) break
    const bytesPerValidator = BYTES_PER_VALIDATOR + (next.validators.scheme === 'bls12-381' ? BLS_PUBLIC_KEY_BYTES : 0)
    bytes += LINK_BYTES + signatureBytesOf(certificate) + bytesPerValidator * next.validators.validators.length
    if (links.length > 0 && bytes > mostBytes) break
    links.push({ header, certificate, nextValidators: next.validators.validators })
  }
  return links
}

export function memberJson(member: Member): Record<string, unknown> {
  const { account, blsKey, contact, power, publicKey, seat } = member
  return {
    seat,
    account: toHex(account),
    publicKey: toHex(publicKey),
    ...(blsKey === undefined ? {} : { blsKey: toHex(blsKey) }),
    power: String(power),
    contact: contact === null ? null : { ...contact, networkKey: toHex(contact.networkKey) },
  }
}

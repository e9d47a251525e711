/** A node's view of epochs: which one it is in, who its validators are to the network, and the proof of each for light clients. */
import { type Epoch, epoch, equalBytes, keyOf, toHex, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import {
  type CommittedTip,
  type EpochLink,
  type EpochStart,
  epochOfHeight,
  hashHeader,
  lastHeightOf,
  originHeightOf,
} from '@aethel/consensus'
import { signingKey } from '@aethel/crypto'
import { type Contact, currentMembersOf, genesisTip, type LedgerState, type Member, nextMembersOf, previousMembersOf } from '@aethel/ledger'
import type { PeerAddress } from '@aethel/network'
import type { EpochOptions } from '@aethel/replica'
import { type Store, StoreError } from '@aethel/storage'
import type { Home } from './home.js'

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

/** How the replica finds its place in an epoch; peers are numbered by seat. Undefined on a chain with one epoch. */
export function epochOptions(home: Home, start: EpochStart): EpochOptions<LedgerState> | undefined {
  if (home.genesis.parameters.epochLength === 0) return undefined
  let seats: { readonly state: LedgerState; readonly ofKey: ReadonlyMap<string, number> } | null = null
  return {
    previousValidators: start.previousValidators,
    keys: home.consensusKeys,
    peerOf: (key, state) => {
      if (seats?.state !== state) seats = { state, ofKey: seatsOf(currentMembersOf(state)?.members ?? []) }
      const seat = seats.ofKey.get(keyOf(key))
      return seat === undefined ? null : validatorIndex(seat)
    },
  }
}

function seatsOf(members: readonly Member[]): Map<string, number> {
  return new Map(members.map((member) => [keyOf(member.publicKey), member.seat]))
}

/**
 * Whom the chain says how to reach, besides who the configuration knows: the validators of this epoch, of the next, which
 * must catch up before it begins, and of the one before, which may still have what others lack (trap J3).
 */
export function contactsIn(state: LedgerState, home: Home): PeerAddress[] {
  const own = keyOf(signingKey(home.networkSeed).publicKey)
  const contacts = new Map<number, Contact>()
  for (const { seat, contact } of membersIn(state)) if (contact !== null) contacts.set(seat, contact)
  // Who has left and joined again has a later seat, and one network key.
  const newest = new Map([...contacts].sort(([a], [b]) => a - b).map(([seat, contact]) => [keyOf(contact.networkKey), seat]))
  return [...contacts]
    .filter(([seat, { networkKey }]) => newest.get(keyOf(networkKey)) === seat)
    .filter(([seat, contact]) => seat !== home.self && keyOf(contact.networkKey) !== own)
    .map(([seat, contact]) => ({ index: seat as ValidatorIndex, ...contact }))
}

function membersIn(state: LedgerState): Member[] {
  return [previousMembersOf(state), currentMembersOf(state), nextMembersOf(state)].flatMap((record) => record?.members ?? [])
}

/** Genesis' validators, and those of this epoch, the one before and the next, by seat: with each key that offences may be recorded under. */
export function knownValidators(home: Pick<Home, 'validators'>, state: LedgerState): Pick<Member, 'seat' | 'publicKey'>[] {
  const known = new Map<string, Pick<Member, 'seat' | 'publicKey'>>()
  for (const [seat, { publicKey }] of home.validators.validators.entries()) known.set(keyOf(publicKey), { seat, publicKey })
  for (const { seat, publicKey } of membersIn(state)) known.set(keyOf(publicKey), { seat, publicKey })
  return [...known.values()].sort((a, b) => a.seat - b.seat)
}

/** The number that peers know this node by: its index in genesis, or the seat it got by joining; null: none yet. */
export function ownSeat(state: LedgerState, home: Home): ValidatorIndex | null {
  if (home.self !== null) return home.self
  const own = keyOf(signingKey(home.networkSeed).publicKey)
  const member = membersIn(state).findLast(({ contact }) => contact !== null && keyOf(contact.networkKey) === own)
  return member === undefined ? null : validatorIndex(member.seat)
}

/** In one answer: each costs the decoding of a block. */
export const EPOCH_LINKS_PER_ANSWER = 256
/** Of links with many validators fewer go into one: as JSON they take three times as much, and whoever asks reads 64 MiB at most. */
const EPOCH_LINK_BYTES_PER_ANSWER: number = 4 * 1024 * 1024
/** Of a link, besides its signatures and validators: chains begin with few, and may come to have thousands. */
const LINK_BYTES = 1024
const BYTES_PER_SIGNATURE = 64
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
    bytes += LINK_BYTES + BYTES_PER_SIGNATURE * certificate.signatures.length + BYTES_PER_VALIDATOR * next.validators.validators.length
    if (links.length > 0 && bytes > mostBytes) break
    links.push({ header, certificate, nextValidators: next.validators.validators })
  }
  return links
}

export function memberJson(member: Member): Record<string, unknown> {
  const { account, contact, power, publicKey, seat } = member
  return {
    seat,
    account: toHex(account),
    publicKey: toHex(publicKey),
    power: String(power),
    contact: contact === null ? null : { ...contact, networkKey: toHex(contact.networkKey) },
  }
}

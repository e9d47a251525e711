/**
 * Who validates (docs/ledger.md, "Validators"): the sets of this epoch, the one before and the next, as values of the state,
 * and the changes that governance makes to the next one. A validator is its account and its seat, both for ever; its key,
 * its power and where it listens may change, and only between epochs (trap K4).
 */
import {
  type BlsPublicKey,
  type BlsSignature,
  decode,
  type Epoch,
  encode,
  epoch,
  equalBytes,
  type Hash,
  ok,
  type PublicKey,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  type Signature,
  toHex,
  utf8,
  type Writer,
} from '@aethel/codec'
import { blsPossessionBytes, createValidatorSet, successorOf, type Validator, type VerifySignature } from '@aethel/consensus'
import { domainTag, verifyBls } from '@aethel/crypto'

/** The most that genesis and a later epoch may have. */
export const MAX_CHAIN_VALIDATORS = 4096
export const MAX_GOVERNANCE_KEYS = 64
export const MAX_VALIDATOR_CHANGES = 64
/** Seats are never given twice; peers are numbered by them. */
export const MAX_SEATS = 32_768
const MAX_HOST_BYTES = 255
/** The second has BLS keys. */
const RECORD_VERSIONS = [1, 2] as const

/** Where a validator listens for the others, and the key its connections are pinned to. */
export interface Contact {
  readonly networkKey: PublicKey
  readonly host: string
  readonly port: number
}

export interface Member extends Validator {
  /** From 0, in the order of joining: genesis validators have their index. */
  readonly seat: number
  /** Names the validator for ever; a genesis validator's is its first consensus key. */
  readonly account: PublicKey
  /** Null: known to the others by their configuration. */
  readonly contact: Contact | null
}

/** `validators/current`, `validators/previous`: the set of an epoch, in order. */
export interface EpochMembers {
  readonly epoch: Epoch
  readonly members: readonly Member[]
}

/** `validators/next`: what becomes the set at the next boundary. */
export interface NextMembers {
  /** Of the next update: updates are made one after another. */
  readonly sequence: number
  readonly nextSeat: number
  readonly members: readonly Member[]
}

export const CURRENT_VALIDATORS_PATH: Uint8Array = utf8('validators/current')
export const PREVIOUS_VALIDATORS_PATH: Uint8Array = utf8('validators/previous')
export const NEXT_VALIDATORS_PATH: Uint8Array = utf8('validators/next')

/** A BLS key that comes with a new consensus key, on chains of BLS certificates. */
export interface NewBlsKey {
  readonly key: BlsPublicKey
  /** By that key, of `blsPossessionBytes`. */
  readonly possession: BlsSignature
}

export type ValidatorChange =
  | {
      readonly change: 'join'
      readonly account: PublicKey
      readonly publicKey: PublicKey
      readonly power: bigint
      readonly contact: Contact | null
      /** By `publicKey`, of `possessionBytes`. */
      readonly possession: Signature
      readonly bls?: NewBlsKey
    }
  | { readonly change: 'leave'; readonly account: PublicKey }
  | { readonly change: 'power'; readonly account: PublicKey; readonly power: bigint }
  | {
      readonly change: 'key'
      readonly account: PublicKey
      readonly publicKey: PublicKey
      readonly possession: Signature
      readonly bls?: NewBlsKey
    }
  | { readonly change: 'contact'; readonly account: PublicKey; readonly contact: Contact }

/** Changes of the next epoch's validators, all or none, approved by governance. */
export interface UpdateValidators {
  readonly type: 'update-validators'
  readonly sequence: number
  readonly changes: readonly ValidatorChange[]
  /** Ascending by `key`, the position among genesis' governance keys. */
  readonly approvals: readonly { readonly key: number; readonly signature: Signature }[]
}

/** Who may change the validators: any `threshold` of these keys together. */
export interface Governance {
  readonly keys: readonly PublicKey[]
  readonly threshold: number
}

// --- bytes ------------------------------------------------------------------------------------------------------------

function writeContact(writer: Writer, contact: Contact): void {
  writer.raw(contact.networkKey).text(contact.host).u16(contact.port)
}

function readContact(reader: Reader): Contact {
  return { networkKey: reader.publicKey(), host: reader.text(MAX_HOST_BYTES), port: reader.u16() }
}

function writeMember(writer: Writer, member: Member): void {
  writer.u16(member.seat).raw(member.account).raw(member.publicKey).u128(member.power).optional(member.contact, writeContact)
  if (member.blsKey !== undefined) writer.raw(member.blsKey)
}

function readMember(reader: Reader, withBlsKeys: boolean): Member {
  const member = {
    seat: reader.u16(),
    account: reader.publicKey(),
    publicKey: reader.publicKey(),
    power: reader.u128(),
    contact: reader.optional(readContact),
  }
  return withBlsKeys ? { ...member, blsKey: reader.blsPublicKey() } : member
}

function versionOf(members: readonly Member[]): number {
  return RECORD_VERSIONS[members[0]?.blsKey === undefined ? 0 : 1]
}

/** True: members have BLS keys. */
function readVersion(reader: Reader): boolean {
  const version = reader.u8()
  if (version !== RECORD_VERSIONS[0] && version !== RECORD_VERSIONS[1])
    reader.fail('version', `expected record version ${RECORD_VERSIONS.join(' or ')}, got ${version}`)
  return version === RECORD_VERSIONS[1]
}

export function encodeEpochMembers(record: EpochMembers): Uint8Array {
  return encode((writer) => writer.u8(versionOf(record.members)).u64(record.epoch).list(record.members, writeMember))
}

export function decodeEpochMembers(bytes: Uint8Array): Result<EpochMembers, Refusal> {
  return decode(bytes, (reader) => {
    const withBlsKeys = readVersion(reader)
    return { epoch: epoch(reader.u64()), members: reader.list(MAX_CHAIN_VALIDATORS, (r) => readMember(r, withBlsKeys)) }
  })
}

export function encodeNextMembers(record: NextMembers): Uint8Array {
  return encode((writer) =>
    writer.u8(versionOf(record.members)).u64(record.sequence).u16(record.nextSeat).list(record.members, writeMember),
  )
}

export function decodeNextMembers(bytes: Uint8Array): Result<NextMembers, Refusal> {
  return decode(bytes, (reader) => {
    const withBlsKeys = readVersion(reader)
    const [sequence, nextSeat] = [reader.u64(), reader.u16()]
    return { sequence, nextSeat, members: reader.list(MAX_CHAIN_VALIDATORS, (r) => readMember(r, withBlsKeys)) }
  })
}

const CHANGE = { join: 1, leave: 2, power: 3, key: 4, contact: 5 } as const
/** The same with a BLS key. */
const CHANGE_WITH_BLS = { join: 6, key: 7 } as const

function tagOf(change: ValidatorChange): number {
  const withBls = (change.change === 'join' || change.change === 'key') && change.bls !== undefined
  return withBls ? CHANGE_WITH_BLS[change.change] : CHANGE[change.change]
}

function writeBls(writer: Writer, bls: NewBlsKey | undefined): void {
  if (bls !== undefined) writer.raw(bls.key).raw(bls.possession)
}

function readBls(reader: Reader): { readonly bls: NewBlsKey } {
  return { bls: { key: reader.blsPublicKey(), possession: reader.blsSignature() } }
}

function writeChange(writer: Writer, change: ValidatorChange): void {
  writer.u8(tagOf(change)).raw(change.account)
  switch (change.change) {
    case 'join':
      writer.raw(change.publicKey).u128(change.power).optional(change.contact, writeContact).raw(change.possession)
      return writeBls(writer, change.bls)
    case 'leave':
      return
    case 'power':
      writer.u128(change.power)
      return
    case 'key':
      writer.raw(change.publicKey).raw(change.possession)
      return writeBls(writer, change.bls)
    case 'contact':
      return writeContact(writer, change.contact)
  }
}

function readChange(reader: Reader): ValidatorChange {
  const tag = reader.u8()
  const account = reader.publicKey()
  switch (tag) {
    case CHANGE.join:
      return readJoin(reader, account)
    case CHANGE_WITH_BLS.join:
      return { ...readJoin(reader, account), ...readBls(reader) }
    case CHANGE.leave:
      return { change: 'leave', account }
    case CHANGE.power:
      return { change: 'power', account, power: reader.u128() }
    case CHANGE.key:
      return readKey(reader, account)
    case CHANGE_WITH_BLS.key:
      return { ...readKey(reader, account), ...readBls(reader) }
    case CHANGE.contact:
      return { change: 'contact', account, contact: readContact(reader) }
    default:
      return reader.fail(
        'validator-change',
        `expected change 1 (join), 2 (leave), 3 (power), 4 (key), 5 (contact), 6 (join, with a BLS key) or 7 (key, with a BLS key), got ${tag}`,
      )
  }
}

function readJoin(reader: Reader, account: PublicKey): Extract<ValidatorChange, { change: 'join' }> {
  const [newKey, power] = [reader.publicKey(), reader.u128()]
  return { change: 'join', account, publicKey: newKey, power, contact: reader.optional(readContact), possession: reader.signature() }
}

function readKey(reader: Reader, account: PublicKey): Extract<ValidatorChange, { change: 'key' }> {
  return { change: 'key', account, publicKey: reader.publicKey(), possession: reader.signature() }
}

export function writeUpdate(writer: Writer, update: UpdateValidators): void {
  writer.u64(update.sequence).list(update.changes, writeChange)
  writer.list(update.approvals, (w, approval) => w.u16(approval.key).raw(approval.signature))
}

export function readUpdate(reader: Reader): UpdateValidators {
  return {
    type: 'update-validators',
    sequence: reader.u64(),
    changes: reader.list(MAX_VALIDATOR_CHANGES, readChange),
    approvals: reader.list(MAX_GOVERNANCE_KEYS, (r) => ({ key: r.u16(), signature: r.signature() })),
  }
}

/** What each approving governance key signs: the same bytes for all, of one chain, for one place in the order of updates. */
export function updateSigningBytes(chainId: Hash, update: Pick<UpdateValidators, 'sequence' | 'changes'>): Uint8Array {
  return encode((writer) => {
    writer.raw(domainTag('aethel/validator-update/v1')).raw(chainId).u64(update.sequence).list(update.changes, writeChange)
  })
}

/** What a new consensus key signs to show that somebody has it, and for which validator (trap F2). */
export function possessionBytes(chainId: Hash, account: PublicKey, publicKey: PublicKey): Uint8Array {
  return encode((writer) => writer.raw(domainTag('aethel/validator-possession/v1')).raw(chainId).raw(account).raw(publicKey))
}

// --- rules ------------------------------------------------------------------------------------------------------------

export interface UpdateContext {
  readonly chainId: Hash
  readonly governance: Governance | null
  readonly verifySignature: VerifySignature
}

/** Everything about an update that depends on no state: form, approvals, possession of the new keys. */
export function checkUpdate(update: UpdateValidators, context: UpdateContext): Result<null, Refusal> {
  const { chainId, governance, verifySignature } = context
  if (governance === null)
    return refuse(
      'no-governance',
      'expected a chain whose genesis says who may change the validators, got one without epochs or governance',
    )
  if (update.changes.length === 0) return refuse('update-empty', 'expected at least one change of the validators')
  const message = updateSigningBytes(chainId, update)
  let previous = -1
  for (const { key, signature } of update.approvals) {
    const publicKey = governance.keys[key]
    if (publicKey === undefined || key <= previous)
      return refuse('approvals', `expected approvals of keys 0..${governance.keys.length - 1}, ascending, got key ${key} after ${previous}`)
    if (!verifySignature(publicKey, message, signature))
      return refuse('approval-signature', `expected a signature of governance key ${key} over this update of this chain, got another`)
    previous = key
  }
  if (update.approvals.length < governance.threshold) {
    return refuse('approvals', `expected approvals of ${governance.threshold} governance keys, got ${update.approvals.length}`)
  }
  for (const change of update.changes) {
    if (change.change !== 'join' && change.change !== 'key') continue
    if (!verifySignature(change.publicKey, possessionBytes(chainId, change.account, change.publicKey), change.possession))
      return refuse('possession', `expected the key ${toHex(change.publicKey)} to sign for its validator; sign with the new key`)
    if (change.bls === undefined) continue
    const { key, possession } = change.bls
    if (!verifyBls([key], blsPossessionBytes(change.publicKey, key), possession))
      return refuse('possession', `expected the BLS key ${toHex(key)} to sign for its validator; sign with the new key`)
  }
  return ok(null)
}

/** The next set after an update; refused as a whole if any change or the outcome is not possible. */
export function applyUpdate(next: NextMembers, update: UpdateValidators): Result<NextMembers, Refusal> {
  let { nextSeat } = next
  const members = [...next.members]
  for (const change of update.changes) {
    const at = members.findIndex((member) => equalBytes(member.account, change.account))
    if (change.change === 'join') {
      if (at >= 0) return refuse('already-validator', `expected an account that is no validator, got ${toHex(change.account)}`)
      if (nextSeat >= MAX_SEATS) return refuse('seats', `expected at most ${MAX_SEATS} validators to have joined ever`)
      const { account, publicKey, power, contact } = change
      members.push({ seat: nextSeat++, account, publicKey, power, contact, ...blsKeyIn(change) })
      continue
    }
    const member = members[at]
    if (member === undefined) return refuse('unknown-validator', `expected the account of a validator, got ${toHex(change.account)}`)
    if (change.change === 'key' && (change.bls === undefined) !== (member.blsKey === undefined))
      return refuse('bls-key', `expected a new key ${change.bls === undefined ? 'with' : 'without'} a BLS key, as this chain has them`)
    if (change.change === 'leave') members.splice(at, 1)
    else members[at] = changed(member, change)
  }
  if (members.length > MAX_CHAIN_VALIDATORS)
    return refuse('validator-count', `expected at most ${MAX_CHAIN_VALIDATORS} validators, got ${members.length}`)
  const [before, set] = [createValidatorSet(epoch(0), next.members), createValidatorSet(epoch(0), members)]
  if (!set.ok) return set
  const fitting = before.ok ? successorOf(before.value, set.value) : set
  if (!fitting.ok) return fitting
  const contacts = members.flatMap(({ contact }) => (contact === null ? [] : [toHex(contact.networkKey)]))
  if (new Set(contacts).size !== contacts.length) return refuse('network-key', 'expected distinct network keys, got one twice')
  return ok({ sequence: next.sequence + 1, nextSeat, members })
}

function changed(member: Member, change: Extract<ValidatorChange, { change: 'power' | 'key' | 'contact' }>): Member {
  switch (change.change) {
    case 'power':
      return { ...member, power: change.power }
    case 'key':
      return { ...member, publicKey: change.publicKey, ...blsKeyIn(change) }
    case 'contact':
      return { ...member, contact: change.contact }
  }
}

function blsKeyIn({ bls }: { readonly bls?: NewBlsKey }): { readonly blsKey?: BlsPublicKey } {
  return bls === undefined ? {} : { blsKey: bls.key }
}

/** The set that consensus knows: keys and powers, in order. */
export function toValidators(members: readonly Member[]): Validator[] {
  return members.map(({ publicKey, power, blsKey }) => (blsKey === undefined ? { publicKey, power } : { publicKey, power, blsKey }))
}

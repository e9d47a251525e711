/**
 * What this node calls the others. The mesh knows one peer for each network key; the chain knows validators by seats, and a validator that
 * left and came back has another seat, but is the same node with the same key. So a node is called by the first seat in which its key was
 * seen, and those of genesis as the configuration numbers them. Names are this process' own: nobody else is told them.
 */
import { keyOf, type PublicKey, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import { signingKey } from '@aethel/crypto'
import { type Contact, currentMembersOf, type LedgerState } from '@aethel/ledger'
import type { PeerAddress } from '@aethel/network'
import { membersIn } from './epochs.js'
import type { Home } from './home.js'

export class PeerNames {
  /** By `keyOf(networkKey)`. */
  readonly #names = new Map<string, ValidatorIndex>()
  /** And back. */
  readonly #keys = new Map<ValidatorIndex, string>()
  readonly #own: string

  constructor(home: Pick<Home, 'self' | 'networkSeed' | 'config'>) {
    this.#own = keyOf(signingKey(home.networkSeed).publicKey)
    if (home.self !== null) this.#name(this.#own, home.self)
    for (const { index, networkKey } of home.config.peers) this.#name(keyOf(networkKey), index)
  }

  /**
   * Whom the chain says how to reach, besides who the configuration knows: the validators of this epoch, of the next, which
   * must catch up before it begins, and of the one before, which may still have what others lack (trap J3).
   */
  contactsIn(state: LedgerState): PeerAddress[] {
    const addresses = new Map<ValidatorIndex, PeerAddress>()
    for (const [seat, contact] of contactsBySeat(state)) {
      if (contact === null || keyOf(contact.networkKey) === this.#own) continue
      const index = this.#nameOf(seat, contact)
      addresses.set(index, { index, ...contact }) // of two seats with one key the later one has the newer address
    }
    return [...addresses.values()]
  }

  /** The names of the validators of the epoch under way, by `keyOf(publicKey)`. */
  ofValidators(state: LedgerState): Map<string, ValidatorIndex> {
    const contacts = contactsBySeat(state)
    const members = currentMembersOf(state)?.members ?? []
    return new Map(members.map(({ seat, publicKey }) => [keyOf(publicKey), this.#nameOf(seat, contacts.get(seat) ?? null)]))
  }

  /** The consensus keys with which validators of the epoch under way are this node, by its network key or its place in the configuration. */
  ownKeysIn(state: LedgerState): PublicKey[] {
    const contacts = contactsBySeat(state)
    const isOwn = (seat: number): boolean => {
      const contact = contacts.get(seat) ?? null
      return contact === null ? this.#names.get(this.#own) === seat : keyOf(contact.networkKey) === this.#own
    }
    return (currentMembersOf(state)?.members ?? []).flatMap(({ seat, publicKey }) => (isOwn(seat) ? [publicKey] : []))
  }

  #nameOf(seat: number, contact: Contact | null): ValidatorIndex {
    if (contact === null) return validatorIndex(seat) // known from the configuration, or not to be reached
    const key = keyOf(contact.networkKey)
    return this.#names.get(key) ?? this.#name(key, validatorIndex(seat))
  }

  /** A name that another key had is that of the new key: the validator of this seat has changed it. */
  #name(key: string, name: ValidatorIndex): ValidatorIndex {
    const former = this.#keys.get(name)
    if (former !== undefined) this.#names.delete(former)
    this.#names.set(key, name)
    this.#keys.set(name, key)
    return name
  }
}

/** In the order of seats, each with what the newest record says of it. */
function contactsBySeat(state: LedgerState): Map<number, Contact | null> {
  const newest = new Map(membersIn(state).map(({ seat, contact }) => [seat, contact]))
  return new Map([...newest].sort(([a], [b]) => a - b))
}

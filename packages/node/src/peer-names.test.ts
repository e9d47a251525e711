import { epoch, keyOf, type PublicKey, utf8 } from '@aethel/codec'
import { sha256, signingKey } from '@aethel/crypto'
import {
  type Contact,
  CURRENT_VALIDATORS_PATH,
  encodeEpochMembers,
  encodeNextMembers,
  type LedgerState,
  type Member,
  mapKey,
  NEXT_VALIDATORS_PATH,
  PREVIOUS_VALIDATORS_PATH,
} from '@aethel/ledger'
import { describe, expect, test } from 'vitest'
import type { Home } from './home.js'
import { PeerNames } from './peer-names.js'

const keyOfNode = (node: number): PublicKey => signingKey(sha256(utf8(`network ${node}`))).publicKey
const consensusKey = (name: string): PublicKey => signingKey(sha256(utf8(name))).publicKey
const contact = (node: number, port: number): Contact => ({ networkKey: keyOfNode(node), host: '127.0.0.1', port })

/** What node 0 calls the others; nodes 0 to 3 are those of genesis. */
function names(): PeerNames {
  const peers = [1, 2, 3].map((index) => ({ index, host: '127.0.0.1', port: 100 + index, networkKey: keyOfNode(index) }))
  return new PeerNames({ self: 0, networkSeed: sha256(utf8('network 0')), config: { peers } } as unknown as Home)
}

function member(seat: number, at: Contact | null, key = `seat ${seat}`): Member {
  return { seat, account: consensusKey(key), publicKey: consensusKey(key), power: 1n, contact: at }
}

function state(members: { previous?: readonly Member[]; current: readonly Member[]; next: readonly Member[] }): LedgerState {
  const entries = new Map([
    [keyOf(mapKey(CURRENT_VALIDATORS_PATH)), encodeEpochMembers({ epoch: epoch(1), members: members.current })],
    [keyOf(mapKey(NEXT_VALIDATORS_PATH)), encodeNextMembers({ sequence: 1, nextSeat: 9, members: members.next })],
  ])
  if (members.previous !== undefined)
    entries.set(keyOf(mapKey(PREVIOUS_VALIDATORS_PATH)), encodeEpochMembers({ epoch: epoch(0), members: members.previous }))
  return { entries: { get: (key: Uint8Array) => entries.get(keyOf(key)) } } as unknown as LedgerState
}

const genesis = [0, 1, 2, 3].map((seat) => member(seat, null))
const nameIn = (all: PeerNames, at: LedgerState, key: string): number | undefined => all.ofValidators(at).get(keyOf(consensusKey(key)))

describe('what a node calls the others', () => {
  test('those of genesis as the configuration does, and who joins by its seat', () => {
    const all = names()
    const at = state({ current: genesis, next: [...genesis, member(4, contact(4, 1))] })
    expect(all.contactsIn(at)).toEqual([{ index: 4, ...contact(4, 1) }])
    expect(nameIn(all, at, 'seat 2')).toBe(2)
  })

  test('a node knows the keys that it should have: of its place in the configuration, and of where it came back', () => {
    const all = names()
    expect(all.ownKeysIn(state({ current: genesis, next: genesis }))).toEqual([consensusKey('seat 0')])
    const back = member(7, contact(0, 7), 'another key')
    const returned = state({ current: [...genesis.slice(1), back], next: [...genesis.slice(1), back] })
    expect(all.ownKeysIn(returned)).toEqual([consensusKey('another key')])
    expect(all.ownKeysIn(state({ current: genesis.slice(1), next: genesis.slice(1) }))).toEqual([])
  })

  test('who comes back under a new seat keeps its name, before the new seat counts and after', () => {
    const all = names()
    const back = member(4, contact(3, 7), 'seat 3')
    const leaving = state({ current: genesis, next: [...genesis.slice(0, 3), back] })
    expect(all.contactsIn(leaving)).toEqual([{ index: 3, ...contact(3, 7) }])
    expect(nameIn(all, leaving, 'seat 3')).toBe(3)
    const returned = state({ previous: genesis, current: [...genesis.slice(0, 3), back], next: [...genesis.slice(0, 3), back] })
    expect(nameIn(all, returned, 'seat 3')).toBe(3)
  })

  test('a joiner that left and came back is one peer, at its newest address', () => {
    const all = names()
    const [first, second] = [member(4, contact(4, 1), 'joiner'), member(5, contact(4, 2), 'joiner')]
    all.contactsIn(state({ current: [...genesis, first], next: [...genesis, first] }))
    const between = state({ previous: [...genesis, first], current: genesis, next: [...genesis, second] })
    expect(all.contactsIn(between)).toEqual([{ index: 4, ...contact(4, 2) }])
    const after = state({ previous: genesis, current: [...genesis, second], next: [...genesis, second] })
    expect(nameIn(all, after, 'joiner')).toBe(4)
    expect(nameIn(names(), after, 'joiner')).toBe(5) // a process that has not seen the first seat
  })

  test('a validator with another network key is the same peer with another key, and so it stays', () => {
    const all = names()
    const moved = genesis.map((each) => (each.seat === 1 ? member(1, contact(9, 5)) : each))
    const at = state({ current: genesis, next: moved })
    for (let look = 0; look < 2; look++) {
      expect(all.contactsIn(at)).toEqual([{ index: 1, ...contact(9, 5) }])
      expect(nameIn(all, at, 'seat 1')).toBe(1)
    }
  })

  test('itself is no peer, under whatever seat', () => {
    const all = names()
    expect(all.contactsIn(state({ current: genesis, next: [...genesis.slice(1), member(4, contact(0, 1))] }))).toEqual([])
  })
})

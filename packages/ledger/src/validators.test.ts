import { type BlsPublicKey, type BlsSignature, decode, encode, equalBytes, toHex } from '@aethel/codec'
import { blsPossessionBytes } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { infinity, rogueKey } from '../../crypto/test/rogue.js'
import { bls, blsGenesis, context, key, must, registry, genesis as singleEpoch } from '../test/chain.js'
import {
  buildTransaction,
  type Contact,
  CURRENT_VALIDATORS_PATH,
  chainIdOf,
  checkGenesis,
  createLedger,
  currentMembersOf,
  decodeGenesis,
  encodeGenesis,
  encodeTransaction,
  type Genesis,
  genesisFromJson,
  genesisToJson,
  type LedgerState,
  mapKey,
  NEXT_VALIDATORS_PATH,
  type NewBlsKey,
  nextMembersOf,
  possessionBytes,
  previousMembersOf,
  readUpdate,
  restoreLedger,
  signTransaction,
  toValidators,
  type UpdateValidators,
  updateSigningBytes,
  type ValidatorChange,
  verifyMapProof,
  writeUpdate,
} from './index.js'

const LENGTH = 4
const governors = [200, 201, 202].map(key)
const genesis: Genesis = {
  ...singleEpoch,
  parameters: { ...singleEpoch.parameters, epochLength: LENGTH },
  governance: { keys: governors.map((each) => each.publicKey), threshold: 2 },
}
const chainId = chainIdOf(genesis)
const ledger = createLedger(genesis, registry, { verifySignature })
const accounts = genesis.validators.map((validator) => validator.publicKey)
const account = (index: number): (typeof accounts)[number] => accounts[index] as (typeof accounts)[number]
const contact: Contact = { networkKey: key(150).publicKey, host: '127.0.0.1', port: 4000 }

function update(changes: readonly ValidatorChange[], options: { sequence?: number; by?: readonly number[] } = {}): UpdateValidators {
  const { sequence = 0, by = [0, 2] } = options
  const message = updateSigningBytes(chainId, { sequence, changes })
  const approvals = by.map((position) => ({ key: position, signature: (governors[position] as (typeof governors)[0]).sign(message) }))
  return { type: 'update-validators', sequence, changes, approvals }
}

function bytesOf(action: UpdateValidators, nonce = 0, sender = 10): Uint8Array {
  const signer = key(sender)
  return encodeTransaction(signTransaction(buildTransaction({ chainId, sender: signer.publicKey, nonce, action }), signer))
}

/** The code of the refusal at the gate or of the state, or the state after. */
function after(state: LedgerState, at: number, ...actions: readonly UpdateValidators[]): LedgerState | string {
  const inputs = []
  for (const [nonce, action] of actions.entries()) {
    const decoded = ledger.decode(bytesOf(action, nonce, 10 + at))
    if (!decoded.ok) return decoded.error.code
    inputs.push({ transaction: decoded.value, difficulty: 0 })
  }
  const executed = ledger.execute(state, context(at), inputs)
  return executed.ok ? executed.value.state : executed.error.code
}

function stateAfter(state: LedgerState, at: number, ...actions: readonly UpdateValidators[]): LedgerState {
  const result = after(state, at, ...actions)
  if (typeof result === 'string') throw new Error(result)
  return result
}

function join(index: number, power = 1n, where: Contact | null = contact): ValidatorChange {
  const { publicKey } = key(index)
  const possession = key(index).sign(possessionBytes(chainId, publicKey, publicKey))
  return { change: 'join', account: publicKey, publicKey, power, contact: where, possession }
}

const start = ledger.initial.state

describe('validators in the state', () => {
  it('begin as genesis has them, each with its seat and account', () => {
    const current = currentMembersOf(start)
    expect(current?.epoch).toBe(0)
    expect(current?.members.map((each) => each.seat)).toEqual([0, 1, 2, 3])
    expect(toValidators(current?.members ?? [])).toEqual(genesis.validators)
    expect(nextMembersOf(start)).toMatchObject({ sequence: 0, nextSeat: 4 })
    expect(previousMembersOf(start)).toBe(null)
  })

  it('join, leave, change power, key and contact at the boundary and not before', () => {
    const possession = key(151).sign(possessionBytes(chainId, account(1), key(151).publicKey))
    const changes: ValidatorChange[] = [
      join(104, 7n),
      { change: 'leave', account: account(0) },
      { change: 'power', account: account(2), power: 9n },
      { change: 'key', account: account(1), publicKey: key(151).publicKey, possession },
      { change: 'contact', account: account(3), contact: { ...contact, networkKey: key(152).publicKey } },
    ]
    const changed = stateAfter(start, 1, update(changes))
    expect(currentMembersOf(changed)).toEqual(currentMembersOf(start))
    const boundary = ledger.execute(changed, context(LENGTH), [])
    const { state, nextValidators } = must(boundary)
    const members = currentMembersOf(state)?.members ?? []
    expect(members.map(({ seat, power }) => [seat, power])).toEqual([
      [1, 2n],
      [2, 9n],
      [3, 4n],
      [4, 7n],
    ])
    expect(equalBytes(members[0]?.account ?? new Uint8Array(), account(1))).toBe(true)
    expect(nextValidators).toEqual(toValidators(members))
    expect(previousMembersOf(state)).toEqual(currentMembersOf(start))
    expect(currentMembersOf(state)?.epoch).toBe(1)
    for (const at of [1, 2, 3, 5]) expect(must(ledger.execute(start, context(at), [])).nextValidators).toBe(null)
  })

  it('an update in the last block of an epoch takes effect with the next', () => {
    const decoded = must(ledger.decode(bytesOf(update([{ change: 'leave', account: account(3) }]))))
    const executed = must(ledger.execute(start, context(LENGTH), [{ transaction: decoded, difficulty: 0 }]))
    expect(executed.nextValidators).toHaveLength(3)
  })

  it('the set is proven by the state root', () => {
    const state = stateAfter(start, 1, update([join(104)]))
    const at = mapKey(NEXT_VALIDATORS_PATH)
    const value = state.entries.get(at) ?? new Uint8Array()
    expect(verifyMapProof(state.entries.root, at, value, state.entries.prove(at)).ok).toBe(true)
    expect(verifyMapProof(start.entries.root, at, value, state.entries.prove(at)).ok).toBe(false)
  })

  it('come back from the store as they were', () => {
    const state = stateAfter(start, LENGTH, update([join(104)]))
    const stored = must(restoreLedger(genesis, registry, ledger.writes(start, state).puts, { verifySignature }))
    expect(stored.initial.stateRoot).toEqual(state.entries.root)
    expect(currentMembersOf(stored.initial.state)).toEqual(currentMembersOf(state))
    const broken = [[NEXT_VALIDATORS_PATH, Uint8Array.of(1, 2, 3)]] as const
    expect(restoreLedger(genesis, registry, broken, { verifySignature })).toMatchObject({ ok: false, error: { code: 'state-damaged' } })
  })

  it('a chain with one epoch keeps none, and its state is what it was', () => {
    const single = createLedger(singleEpoch, registry, { verifySignature })
    expect(nextMembersOf(single.initial.state)).toBe(null)
    expect(must(single.execute(single.initial.state, context(LENGTH), [])).nextValidators).toBe(null)
  })
})

describe('an update of the validators is refused', () => {
  const power = (of: number, value: bigint): ValidatorChange => ({ change: 'power', account: account(of), power: value })
  const stranger = key(99).publicKey

  it('at the gate: without enough approvals, or with one that is none', () => {
    const good = update([power(0, 5n)])
    const [first, second] = good.approvals
    if (first === undefined || second === undefined) throw new Error('two approve')
    const cases: [UpdateValidators, string][] = [
      [update([power(0, 5n)], { by: [1] }), 'approvals'],
      [update([power(0, 5n)], { by: [] }), 'approvals'],
      [{ ...good, approvals: [first, first] }, 'approvals'],
      [{ ...good, approvals: [second, first] }, 'approvals'],
      [{ ...good, approvals: [first, { key: 3, signature: second.signature }] }, 'approvals'],
      [{ ...good, approvals: [first, { key: 1, signature: second.signature }] }, 'approval-signature'],
      [{ ...good, sequence: 1 }, 'approval-signature'],
      [{ ...good, changes: [power(0, 6n)] }, 'approval-signature'],
      [update([]), 'update-empty'],
    ]
    for (const [action, code] of cases) expect(after(start, 1, action)).toBe(code)
    const other = createLedger({ ...genesis, chainName: 'other' }, registry, { verifySignature })
    const unsigned = buildTransaction({
      chainId: chainIdOf({ ...genesis, chainName: 'other' }),
      sender: key(10).publicKey,
      nonce: 0,
      action: good,
    })
    expect(other.decode(encodeTransaction(signTransaction(unsigned, key(10))))).toMatchObject({ error: { code: 'approval-signature' } })
  })

  it('F2: at the gate, with a key that nobody has shown to have', () => {
    const theft: ValidatorChange = { ...(join(104) as Extract<ValidatorChange, { change: 'join' }>), account: stranger }
    expect(after(start, 1, update([theft]))).toBe('possession')
    const small = new Uint8Array(32) as never
    const none: ValidatorChange = { change: 'key', account: account(0), publicKey: small, possession: new Uint8Array(64) as never }
    expect(after(start, 1, update([none]))).toBe('possession')
  })

  it('at the gate, on a chain without governance', () => {
    const { governance: _, ...without } = genesis
    const other = createLedger(without, registry, { verifySignature })
    const sender = key(10)
    const unsigned = buildTransaction({ chainId: chainIdOf(without), sender: sender.publicKey, nonce: 0, action: update([power(0, 5n)]) })
    expect(other.decode(encodeTransaction(signTransaction(unsigned, sender)))).toMatchObject({ error: { code: 'no-governance' } })
  })

  it('J2, A10: by the state, as a whole, when the outcome is no set', () => {
    const takeKey = (of: number, from: number): ValidatorChange => {
      const { publicKey } = key(from)
      const possession = key(from).sign(possessionBytes(chainId, account(of), publicKey))
      return { change: 'key', account: account(of), publicKey, possession }
    }
    const cases: [ValidatorChange[], string][] = [
      [accounts.map((each) => ({ change: 'leave' as const, account: each })), 'validator-count'],
      [[takeKey(0, 101)], 'duplicate-key'],
      [[power(0, 0n)], 'power'],
      [[power(0, 1n << 96n)], 'power'],
      [[power(1, 5n), { change: 'leave', account: stranger }], 'unknown-validator'],
      [[join(100)], 'already-validator'],
      [[join(104), join(104)], 'already-validator'],
      [[join(104), join(105)], 'network-key'],
    ]
    for (const [changes, code] of cases) expect([code, after(start, 1, update(changes))]).toEqual([code, code])
    expect(nextMembersOf(start)?.members).toHaveLength(4)
  })

  it('when its turn is over, and waits while it has not come', () => {
    const first = stateAfter(start, 1, update([power(0, 5n)]))
    expect(nextMembersOf(first)?.sequence).toBe(1)
    expect(after(first, 2, update([power(0, 6n)]))).toBe('update-sequence')
    const readiness = (sequence: number): unknown =>
      ledger.readiness(first, must(ledger.decode(bytesOf(update([power(0, 6n)], { sequence })))), context(2))
    expect(readiness(0)).toMatchObject({ status: 'never', code: 'update-sequence' })
    expect(readiness(1)).toMatchObject({ status: 'ready' })
    expect(readiness(2)).toMatchObject({ status: 'later' })
    const both = stateAfter(start, 1, update([power(0, 5n)]), update([join(104)], { sequence: 1 }))
    expect(nextMembersOf(both)).toMatchObject({ sequence: 2, nextSeat: 5 })
  })

  it('K4: a seat and an account stay with a validator whatever its keys, and a seat is never given twice', () => {
    let state = stateAfter(start, 1, update([join(104)]))
    state = stateAfter(state, 2, update([{ change: 'leave', account: key(104).publicKey }], { sequence: 1 }))
    state = stateAfter(state, 3, update([join(104)], { sequence: 2 }))
    expect(nextMembersOf(state)?.members.at(-1)?.seat).toBe(5)
  })
})

describe('bytes', () => {
  it('an update is read as it was written, and nothing else is', () => {
    const action = update([join(104), { change: 'contact', account: account(1), contact }, { change: 'leave', account: account(0) }])
    const bytes = encode((writer) => writeUpdate(writer, action))
    expect(must(decode(bytes, readUpdate))).toEqual(action)
    expect(decode(bytes.subarray(0, bytes.length - 1), readUpdate).ok).toBe(false)
    const unknown = bytes.slice()
    unknown[12] = 9
    expect(decode(unknown, readUpdate)).toMatchObject({ error: { code: 'validator-change' } })
  })

  it('a genesis with epochs and governance has its own bytes and JSON; without them both are what they were', () => {
    expect(must(decodeGenesis(encodeGenesis(genesis)))).toEqual(genesis)
    expect(must(genesisFromJson(new TextEncoder().encode(genesisToJson(genesis))))).toEqual(genesis)
    const withoutBlobs = (each: Genesis): Genesis => ({ ...each, parameters: { ...each.parameters, maxBlobBytes: 0 } })
    expect([...encodeGenesis(withoutBlobs(genesis)).subarray(0, 2)]).toEqual([0, 2])
    expect([...encodeGenesis(withoutBlobs(singleEpoch)).subarray(0, 2)]).toEqual([0, 1])
    expect(genesisToJson(singleEpoch)).not.toContain('epochLength')
    const { governance: _, ...ungoverned } = genesis
    expect(must(decodeGenesis(encodeGenesis(ungoverned)))).toEqual(ungoverned)
    expect(toHex(chainIdOf(ungoverned))).not.toBe(toHex(chainId))
  })

  it('a genesis whose governance cannot work is refused', () => {
    const keys = genesis.governance?.keys ?? []
    const code = (governance: Genesis['governance'], epochLength = LENGTH): unknown => {
      const checked = checkGenesis({
        ...genesis,
        parameters: { ...genesis.parameters, epochLength },
        ...(governance === undefined ? {} : { governance }),
      })
      return checked.ok ? 'ok' : checked.error.code
    }
    expect(code({ keys, threshold: 3 })).toBe('ok')
    expect(code({ keys, threshold: 4 })).toBe('governance')
    expect(code({ keys, threshold: 0 })).toBe('governance')
    expect(code({ keys: [], threshold: 0 })).toBe('governance')
    expect(code({ keys: [...keys, ...keys], threshold: 2 })).toBe('governance')
    expect(code({ keys: [new Uint8Array(32) as never], threshold: 1 })).toBe('governance')
    expect(code({ keys, threshold: 2 }, 0)).toBe('governance')
  })
})

describe('validators of a chain of BLS certificates', () => {
  const blsChain: Genesis = { ...genesis, validators: blsGenesis.validators }
  const blsChainId = chainIdOf(blsChain)
  const blsLedger = createLedger(blsChain, registry, { verifySignature })
  const begin = blsLedger.initial.state

  type Join = Extract<ValidatorChange, { change: 'join' }>
  type KeyChange = Extract<ValidatorChange, { change: 'key' }>

  /** The BLS key made of the same seed as `key(index)`, with its possession. */
  function newBls(index: number, signer = bls(index)): NewBlsKey {
    return { key: bls(index).publicKey, possession: signer.sign(blsPossessionBytes(key(index).publicKey, bls(index).publicKey)) }
  }

  function joins(index: number, withBls: NewBlsKey | null = newBls(index), id = blsChainId): Join {
    const { publicKey } = key(index)
    const possession = key(index).sign(possessionBytes(id, publicKey, publicKey))
    const change = { change: 'join', account: publicKey, publicKey, power: 1n, contact: null, possession } as const
    return withBls === null ? change : { ...change, bls: withBls }
  }

  function changesKey(of: number, to: number, withBls: NewBlsKey | null = newBls(to), id = blsChainId): KeyChange {
    const { publicKey } = key(to)
    const change = {
      change: 'key',
      account: account(of),
      publicKey,
      possession: key(to).sign(possessionBytes(id, account(of), publicKey)),
    } as const
    return withBls === null ? change : { ...change, bls: withBls }
  }

  function approved(changes: readonly ValidatorChange[], id = blsChainId): UpdateValidators {
    const message = updateSigningBytes(id, { sequence: 0, changes })
    const approvals = [0, 2].map((position) => ({ key: position, signature: (governors[position] as (typeof governors)[0]).sign(message) }))
    return { type: 'update-validators', sequence: 0, changes, approvals }
  }

  /** The code of the refusal, at the gate or by the state, or the state after. */
  function made(changes: readonly ValidatorChange[], on: 'bls' | 'ed25519' = 'bls'): LedgerState | string {
    const [id, machine] = on === 'bls' ? ([blsChainId, blsLedger] as const) : ([chainId, ledger] as const)
    const sender = key(10)
    const action = approved(changes, id)
    const unsigned = buildTransaction({ chainId: id, sender: sender.publicKey, nonce: 0, action })
    const decoded = machine.decode(encodeTransaction(signTransaction(unsigned, sender)))
    if (!decoded.ok) return decoded.error.code
    const executed = machine.execute(machine.initial.state, context(1), [{ transaction: decoded.value, difficulty: 0 }])
    return executed.ok ? executed.value.state : executed.error.code
  }

  function stateOf(changes: readonly ValidatorChange[]): LedgerState {
    const state = made(changes)
    if (typeof state === 'string') throw new Error(state)
    return state
  }

  it('begin with the BLS keys of genesis, without their possessions', () => {
    const members = currentMembersOf(begin)?.members ?? []
    expect(toValidators(members)).toEqual(blsChain.validators.map(({ blsPossession: _, ...validator }) => validator))
    expect(members.every((member) => !('blsPossession' in member))).toBe(true)
  })

  it('join and change their keys with new BLS keys, at the boundary, and the next set has them', () => {
    const state = stateOf([joins(104), changesKey(1, 151), { change: 'power', account: account(2), power: 9n }])
    expect(currentMembersOf(state)).toEqual(currentMembersOf(begin))
    const boundary = must(blsLedger.execute(state, context(LENGTH), []))
    expect(boundary.nextValidators?.map(({ blsKey }) => blsKey)).toEqual([100, 151, 102, 103, 104].map((index) => bls(index).publicKey))
    expect(boundary.nextValidators?.map(({ publicKey }) => publicKey)).toEqual(
      [100, 151, 102, 103, 104].map((index) => key(index).publicKey),
    )
    expect(boundary.nextValidators?.map(({ power }) => power)).toEqual([1n, 2n, 9n, 4n, 1n])
  })

  it('a BLS key that its validator gives up, or takes along, may be had by another', () => {
    const taken: NewBlsKey = {
      key: bls(100).publicKey,
      possession: bls(100).sign(blsPossessionBytes(key(104).publicKey, bls(100).publicKey)),
    }
    expect(typeof made([joins(104, taken)])).toBe('string')
    expect(nextMembersOf(stateOf([{ change: 'leave', account: account(0) }, joins(104, taken)]))?.members.at(-1)?.blsKey).toEqual(taken.key)
  })

  it('come back from the store as they were, and a damaged record does not', () => {
    const state = stateOf([joins(104)])
    const stored = must(restoreLedger(blsChain, registry, blsLedger.writes(begin, state).puts, { verifySignature }))
    expect(nextMembersOf(stored.initial.state)).toEqual(nextMembersOf(state))
    const record = state.entries.get(mapKey(CURRENT_VALIDATORS_PATH)) as Uint8Array
    expect(record[0]).toBe(2)
    for (const damaged of [record.slice(0, -1), Uint8Array.from([1, ...record.slice(1)]), Uint8Array.from([3, ...record.slice(1)])]) {
      const result = restoreLedger(blsChain, registry, [[CURRENT_VALIDATORS_PATH, damaged]], { verifySignature })
      expect(result).toMatchObject({ ok: false, error: { code: 'state-damaged' } })
    }
  })

  it('updates are read as they were written: changes 6 and 7, with BLS keys, beside 1 and 4', () => {
    for (const [change, tag] of [
      [joins(104), 6],
      [joins(104, null), 1],
      [changesKey(0, 104), 7],
      [changesKey(0, 104, null), 4],
    ] as const) {
      const action = approved([change])
      const bytes = encode((writer) => writeUpdate(writer, action))
      expect(bytes[12]).toBe(tag)
      expect(must(decode(bytes, readUpdate))).toEqual(action)
      for (let length = 0; length < bytes.length; length++) expect(decode(bytes.subarray(0, length), readUpdate).ok).toBe(false)
    }
  })

  it('approvals cover the BLS key: nobody can put another in its place', () => {
    const action = approved([joins(104)])
    const [change] = action.changes as [Join]
    const swapped = { ...action, changes: [{ ...change, bls: newBls(105) }] }
    const sender = key(10)
    const unsigned = buildTransaction({ chainId: blsChainId, sender: sender.publicKey, nonce: 0, action: swapped })
    expect(blsLedger.decode(encodeTransaction(signTransaction(unsigned, sender)))).toMatchObject({ error: { code: 'approval-signature' } })
  })

  it('a join or a new key without a BLS key is refused here, and one with a BLS key on a chain without', () => {
    expect(made([joins(104, null)])).toBe('bls-key')
    expect(made([changesKey(1, 151, null)])).toBe('bls-key')
    expect(made([joins(104, newBls(104), chainId)], 'ed25519')).toBe('bls-key')
    expect(made([changesKey(1, 151, newBls(151), chainId)], 'ed25519')).toBe('bls-key')
  })

  it('a change of what certificates are made of is refused, also if every validator goes along', () => {
    const leaves = accounts.map((each): ValidatorChange => ({ change: 'leave', account: each }))
    expect(made([...leaves, joins(104, null), joins(105, null)])).toBe('bls-key')
    expect(made([...leaves, joins(104, newBls(104), chainId)], 'ed25519')).toBe('bls-key')
    expect(nextMembersOf(stateOf([...leaves, joins(104), joins(105)]))?.members).toHaveLength(2)
  })

  it('one BLS key of two validators is refused', () => {
    const same = (index: number): NewBlsKey => ({
      key: bls(200).publicKey,
      possession: bls(200).sign(blsPossessionBytes(key(index).publicKey, bls(200).publicKey)),
    })
    expect(made([joins(104, same(104)), joins(105, same(105))])).toBe('duplicate-key')
    expect(made([joins(104, same(104)), changesKey(0, 105, same(105))])).toBe('duplicate-key')
  })

  it('F2: a BLS key that is not shown to be had, for this very validator, is refused at the gate', () => {
    const good = newBls(104)
    const bad: NewBlsKey[] = [
      newBls(104, bls(105)),
      { ...good, possession: bls(104).sign(blsPossessionBytes(key(105).publicKey, good.key)) },
      { ...good, possession: new Uint8Array(96) as BlsSignature },
      { ...good, possession: infinity(96) as BlsSignature },
      { ...good, key: new Uint8Array(48) as BlsPublicKey },
      { key: infinity(48) as BlsPublicKey, possession: infinity(96) as BlsSignature },
    ]
    for (const shown of bad) {
      expect([shown, made([joins(104, shown)])]).toEqual([shown, 'possession'])
      expect([shown, made([changesKey(0, 104, shown)])]).toEqual([shown, 'possession'])
    }
  })

  it('F2: a rogue key, which cancels those of all others in a sum, cannot join or be changed to', () => {
    const others = blsChain.validators.flatMap(({ blsKey }) => blsKey ?? [])
    const rogue = rogueKey(others)
    const claimed = blsPossessionBytes(key(104).publicKey, rogue.publicKey)
    for (const possession of [rogue.forge(claimed), bls(104).sign(claimed)]) {
      const shown = { key: rogue.publicKey, possession }
      expect(made([joins(104, shown)])).toBe('possession')
      expect(made([changesKey(0, 104, shown)])).toBe('possession')
    }
  })
})

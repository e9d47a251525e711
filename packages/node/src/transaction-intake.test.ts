/** From a peer's frame or a client's request into the replica: what is looked at, what it costs whom, and that everybody is answered. */
import { type Hash, keyOf, ok, type Refusal, refuse, type ValidatorIndex, validatorIndex } from '@aethel/codec'
import type { LedgerState } from '@aethel/ledger'
import { type Admission, type Application, type Replica, type ReplicaInput, type Transaction, transactionIdOf } from '@aethel/replica'
import { expect, it } from 'vitest'
import { TransactionIntake } from './transaction-intake.js'
import { KNOWN_TRANSACTION_US } from './worth.js'

const PEER = validatorIndex(2)
/** Its first byte says what it is: 0, one with a bad signature. */
const bytesOf = (first: number, nth: number): Uint8Array => Uint8Array.of(first, nth & 255, nth >> 8)

function bench() {
  const inputs: ReplicaInput[] = []
  const charged: (readonly [ValidatorIndex, number])[] = []
  const blamed: (readonly [ValidatorIndex, Refusal])[] = []
  const known = new Set<string>()
  const decoded = new Map<string, Transaction>()
  /** `now` moves by what a check takes, and by what looking at the clock does. */
  const state = { checked: 0, checkMs: 0, lookMs: 0, now: 0 }
  const intake = new TransactionIntake({
    application: {
      decode: (bytes: Uint8Array) => {
        state.checked++
        state.now += state.checkMs
        const id = transactionIdOf(bytes)
        return bytes[0] === 0 ? refuse('signature', 'expected a good signature') : ok({ id, idKey: keyOf(id), bytes } as Transaction)
      },
    } as unknown as Application<LedgerState>,
    replica: {
      decoded: (id: Hash) => decoded.get(keyOf(id)),
      transactionStatus: (id: Hash) => (known.has(keyOf(id)) ? 'pending' : 'unknown'),
    } as unknown as Replica<LedgerState>,
    input: (input) => inputs.push(input),
    charge: (peer, microseconds) => charged.push([peer, microseconds]),
    blame: (peer, refusal) => blamed.push([peer, refusal]),
    isStopped: () => false,
    now: () => {
      state.now += state.lookMs
      return state.now
    },
  })
  const takeAll = (): void => {
    while (intake.take());
  }
  const submit = (bytes: Uint8Array): Promise<Admission> => intake.fromClient(transactionIdOf(bytes), bytes)
  const given = (): number[] => inputs.map((input) => (input.kind === 'transactions' ? input.transactions.length : -1))
  return { intake, inputs, charged, blamed, known, decoded, state, takeAll, submit, given }
}

it('a transaction with a bad signature is its sender’s fault; what came before it in the line is not lost, nor what comes after', () => {
  const { intake, blamed, takeAll, given } = bench()
  intake.fromPeer(PEER, [bytesOf(1, 1), bytesOf(1, 2), bytesOf(0, 3), bytesOf(1, 4)])
  takeAll()
  expect(blamed).toEqual([[PEER, expect.objectContaining({ code: 'signature' })]])
  expect(given()).toEqual([2, 1])
})

it('what is known already is not checked again, and is charged to whoever sends it', () => {
  const { intake, known, charged, state, takeAll, given } = bench()
  known.add(keyOf(transactionIdOf(bytesOf(1, 1))))
  intake.fromPeer(PEER, [bytesOf(1, 1), bytesOf(1, 2)])
  takeAll()
  expect([charged, state.checked, given()]).toEqual([[[PEER, KNOWN_TRANSACTION_US]], 1, [1]])
})

it('one that was decoded for a block just now is not checked again', () => {
  const { intake, decoded, state, takeAll, given } = bench()
  const bytes = bytesOf(1, 1)
  const id = transactionIdOf(bytes)
  decoded.set(keyOf(id), { id, idKey: keyOf(id), bytes } as Transaction)
  intake.fromPeer(PEER, [bytes])
  takeAll()
  expect([state.checked, given()]).toEqual([0, [1]])
})

it('D9: a flood of one peer is taken in runs of 64, between which clients and others have their turn', async () => {
  const { intake, inputs, takeAll, submit } = bench()
  intake.fromPeer(
    PEER,
    Array.from({ length: 300 }, (_, nth) => bytesOf(1, nth)),
  )
  intake.fromPeer(validatorIndex(3), [bytesOf(2, 1)])
  void submit(bytesOf(3, 1))
  takeAll()
  const kinds = inputs.map((input) => (input.kind === 'transactions' ? input.transactions.length : input.kind))
  expect(kinds).toEqual(['submit', 64, 1, 64, 64, 64, 44])
})

it('E1: a few milliseconds at a time, and what is left is taken the next time: nothing waits for somebody to send more', () => {
  const { intake, state, given } = bench()
  state.checkMs = 5
  intake.fromPeer(PEER, [bytesOf(1, 1)])
  intake.fromPeer(validatorIndex(3), [bytesOf(1, 2)])
  expect([intake.take(), given()]).toEqual([true, [1]])
  expect([intake.take(), given()]).toEqual([false, [1, 1]])
})

it('D9: on a machine that is too slow for any, one of a client or a run of a peer is taken at a time, each in turn', () => {
  const { intake, inputs, state, submit } = bench()
  state.lookMs = 5
  void submit(bytesOf(1, 1))
  void submit(bytesOf(1, 2))
  intake.fromPeer(PEER, [bytesOf(2, 1), bytesOf(2, 2)])
  const taken = (): unknown[] => {
    const more = intake.take()
    return [more, inputs.map((input) => (input.kind === 'transactions' ? input.transactions.length : input.kind))]
  }
  expect(taken()).toEqual([true, ['submit']])
  expect(taken()).toEqual([true, ['submit', 2]])
  expect(taken()).toEqual([false, ['submit', 2, 'submit']])
})

it('every client is answered, each once, and is forgotten then', async () => {
  const { intake, inputs, takeAll, submit } = bench()
  const answers = [bytesOf(1, 1), bytesOf(0, 2), bytesOf(1, 3)].map(submit)
  expect(intake.ofClients).toBe(3)
  takeAll()
  await expect(answers[1]).resolves.toMatchObject({ status: 'refused', refusal: { code: 'signature' } })
  expect(intake.ofClients).toBe(2)
  for (const input of inputs)
    if (input.kind === 'submit') intake.onAdmission(input.request, { status: 'admitted', id: input.transaction.id })
  await expect(answers[0]).resolves.toMatchObject({ status: 'admitted', id: transactionIdOf(bytesOf(1, 1)) })
  await expect(answers[2]).resolves.toMatchObject({ status: 'admitted', id: transactionIdOf(bytesOf(1, 3)) })
  expect(intake.ofClients).toBe(0)
})

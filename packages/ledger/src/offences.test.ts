import { epoch, height, validatorIndex, view } from '@aethel/codec'
import type { Offence } from '@aethel/consensus'
import { describe, expect, it } from 'vitest'
import { context, genesis, key, must, newLedger, registry } from '../test/chain.js'
import { decodeOffenceRecord, encodeOffenceRecord, MAX_RECENT_OFFENCES, offenceRecordOf, restoreLedger } from './index.js'

const offence = (at: number, inView = 0, offender = 0): Offence => ({
  type: 'equivocation',
  offender: validatorIndex(offender),
  publicKey: key(100 + offender).publicKey,
  epoch: epoch(0),
  view: view(inView),
  height: height(at),
  kind: 'prepare',
})

describe('offences in the state (docs/protocol.md §11)', () => {
  it('K2: one is recorded once, and the same state follows everywhere', () => {
    const ledger = newLedger()
    const { state, stateRoot } = must(ledger.execute(ledger.initial.state, context(3), [], [offence(2), offence(2, 1)]))
    expect(offenceRecordOf(state, key(100).publicKey)).toMatchObject({ count: 2, firstHeight: 3 })
    expect(ledger.offenceRefusal(state, offence(2))).toMatchObject({ code: 'offence-recorded' })
    expect(ledger.execute(state, context(4), [], [offence(2)])).toMatchObject({ ok: false, error: { code: 'offence-recorded' } })
    expect(ledger.execute(ledger.initial.state, context(3), [], [offence(2), offence(2)]).ok).toBe(false)
    expect(ledger.offenceRefusal(state, offence(2, 0, 1))).toBeNull()
    const { puts } = ledger.writes(ledger.initial.state, state)
    const restored = must(restoreLedger(genesis, registry, puts, { verifySignature: () => true }))
    expect(restored.initial.stateRoot).toEqual(stateRoot)
  })

  it('more than a bound in one span of heights are not counted; later ones are again, and the record stays small', () => {
    const ledger = newLedger()
    let { state } = ledger.initial
    for (let inView = 0; inView < MAX_RECENT_OFFENCES; inView++)
      ({ state } = must(ledger.execute(state, context(2), [], [offence(1, inView)])))
    expect(ledger.offenceRefusal(state, offence(1, 999))).toMatchObject({ code: 'offence-limit' })
    expect(ledger.offenceRefusal(state, offence(1025))).toMatchObject({ code: 'offence-limit' })
    const later = must(ledger.execute(state, context(1500), [], [offence(1499)])).state
    const record = offenceRecordOf(later, key(100).publicKey)
    expect(record).toMatchObject({ count: MAX_RECENT_OFFENCES + 1, firstHeight: 2 })
    expect(record?.recent.length).toBe(1)
  })

  it('a record has one encoding', () => {
    const ledger = newLedger()
    const { state } = must(ledger.execute(ledger.initial.state, context(3), [], [offence(2, 1), offence(2)]))
    const record = offenceRecordOf(state, key(100).publicKey)
    if (record === null) throw new Error('expected a record')
    expect(decodeOffenceRecord(encodeOffenceRecord(record))).toEqual({ ok: true, value: record })
    const unordered = encodeOffenceRecord({ ...record, recent: record.recent.toReversed() })
    expect(decodeOffenceRecord(unordered)).toMatchObject({ ok: false, error: { code: 'order' } })
  })
})

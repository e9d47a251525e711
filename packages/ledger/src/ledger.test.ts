import { type Hash, keyOf, type PublicKey, publicKey, type Signature, toHex, utf8 } from '@aethel/codec'
import { signingKey, verifySignature } from '@aethel/crypto'
import { createMeter, TEST_KIND } from '@aethel/proofs'
import type { Application, Transaction } from '@aethel/replica'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chainId,
  context,
  definition,
  extractor,
  genesis,
  key,
  must,
  newLedger,
  note,
  registry,
  standAlone,
  theorem,
  transaction,
  transactionBytes,
} from '../test/chain.js'
import {
  accountNonceOf,
  accountPath,
  buildTransaction,
  claimIdOf,
  claimIdOfLabel,
  claimPath,
  claimRecordOf,
  computeLibraryRoot,
  createLedger,
  encodeTransaction,
  type LedgerState,
  libraryRootOf,
  mapKey,
  restoreLedger,
  signTransaction,
  verifyMapProof,
} from './index.js'

type Ledger = Application<LedgerState>

function run(ledger: Ledger, state: LedgerState, at: number, transactions: readonly Transaction[]): LedgerState {
  return must(
    ledger.execute(
      state,
      context(at),
      transactions.map((item) => ({ transaction: item, difficulty: item.work === null ? 0 : 7 })),
    ),
  ).state
}

function refusalCode(ledger: Ledger, bytes: Uint8Array): string {
  const decoded = ledger.decode(bytes)
  return decoded.ok ? 'accepted' : decoded.error.code
}

function restored(store: ReadonlyMap<string, readonly [Uint8Array, Uint8Array]>) {
  return restoreLedger(genesis, registry, store.values(), { verifySignature })
}

describe('the ledger', () => {
  it('finalises theorems that cite each other within one block, and knows what each rests on', () => {
    const ledger = newLedger()
    const state = run(
      ledger,
      ledger.initial.state,
      1,
      ['a1i', 'a2i', 'id'].map((label, nonce) => transaction(ledger, 0, nonce, theorem(label))),
    )
    const axioms = registry.libraries[0]?.axioms.map((axiom) => axiom.label) ?? []
    const restOn = (label: string) =>
      claimRecordOf(state, claimIdOfLabel(state, 'small', label) as Hash)?.library?.axioms.map((position) => axioms[position])
    expect(restOn('a1i')).toEqual(['wi', 'a1', 'mp'])
    expect(restOn('id')).toEqual(['wi', 'a1', 'a2', 'mp'])
    const id = must(extractor.theorem('id'))
    expect(ledger.statementOf(state, keyOf(id.claimId))).toEqual(id.claim)
    expect(ledger.statementOf(state, keyOf(registry.libraries[0]?.axioms[0]?.claimId as Hash))).toEqual(definition.axioms[0])
    expect(libraryRootOf(state, 'small')).toEqual(
      computeLibraryRoot([
        ...['id', 'a1i', 'a2i'].map((label) => must(extractor.theorem(label))),
        ...(registry.libraries[0]?.axioms ?? []),
      ]),
    )
    expect(state.libraries.get('small')?.theorems).toBe(3)
  })

  it('accepts what the kernels accept: every theorem, verified against the state it builds on', () => {
    const ledger = newLedger()
    let state = ledger.initial.state
    const verifier = registry.kinds.find((kind) => kind.verifier.kind === 'metamath/1')?.verifier
    for (const [nonce, label] of ['a1i', 'a2i', 'id'].entries()) {
      const item = transaction(ledger, 0, nonce, theorem(label))
      const claim = must(verifier?.parseClaim(item.work?.claim as Uint8Array) as never) as { claim: unknown }
      const at = state
      const verdict = verifier?.verify(
        claim.claim,
        item.work?.proof as Uint8Array,
        { statementOf: (claimId) => ledger.statementOf(at, keyOf(claimId)) },
        createMeter(verifier.limits),
      )
      expect(verdict?.status).toBe('valid')
      state = run(ledger, state, nonce + 1, [item])
    }
  })

  it('B12: gives each account consecutive nonces from 0 and no replay', () => {
    const ledger = newLedger()
    const first = transaction(ledger, 0, 0, note('a'))
    const state = run(ledger, ledger.initial.state, 1, [first, transaction(ledger, 0, 1, note('b')), transaction(ledger, 1, 0, note('c'))])
    expect([0, 1, 2].map((account) => accountNonceOf(state, key(account).publicKey))).toEqual([2, 1, 0])
    expect(ledger.readiness(state, first, context(2))).toMatchObject({ status: 'never', code: 'nonce-used' })
    expect(ledger.readiness(state, transaction(ledger, 0, 3, note('d')), context(2))).toMatchObject({ status: 'later', code: 'nonce-gap' })
    expect(ledger.execute(state, context(2), [{ transaction: first, difficulty: 0 }])).toMatchObject({
      ok: false,
      error: { code: 'nonce-used' },
    })
  })

  it('refuses a whole block for one transaction, and leaves the parent as it was', () => {
    const ledger = newLedger()
    const before = toHex(ledger.initial.state.entries.root)
    const inputs = [transaction(ledger, 0, 0, note('a')), transaction(ledger, 0, 2, note('b'))].map((item) => ({
      transaction: item,
      difficulty: 0,
    }))
    expect(ledger.execute(ledger.initial.state, context(1), inputs)).toMatchObject({ ok: false, error: { code: 'nonce-gap' } })
    expect(toHex(ledger.initial.state.entries.root)).toBe(before)
    expect(accountNonceOf(ledger.initial.state, key(0).publicKey)).toBe(0)
  })

  it('refuses, with a code each, what breaks a rule of claims', () => {
    const ledger = newLedger()
    const state = run(ledger, ledger.initial.state, 1, [
      transaction(ledger, 0, 0, theorem('a1i')),
      transaction(ledger, 0, 1, standAlone('x')),
    ])
    const codeOf = (item: Transaction, at = 2) => {
      const readiness = ledger.readiness(state, item, context(at))
      return readiness.status === 'ready' ? 'ready' : `${readiness.status} ${readiness.code}`
    }
    expect(codeOf(transaction(ledger, 1, 0, theorem('a1i')))).toBe('never duplicate-claim')
    expect(codeOf(transaction(ledger, 1, 0, standAlone('x')))).toBe('never duplicate-claim')
    expect(codeOf(transaction(ledger, 1, 0, theorem('id')))).toBe('later citation-missing')
    expect(codeOf(transaction(ledger, 1, 5, theorem('a1i')))).toBe('never duplicate-claim')
    expect(codeOf(transaction(ledger, 1, 0, note('late'), { expiryHeight: 1 }))).toBe('never expired')
    expect(codeOf(transaction(ledger, 1, 0, note('in time'), { expiryHeight: 2 }))).toBe('ready')
    const axiom = registry.libraries[0]?.axioms.find((candidate) => candidate.label === 'a1')
    const proof = must(extractor.theorem('a1i')).proof
    expect(
      codeOf(
        transaction(ledger, 1, 0, { type: 'submit-proof', kind: 'metamath/1', claim: axiom?.claim as Uint8Array, proof, metadata: null }),
      ),
    ).toBe('never duplicate-claim')
    // Another statement under a label that is taken: the claim of a2i renamed to a1i, and to an axiom's label.
    const renamed = (label: string) => {
      const claim = must(extractor.theorem('a2i')).claim
      const from = 1 + 'small'.length
      return Uint8Array.from([...claim.subarray(0, from), label.length, ...utf8(label), ...claim.subarray(from + 1 + 'a2i'.length)])
    }
    for (const label of ['a1i', 'a2']) {
      const item = transaction(ledger, 1, 0, {
        type: 'submit-proof',
        kind: 'metamath/1',
        claim: renamed(label),
        proof: must(extractor.theorem('a2i')).proof,
        metadata: null,
      })
      expect(codeOf(item)).toBe('never label-taken')
    }
    const work = transaction(ledger, 1, 0, theorem('a2i'))
    const citing = (claimId: Hash): Transaction =>
      ({ ...work, work: { ...(work.work as NonNullable<typeof work.work>), cites: [keyOf(claimId)] } }) as Transaction
    expect(codeOf(citing(work.work?.claimId as Hash))).toBe('never self-citation')
    expect(codeOf(citing(transaction(ledger, 0, 1, standAlone('x')).work?.claimId as Hash))).toBe('never citation-library')
    // What a proof cites is looked up when everything else is in its place.
    const early = { ...citing(work.work?.claimId as Hash), nonce: 1 } as Transaction
    expect(codeOf(early)).toBe('later nonce-gap')
    const limited = transaction(ledger, 1, 0, standAlone('y'), { gasLimit: 6 })
    expect(ledger.execute(state, context(2), [{ transaction: limited, difficulty: 7 }])).toMatchObject({
      ok: false,
      error: { code: 'gas-limit' },
    })
  })

  it('refuses at the gate what no state can mend', () => {
    const ledger = newLedger()
    const good = transactionBytes(0, 0, standAlone('x'))
    expect(refusalCode(ledger, good)).toBe('accepted')
    const signed = (change: object) => {
      const unsigned = { ...buildTransaction({ chainId, sender: key(0).publicKey, nonce: 0, action: standAlone('x') }), ...change }
      return encodeTransaction(signTransaction(unsigned, key(0)))
    }
    expect(refusalCode(ledger, signed({ chainId: new Uint8Array(32) as Hash }))).toBe('chain-id')
    expect(refusalCode(ledger, signed({ fee: 1n }))).toBe('fee-not-zero')
    expect(refusalCode(ledger, signed({ sender: key(1).publicKey }))).toBe('signature')
    expect(refusalCode(ledger, signed({ action: { ...standAlone('x'), kind: 'other/1' } }))).toBe('unknown-kind')
    expect(refusalCode(ledger, signed({ action: { ...standAlone('x'), claim: utf8('no claim') } }))).not.toBe('accepted')
    expect(refusalCode(ledger, signed({ action: { ...standAlone('x'), proof: new Uint8Array(1024 * 1024 + 1) } }))).toBe('proof-too-large')
    expect(refusalCode(ledger, signed({ action: { ...standAlone('x'), claim: new Uint8Array(129) } }))).toBe('claim-too-large')
    expect(refusalCode(ledger, Uint8Array.from([...good, 0]))).toBe('trailing')
    for (let length = 0; length < good.length; length++) expect(refusalCode(ledger, good.slice(0, length))).not.toBe('accepted')
  })

  it('E7, F4: any change of one bit in a transaction is refused', () => {
    const ledger = newLedger()
    const good = transactionBytes(0, 0, standAlone('x'))
    for (let at = 0; at < good.length; at++) {
      const changed = good.slice()
      changed[at] = (changed[at] as number) ^ 1
      expect(refusalCode(ledger, changed)).not.toBe('accepted')
    }
  })

  it('S8: two transactions that differ anywhere have different ids, and no coin is moved twice', () => {
    const ledger = newLedger()
    const variants = [
      transactionBytes(0, 0, note('a')),
      transactionBytes(0, 0, note('b')),
      transactionBytes(0, 1, note('a')),
      transactionBytes(1, 0, note('a')),
      transactionBytes(0, 0, note('a'), { gasLimit: 1 }),
      transactionBytes(0, 0, note('a'), { expiryHeight: 1 }),
      transactionBytes(0, 0, standAlone('a')),
    ]
    expect(new Set(variants.map((bytes) => toHex(must(ledger.decode(bytes)).id))).size).toBe(variants.length)
    const one = transaction(ledger, 0, 0, note('a'))
    const other = transaction(ledger, 0, 0, note('b'))
    expect(
      ledger.execute(
        ledger.initial.state,
        context(1),
        [one, other].map((item) => ({ transaction: item, difficulty: 0 })),
      ),
    ).toMatchObject({ ok: false, error: { code: 'nonce-used' } })
    const state = run(ledger, ledger.initial.state, 1, [one])
    expect(ledger.execute(state, context(2), [{ transaction: other, difficulty: 0 }])).toMatchObject({
      ok: false,
      error: { code: 'nonce-used' },
    })
  })

  it('F1: an account key of small order signs nothing', () => {
    // The eight points of small order, as listed by several Ed25519 libraries, in their canonical and one other encoding.
    const points = [
      '0100000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000080',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ]
    const ledger = newLedger()
    for (const point of points) {
      const sender = publicKey(Uint8Array.from(Buffer.from(point, 'hex'))) as PublicKey
      for (let nonce = 0; nonce < 64; nonce++) {
        // R = the identity, S = 0: with a small-order key the equation S B = R + k A holds for one message in eight or less.
        const signature = new Uint8Array(64) as Signature
        signature[0] = 1
        const bytes = encodeTransaction({ ...buildTransaction({ chainId, sender, nonce, action: note('x') }), signature })
        expect(refusalCode(ledger, bytes)).toBe('signature')
      }
    }
  })

  it('executes a block exactly if each of its transactions is ready when its turn comes', () => {
    const labels = ['a1i', 'a2i', 'id']
    const action = fc.oneof(
      fc.constantFrom(...labels).map((label) => theorem(label)),
      fc.constantFrom('x', 'y').map((name) => standAlone(name)),
      fc.constant(note('n')),
    )
    const step = fc.record({
      account: fc.nat(1),
      skew: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1),
      action,
      expiryHeight: fc.constantFrom(99, 99, 99, 1, 2),
    })
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), fc.nat(8), (steps, cut) => {
        const ledger = newLedger()
        let state = ledger.initial.state
        const taken: Transaction[] = []
        const nonces = [0, 0]
        for (const { account, action: wanted, expiryHeight, skew } of steps) {
          const nonce = Math.max(0, (nonces[account] as number) + skew)
          const item = transaction(ledger, account, nonce, wanted, { expiryHeight })
          const readiness = ledger.readiness(state, item, context(2))
          const executed = ledger.execute(state, context(2), [{ transaction: item, difficulty: 7 }])
          expect(executed.ok).toBe(readiness.status === 'ready')
          seen.add(readiness.status === 'ready' ? 'ready' : readiness.code)
          if (!executed.ok) {
            expect(readiness).toMatchObject({ code: executed.error.code })
            expect(
              ledger.execute(
                ledger.initial.state,
                context(2),
                [...taken, item].map((each) => ({ transaction: each, difficulty: 7 })),
              ).ok,
            ).toBe(false)
            continue
          }
          state = executed.value.state
          taken.push(item)
          nonces[account] = nonce + 1
        }
        // The same transactions in one block, or in two, give the same root, twice over.
        const whole = run(ledger, ledger.initial.state, 2, taken)
        const halves = run(ledger, run(ledger, ledger.initial.state, 2, taken.slice(0, cut)), 2, taken.slice(cut))
        expect([whole, halves].map((end) => toHex(end.entries.root))).toEqual([toHex(state.entries.root), toHex(state.entries.root)])
      }),
      { numRuns: 200 },
    )
    for (const code of ['ready', 'nonce-used', 'nonce-gap', 'expired', 'duplicate-claim', 'citation-missing']) expect(seen).toContain(code)
  })

  it('is found again in its own writes, in any order, across one block or several', () => {
    const ledger = newLedger()
    const states = [ledger.initial.state]
    const blocks = [[theorem('a1i'), note('n')], [standAlone('x')], [theorem('a2i'), theorem('id')], []]
    let nonce = 0
    for (const [index, actions] of blocks.entries()) {
      states.push(
        run(
          ledger,
          states[index] as LedgerState,
          index + 1,
          actions.map((action) => transaction(ledger, 0, nonce++, action)),
        ),
      )
    }
    const last = states.at(-1) as LedgerState
    for (const path of [
      [0, 1, 2, 3, 4],
      [0, 2, 4],
      [0, 4],
    ]) {
      const store = new Map<string, readonly [Uint8Array, Uint8Array]>()
      for (let i = 1; i < path.length; i++) {
        const writes = ledger.writes(states[path[i - 1] as number] as LedgerState, states[path[i] as number] as LedgerState)
        for (const [path_, value] of writes.puts) store.set(keyOf(path_), [path_, value])
        for (const path_ of writes.deletes) store.delete(keyOf(path_))
      }
      const back = must(restoreLedger(genesis, registry, [...store.values()].reverse(), { verifySignature }))
      expect(toHex(back.initial.stateRoot)).toBe(toHex(last.entries.root))
      expect(claimIdOfLabel(back.initial.state, 'small', 'id')).toEqual(claimIdOfLabel(last, 'small', 'id'))
      const next = transaction(back, 0, nonce, standAlone('z'))
      expect(toHex(run(back, back.initial.state, 5, [next]).entries.root)).toBe(toHex(run(ledger, last, 5, [next]).entries.root))
      expect(ledger.writes(last, last)).toEqual({ puts: [], deletes: [] })
    }
  })

  it('refuses a damaged store, whatever byte it is', () => {
    const ledger = newLedger()
    const state = run(ledger, ledger.initial.state, 1, [
      transaction(ledger, 0, 0, theorem('a1i')),
      transaction(ledger, 0, 1, standAlone('x')),
    ])
    const root = toHex(state.entries.root)
    const pairs = ledger.writes(ledger.initial.state, state).puts
    const good = new Map(pairs.map(([path, value]) => [keyOf(path), [path, value] as const]))
    expect(toHex(must(restored(good)).initial.stateRoot)).toBe(root)
    for (const [path, value] of pairs) {
      for (let at = 0; at < value.length; at++) {
        const changed = value.slice()
        changed[at] = (changed[at] as number) ^ 0x40
        const result = restored(new Map(good).set(keyOf(path), [path, changed]))
        // Either a refusal here, or another root, which is not the header's.
        if (result.ok) expect(toHex(result.value.initial.stateRoot)).not.toBe(root)
        else expect(result.error.code).toBe('state-damaged')
      }
      const without = new Map(good)
      without.delete(keyOf(path))
      const result = restored(without)
      if (result.ok) expect(toHex(result.value.initial.stateRoot)).not.toBe(root)
      for (const strange of [utf8('claim/short'), utf8('unknown/key'), new Uint8Array(0)]) {
        expect(restored(new Map(good).set('strange', [strange, value]))).toMatchObject({ ok: false, error: { code: 'state-damaged' } })
      }
      expect(restored(new Map(good).set('again', [path, value]))).toMatchObject({ ok: false, error: { code: 'state-damaged' } })
    }
  })

  it('proves records and their absence against the root in a header', () => {
    const ledger = newLedger()
    const executed = must(
      ledger.execute(ledger.initial.state, context(1), [{ transaction: transaction(ledger, 0, 0, standAlone('x')), difficulty: 7 }]),
    )
    const claim = standAlone('x')
    const claimId = claimIdOf(TEST_KIND, claim.type === 'submit-proof' ? claim.claim : new Uint8Array(0))
    const at = mapKey(claimPath(claimId))
    expect(verifyMapProof(executed.stateRoot, at, executed.state.entries.get(at) ?? null, executed.state.entries.prove(at)).ok).toBe(true)
    expect(verifyMapProof(ledger.initial.stateRoot, at, null, ledger.initial.state.entries.prove(at)).ok).toBe(true)
    const nobody = mapKey(accountPath(key(9).publicKey))
    expect(verifyMapProof(executed.stateRoot, nobody, null, executed.state.entries.prove(nobody)).ok).toBe(true)
  })

  it('works with other signatures than Ed25519, for simulations', () => {
    const ledger = createLedger(genesis, registry, { verifySignature: (sender, _message, signature) => signature[0] === sender[0] })
    const sender = signingKey(new Uint8Array(32)).publicKey
    const signature = new Uint8Array(64).fill(sender[0] as number) as Signature
    expect(ledger.decode(encodeTransaction({ ...buildTransaction({ chainId, sender, nonce: 0, action: note('x') }), signature })).ok).toBe(
      true,
    )
  })

  it('reads a transaction again that has lost what decode added', () => {
    const ledger = newLedger()
    const { bytes, gasLimit, id, idKey, nonce, sender, work } = transaction(ledger, 0, 0, theorem('a1i'))
    const bare: Transaction = { bytes, gasLimit, id, idKey, nonce, sender, work }
    expect(ledger.readiness(ledger.initial.state, bare, context(1)).status).toBe('ready')
    expect(ledger.execute(ledger.initial.state, context(1), [{ transaction: bare, difficulty: 7 }]).ok).toBe(true)
  })
})

/** The ledger's state in chunks: what goes in comes out, and nothing else gets in. */
import { EMPTY_BYTES, equalBytes, type Hash, toHex, utf8 } from '@aethel/codec'
import { encodeCertificate, encodeMetamathClaim } from '@aethel/proofs'
import type { CheckedChunk, Snapshots, StateWrites } from '@aethel/replica'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chainId, context, key, must, newLedger, standAlone, theorem, transaction } from '../test/chain.js'
import {
  type Action,
  buildTransaction,
  claimIdOfLabel,
  encodeTransaction,
  type LedgerState,
  SNAPSHOT_LANES,
  signTransaction,
} from './index.js'

const ledger = newLedger()
const snapshots = ledger.snapshots as Snapshots<LedgerState>

/** Accounts, claims of a library and of their own, in some blocks. */
function grown(): { readonly state: LedgerState; readonly stateRoot: Hash } {
  let { state, stateRoot } = ledger.initial
  const actions = [theorem('a1i'), theorem('a2i'), theorem('id'), ...Array.from({ length: 60 }, (_, at) => standAlone(`claim ${at}`))]
  for (const [at, action] of actions.entries()) {
    const sender = key(at)
    const bytes = encodeTransaction(signTransaction(buildTransaction({ chainId, sender: sender.publicKey, nonce: 0, action }), sender))
    const transaction = must(ledger.decode(bytes))
    const executed = must(ledger.execute(state, context(at + 1), [{ transaction, difficulty: 7 }]))
    state = executed.state
    stateRoot = executed.stateRoot
  }
  return { state, stateRoot }
}

const { state, stateRoot } = grown()

/** A theorem of the library whose statement has so many bytes and a few more, and whose record is as short as any. */
function longTheorem(at: number, bytes: number): Action {
  const assertion = `|- p${' ('.repeat(bytes / 4)}`
  const hypotheses = [
    { kind: 'floating', symbols: 'wff p' },
    { kind: 'essential', symbols: assertion },
  ] as const
  const claim = encodeMetamathClaim({ library: 'small', label: `long${at}`, hypotheses, disjoint: [], assertion })
  const proof = encodeCertificate({ references: [], disjoint: [], letters: utf8('B') })
  return { type: 'submit-proof', kind: 'metamath/1', claim, proof, metadata: null }
}

interface Fetched {
  readonly puts: StateWrites['puts']
  readonly chunks: readonly { readonly lane: number; readonly cursor: Uint8Array; readonly chunk: Uint8Array }[]
}

function fetchAll(bytes: number): Fetched {
  const puts: (readonly [Uint8Array, Uint8Array])[] = []
  const chunks: { lane: number; cursor: Uint8Array; chunk: Uint8Array }[] = []
  for (let lane = 0; lane < SNAPSHOT_LANES; lane++) {
    for (let cursor: Uint8Array | null = EMPTY_BYTES; cursor !== null; ) {
      const chunk: Uint8Array = snapshots.chunk(state, { lane, cursor }, bytes) as Uint8Array
      const checked: CheckedChunk = must(snapshots.check(stateRoot, { lane, cursor }, chunk))
      chunks.push({ lane, cursor, chunk })
      puts.push(...checked.puts)
      cursor = checked.next
    }
  }
  return { puts, chunks }
}

describe('the state of the ledger in chunks', () => {
  it.each([1, 500, 1 << 20])('of about %i bytes is the same state again: entries, statements, labels', (bytes) => {
    const { puts, chunks } = fetchAll(bytes)
    expect(chunks.length).toBeGreaterThanOrEqual(bytes === 1 ? state.entries.size : SNAPSHOT_LANES)
    const restored = must(snapshots.restore(stateRoot, puts))
    expect(toHex(restored.entries.root)).toBe(toHex(stateRoot))
    expect(toHex(restored.statements.root)).toBe(toHex(state.statements.root))
    expect(claimIdOfLabel(restored, 'small', 'id')).toEqual(claimIdOfLabel(state, 'small', 'id'))
    expect([...restored.libraries.values()].map(({ theorems, labels }) => [theorems, toHex(labels.root)])).toEqual(
      [...state.libraries.values()].map(({ theorems, labels }) => [theorems, toHex(labels.root)]),
    )
  })

  it('E1: a chunk has about the bytes asked for, the statements in it included, or one entry', () => {
    const [bytes, most] = [100_000, 60_000]
    const inputs = Array.from({ length: 64 }, (_, at) => ({
      transaction: transaction(ledger, at, 0, longTheorem(at, most)),
      difficulty: 7,
    }))
    const { state: long, stateRoot: root } = must(ledger.execute(ledger.initial.state, context(1), inputs))
    let statements = 0
    for (let lane = 0; lane < SNAPSHOT_LANES; lane++) {
      for (let cursor: Uint8Array | null = EMPTY_BYTES; cursor !== null; ) {
        const chunk = snapshots.chunk(long, { lane, cursor }, bytes) as Uint8Array
        expect(chunk.length).toBeLessThan(bytes + most + 5_000)
        const { next, puts }: CheckedChunk = must(snapshots.check(root, { lane, cursor }, chunk))
        statements += puts.filter(([, value]) => value.length >= most).length
        cursor = next
      }
    }
    expect(statements).toBe(inputs.length)
  })

  it('and executes on as the original does', () => {
    const restored = must(snapshots.restore(stateRoot, fetchAll(2_000).puts))
    const sender = key(200)
    const bytes = encodeTransaction(
      signTransaction(buildTransaction({ chainId, sender: sender.publicKey, nonce: 0, action: standAlone('one more') }), sender),
    )
    const input = [{ transaction: must(ledger.decode(bytes)), difficulty: 3 }]
    const [one, other] = [state, restored].map((from) => must(ledger.execute(from, context(99), input)).stateRoot) as [Hash, Hash]
    expect(equalBytes(one, other)).toBe(true)
  })

  it('S9: no chunk passes against another root, in another place, or with a statement of another claim', () => {
    const { chunks } = fetchAll(2_000)
    for (const { lane, cursor, chunk } of chunks) {
      expect(snapshots.check(ledger.initial.stateRoot, { lane, cursor }, chunk).ok).toBe(false)
      expect(snapshots.check(stateRoot, { lane: (lane + 1) % SNAPSHOT_LANES, cursor }, chunk).ok).toBe(false)
    }
    const withStatement = chunks.find(({ lane, cursor, chunk }) => {
      const { puts } = must(snapshots.check(stateRoot, { lane, cursor }, chunk))
      return puts.some(([path]) => Buffer.from(path).toString('latin1').startsWith('statement/'))
    })
    expect(withStatement).toBeDefined()
    const { lane, cursor, chunk } = withStatement as (typeof chunks)[0]
    const swapped = chunk.slice()
    swapped[swapped.length - 1] = (swapped[swapped.length - 1] as number) ^ 1
    expect(snapshots.check(stateRoot, { lane, cursor }, swapped)).toMatchObject({ ok: false, error: { code: 'chunk-statement' } })
  })

  it('E3, E5: no changed, cut or lengthened chunk passes with other contents, and none throws; nor do places that are none', () => {
    const { chunks } = fetchAll(600)
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, by) => {
        const { lane, cursor, chunk } = chunks[which % chunks.length] as (typeof chunks)[0]
        const changed = chunk.slice()
        changed[at % changed.length] = (changed[at % changed.length] as number) ^ by
        const honest = must(snapshots.check(stateRoot, { lane, cursor }, chunk))
        for (const forged of [changed, chunk.slice(0, at % chunk.length), Uint8Array.from([...chunk, by])]) {
          const checked = snapshots.check(stateRoot, { lane, cursor }, forged)
          if (checked.ok) expect(checked.value.puts).toEqual(honest.puts)
        }
      }),
      { numRuns: 300 },
    )
    for (const place of [
      { lane: 16, cursor: EMPTY_BYTES },
      { lane: -1, cursor: EMPTY_BYTES },
      { lane: 0, cursor: utf8('no key') },
      { lane: 0, cursor: new Uint8Array(32).fill(0xff) },
    ]) {
      expect(snapshots.chunk(state, place, 100)).toBeNull()
      expect(snapshots.check(stateRoot, place, (chunks[0] as (typeof chunks)[0]).chunk).ok).toBe(false)
    }
  })

  it('a part that is missing, or of another state, is noticed at the end as well', () => {
    const { puts } = fetchAll(2_000)
    expect(snapshots.restore(stateRoot, puts.slice(1)).ok).toBe(false)
    expect(snapshots.restore(ledger.initial.stateRoot, puts)).toMatchObject({ ok: false, error: { code: 'state-root' } })
  })
})

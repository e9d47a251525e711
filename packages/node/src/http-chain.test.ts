/** What the HTTP API says about the chain's validators, before a state that the test plays. */
import type { AddressInfo } from 'node:net'
import { epoch, equalBytes, type Hash, height, type PublicKey, publicKey, view } from '@aethel/codec'
import { createValidatorSet, type Offence, type ValidatorSet } from '@aethel/consensus'
import {
  CURRENT_VALIDATORS_PATH,
  encodeEpochMembers,
  encodeOffenceRecord,
  type LedgerState,
  type Member,
  mapKey,
  offencePath,
  withOffence,
} from '@aethel/ledger'
import type { FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import { DEFAULT_SYNC } from './home.js'
import { serveHttp } from './http.js'
import type { HttpContext } from './http-context.js'

const open: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()))
})

const key = (of: number): PublicKey => publicKey(new Uint8Array(32).fill(of))
const member = (seat: number, of: number): Member => ({ seat, account: key(of), publicKey: key(of), power: 1n, contact: null })

function stateWith(values: readonly (readonly [Uint8Array, Uint8Array])[]): LedgerState {
  const at = values.map(([path, value]) => [mapKey(path), value] as const)
  return {
    entries: { root: key(0), get: (wanted: Hash) => at.find(([known]) => equalBytes(known, wanted))?.[1] },
  } as unknown as LedgerState
}

function setOf(of: number, keys: readonly number[]): ValidatorSet {
  const set = createValidatorSet(
    epoch(of),
    keys.map((each) => ({ publicKey: key(each), power: 1n })),
  )
  if (!set.ok) throw new Error(set.error.message)
  return set.value
}

async function urlOf(context: unknown): Promise<string> {
  const app = await serveHttp(context as HttpContext)
  open.push(app)
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

const config = { http: { host: '127.0.0.1', port: 0 }, sync: DEFAULT_SYNC }

test('a validator that lost its store counts the others of this epoch, not those of genesis', async () => {
  const look = { view: view(0), phase: 'active', recovering: { answers: 3, above: null }, blobs: [] }
  const url = await urlOf({
    home: { config, validators: setOf(0, [1, 2, 3, 4]), chainId: key(0), genesis: { genesisTimeMs: 0 } },
    driver: { whenReadable: () => undefined, publishedHeight: 0, fork: null },
    replica: {
      inspect: () => look,
      epoch: { validators: setOf(3, [1, 2, 3, 4, 5, 6, 7]) },
      self: 6,
      state: stateWith([]),
      snapshotsServed: [],
    },
    mesh: { peers: () => [] },
    metrics: { verified: { valid: 0, invalid: 0, aborted: 0 } },
    pool: { queued: 0 },
    store: { gaps: [] },
    blobs: null,
  })
  const { voting } = (await (await fetch(`${url}/v1/status`)).json()) as { voting: { why: string } }
  expect(voting.why).toContain('3 of 6 other validators')
})

test('offences on record are shown of validators that joined after genesis, and under each key, by seat', async () => {
  const offence = { type: 'equivocation', epoch: epoch(1), view: view(0), height: height(12), kind: 'prepare' } as unknown as Offence
  const record = encodeOffenceRecord(withOffence(null, offence, height(13)))
  const state = stateWith([
    // Seat 1 has changed its key; seat 2 has joined.
    [CURRENT_VALIDATORS_PATH, encodeEpochMembers({ epoch: epoch(1), members: [member(0, 1), member(1, 9), member(2, 3)] })],
    ...[2, 9, 3].map((of) => [offencePath(key(of)), record] as const),
  ])
  const url = await urlOf({
    home: { config, validators: setOf(0, [1, 2]) },
    driver: { whenReadable: () => undefined },
    replica: { state, evidence: () => [] },
    blobs: null,
  })
  const { recorded } = (await (await fetch(`${url}/v1/evidence`)).json()) as { recorded: { validator: number; publicKey: string }[] }
  expect(recorded.map(({ validator, publicKey }) => [validator, publicKey.slice(0, 2)])).toEqual([
    [1, '02'],
    [1, '09'],
    [2, '03'],
  ])
})

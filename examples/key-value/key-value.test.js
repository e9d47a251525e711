/** The example of a state machine of one's own: what its replicas agree on, what they refuse, and what they remember. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex, utf8 } from '@aethel/codec'
import { hashTagged, sha256, signingKey } from '@aethel/crypto'
import { AuthenticatedMap } from '@aethel/ledger'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodePut, isProven, keyValueStore, lookUp, MAX_KEY_BYTES, MAX_VALUE_BYTES, nonceOf, proofOf } from './application.js'
import { createNetwork } from './network.js'

const seedOf = (/** @type {string} */ name) => /** @type {import('@aethel/crypto').SecretSeed} */ (sha256(utf8(name)))
const chainId = hashTagged('key-value/test', new Uint8Array(0))
const ann = signingKey(seedOf('ann'))
const bob = signingKey(seedOf('bob'))
const context = { height: /** @type {never} */ (1), timestampMs: 1, proposer: /** @type {never} */ (0) }

/** @param {import('./application.js').Application} application @param {Uint8Array} bytes */
function input(application, bytes) {
  const decoded = application.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.error.message)
  return { transaction: decoded.value, difficulty: 0 }
}

describe('the state machine', () => {
  const application = keyValueStore(chainId, [])
  const puts = [
    encodePut(chainId, ann, 0, 'colour', utf8('red')),
    encodePut(chainId, bob, 0, 'shape', utf8('round')),
    encodePut(chainId, ann, 1, 'colour', utf8('blue')),
  ]
  const run = (/** @type {readonly Uint8Array[]} */ bytes) =>
    application.execute(
      application.initial.state,
      context,
      bytes.map((each) => input(application, each)),
    )

  it('the last put of a key counts, and an entry, or that there is none, is proven against the root alone', () => {
    const after = run(puts)
    if (!after.ok) throw new Error(after.error.message)
    const { state, stateRoot } = after.value
    expect(['colour', 'shape', 'size'].map((key) => Buffer.from(lookUp(state, key) ?? []).toString())).toEqual(['blue', 'round', ''])
    expect([nonceOf(state, ann.publicKey), nonceOf(state, bob.publicKey)]).toEqual([2, 1])
    expect(isProven(stateRoot, 'colour', utf8('blue'), proofOf(state, 'colour'))).toBe(true)
    expect(isProven(stateRoot, 'colour', utf8('red'), proofOf(state, 'colour'))).toBe(false)
    expect(isProven(stateRoot, 'size', null, proofOf(state, 'size'))).toBe(true)
    expect(isProven(application.initial.stateRoot, 'colour', utf8('blue'), proofOf(state, 'colour'))).toBe(false)
  })

  it('what was written is the state: a store that has it leads to the same root', () => {
    const after = run(puts)
    if (!after.ok) throw new Error(after.error.message)
    const { puts: entries, deletes } = application.writes(AuthenticatedMap.empty, after.value.state)
    expect(deletes).toEqual([])
    expect(toHex(keyValueStore(chainId, entries).initial.stateRoot)).toBe(toHex(after.value.stateRoot))
  })

  it('a block with a nonce out of turn is refused as a whole', () => {
    expect(run(/** @type {Uint8Array[]} */ ([puts[0], puts[0]]))).toMatchObject({ ok: false, error: { code: 'nonce' } })
    expect(run(/** @type {Uint8Array[]} */ ([puts[2]]))).toMatchObject({ ok: false, error: { code: 'nonce' } })
  })

  it('whatever was not signed for this chain, or is larger than it may be, is no transaction', () => {
    const [put] = /** @type {[Uint8Array]} */ (puts)
    for (let at = 0; at < put.length; at++) {
      const changed = put.slice()
      changed[at] = /** @type {number} */ (changed[at]) ^ 1
      expect([at, application.decode(changed).ok]).toEqual([at, false])
      expect([at, application.decode(put.subarray(0, at)).ok]).toEqual([at, false])
    }
    const other = hashTagged('key-value/another', new Uint8Array(0))
    expect(application.decode(encodePut(other, ann, 0, 'colour', utf8('red')))).toMatchObject({ ok: false, error: { code: 'signature' } })
    const sizes = [
      [MAX_KEY_BYTES, MAX_VALUE_BYTES, true],
      [MAX_KEY_BYTES + 1, 0, false],
      [0, MAX_VALUE_BYTES + 1, false],
    ]
    for (const [keyBytes, valueBytes, isGood] of /** @type {[number, number, boolean][]} */ (sizes))
      expect(application.decode(encodePut(chainId, ann, 0, 'k'.repeat(keyBytes), new Uint8Array(valueBytes))).ok).toBe(isGood)
  })
})

describe('four replicas', () => {
  let folder = ''
  /** @type {Set<import('./replica.js').RunningReplica>} */
  let running = new Set()
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aethel-key-value-'))
    running = new Set()
  })
  afterEach(async () => {
    await Promise.all([...running].map((replica) => replica.close()))
    rmSync(folder, { recursive: true, force: true })
  })
  const network = () => createNetwork(folder, (index) => seedOf(`validator ${index}`))
  const started = async (/** @type {Promise<import('./replica.js').RunningReplica>} */ starting) => {
    const replica = await starting
    running.add(replica)
    return replica
  }

  it('agree on every put, go on without their leader, and take it back from its store', async () => {
    const { chain, start } = await network()
    const replicas = await Promise.all([0, 1, 2, 3].map((index) => started(start(index))))
    const put = (/** @type {number} */ nonce) => encodePut(chain.chainId, ann, nonce, `key ${nonce % 10}`, utf8(`value ${nonce}`))
    const at = (/** @type {number} */ index) => /** @type {import('./replica.js').RunningReplica} */ (replicas[index])
    await Promise.all(Array.from({ length: 40 }, (_, nonce) => at(nonce % 4).submit(put(nonce))))
    await expect(at(1).submit(put(3))).rejects.toMatchObject({ code: 'nonce-used' })
    await expect(at(1).submit(put(40).fill(0, 100))).rejects.toMatchObject({ code: 'signature' })

    const twice = [at(2).submit(put(40)), at(2).submit(put(40))]
    await expect(twice[1]).rejects.toMatchObject({ code: 'known-transaction' })
    await twice[0]

    await at(0).close()
    await expect(at(0).submit(put(41))).rejects.toMatchObject({ code: 'stopped' })
    await Promise.all(Array.from({ length: 11 }, (_, i) => at(1 + (i % 3)).submit(put(41 + i))))
    replicas[0] = await started(start(0))
    while (replicas.some(({ state }) => nonceOf(state, ann.publicKey) < 52)) await sleep(20)
    expect(new Set(replicas.map(({ state }) => toHex(state.root))).size).toBe(1)
    expect(Buffer.from(lookUp(at(0).state, 'key 1') ?? []).toString()).toBe('value 51')
  })

  it('one that has lost its store does not begin again as if it had never voted', async () => {
    const { start } = await network()
    const replica = await started(start(2))
    await replica.close()
    rmSync(join(folder, 'replica2'), { recursive: true })
    await expect(start(2)).rejects.toMatchObject({ code: 'store-missing' })
  })
})

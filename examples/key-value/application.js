/**
 * The state machine: a map from keys to values. A transaction is a `put`, signed by an account, which is an Ed25519 key and counts its
 * transactions from 0. The state is an authenticated map, whose root goes into every block: each entry can be proven against what a quorum
 * has signed.
 */
import { decode, encode, keyOf, ok, refuse, toHex } from '@aethel/codec'
import { offenceKey } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { AuthenticatedMap, mapKey, verifyMapProof } from '@aethel/ledger'
import { transactionIdOf } from '@aethel/replica'

export const MAX_KEY_BYTES = 64
export const MAX_VALUE_BYTES = 1_024
const NONCE_BYTES = 8

/** @typedef {import('@aethel/codec').Hash} Hash */
/** @typedef {import('@aethel/codec').PublicKey} PublicKey */
/** @typedef {import('@aethel/replica').Application<AuthenticatedMap>} Application */
/** @typedef {import('@aethel/replica').Transaction & { account: PublicKey, key: string, value: Uint8Array }} Put */

// --- what the state holds: each kind of entry under paths of its own ------------------------------------------------

/** @param {PublicKey} account */
const nonceAt = (account) => encode((writer) => writer.u8(0).raw(account))
/** @param {string} key */
const valueAt = (key) => encode((writer) => writer.u8(1).text(key))
/** @param {string} offence */
const offenceAt = (offence) => encode((writer) => writer.u8(2).text(offence))

/**
 * @param {AuthenticatedMap} state
 * @param {string} key
 */
export function lookUp(state, key) {
  return state.get(mapKey(valueAt(key)))
}

/**
 * What shows, to whoever has a block's header, that the key has this value in the state after that block, or none.
 *
 * @param {AuthenticatedMap} state
 * @param {string} key
 */
export function proofOf(state, key) {
  return state.prove(mapKey(valueAt(key)))
}

/**
 * @param {Hash} stateRoot of a header that a quorum has signed, and that did not come with the proof
 * @param {string} key
 * @param {Uint8Array | null} value
 * @param {import('@aethel/ledger').MapProof} proof
 */
export function isProven(stateRoot, key, value, proof) {
  return verifyMapProof(stateRoot, mapKey(valueAt(key)), value, proof).ok
}

/**
 * How often the account has put something: the nonce of its next transaction.
 *
 * @param {AuthenticatedMap} state
 * @param {PublicKey} account
 */
export function nonceOf(state, account) {
  return numberIn(state.get(mapKey(nonceAt(account))))
}

/** @param {Uint8Array | null | undefined} stored */
function numberIn(stored) {
  return stored === undefined || stored === null ? 0 : Number(new DataView(stored.buffer, stored.byteOffset, NONCE_BYTES).getBigUint64(0))
}

// --- transactions ---------------------------------------------------------------------------------------------------

/**
 * The bytes that a signature covers: another chain, or another kind of message, has others.
 *
 * @param {Hash} chainId
 * @param {{ account: PublicKey, nonce: number, key: string, value: Uint8Array }} put
 */
function signedBytes(chainId, { account, nonce, key, value }) {
  return encode((writer) => writer.text('key-value/put/v1').raw(chainId).raw(account).u64(nonce).text(key).bytes(value))
}

/**
 * A signed transaction, ready to be submitted.
 *
 * @param {Hash} chainId
 * @param {import('@aethel/crypto').SigningKey} signer
 * @param {number} nonce
 * @param {string} key
 * @param {Uint8Array} value
 */
export function encodePut(chainId, signer, nonce, key, value) {
  const account = signer.publicKey
  const signature = signer.sign(signedBytes(chainId, { account, nonce, key, value }))
  return encode((writer) => writer.raw(account).u64(nonce).text(key).bytes(value).raw(signature))
}

/**
 * One accepted string of bytes for each transaction: `decode` of the codec refuses what is not canonical or has bytes left over, and
 * `verifySignature` accepts no other spelling of a signature.
 *
 * @param {Hash} chainId
 * @param {Uint8Array} bytes
 */
function decodePut(chainId, bytes) {
  const decoded = decode(bytes, (reader) => ({
    account: reader.publicKey(),
    nonce: reader.u64(),
    key: reader.text(MAX_KEY_BYTES),
    value: reader.bytes(MAX_VALUE_BYTES),
    signature: reader.signature(),
  }))
  if (!decoded.ok) return decoded
  const put = decoded.value
  if (!verifySignature(put.account, signedBytes(chainId, put), put.signature))
    return refuse('signature', `expected a signature by account ${toHex(put.account)}, got another one`)
  const id = transactionIdOf(bytes)
  return ok({ ...put, id, idKey: keyOf(id), bytes, sender: keyOf(put.account), gasLimit: 0, work: null })
}

// --- the machine ----------------------------------------------------------------------------------------------------

/**
 * Pure: the same state and the same block lead to the same state, on every machine.
 *
 * @param {Hash} chainId
 * @param {Iterable<readonly [path: Uint8Array, value: Uint8Array]>} entries what the store holds; none at the beginning of the chain
 * @returns {Application}
 */
export function keyValueStore(chainId, entries) {
  const initial = AuthenticatedMap.empty.update([...entries].map(([path, value]) => ({ key: mapKey(path), path, value })))
  return {
    initial: { state: initial, stateRoot: initial.root },
    decode: (bytes) => decodePut(chainId, bytes),
    readiness(state, transaction) {
      const { account, nonce } = /** @type {Put} */ (transaction)
      const expected = nonceOf(state, account)
      const message = `expected nonce ${expected}, got ${nonce}`
      if (nonce < expected) return { status: 'never', code: 'nonce-used', message }
      if (nonce > expected) return { status: 'later', code: 'nonce-gap', message }
      return { status: 'ready' }
    },
    statementOf: () => undefined, // no proofs here, so nothing to cite
    offenceRefusal: (state, offence) =>
      state.has(mapKey(offenceAt(offenceKey(offence))))
        ? { code: 'offence-recorded', message: 'expected one that is not on record' }
        : null,
    execute(parent, _, inputs, offences = []) {
      /** @type {Map<string, import('@aethel/ledger').MapChange>} */
      const changes = new Map()
      const put = (/** @type {Uint8Array} */ path, /** @type {Uint8Array} */ value) => {
        const key = mapKey(path)
        changes.set(keyOf(key), { key, path, value })
      }
      for (const offence of offences) {
        const path = offenceAt(offenceKey(offence))
        const key = mapKey(path)
        if (parent.has(key) || changes.has(keyOf(key))) return refuse('offence-recorded', 'expected each offence once')
        put(path, new Uint8Array(0))
      }
      for (const { transaction } of inputs) {
        const { account, nonce, key, value } = /** @type {Put} */ (transaction)
        const at = mapKey(nonceAt(account))
        const expected = numberIn((changes.get(keyOf(at)) ?? { value: parent.get(at) }).value)
        if (nonce !== expected) return refuse('nonce', `expected nonce ${expected}, got ${nonce}`)
        const next = encode((writer) => writer.u64(nonce + 1))
        put(nonceAt(account), next)
        put(valueAt(key), value)
      }
      const state = parent.update(changes.values())
      return ok({ state, stateRoot: state.root })
    },
    writes(parent, state) {
      const { puts, deletes } = AuthenticatedMap.difference(parent, state)
      return { puts: puts.map(({ path, value }) => /** @type {const} */ ([path, value])), deletes: deletes.map(({ path }) => path) }
    },
  }
}

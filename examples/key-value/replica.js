/**
 * One replica, with a store on the disk and connections to the others. The engine decides; this carries its effects out, and there is one
 * rule that matters (docs/protocol.md §5): **what promises something leaves when all that was to be remembered before it is on the disk.** Here all that
 * one turn of the event loop brings is one append to the store, and whatever goes out waits for it.
 */
import { epoch, equalBytes, height, keyOf, toHex, validatorIndex } from '@aethel/codec'
import { createMessageChecker, createValidatorSet, decodeMessage, encodeMessage } from '@aethel/consensus'
import { hashTagged, signingKey, verifySignature } from '@aethel/crypto'
import { createMesh } from '@aethel/network'
import { BlockServer } from '@aethel/node'
import { createReplica } from '@aethel/replica'
import { openStore } from '@aethel/storage'
import { keyValueStore } from './application.js'

const TIMERS = { floorMs: 2_000, commitFactor: 8, allowanceMs: 1_000, capMs: 60_000, statusMs: 500, batchMs: 5 }
const MEMPOOL = { transactions: 20_000, bytes: 32 << 20, perSender: 1_024, waiting: 1_024, maxWaitBlocks: 64, verdicts: 1 }
const BLOCK = { transactions: 1_000, bytes: 1 << 20, gas: 0 }

/**
 * What all replicas of a chain have in common.
 *
 * @typedef {{
 *   chainId: import('@aethel/codec').Hash,
 *   validators: readonly { publicKey: import('@aethel/codec').PublicKey, networkKey: import('@aethel/codec').PublicKey, host: string, port: number }[],
 * }} Chain
 */

/** @typedef {Awaited<ReturnType<typeof startReplica>>} RunningReplica */

/** A transaction that will not be final; `code` says why. */
export class Refused extends Error {
  /** @param {{ readonly code: string, readonly message: string }} refusal */
  constructor({ code, message }) {
    super(message)
    this.code = code
  }
}

const stopped = () => new Refused({ code: 'stopped', message: 'the replica has stopped; ask another one' })

/**
 * The keys of one validator: one signs votes, the other is for connections. Nobody else may know the seed.
 *
 * @param {Uint8Array} seed 32 random bytes
 */
export function keysOf(seed) {
  const consensusSeed = /** @type {import('@aethel/crypto').SecretSeed} */ (hashTagged('key-value/consensus-key/v1', seed))
  const networkSeed = /** @type {import('@aethel/crypto').SecretSeed} */ (hashTagged('key-value/network-key/v1', seed))
  return { consensus: signingKey(consensusSeed), networkSeed, networkKey: signingKey(networkSeed).publicKey }
}

/**
 * What happens at a replica, for whoever wants to know.
 *
 * @typedef {{
 *   onCommitted?: (block: import('@aethel/consensus').Block) => void,
 *   onEvent?: (event: object) => void,
 *   onStopped?: (error: Error) => void,
 * }} Listeners
 */

/**
 * `isNew`: this validator has never run. Only then may it begin without a store: one that has lost its votes must not vote again as if it
 * had never signed anything.
 *
 * @param {{ chain: Chain, index: number, seed: Uint8Array, folder: string, isNew: boolean } & Listeners} options
 */
export async function startReplica({ chain, index, seed, folder, isNew, ...listeners }) {
  /** @type {(error: Error) => void} */
  let onFailure = () => undefined
  const store = await openStore(folder, {
    chainId: chain.chainId,
    whenMissing: isNew ? 'genesis' : 'refuse',
    onFailure: (error) => onFailure(error),
  })
  try {
    const replica = await run(store, { chain, index, keys: keysOf(seed), ...listeners })
    onFailure = replica.stopBy
    return replica
  } catch (error) {
    await store.close()
    throw error
  }
}

/**
 * @param {import('@aethel/storage').Store} store
 * @param {{ chain: Chain, index: number, keys: ReturnType<typeof keysOf> } & Listeners} options
 */
async function run(store, { chain, index, keys, onCommitted, onEvent, onStopped }) {
  const { chainId } = chain
  const set = createValidatorSet(
    epoch(0),
    chain.validators.map(({ publicKey }) => ({ publicKey, power: 1n })),
  )
  if (!set.ok) throw new Refused(set.error)
  const validators = set.value
  const own = chain.validators[index]
  if (own === undefined) throw new Error(`expected a validator below ${chain.validators.length}, got ${index}`)

  const durable = await store.loadDurable({ height: height(0), hash: chainId, timestampMs: 0 })
  const application = keyValueStore(chainId, await store.loadState())
  const header = store.tip === undefined ? undefined : store.header(store.tip.height)
  if (header !== undefined && !equalBytes(header.stateRoot, application.initial.stateRoot))
    throw new Error(`expected the stored state to have root ${toHex(header.stateRoot)}, which block ${header.height} certifies`)

  const replica = createReplica({
    consensus: {
      chainId,
      validators,
      self: validatorIndex(index),
      window: 8,
      clockDriftMs: 5_000,
      timers: TIMERS,
      sign: (bytes) => keys.consensus.sign(bytes),
    },
    durable,
    application,
    mempool: MEMPOOL,
    block: BLOCK,
    order: 'fifo',
    evidence: await store.evidence(),
  })
  const checker = createMessageChecker({ chainId, validators, verifySignature, blockTransactions: BLOCK.transactions })
  const blocks = new BlockServer(store, 0)

  /** @type {Map<string, NodeJS.Timeout>} */
  const timers = new Map()
  /** Whoever waits for a transaction, by the key of its id. @type {Map<string, { resolve: (at: { height: number }) => void, reject: (refusal: Refused) => void }>} */
  const clients = new Map()
  /** What this turn has brought. @type {import('@aethel/storage').StoreRecord[]} */
  let records = []
  /** What waits for these. @type {(() => void)[]} */
  let releases = []
  let isFlushDue = false
  let isStopped = false
  let published = replica.committed.height
  let state = replica.state

  // --- in: whatever happens is an input, and one thing after the other ------------------------------------------------

  /** @param {import('@aethel/replica').ReplicaInput} input */
  const input = (input) => {
    if (isStopped) return
    try {
      for (const effect of replica.step(input)) carryOut(effect)
    } catch (error) {
      return stopBy(error)
    }
    if (isFlushDue) return
    isFlushDue = true
    setImmediate(flush)
  }

  const mesh = await createMesh({
    chainId,
    seed: keys.networkSeed,
    listen: own,
    peers: chain.validators.flatMap((validator, at) => (at === index ? [] : [{ index: validatorIndex(at), ...validator }])),
    handlers: {
      onMessage: (from, bytes) => {
        const decoded = decodeMessage(bytes)
        if (!decoded.ok) return mesh.misbehaved(from, decoded.error.code, decoded.error.message)
        if (!replica.wants(from, decoded.value)) return // late, or not asked for: it costs no signature check
        const checked = checker.check(decoded.value)
        if (!checked.ok) return mesh.misbehaved(from, checked.error.code, checked.error.message)
        input({ kind: 'message', from, message: checked.value, nowMs: Date.now() })
      },
      onTransactions: (from, encoded) => {
        const transactions = []
        for (const bytes of encoded) {
          const decoded = application.decode(bytes)
          if (!decoded.ok) return mesh.misbehaved(from, decoded.error.code, decoded.error.message)
          transactions.push(decoded.value)
        }
        input({ kind: 'transactions', from, transactions, nowMs: Date.now() })
      },
      onConnected: (peer) => input({ kind: 'connected', peer, nowMs: Date.now() }),
      // In a turn of its own: what cut the connection may be an effect that is being carried out.
      onLost: (peer) => queueMicrotask(() => input({ kind: 'disconnected', peer, nowMs: Date.now() })),
      onRoundTrip: (peer, roundTripMs) => input({ kind: 'round-trip', peer, roundTripMs }),
      onMisbehaving: (peer, code, message) => onEvent?.({ name: 'misbehaving', peer, code, message }),
      onStranger: (address, code, message) => onEvent?.({ name: 'stranger', address, code, message }),
    },
  })

  // --- out ------------------------------------------------------------------------------------------------------------

  /** @param {import('@aethel/replica').ReplicaEffect} effect */
  const carryOut = (effect) => {
    switch (effect.kind) {
      // To be remembered.
      case 'persist':
        records.push(...effect.records)
        return
      case 'evidence':
      case 'forget-evidence':
        records.push(effect)
        return
      case 'commit': {
        const { block, certificate, writes, transactions, gas } = effect
        records.push({ kind: 'commit', block, certificate, writes, gas, transactionIds: transactions.map(({ id }) => id) })
        const after = replica.state
        releases.push(() => {
          published = block.header.height
          state = after
          for (const { idKey } of transactions) settle(idKey, (client) => client.resolve({ height: block.header.height }))
          onCommitted?.(block)
        })
        return
      }
      // To be sent, afterwards.
      case 'send':
        releases.push(() => mesh.send(effect.to, encodeMessage(effect.message)))
        return
      case 'gossip':
        releases.push(() =>
          mesh.gossip(
            effect.to,
            effect.transactions.map(({ bytes }) => bytes),
          ),
        )
        return
      case 'serve':
        releases.push(() => {
          const served = blocks.serve(effect.to, effect.from, published, performance.now())
          if (served !== undefined) mesh.sendIfRead(effect.to, served.bytes)
        })
        return
      // To be told.
      case 'admission':
        if (effect.admission.status === 'refused') refuse(effect.admission)
        return
      case 'dropped':
        return refuse(effect)
      case 'blame':
        return mesh.misbehaved(effect.peer, effect.refusal.code, effect.refusal.message)
      case 'event':
        return onEvent?.(effect.event)
      case 'fork':
        return onEvent?.({ name: 'fork', height: effect.height }) // more than a third are faulty: nothing is signed from here on
      // To be called back.
      case 'set-timer': {
        const { timer, afterMs } = effect
        clearTimeout(timers.get(timer))
        timers.set(
          timer,
          setTimeout(() => input({ kind: 'timer', timer, nowMs: Date.now() }), afterMs),
        )
        return
      }
      case 'cancel-timer':
        clearTimeout(timers.get(effect.timer))
        return
      default:
        throw new Error(`expected no effect ${effect.kind} on a chain without proofs, blobs and snapshots`)
    }
  }

  const flush = () => {
    isFlushDue = false
    if (isStopped) return
    const released = releases
    store.append(records, () => {
      if (isStopped) return
      for (const release of released) release()
      mesh.flush()
    })
    records = []
    releases = []
  }

  // --- clients --------------------------------------------------------------------------------------------------------

  /** @param {string} idKey @param {(client: { resolve: (at: { height: number }) => void, reject: (refusal: Refused) => void }) => void} tell */
  const settle = (idKey, tell) => {
    const client = clients.get(idKey)
    clients.delete(idKey)
    if (client !== undefined) tell(client)
  }
  /** @param {{ id: import('@aethel/codec').Hash, refusal: import('@aethel/codec').Refusal }} refused */
  const refuse = ({ id, refusal }) => settle(keyOf(id), (client) => client.reject(new Refused(refusal)))

  /** @param {unknown} error */
  const stopBy = (error) => {
    if (isStopped) return
    void close()
    onStopped?.(error instanceof Error ? error : new Error(String(error)))
  }
  const close = async () => {
    isStopped = true
    for (const timer of timers.values()) clearTimeout(timer)
    for (const { reject } of clients.values()) reject(stopped())
    clients.clear()
    await mesh.close()
    await store.close().catch(() => undefined)
  }

  input({ kind: 'start', nowMs: Date.now() })

  return {
    /** The newest state that is durable here; never read a state that is not. */
    get state() {
      return state
    },
    get height() {
      return published
    },
    /**
     * Resolves when the transaction is final and durable here; rejects with `Refused`.
     *
     * @param {Uint8Array} bytes
     * @returns {Promise<{ height: number }>}
     */
    submit: (bytes) =>
      new Promise((resolve, reject) => {
        const decoded = application.decode(bytes)
        if (!decoded.ok) return reject(new Refused(decoded.error))
        if (isStopped) return reject(stopped())
        const { idKey } = decoded.value
        if (clients.has(idKey)) return reject(new Refused({ code: 'known-transaction', message: 'somebody waits for this one already' }))
        clients.set(idKey, { resolve, reject })
        input({ kind: 'submit', request: 0, transaction: decoded.value, nowMs: Date.now() })
      }),
    close,
    stopBy,
  }
}

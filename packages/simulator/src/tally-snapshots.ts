/**
 * The tally machine's state in chunks: the log that led to it, from the newest entry down. The root is a hash chain, so a chunk
 * proves itself by leading from the root below it to the one that is asked for; the next chunk is asked for by the root below.
 */
import {
  decode,
  EMPTY_BYTES,
  encode,
  equalBytes,
  HASH_BYTES,
  type Hash,
  hash,
  keyOf,
  ok,
  type Reader,
  type Refusal,
  type Result,
  refuse,
  ZERO_HASH,
} from '@aethel/codec'
import type { CheckedChunk, Snapshots } from '@aethel/replica'
import { decodeTally, TALLY_GENESIS, type TallyItem, type TallyState, tallyRootWith } from './tally-state.js'

const MAX_ITEMS = 4096
const MAX_ITEM_BYTES = 1024
/** An item without its bytes. */
const ITEM_OVERHEAD = 8

export const tallySnapshots: Snapshots<TallyState> = {
  lanes: 1,
  chunk(state, { lane, cursor }, bytes) {
    if (lane !== 0) return null
    const top = cursor.length === 0 ? state.root : cursor
    let log = state.log
    let above = state.root
    while (log !== null && !equalBytes(above, top)) {
      above = log.rootBelow
      log = log.below
    }
    if (!equalBytes(above, top)) return null
    const items: TallyItem[] = []
    let left = bytes
    for (; log !== null && items.length < MAX_ITEMS && (left > 0 || items.length === 0); log = log.below) {
      items.push(log.item)
      above = log.rootBelow
      left -= ITEM_OVERHEAD + ('offence' in log.item ? log.item.offence.length : log.item.transaction.length)
    }
    return encodeChunk(above, items.reverse())
  },
  check(stateRoot, { lane, cursor }, chunk): Result<CheckedChunk, Refusal> {
    if (lane !== 0 || (cursor.length !== 0 && cursor.length !== HASH_BYTES)) return refuse('chunk-place', 'expected a place in lane 0')
    const decoded = decode(chunk, readChunk)
    if (!decoded.ok) return decoded
    const { rootBelow, items } = decoded.value
    const expected = cursor.length === 0 ? stateRoot : hash(cursor)
    const root = items.reduce<Hash>(tallyRootWith, rootBelow)
    if (!equalBytes(root, expected)) return refuse('chunk-root', 'expected a part of the log that leads to the root, got another')
    const isGround = equalBytes(rootBelow, ZERO_HASH)
    if (items.length === 0 && !(isGround && equalBytes(expected, ZERO_HASH))) return refuse('chunk-empty', 'expected at least one entry')
    return ok({ puts: [[expected, chunk]], next: isGround ? null : rootBelow })
  },
  restore(stateRoot, puts) {
    const chunks = new Map(puts.map(([root, chunk]) => [keyOf(root), chunk]))
    const parts: (readonly TallyItem[])[] = []
    for (let root: Hash = stateRoot; !equalBytes(root, ZERO_HASH) && parts.length <= chunks.size; ) {
      const decoded = decode(chunks.get(keyOf(root)) ?? EMPTY_BYTES, readChunk)
      if (!decoded.ok) return decoded
      parts.push(decoded.value.items)
      root = decoded.value.rootBelow
    }
    return replay(stateRoot, parts.reverse().flat())
  },
}

/** By the entries themselves: what a transaction does to its account is written in it. */
function replay(stateRoot: Hash, items: readonly TallyItem[]): Result<TallyState, Refusal> {
  let { root, log } = TALLY_GENESIS
  const nonces = [...TALLY_GENESIS.nonces]
  const offences: string[] = []
  for (const item of items) {
    if ('offence' in item) offences.push(item.offence)
    else {
      const transaction = decodeTally(item.transaction)
      if (!transaction.ok) return transaction
      nonces[transaction.value.account] = transaction.value.nonce + 1
    }
    log = { below: log, rootBelow: root, item }
    root = tallyRootWith(root, item)
  }
  if (!equalBytes(root, stateRoot)) return refuse('state-root', 'expected the chunks of one whole state')
  return ok({ root, nonces, offences, log })
}

function encodeChunk(rootBelow: Hash, items: readonly TallyItem[]): Uint8Array {
  return encode((writer) =>
    writer.raw(rootBelow).list(items, (w, item) => {
      if ('offence' in item) w.u8(1).text(item.offence)
      else w.u8(0).bytes(item.transaction)
    }),
  )
}

function readChunk(reader: Reader): { readonly rootBelow: Hash; readonly items: readonly TallyItem[] } {
  const rootBelow = reader.hash()
  const items = reader.list(MAX_ITEMS, (r): TallyItem => {
    const kind = r.u8()
    if (kind > 1) return r.fail('chunk-item', `expected an entry of kind 0 or 1, got ${kind}`)
    return kind === 1 ? { offence: r.text(MAX_ITEM_BYTES) } : { transaction: r.bytes(MAX_ITEM_BYTES) }
  })
  return { rootBelow, items }
}

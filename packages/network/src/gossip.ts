/** Transactions in frames: lists of them, cut so that none is longer or has more than a frame may. */
import { byteStrings, decode, encode, type Refusal, type Result } from '@aethel/codec'
import { FRAME, frameOf } from './frames.js'

const MAX_GOSSIP_TRANSACTIONS = 4096

/** In order; a transaction that alone is more than a quarter of the bound has a frame to itself. */
export function* transactionFrames(transactions: readonly Uint8Array[], maxFrameBytes: number): Generator<Uint8Array> {
  for (let from = 0; from < transactions.length; ) {
    let end = from
    let bytes = 4
    while (
      end < transactions.length &&
      end - from < MAX_GOSSIP_TRANSACTIONS &&
      (end === from || bytes + (transactions[end] as Uint8Array).length + 4 < maxFrameBytes / 4)
    ) {
      bytes += (transactions[end++] as Uint8Array).length + 4
    }
    const payload = encode((writer) => writer.list(transactions.slice(from, end), (w, transaction) => w.bytes(transaction)))
    yield frameOf(FRAME.transactions, payload)
    from = end
  }
}

export function decodeTransactions(payload: Uint8Array, maxFrameBytes: number): Result<readonly Uint8Array[], Refusal> {
  return decode(payload, (reader) => reader.longList(MAX_GOSSIP_TRANSACTIONS, byteStrings(maxFrameBytes)))
}

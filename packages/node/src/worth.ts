/**
 * What a peer's message is charged (network/allowance.ts): microseconds of work, estimated by what it makes us do. Free is what can
 * only come when it was asked for, the first proposal for a slot, and the first certificate for a ballot; votes cost what checking them
 * does, and progress pays for them.
 */
import type { Certificate, Message } from '@aethel/consensus'

/** A signature check, the hash of what is signed, and the step. */
const CHECKED_US = 100
/** One point is read and added; the pairing is one for all that make up a certificate. */
const SUMMED_US = 50
/** The sum of a certificate's shares, checked by one pairing; whoever has shares of more than a quorum can make ever new sums of them. */
const SUM_US = 1_300
/** Decoding, and a look at the state. */
const UNWANTED_US = 10
/** Large messages are decoded at about 50 MB/s, hashes of transactions included. */
const UNWANTED_BYTES_PER_US = 50
const SERVED_BYTES_PER_US = 16
/** Two votes of each peer go with every block; twice that, for those that are sent again. */
export const GRANT_PER_BLOCK_US: number = 4 * CHECKED_US
/** Hashing a transaction, and a look into the index. */
export const KNOWN_TRANSACTION_US = 10
/** Peers that were given the same transaction by its client each pass it on. */
export const GRANT_PER_TRANSACTION_US: number = 2 * KNOWN_TRANSACTION_US

/** Of a message that was not worth checking. */
export function priceOfUnwanted(bytes: number): number {
  return UNWANTED_US + bytes / UNWANTED_BYTES_PER_US
}

/** Of blocks that the peer was given before: read, decoded and encoded. The first time is free, or nobody could catch up. */
export function priceOfServing(bytes: number): number {
  return bytes / SERVED_BYTES_PER_US
}

/** Of a message that was checked and handled. */
export function priceOf(message: Message, bytes: number): number {
  switch (message.kind) {
    case 'blocks':
    case 'block':
    case 'block-transactions': // wanted only if it was asked for, like these
    case 'blob-part':
    case 'blob-absent':
    case 'certificate': // wanted once for each ballot, and a quorum has voted for that
      return 0
    case 'blob-held':
      return UNWANTED_US * message.blobs.length
    case 'pre-prepare': // unless it is the first for its slot: the driver knows
      return CHECKED_US + bytes / UNWANTED_BYTES_PER_US + priceOfSum(message.block.body.lastCertificate)
    case 'compact-pre-prepare': // likewise
      return CHECKED_US + bytes / UNWANTED_BYTES_PER_US + priceOfSum(message.lastCertificate)
    case 'snapshot': // unless it was asked for: the driver knows
      return CHECKED_US + bytes / UNWANTED_BYTES_PER_US + priceOfSum(message.offer.certificate)
    case 'chunk': // unless it was asked for: the driver knows
      return CHECKED_US + bytes / UNWANTED_BYTES_PER_US
    case 'vote':
      return CHECKED_US
    case 'sum':
      return SUMMED_US
    case 'view-change':
    case 'new-view':
      return CHECKED_US + bytes + priceOfSum(message.certificate)
    case 'status':
    case 'fetch':
    case 'view-claim':
    case 'evidence':
      return CHECKED_US + bytes // what makes these long is signatures, of 64 bytes each
  }
}

function priceOfSum(certificate: Certificate | null): number {
  return certificate?.scheme === 'bls12-381' ? SUM_US : 0
}

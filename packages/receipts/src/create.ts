/**
 * Making a receipt, which any node that has the state and a certificate can do: the claim need not be of that block. Any
 * later state still holds its record, so one certified header serves for all claims finalised up to it.
 */
import { type Hash, ok, type Refusal, type Result, refuse, toHex, utf8 } from '@aethel/codec'
import type { Certificate, Header } from '@aethel/consensus'
import type { LedgerState } from '@aethel/ledger'
import { mapKey } from '@aethel/ledger/merkle'
import { claimPath, decodeClaimRecord } from '@aethel/ledger/records'
import { encodeReceipt } from './receipt.js'

export interface ReceiptSource {
  readonly header: Header
  /** Commit certificate of `header`, or of the last of `trail`. */
  readonly certificate: Certificate
  /** Headers that follow `header`, each the child of the one before, where its own height has no certificate. */
  readonly trail?: readonly Header[]
  /** The state after `header`'s block. */
  readonly state: LedgerState
  readonly claimId: Hash
  /** Canonical claim bytes, from the transaction; the state holds them for library theorems only. */
  readonly claim?: Uint8Array
}

/** The bytes of a receipt file for a finalised claim. */
export function createReceipt(source: ReceiptSource): Result<Uint8Array, Refusal> {
  const { certificate, claimId, header, state, trail = [] } = source
  const key = mapKey(claimPath(claimId))
  const record = state.entries.get(key)
  if (record === undefined)
    return refuse(
      'claim-not-final',
      `expected a claim finalised by height ${header.height}, got ${toHex(claimId)}, which is not; wait for its block`,
    )
  const decoded = decodeClaimRecord(record)
  if (!decoded.ok) return decoded
  const claim = state.statements.get(claimId) ?? source.claim
  if (claim === undefined)
    return refuse(
      'claim-bytes',
      `expected the claim bytes of ${toHex(claimId)} with the request, because the state keeps them for library theorems only`,
    )
  const { kind, proofHash } = decoded.value
  const text = encodeReceipt({
    chainId: header.chainId,
    kind,
    claimId,
    claim,
    proofHash,
    record,
    path: state.entries.prove(key),
    header,
    trail,
    certificate,
  })
  return ok(utf8(text))
}

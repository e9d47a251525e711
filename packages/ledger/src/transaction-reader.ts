/** Transactions as the ledger knows them: all that can be read from one, and refused, without a state. */
import {
  assert,
  encode,
  equalBytes,
  err,
  type Hash,
  keyOf,
  ok,
  type PublicKey,
  type Refusal,
  type Result,
  refuse,
  toHex,
} from '@aethel/codec'
import type { BlobRef, VerifySignature } from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { type Transaction, transactionIdOf, type VerificationWork } from '@aethel/replica'
import { chainIdOf, type Genesis } from './genesis.js'
import type { LedgerKind } from './kinds.js'
import { mapKey } from './merkle.js'
import { accountPath, claimPath, labelPath, MAX_LABEL_BYTES, proofHashOf } from './records.js'
import { decodeTransaction, INLINE_PROOF_BYTES, type SignedTransaction, type SubmitProof, useSigningBytes } from './transaction.js'
import { checkUpdate, type UpdateValidators } from './validators.js'

/** A transaction of this ledger: what `decode` returns. */
export interface LedgerTransaction extends Transaction {
  readonly account: PublicKey
  readonly expiryHeight: number
  readonly action: SignedTransaction['action']['type']
  /** The claim's place in a library, where its kind has libraries. */
  readonly place: { readonly library: string; readonly label: string } | null
  /** What the submitter says the claim was made from; for searching, never for deciding. */
  readonly sourceDigest: Hash | null
  /** Of the proof bytes, or the root of the blob; null without a proof. */
  readonly proofHash: Hash | null
  /** `keyOf` of the claim: it is looked up often. */
  readonly claimKey: string
  /** Where the account, the claim and its label live in the authenticated maps: hashed once, looked up at every step. */
  readonly accountAt: Hash
  readonly claimAt: Hash | null
  readonly labelAt: Hash | null
  /** Changes of the validators; null for other actions. */
  readonly update: UpdateValidators | null
}

/** A few hundred bytes each. */
const MAX_ACCOUNTS_AT_HAND = 8_192

export class TransactionReader {
  readonly #genesis: Genesis
  readonly #chainId: Hash
  readonly #verifySignature: VerifySignature
  readonly #kinds = new Map<string, LedgerKind>()
  /** Where accounts that sent something lately live in the entries, by `keyOf` the public key. */
  readonly #accountsAt = new Map<string, Hash>()

  constructor(genesis: Genesis, kinds: readonly LedgerKind[], verifySignature: VerifySignature) {
    this.#genesis = genesis
    this.#chainId = chainIdOf(genesis)
    this.#verifySignature = verifySignature
    for (const kind of kinds) this.#kinds.set(kind.verifier.kind, kind)
  }

  decode(bytes: Uint8Array, id: Hash = transactionIdOf(bytes)): Result<LedgerTransaction, Refusal> {
    const decoded = decodeTransaction(bytes)
    if (!decoded.ok) return decoded
    const transaction = decoded.value
    if (!equalBytes(transaction.chainId, this.#chainId)) {
      return refuse('chain-id', `expected a transaction for chain ${toHex(this.#chainId)}, got one for ${toHex(transaction.chainId)}`)
    }
    if (transaction.fee !== 0n)
      return refuse('fee-not-zero', `expected a fee of 0, because this chain has no economy yet, got ${transaction.fee}`)
    const kind = transaction.action.type === 'submit-proof' ? this.#admissibleKind(transaction.action) : null
    if (kind !== null && !kind.ok) return kind
    const { sender, signature } = transaction
    if (!useSigningBytes(bytes, (message) => this.#verifySignature(sender, message, signature))) {
      return refuse(
        'signature',
        `expected a valid Ed25519 signature of the sender ${toHex(transaction.sender)}; sign the canonical bytes with its key`,
      )
    }
    const proof = transaction.action.type === 'submit-proof' && kind !== null ? readProof(kind.value, transaction.action) : null
    if (proof !== null && !proof.ok) return proof
    const update = transaction.action.type === 'update-validators' ? transaction.action : null
    const approved = update === null ? null : this.#checkUpdate(update)
    if (approved !== null && !approved.ok) return approved
    return ok({
      id,
      idKey: keyOf(id),
      bytes,
      sender: keyOf(transaction.sender),
      nonce: transaction.nonce,
      work: proof === null ? null : proof.value.work,
      account: transaction.sender,
      expiryHeight: transaction.expiryHeight,
      gasLimit: transaction.gasLimit,
      action: transaction.action.type,
      place: proof === null ? null : proof.value.place,
      sourceDigest: transaction.action.type === 'submit-proof' ? (transaction.action.metadata?.sourceDigest ?? null) : null,
      proofHash: proof === null ? null : proof.value.proofHash,
      claimKey: proof === null ? '' : keyOf(proof.value.work.claimId),
      accountAt: this.accountAt(transaction.sender),
      claimAt: proof === null ? null : mapKey(claimPath(proof.value.work.claimId)),
      labelAt: proof === null || proof.value.place === null ? null : mapKey(labelPath(proof.value.place.label)),
      update,
    })
  }

  #checkUpdate(update: UpdateValidators): Result<null, Refusal> {
    const governance = this.#genesis.governance ?? null
    return checkUpdate(update, { chainId: this.#chainId, governance, verifySignature: this.#verifySignature })
  }

  #admissibleKind(action: SubmitProof): Result<LedgerKind, Refusal> {
    const kind = this.#kinds.get(action.kind)
    if (kind === undefined) {
      return refuse(
        'unknown-kind',
        `expected one of the proof kinds ${[...this.#kinds.keys()].join(', ')}, got ${JSON.stringify(action.kind)}`,
      )
    }
    const { blob } = action
    const refusal = blob === undefined ? null : blobRefusal(this.#genesis.parameters, kind, blob)
    if (refusal !== null) return err(refusal)
    const maxProofBytes = Math.min(this.#genesis.parameters.maxProofBytes, kind.verifier.limits.proofBytes)
    if (action.proof.length > maxProofBytes)
      return refuse('proof-too-large', `expected a proof of at most ${maxProofBytes} bytes, got ${action.proof.length}`)
    const maxClaimBytes = kind.verifier.limits.claimBytes
    if (action.claim.length > maxClaimBytes)
      return refuse('claim-too-large', `expected a claim of at most ${maxClaimBytes} bytes, got ${action.claim.length}`)
    return ok(kind)
  }

  /** Transactions come back as `decode` made them; one that was copied field by field on its way is read again. */
  ledgerTransaction(transaction: Transaction): LedgerTransaction {
    if ('account' in transaction && 'place' in transaction) return transaction as LedgerTransaction
    const decoded = this.decode(transaction.bytes)
    assert(decoded.ok, 'a transaction that was decoded before does not decode')
    return decoded.value
  }

  /** Where the account lives in the authenticated map. */
  accountAt(account: PublicKey): Hash {
    const key = keyOf(account)
    const known = this.#accountsAt.get(key)
    if (known !== undefined) return known
    if (this.#accountsAt.size >= MAX_ACCOUNTS_AT_HAND) this.#accountsAt.clear()
    const at = mapKey(accountPath(account))
    this.#accountsAt.set(key, at)
    return at
  }
}

interface ReadProof {
  readonly work: VerificationWork
  readonly place: { readonly library: string; readonly label: string } | null
  readonly proofHash: Hash
}

function readProof(kind: LedgerKind, action: SubmitProof): Result<ReadProof, Refusal> {
  const parsed = kind.verifier.parseClaim(action.claim)
  if (!parsed.ok) return parsed
  const { claim, claimId } = parsed.value
  const { blob } = action
  const citations = blob === undefined ? kind.verifier.citationsOf(claim, action.proof) : ok([]) // kinds that cite take no blobs
  if (!citations.ok) return citations
  const place = kind.describe === undefined ? null : kind.describe(claim)
  if (place !== null && encode((writer) => writer.text(place.label)).length - 4 > MAX_LABEL_BYTES) {
    return refuse('label-too-long', `expected a label of at most ${MAX_LABEL_BYTES} bytes`)
  }
  const proofHash = blob?.root ?? proofHashOf(action.proof)
  const key = hashTagged(
    'aethel/verdict/v1',
    encode((writer) => writer.text(action.kind).raw(claimId).raw(proofHash)),
  )
  const cites = citations.value.map((citation) => keyOf(citation.claimId))
  const work: VerificationWork = { key, kind: action.kind, claim: action.claim, proof: action.proof, claimId, cites }
  return ok({ work: blob === undefined ? work : { ...work, blob }, place, proofHash })
}

/** The chain and the kind must admit blobs; and what fits a transaction comes in one, so that nobody has to fetch crumbs. */
function blobRefusal({ maxBlobBytes, maxProofBytes }: Genesis['parameters'], { verifier }: LedgerKind, blob: BlobRef): Refusal | null {
  const { kind, streamed } = verifier
  if (maxBlobBytes === 0)
    return { code: 'no-blobs', message: 'expected the proof in the transaction, because genesis of this chain admits no blobs' }
  if (streamed === undefined)
    return { code: 'no-blobs', message: `expected the proof in the transaction, because proofs of ${kind} cannot be checked in pieces` }
  const [least, most] = [Math.min(maxProofBytes, INLINE_PROOF_BYTES) + 1, Math.min(maxBlobBytes, streamed.limits.proofBytes)]
  if (blob.bytes < least)
    return {
      code: 'blob-too-small',
      message: `expected a blob of at least ${least} bytes, got ${blob.bytes}; send the proof in the transaction`,
    }
  if (blob.bytes > most) return { code: 'proof-too-large', message: `expected a proof of at most ${most} bytes, got ${blob.bytes}` }
  return null
}

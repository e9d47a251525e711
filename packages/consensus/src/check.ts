/**
 * The edge: everything a peer sends is checked here, once, before the core sees it (architecture.md). The result type
 * `Verified` is the only way in. Checks are pure; a refusal names what was wrong, and the driver blames the peer.
 */
import {
  assert,
  equalBytes,
  type Hash,
  type Height,
  indicesOf,
  keyOf,
  keyOfFirst32,
  ok,
  type PublicKey,
  type Refusal,
  type Result,
  refuse,
  type Signature,
  type ValidatorIndex,
} from '@aethel/codec'
import { hashTagged } from '@aethel/crypto'
import {
  type Block,
  type Body,
  checkBody,
  createBlock,
  type Header,
  hashHeader,
  MAX_BLOCK_TRANSACTIONS,
  restMatchesHeader,
} from './block.js'
import {
  type Aggregate,
  type Ballot,
  type Certificate,
  type CertificateContext,
  compareCertificates,
  hashCertificate,
  type VerifyAggregate,
  type VerifySignature,
  type Vote,
  verifyCertificate,
  voteBytes,
} from './certificate.js'
import type { CompactPrePrepare } from './compact.js'
import { type EpochLength, lastHeightOf, originHeightOf } from './epochs.js'
import { checkBlockEvidence, checkEvidenceForm, type EvidenceContext } from './evidence.js'
import { newViewBytes, statusBytes, viewChangeBytes, viewClaimBytes } from './message-bytes.js'
import type { Blocks, Message, NewView, PrePrepare, Status, ViewChange, ViewChangeEntry, ViewClaim, VoteMessage } from './messages.js'
import { isQuorum, leaderOf, type ValidatorSet } from './validators.js'

declare const verified: unique symbol
export type Verified<T extends Message> = T & { readonly [verified]: true }
export type VerifiedMessage = Verified<Message>

/**
 * Signatures and certificates remembered as checked, each. An entry takes its key (80 bytes), the signature (150), what was signed
 * (at most 260) and 100 for the rest, whatever it stands for: less than 600 bytes, so at most 19 MiB.
 */
const MAX_REMEMBERED = 32_768
/** What is signed is remembered as it is, or by its hash if it is longer: a vote is 104 bytes, a VIEW-CHANGE 139. */
const MAX_REMEMBERED_BYTES = 160

interface RememberedSignature {
  readonly publicKey: PublicKey
  readonly subject: Uint8Array
  readonly signature: Signature
}

function isSame(known: RememberedSignature, publicKey: PublicKey, subject: Uint8Array, signature: Signature): boolean {
  return equalBytes(known.signature, signature) && equalBytes(known.publicKey, publicKey) && equalBytes(known.subject, subject)
}

/**
 * Checks messages for one chain and validator set. It remembers what it has verified, so that a vote relayed twice, or a
 * certificate made of votes already seen, costs no second signature check. Memory is bounded; forgetting only costs time.
 */
export interface MessageChecker {
  check(message: Message): Result<VerifiedMessage, Refusal>
  checkCertificate(certificate: Certificate): Result<Certificate, Refusal>
}

export interface CheckerOptions {
  readonly chainId: Hash
  /** Of the one epoch whose messages pass. */
  readonly validators: ValidatorSet
  readonly verifySignature: VerifySignature
  readonly verifyAggregate?: VerifyAggregate
  /** 0 or left out: one epoch without an end. */
  readonly epochLength?: EpochLength
  /** Of the chain: what is above it is refused before it is hashed. What the decoder allows, if left out. */
  readonly blockTransactions?: number
  /** Null or left out in the first epoch. */
  readonly previous?: { readonly validators: ValidatorSet; readonly height: Height; readonly hash: Hash } | null
}

export function createMessageChecker(options: CheckerOptions): MessageChecker {
  const { chainId, validators, verifyAggregate, epochLength = 0, previous = null, blockTransactions = MAX_BLOCK_TRANSACTIONS } = options
  const firstHeight = originHeightOf(epochLength, validators.epoch) + 1
  const lastHeight = lastHeightOf(epochLength, validators.epoch)
  const rememberedSignatures = new BoundedMap<RememberedSignature>()
  const rememberedCertificates = new BoundedMap<true>()

  const verifySignature: VerifySignature = (publicKey, message, signature) => {
    const key = keyOfFirst32(signature)
    const subject = message.length <= MAX_REMEMBERED_BYTES ? message : hashTagged('aethel/remembered/v1', message)
    const known = rememberedSignatures.get(key)
    if (known !== undefined && isSame(known, publicKey, subject, signature)) return true
    if (!options.verifySignature(publicKey, message, signature)) return false
    rememberedSignatures.set(key, { publicKey, subject, signature })
    return true
  }

  const signedBy = (sender: ValidatorIndex, message: Uint8Array, signature: Signature): Result<null, Refusal> => {
    const validator = validators.validators[sender]
    if (validator === undefined)
      return refuse('unknown-validator', `expected a validator 0..${validators.validators.length - 1}, got ${sender}`)
    if (!verifySignature(validator.publicKey, message, signature))
      return refuse('signature', `expected a valid signature of validator ${sender}`)
    return ok(null)
  }

  const sameEpoch = (epoch: number): Result<null, Refusal> =>
    epoch === validators.epoch ? ok(null) : refuse('epoch', `expected epoch ${validators.epoch}, got ${epoch}`)

  const contextOf = (signers: ValidatorSet): CertificateContext => ({
    chainId,
    validators: signers,
    verifySignature,
    ...(verifyAggregate === undefined ? {} : { verifyAggregate }),
  })

  const verifyOnce = (context: CertificateContext, certificate: Certificate): Result<Certificate, Refusal> => {
    const key = keyOf(hashCertificate(certificate)) // of a fixed size: a peer chooses how long a certificate is
    if (rememberedCertificates.get(key) !== undefined) return ok(certificate)
    const result = verifyCertificate(context, certificate)
    if (result.ok) rememberedCertificates.set(key, true)
    return result
  }

  const checkCertificate = (certificate: Certificate): Result<Certificate, Refusal> => {
    // A certificate of the epoch before may be remembered as good, and is still none of ours.
    const epoch = sameEpoch(certificate.epoch)
    if (!epoch.ok) return refuse('certificate-epoch', epoch.error.message)
    return verifyOnce(contextOf(validators), certificate)
  }

  const checkVote = (vote: Vote): Result<null, Refusal> => {
    const epoch = sameEpoch(vote.epoch)
    if (!epoch.ok) return epoch
    if ((vote.share !== undefined) !== (validators.scheme === 'bls12-381')) {
      return refuse('share', `expected votes ${vote.share === undefined ? 'with' : 'without'} a share on a chain of ${validators.scheme}`)
    }
    return signedBy(vote.sender, voteBytes(chainId, vote), vote.signature)
  }

  /** Its shares are not looked at: a quorum's are, together (shares.ts). */
  const checkSum = (sum: Aggregate): Result<null, Refusal> => {
    const epoch = sameEpoch(sum.epoch)
    if (!epoch.ok) return epoch
    const count = validators.validators.length
    if (validators.scheme !== 'bls12-381')
      return refuse('certificate-scheme', `expected no sums of shares on a chain of ${validators.scheme}`)
    if (sum.signers.size !== count) return refuse('bitmap', `expected a bitmap for ${count} validators, got ${sum.signers.size}`)
    return indicesOf(sum.signers).length > 0 ? ok(null) : refuse('bitmap', 'expected a sum of one vote or more, got none')
  }

  const checkOptionalCertificate = (certificate: Certificate | null): Result<null, Refusal> => {
    if (certificate === null) return ok(null)
    const result = checkCertificate(certificate)
    return result.ok ? ok(null) : result
  }

  const evidenceContext: EvidenceContext = {
    chainId,
    // An offence at the very end of an epoch gets on record in the next one; all replicas know both sets, and no others.
    validatorsOf: (epoch) =>
      epoch === validators.epoch ? validators : epoch === previous?.validators.epoch ? previous.validators : undefined,
    verifySignature,
  }

  const checkBlock = (block: Block): Result<null, Refusal> => {
    const header = checkHeader(block.header)
    if (!header.ok) return header
    const body = checkBound(block)
    if (!body.ok) return body
    const evidence = checkBlockEvidence(block.body.evidence, evidenceContext)
    return evidence.ok ? checkLastCertificate(block) : evidence
  }

  /** Two hashes for each transaction: asked last of what needs no signature of its own (docs/protocol.md §13). */
  const checkBound = (block: Block): Result<null, Refusal> => {
    const count = checkCount(block.body.transactions.length)
    if (!count.ok) return count
    return checkBody(block)
  }

  const checkCount = (count: number): Result<null, Refusal> =>
    count > blockTransactions ? refuse('block-limits', `expected at most ${blockTransactions} transactions, got ${count}`) : ok(null)

  const checkHeader = (header: Header): Result<null, Refusal> => {
    if (!equalBytes(header.chainId, chainId)) return refuse('chain', 'expected a block of this chain, got another chain id')
    if (header.epoch !== validators.epoch) return refuse('epoch', `expected epoch ${validators.epoch}, got ${header.epoch}`)
    if (header.height <= firstHeight - 1 || header.height > lastHeight) {
      return refuse('height', `expected a height of ${firstHeight}..${lastHeight} in epoch ${validators.epoch}, got ${header.height}`)
    }
    if (header.proposer !== leaderOf(validators, header.view)) {
      return refuse('proposer', `expected proposer ${leaderOf(validators, header.view)} for view ${header.view}, got ${header.proposer}`)
    }
    if (!equalBytes(header.validatorsHash, validators.hash))
      return refuse('validators-hash', 'expected the hash of the validator set in force')
    return ok(null)
  }

  const checkLastCertificate = (block: {
    readonly header: Header
    readonly body: Pick<Body, 'lastCertificate'>
  }): Result<null, Refusal> => {
    const { lastCertificate } = block.body
    if (lastCertificate === null) return ok(null)
    if (lastCertificate.kind !== 'commit')
      return refuse('last-certificate', 'expected a commit certificate of an ancestor, got a prepare certificate')
    if (lastCertificate.height >= block.header.height)
      return refuse('last-certificate', 'expected a certificate of an ancestor, got a higher one')
    if (previous !== null && lastCertificate.epoch === previous.validators.epoch) return checkOriginCertificate(lastCertificate, previous)
    return checkOptionalCertificate(lastCertificate)
  }

  /** Of the epoch before only the certificate of its last block has a place in ours: every proposer has that one. */
  const checkOriginCertificate = (
    certificate: Certificate,
    origin: { readonly validators: ValidatorSet; readonly height: Height; readonly hash: Hash },
  ): Result<null, Refusal> => {
    if (certificate.height !== origin.height || !equalBytes(certificate.blockHash, origin.hash)) {
      return refuse('last-certificate', `expected the certificate of block ${origin.height}, the last of the epoch before, got another`)
    }
    const result = verifyOnce(contextOf(origin.validators), certificate)
    return result.ok ? ok(null) : result
  }

  const checkPrePrepare = (message: PrePrepare): Result<null, Refusal> => {
    const proposal = checkProposal(message, message.block.header)
    return proposal.ok ? checkBlock(message.block) : proposal
  }

  /** All but that the transactions are the header's, which is looked at when they are there: `completeProposal`. */
  const checkCompact = (message: CompactPrePrepare): Result<null, Refusal> => {
    const proposal = checkProposal(message, message.header)
    if (!proposal.ok) return proposal
    const header = checkHeader(message.header)
    if (!header.ok) return header
    const count = checkCount(message.transactions.length)
    if (!count.ok) return count
    const rest = restMatchesHeader(message.header, message)
    if (!rest.ok) return rest
    const evidence = checkBlockEvidence(message.evidence, evidenceContext)
    return evidence.ok ? checkLastCertificate({ header: message.header, body: message }) : evidence
  }

  const checkProposal = (message: PrePrepare | CompactPrePrepare, header: Header): Result<null, Refusal> => {
    if (message.sender !== leaderOf(validators, message.view)) {
      return refuse(
        'not-leader',
        `expected the leader ${leaderOf(validators, message.view)} of view ${message.view}, got ${message.sender}`,
      )
    }
    if (header.view > message.view) return refuse('view', 'expected a block first proposed in this view or before')
    return checkVote(leaderVote(message))
  }

  const checkEntry = (entry: ViewChangeEntry): Result<null, Refusal> => {
    const epoch = sameEpoch(entry.epoch)
    if (!epoch.ok) return epoch
    if (entry.highest !== null && (entry.highest.epoch !== entry.epoch || entry.highest.view >= entry.newView)) {
      return refuse('highest', 'expected a highest certificate from an earlier view of the same epoch')
    }
    return signedBy(entry.sender, viewChangeBytes(chainId, entry), entry.signature)
  }

  const checkViewChange = (message: ViewChange): Result<null, Refusal> => {
    const entry = checkEntry(message.entry)
    if (!entry.ok) return entry
    if (!certificateIsFor(message.certificate, message.entry.highest)) {
      return refuse('highest-certificate', 'expected the certificate that the VIEW-CHANGE names as its highest')
    }
    return checkOptionalCertificate(message.certificate)
  }

  const checkNewView = (message: NewView): Result<null, Refusal> => {
    const epoch = sameEpoch(message.epoch)
    if (!epoch.ok) return epoch
    if (message.sender !== leaderOf(validators, message.newView))
      return refuse('not-leader', `expected the leader of view ${message.newView}`)
    let power = 0n
    let previous = -1
    for (const entry of message.viewChanges) {
      if (entry.sender <= previous) return refuse('order', 'expected VIEW-CHANGEs in ascending order of distinct senders')
      previous = entry.sender
      if (entry.newView !== message.newView)
        return refuse('view', `expected VIEW-CHANGEs for view ${message.newView}, got ${entry.newView}`)
      power += validators.validators[entry.sender]?.power ?? 0n
    }
    if (!isQuorum(validators, power)) return refuse('no-quorum', 'expected a quorum of VIEW-CHANGEs')
    if (!certificateIsFor(message.certificate, highestOf(message.viewChanges))) {
      return refuse('highest-certificate', 'expected the highest certificate among the listed VIEW-CHANGEs')
    }
    const signature = signedBy(message.sender, newViewBytes(chainId, message), message.signature)
    if (!signature.ok) return signature
    for (const entry of message.viewChanges) {
      const result = checkEntry(entry)
      if (!result.ok) return result
    }
    return checkOptionalCertificate(message.certificate)
  }

  const checkStatus = (message: Status): Result<null, Refusal> => {
    const epoch = sameEpoch(message.epoch)
    if (!epoch.ok) return epoch
    let previous = -1
    for (const slot of message.slots) {
      if (slot.height <= previous) return refuse('order', 'expected status slots in ascending order of height')
      previous = slot.height
      if (slot.prepares.size !== validators.validators.length || slot.commits.size !== validators.validators.length) {
        return refuse('bitmap', `expected bitmaps for ${validators.validators.length} validators`)
      }
    }
    return signedBy(message.sender, statusBytes(chainId, message), message.signature)
  }

  const checkClaim = (message: ViewClaim): Result<null, Refusal> => {
    const epoch = sameEpoch(message.epoch)
    return epoch.ok ? signedBy(message.sender, viewClaimBytes(chainId, message), message.signature) : epoch
  }

  const checkBlocks = ({ blocks, links, certificate, gas }: Blocks): Result<null, Refusal> => {
    if (gas !== undefined && !gasFits(blocks, gas)) return refuse('gas-shape', 'expected one gas for each transaction of each block')
    if (certificate.kind !== 'commit') return refuse('certificate-kind', 'expected a commit certificate')
    const last = blocks.at(-1)
    if (last === undefined) return refuse('empty', 'expected at least one block')
    const headers = [...blocks.map((block) => block.header), ...links]
    const hashes = [...blocks.map((block) => block.hash), ...links.map(hashHeader)]
    for (const [position, header] of headers.entries()) {
      const result = checkHeader(header)
      if (!result.ok) return result
      const previous = headers[position - 1]
      if (previous === undefined) continue
      if (header.height !== previous.height + 1 || !equalBytes(header.parent, hashes[position - 1] as Hash)) {
        return refuse('chain-gap', `expected consecutive blocks, got a break before height ${header.height}`)
      }
    }
    const tip = headers.at(-1) as Header
    if (certificate.height !== tip.height || !equalBytes(certificate.blockHash, hashes.at(-1) as Hash)) {
      return refuse('certificate-block', 'expected the certificate of the last block or link')
    }
    const proven = checkCertificate(certificate)
    if (!proven.ok) return proven
    for (const block of blocks) {
      const body = checkBound(block)
      if (!body.ok) return body
      const evidence = checkBlockEvidence(block.body.evidence, evidenceContext)
      if (!evidence.ok) return evidence
    }
    return ok(null)
  }

  const checkByKind = (message: Message): Result<null, Refusal> => {
    switch (message.kind) {
      case 'pre-prepare':
        return checkPrePrepare(message)
      case 'vote':
        return checkVote(message.vote)
      case 'certificate': {
        const certificate = checkCertificate(message.certificate)
        return certificate.ok ? ok(null) : certificate
      }
      case 'sum':
        return checkSum(message.sum)
      case 'view-change':
        return checkViewChange(message)
      case 'new-view':
        return checkNewView(message)
      case 'status':
        return checkStatus(message)
      case 'fetch':
        return ok(null)
      case 'blocks':
        return checkBlocks(message)
      case 'block':
        return checkBlock(message.block)
      case 'view-claim':
        return checkClaim(message)
      case 'snapshot':
      case 'chunk':
        return ok(null) // prove themselves, to whoever has asked for them and knows what it trusts (snapshot.ts)
      case 'blob-part':
      case 'blob-held':
      case 'blob-absent':
        return ok(null) // a part proves itself to whoever has asked; the others are hints from whom the channel names
      case 'evidence': {
        const evidence = checkEvidenceForm(message.evidence, evidenceContext)
        return evidence.ok ? ok(null) : evidence
      }
      case 'compact-pre-prepare':
        return checkCompact(message)
      case 'block-transactions':
        return ok(null) // for whoever has asked, who holds them against the header's root
    }
  }

  return {
    check(message) {
      const result = checkByKind(message)
      return result.ok ? ok(message as VerifiedMessage) : result
    },
    checkCertificate,
  }
}

function gasFits(blocks: readonly Block[], gas: readonly (readonly number[])[]): boolean {
  return gas.length === blocks.length && blocks.every(({ body }, position) => gas[position]?.length === body.transactions.length)
}

/** The leader's PREPARE vote that a PRE-PREPARE carries as its signature. */
export function leaderVote(message: PrePrepare | CompactPrePrepare): Vote {
  const { header, hash } = message.kind === 'pre-prepare' ? message.block : message
  return {
    kind: 'prepare',
    epoch: message.epoch,
    view: message.view,
    height: header.height,
    blockHash: hash,
    sender: message.sender,
    signature: message.signature,
    ...(message.share === undefined ? {} : { share: message.share }),
  }
}

/** The PRE-PREPARE whose signature is this PREPARE of the leader: what `leaderVote` takes apart. */
export function proposalOf({ epoch, view, sender, signature, share }: Vote, block: Block): PrePrepare {
  const message = { kind: 'pre-prepare', epoch, view, block, sender, signature } as const
  return share === undefined ? message : { ...message, share }
}

/**
 * The PRE-PREPARE that a compact one stands for, with these transactions, if they are those under its header's root: then it is what the edge would have
 * let pass as a whole.
 */
export function completeProposal(
  message: Verified<CompactPrePrepare>,
  transactions: readonly Uint8Array[],
): Result<Verified<PrePrepare>, Refusal> {
  const { header, evidence, lastCertificate } = message
  const block = createBlock(header, { transactions, evidence, lastCertificate })
  const matches = checkBody(block)
  return matches.ok ? ok(proposalOf(leaderVote(message), block) as Verified<PrePrepare>) : matches
}

/** Likewise with the block itself, as the edge has let it pass or consensus holds it. */
export function proposalWith(message: Verified<CompactPrePrepare>, block: Block): Verified<PrePrepare> {
  assert(equalBytes(message.hash, block.hash), 'a proposal is completed with its own block')
  return proposalOf(leaderVote(message), block) as Verified<PrePrepare>
}

/** The leader's vote alone: it counts, whatever becomes of the transactions. */
export function voteIn(message: Verified<CompactPrePrepare>): Verified<VoteMessage> {
  return { kind: 'vote', vote: leaderVote(message) } as Verified<VoteMessage>
}

/** The highest of the certificates that VIEW-CHANGEs claim (protocol.md §6), null if none claims any. */
export function highestOf(entries: readonly ViewChangeEntry[]): Ballot | null {
  let highest: Ballot | null = null
  for (const entry of entries) {
    if (entry.highest !== null && (highest === null || compareCertificates(entry.highest, highest) > 0)) highest = entry.highest
  }
  return highest
}

function certificateIsFor(certificate: Certificate | null, ballot: Ballot | null): boolean {
  if (certificate === null || ballot === null) return certificate === null && ballot === null
  return (
    compareCertificates(certificate, ballot) === 0 &&
    certificate.epoch === ballot.epoch &&
    equalBytes(certificate.blockHash, ballot.blockHash)
  )
}

/** Insertion-ordered map that forgets its oldest half when full. */
class BoundedMap<V> {
  #recent = new Map<string, V>()
  #older = new Map<string, V>()

  get(key: string): V | undefined {
    return this.#recent.get(key) ?? this.#older.get(key)
  }

  set(key: string, value: V): void {
    if (this.#recent.size >= MAX_REMEMBERED / 2) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    assert(this.#recent.size < MAX_REMEMBERED, 'remembered signatures exceed their bound')
    this.#recent.set(key, value)
  }
}

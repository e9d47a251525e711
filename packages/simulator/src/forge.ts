/**
 * What faulty validators say in transcripts: messages made up from parts that really were seen, signed with the sender's own
 * key and no other.
 */
import { epoch, equalBytes, height, type Refusal, type Result, refuse, type ValidatorIndex, validatorIndex, view } from '@aethel/codec'
import {
  assembleCertificate,
  type Ballot,
  BLOCK_VERSION,
  type Block,
  ballotBytes,
  type Certificate,
  compareCertificates,
  createBlock,
  evidenceRootOf,
  isQuorum,
  lastCertificateHashOf,
  leaderOf,
  type Message,
  newViewBytes,
  transactionsRootOf,
  type ViewChange,
  type ViewChangeEntry,
  type Vote,
  viewChangeBytes,
} from '@aethel/consensus'
import type { Stage } from './stage.js'
import { toyRoot, toyTransaction } from './toy-application.js'
import type { BlockName, Claim, Forged } from './transcript.js'
import { findBlock } from './transcript-meaning.js'

/** `signer` holds the key; `as` is the sender named in the message. */
export function forge(stage: Stage, signer: number, as: number, forged: Forged): Result<Message, Refusal> {
  switch (forged.word) {
    case 'PREPREPARE':
      return forgePrePrepare(stage, signer, as, forged)
    case 'PREPARE':
    case 'COMMIT': {
      const block = known(stage, forged.block)
      if (!block.ok) return block
      const kind = forged.word === 'PREPARE' ? 'prepare' : 'commit'
      return { ok: true, value: { kind: 'vote', vote: signVote(stage, signer, as, ballotOf(kind, forged, block.value)) } }
    }
    case 'VIEWCHANGE': {
      const certificate = forged.highest === null ? { ok: true as const, value: null } : certificateFor(stage, signer, forged.highest)
      if (!certificate.ok) return certificate
      return { ok: true, value: viewChangeOf(stage, signer, as, forged.view, certificate.value) }
    }
    case 'NEWVIEW':
      return forgeNewView(stage, signer, as, forged)
  }
}

function known(stage: Stage, name: BlockName): Result<Block, Refusal> {
  const block = findBlock(stage, name)
  const full = name.view === null ? name.label : `${name.label}@${name.view}`
  return block === undefined ? refuse('block', `expected a block seen before, got ${full}`) : { ok: true, value: block }
}

function ballotOf(kind: Ballot['kind'], place: { readonly view: number; readonly height: number }, block: Block): Ballot {
  return { kind, epoch: epoch(0), view: view(place.view), height: height(place.height), blockHash: block.hash }
}

function signVote(stage: Stage, signer: number, as: number, ballot: Ballot): Vote {
  return { ...ballot, sender: validatorIndex(as), signature: stage.signatures.signer(signer)(ballotBytes(stage.chainId, ballot)) }
}

function forgePrePrepare(
  stage: Stage,
  signer: number,
  as: number,
  forged: Extract<Forged, { word: 'PREPREPARE' }>,
): Result<Message, Refusal> {
  const block = findBlock(stage, forged.block) ?? inventBlock(stage, forged)
  if (block === undefined) return refuse('block', `expected "on" with a block seen before for a new block of height ${forged.height}`)
  stage.addBlock(block)
  const { epoch: inEpoch, view: inView, sender, signature } = signVote(stage, signer, as, ballotOf('prepare', forged, block))
  return { ok: true, value: { kind: 'pre-prepare', epoch: inEpoch, view: inView, block, sender, signature } }
}

/** A well-formed block with one transaction, its name. */
function inventBlock(stage: Stage, forged: Extract<Forged, { word: 'PREPREPARE' }>): Block | undefined {
  const parent = forged.on === null ? undefined : findBlock(stage, forged.on)
  if (forged.on !== null && parent === undefined) return undefined
  const transactions = [toyTransaction(forged.block.label)]
  const set = stage.validators
  const firstView = view(forged.block.view ?? forged.view)
  const parentHash = parent?.hash ?? stage.chainId
  return createBlock(
    {
      version: BLOCK_VERSION,
      chainId: stage.chainId,
      epoch: set.epoch,
      height: height(forged.height),
      parent: parentHash,
      view: firstView,
      proposer: leaderOf(set, firstView),
      timestampMs: (parent?.header.timestampMs ?? 0) + 1,
      transactionsRoot: transactionsRootOf(transactions),
      evidenceRoot: evidenceRootOf([]),
      lastCertificateHash: lastCertificateHashOf(null),
      stateRoot: toyRoot(parentHash, transactions),
      validatorsHash: set.hash,
      nextValidatorsHash: set.hash,
      totalDifficulty: 0n,
    },
    { transactions, evidence: [], lastCertificate: null },
  )
}

/** Made of votes that were really sent, and the forger's own. */
function certificateFor(stage: Stage, signer: number, claim: Claim): Result<Certificate, Refusal> {
  const block = known(stage, claim.block)
  if (!block.ok) return block
  const ballot = ballotOf(claim.kind, claim, block.value)
  const votes = new Map<ValidatorIndex, Vote>([[validatorIndex(signer), signVote(stage, signer, signer, ballot)]])
  for (const { message } of stage.sent) {
    const vote = voteIn(message)
    if (vote !== null && isFor(vote, ballot)) votes.set(vote.sender, vote)
  }
  let power = 0n
  for (const sender of votes.keys()) power += stage.validators.validators[sender]?.power ?? 0n
  if (!isQuorum(stage.validators, power)) {
    return refuse(
      'certificate',
      `expected votes of a quorum to have been sent for that certificate, got those of ${[...votes.keys()].sort().join(', ')}`,
    )
  }
  return { ok: true, value: assembleCertificate(ballot, stage.validators.validators.length, [...votes.values()]) }
}

function voteIn(message: Message): Vote | null {
  if (message.kind === 'vote') return message.vote
  if (message.kind !== 'pre-prepare') return null
  const { epoch: inEpoch, view: inView, block, sender, signature } = message
  return { kind: 'prepare', epoch: inEpoch, view: inView, height: block.header.height, blockHash: block.hash, sender, signature }
}

function isFor(vote: Vote, ballot: Ballot): boolean {
  return (
    vote.kind === ballot.kind && vote.view === ballot.view && vote.height === ballot.height && equalBytes(vote.blockHash, ballot.blockHash)
  )
}

function viewChangeOf(stage: Stage, signer: number, as: number, newView: number, certificate: Certificate | null): ViewChange {
  const unsigned: Omit<ViewChangeEntry, 'signature'> = {
    epoch: epoch(0),
    newView: view(newView),
    highest:
      certificate === null
        ? null
        : {
            kind: certificate.kind,
            epoch: certificate.epoch,
            view: certificate.view,
            height: certificate.height,
            blockHash: certificate.blockHash,
          },
    committedHeight: height(0),
    sender: validatorIndex(as),
  }
  const signature = stage.signatures.signer(signer)(viewChangeBytes(stage.chainId, unsigned))
  return { kind: 'view-change', entry: { ...unsigned, signature }, certificate }
}

/** From the VIEW-CHANGEs that the named validators sent; the forger's own is made up if it sent none. */
function forgeNewView(stage: Stage, signer: number, as: number, forged: Extract<Forged, { word: 'NEWVIEW' }>): Result<Message, Refusal> {
  const changes: ViewChange[] = []
  for (const sender of [...forged.senders].sort((a, b) => a - b)) {
    const change =
      viewChangeSentBy(stage, sender, forged.view) ?? (sender === signer ? viewChangeOf(stage, signer, signer, forged.view, null) : null)
    if (change === null)
      return refuse('view-change', `expected a VIEWCHANGE of validator ${sender} for view ${forged.view} to have been sent`)
    changes.push(change)
  }
  let certificate: Certificate | null = null
  if (forged.highest === 'true') {
    for (const change of changes) {
      if (change.certificate !== null && (certificate === null || compareCertificates(change.certificate, certificate) > 0))
        certificate = change.certificate
    }
  } else if (forged.highest !== null) {
    const made = certificateFor(stage, signer, forged.highest)
    if (!made.ok) return made
    certificate = made.value
  }
  const unsigned = {
    kind: 'new-view' as const,
    epoch: epoch(0),
    newView: view(forged.view),
    viewChanges: changes.map((change) => change.entry),
    certificate,
    sender: validatorIndex(as),
  }
  return { ok: true, value: { ...unsigned, signature: stage.signatures.signer(signer)(newViewBytes(stage.chainId, unsigned)) } }
}

function viewChangeSentBy(stage: Stage, sender: number, newView: number): ViewChange | null {
  let found: ViewChange | null = null
  for (const { message } of stage.sent) {
    if (message.kind === 'view-change' && message.entry.sender === sender && message.entry.newView === newView) found = message
  }
  return found
}

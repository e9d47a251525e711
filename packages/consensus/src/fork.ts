/**
 * Fork proofs (protocol.md §11): two commit certificates for different blocks of one height, and who is to blame. Named are
 * only validators whose own signatures show what no honest one signs whatever the others do (O1, O2, O3); a proof is accepted
 * only if they hold more than a third of the power. Pure, offline, against validators that the reader trusts already.
 */
import {
  compareBytes,
  decode,
  encode,
  equalBytes,
  type Hash,
  indicesOf,
  keyOf,
  ok,
  type Refusal,
  type Result,
  refuse,
  type ValidatorIndex,
} from '@aethel/codec'
import { HEADER, type Header, hashHeader, writeHeader } from './block.js'
import {
  type Ballot,
  CERTIFICATE,
  type Certificate,
  type CertificateContext,
  readCertificate,
  type Vote,
  verifyCertificate,
  voteBytes,
  writeCertificate,
} from './certificate.js'
import {
  VIEW_CHANGE_ENTRY,
  VOTE,
  VOTE_WITH_SHARE,
  viewChangeBytes,
  writeViewChangeEntry,
  writeVote,
  writeVoteWithShare,
} from './message-bytes.js'
import type { ViewChangeEntry } from './messages.js'
import { isWeakQuorum, MAX_VALIDATORS } from './validators.js'

/**
 * One side: headers that build on each other up to the block that the certificate commits, or none. What it says was committed:
 * that block at the certificate's height, those below it, and the parent of the lowest.
 */
export interface Branch {
  readonly headers: readonly Header[]
  readonly certificate: Certificate
}

export interface ForkProof {
  readonly chainId: Hash
  /** Two branches that commit different blocks of one height; at the lowest such height, the smaller hash first. */
  readonly branches: readonly [Branch, Branch]
  /** Further votes, for O1 and O2. */
  readonly votes: readonly Vote[]
  /** VIEW-CHANGE entries, for O3. */
  readonly entries: readonly ViewChangeEntry[]
  /** Further certificates, for O1 and O2: on a chain of BLS certificates a quorum's votes cannot be taken out of their sum. */
  readonly certificates: readonly Certificate[]
}

export interface Culprit {
  readonly validator: ValidatorIndex
  readonly offence: 'two-votes' | 'commit-without-prepare' | 'forgotten-commit'
}

export interface ProvenFork {
  readonly height: number
  readonly blocks: readonly [Hash, Hash]
  /** Ascending by validator, one offence of each. */
  readonly culprits: readonly Culprit[]
  readonly power: bigint
  readonly totalPower: bigint
}

/** The second is of chains of BLS certificates: votes have shares, and there are further certificates. */
export const FORK_PROOF_VERSIONS = [1, 2] as const
export const MAX_FORK_PROOF_BYTES: number = 16 * 1024 * 1024
/** A certificate lies at most a window above a block it commits; and one side may have gone on for a while. */
export const MAX_BRANCH_HEADERS = 256
/** Beside the two of the branches. */
export const MAX_FORK_FURTHER_CERTIFICATES = 128
/** Four of each validator. */
export const MAX_FORK_SIGNATURES: number = 4 * MAX_VALIDATORS

const MAGIC = 'aethel-fork-proof'

export function encodeForkProof(proof: ForkProof): Uint8Array {
  return encode((writer) => {
    const withShares = proof.branches[0].certificate.scheme === 'bls12-381'
    writer
      .text(MAGIC)
      .u8(FORK_PROOF_VERSIONS[withShares ? 1 : 0])
      .raw(proof.chainId)
    for (const { headers, certificate } of proof.branches) {
      writer.list(headers, writeHeader)
      writeCertificate(writer, certificate)
    }
    writer.list(proof.votes, withShares ? writeVoteWithShare : writeVote).list(proof.entries, writeViewChangeEntry)
    if (withShares) writer.list(proof.certificates, writeCertificate)
  })
}

export function decodeForkProof(bytes: Uint8Array): Result<ForkProof, Refusal> {
  if (bytes.length > MAX_FORK_PROOF_BYTES)
    return refuse('fork-size', `expected a fork proof of at most ${MAX_FORK_PROOF_BYTES} bytes, got ${bytes.length}`)
  return decode(bytes, (reader) => {
    if (reader.text(MAGIC.length) !== MAGIC) reader.fail('fork-format', 'expected a fork proof, got something else')
    const version = reader.u8()
    const withShares = version === FORK_PROOF_VERSIONS[1]
    if (version !== FORK_PROOF_VERSIONS[0] && !withShares)
      reader.fail('version', `expected fork proof version ${FORK_PROOF_VERSIONS.join(' or ')}, got ${version}`)
    const chainId = reader.hash()
    const [first, second] = [0, 1].map(
      (): Branch => ({ headers: reader.longList(MAX_BRANCH_HEADERS, HEADER), certificate: readCertificate(reader) }),
    ) as [Branch, Branch]
    const scheme = withShares ? 'bls12-381' : 'ed25519'
    if (first.certificate.scheme !== scheme)
      reader.fail('scheme', `expected certificates of scheme ${scheme} in version ${version}, got another`)
    return {
      chainId,
      branches: [first, second] as const,
      votes: reader.longList(MAX_FORK_SIGNATURES, withShares ? VOTE_WITH_SHARE : VOTE),
      entries: reader.longList(MAX_FORK_SIGNATURES, VIEW_CHANGE_ENTRY),
      certificates: withShares ? reader.longList(MAX_FORK_FURTHER_CERTIFICATES, CERTIFICATE) : [],
    }
  })
}

export function checkForkProof(bytes: Uint8Array, context: CertificateContext): Result<ProvenFork, Refusal> {
  const decoded = decodeForkProof(bytes)
  if (!decoded.ok) return decoded
  const proof = decoded.value
  if (!equalBytes(proof.chainId, context.chainId)) return refuse('fork-chain', 'expected a fork of the chain you trust, got another chain')
  for (const branch of proof.branches) {
    const checked = checkBranch(branch, context)
    if (!checked.ok) return checked
  }
  const fork = forkOf(...proof.branches)
  if (fork === null || compareBytes(...fork.blocks) >= 0)
    return refuse('fork-blocks', 'expected two different blocks of one height, the smaller hash first: without them there is no fork')
  const signed = checkMaterial(proof, context)
  if (!signed.ok) return signed
  const culprits = culpritsOf(proof)
  const { totalPower } = context.validators
  const power = culprits.reduce((sum, { validator }) => sum + (context.validators.validators[validator]?.power ?? 0n), 0n)
  if (!isWeakQuorum(context.validators, power)) {
    return refuse(
      'fork-not-attributed',
      `expected culprits with more than a third of the power ${totalPower}, got ${power}; add votes and VIEW-CHANGE entries of the views between`,
    )
  }
  return ok({ ...fork, culprits, power, totalPower })
}

function checkBranch({ headers, certificate }: Branch, context: CertificateContext): Result<null, Refusal> {
  if (certificate.kind !== 'commit') return refuse('fork-certificate', 'expected a commit certificate, got a prepare certificate')
  const verified = verifyCertificate(context, certificate)
  if (!verified.ok) return verified
  let below: Header | undefined
  for (const header of headers) {
    if (!equalBytes(header.chainId, context.chainId)) return refuse('fork-chain', 'expected headers of the chain you trust')
    if (below !== undefined && !(header.height === below.height + 1 && equalBytes(header.parent, hashHeader(below))))
      return refuse('fork-headers', `expected headers that build on each other, got a break at height ${header.height}`)
    below = header
  }
  if (below === undefined) return ok(null)
  if (certificate.height !== below.height || !equalBytes(certificate.blockHash, hashHeader(below)))
    return refuse('fork-headers', 'expected headers up to the block that the certificate commits')
  return ok(null)
}

/** The lowest height at which two branches commit different blocks, and these; null if they agree wherever both say something. */
export function forkOf(one: Branch, other: Branch): { readonly height: number; readonly blocks: readonly [Hash, Hash] } | null {
  const [first, second] = [committedBy(one), committedBy(other)]
  for (const [height, hash] of [...first].sort(([a], [b]) => a - b)) {
    const rival = second.get(height)
    if (rival !== undefined && !equalBytes(hash, rival)) return { height, blocks: [hash, rival] }
  }
  return null
}

/** By height. The signatures are over height and hash, and each hash covers the parent's. */
function committedBy({ headers, certificate }: Branch): Map<number, Hash> {
  const hashes = new Map<number, Hash>([[certificate.height, certificate.blockHash]])
  for (const header of headers) hashes.set(header.height, hashHeader(header))
  const lowest = headers[0]
  if (lowest !== undefined) hashes.set(lowest.height - 1, lowest.parent)
  return hashes
}

/** One bad signature refuses the whole, so that a proof says nothing it cannot show. */
function checkMaterial({ votes, entries, certificates }: ForkProof, context: CertificateContext): Result<null, Refusal> {
  const { chainId, validators, verifySignature } = context
  for (const vote of votes) {
    const key = validators.validators[vote.sender]?.publicKey
    if (key === undefined || vote.epoch !== validators.epoch || !verifySignature(key, voteBytes(chainId, vote), vote.signature))
      return refuse('fork-vote', `expected votes signed by validators of epoch ${validators.epoch}, got one that is not`)
  }
  for (const entry of entries) {
    const key = validators.validators[entry.sender]?.publicKey
    if (key === undefined || entry.epoch !== validators.epoch || !verifySignature(key, viewChangeBytes(chainId, entry), entry.signature))
      return refuse('fork-entry', `expected VIEW-CHANGE entries signed by validators of epoch ${validators.epoch}, got one that is not`)
  }
  for (const certificate of certificates) {
    const verified = verifyCertificate(context, certificate)
    if (!verified.ok) return verified
  }
  return ok(null)
}

type Signed = Ballot & { readonly sender: ValidatorIndex }

function culpritsOf(proof: ForkProof): Culprit[] {
  const ballots: Signed[] = proof.votes.map((vote) => ({ ...vote }))
  for (const certificate of [...proof.branches.map((branch) => branch.certificate), ...proof.certificates])
    for (const sender of indicesOf(certificate.signers)) ballots.push({ ...certificate, sender: sender as ValidatorIndex })
  const found = new Map<ValidatorIndex, Culprit['offence']>()
  const slots = new Map<string, Signed>()
  const accuse = (validator: ValidatorIndex, offence: Culprit['offence']): void => {
    if (!found.has(validator)) found.set(validator, offence)
  }
  for (const ballot of ballots) {
    const slot = `${ballot.sender}/${ballot.view}/${ballot.height}`
    for (const kind of ['prepare', 'commit'] as const) {
      const other = slots.get(`${slot}/${kind}`)
      if (other !== undefined && keyOf(other.blockHash) !== keyOf(ballot.blockHash))
        accuse(ballot.sender, kind === ballot.kind ? 'two-votes' : 'commit-without-prepare')
    }
    if (!slots.has(`${slot}/${ballot.kind}`)) slots.set(`${slot}/${ballot.kind}`, ballot)
  }
  for (const ballot of ballots) {
    if (ballot.kind !== 'commit') continue
    for (const entry of proof.entries)
      if (entry.sender === ballot.sender && forgets(entry, ballot)) accuse(ballot.sender, 'forgotten-commit')
  }
  return [...found].map(([validator, offence]) => ({ validator, offence })).sort((a, b) => a.validator - b.validator)
}

/** O3: who sent COMMIT(v, n) names at least (v, n) in every VIEW-CHANGE for a view above v. */
function forgets({ newView, highest }: ViewChangeEntry, commit: Ballot): boolean {
  if (newView <= commit.view) return false
  return highest === null || highest.view < commit.view || (highest.view === commit.view && highest.height < commit.height)
}

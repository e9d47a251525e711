/**
 * Puts a fork proof together (protocol.md §11) from whatever is at hand: certificates, headers, votes and VIEW-CHANGE entries
 * of one replica or of several. Pure. What does not verify is left out, so material need not be trusted; of all pairs of
 * certificates that contradict each other one is taken that names enough culprits, if there is one.
 */
import { compareBytes, equalBytes, type Hash, indicesOf, keyOf, type Refusal, type Result } from '@aethel/codec'
import { type Header, hashHeader } from './block.js'
import { type Ballot, type Certificate, type CertificateContext, type Vote, verifyCertificate, voteBytes } from './certificate.js'
import {
  type Branch,
  checkForkProof,
  encodeForkProof,
  type ForkProof,
  forkOf,
  MAX_BRANCH_HEADERS,
  MAX_FORK_FURTHER_CERTIFICATES,
  MAX_FORK_SIGNATURES,
  type ProvenFork,
} from './fork.js'
import { viewChangeBytes } from './message-bytes.js'
import type { ViewChangeEntry } from './messages.js'

export interface ForkMaterial {
  /** Commit certificates make branches; prepare certificates are votes. */
  readonly certificates: readonly Certificate[]
  readonly headers: readonly Header[]
  readonly votes: readonly Vote[]
  readonly entries: readonly ViewChangeEntry[]
}

export interface AssembledFork {
  readonly bytes: Uint8Array
  /** A refusal if the material shows a fork and does not say whose fault it is: more of it may. */
  readonly checked: Result<ProvenFork, Refusal>
}

/** Certificates looked at, the lowest: each costs a quorum of signature checks and up to 256 headers. */
export const MAX_FORK_CERTIFICATES = 128
/** Pairs of them tried: each costs a check of the whole proof. */
const MAX_PAIRS = 32

/** Null if nothing in the material contradicts anything. */
export function assembleForkProof(context: CertificateContext, material: ForkMaterial): AssembledFork | null {
  const certificates = distinct(material.certificates)
    .sort((a, b) => a.height - b.height)
    .slice(0, MAX_FORK_CERTIFICATES)
    .filter((certificate) => verifyCertificate(context, certificate).ok)
  const headers = new Map(material.headers.map((header) => [keyOf(hashHeader(header)), header]))
  const branches = certificates.filter(({ kind }) => kind === 'commit').map((certificate) => branchTo(certificate, headers))
  const prepares = certificates.filter(({ kind }) => kind === 'prepare').flatMap(votesOf)
  const votes = [...material.votes, ...prepares]
  const sums = certificates.filter(({ scheme }) => scheme === 'bls12-381')
  let best: AssembledFork | null = null
  for (const pair of contradictions(branches).slice(0, MAX_PAIRS)) {
    const bytes = encodeForkProof(proofFor(context, pair, votes, material.entries, sums))
    const checked = checkForkProof(bytes, context)
    if (checked.ok) return { bytes, checked }
    best ??= { bytes, checked }
  }
  return best
}

/** What is needed to put several proofs, each too weak, together. */
export function materialOf({ branches, votes, entries, certificates }: ForkProof): ForkMaterial {
  return {
    certificates: [...branches.map(({ certificate }) => certificate), ...certificates],
    headers: branches.flatMap((branch) => branch.headers),
    votes,
    entries,
  }
}

export function joinMaterial(parts: readonly ForkMaterial[]): ForkMaterial {
  return {
    certificates: parts.flatMap((part) => part.certificates),
    headers: parts.flatMap((part) => part.headers),
    votes: parts.flatMap((part) => part.votes),
    entries: parts.flatMap((part) => part.entries),
  }
}

function distinct(certificates: readonly Certificate[]): Certificate[] {
  const keyed = certificates.map(
    (each) => [`${each.kind}/${each.epoch}/${each.view}/${each.height}/${keyOf(each.blockHash)}`, each] as const,
  )
  return [...new Map(keyed).values()]
}

function branchTo(certificate: Certificate, headers: ReadonlyMap<string, Header>): Branch {
  const chain: Header[] = []
  let hash: Hash = certificate.blockHash
  for (
    let header = headers.get(keyOf(hash));
    header !== undefined && chain.length < MAX_BRANCH_HEADERS;
    header = headers.get(keyOf(hash))
  ) {
    chain.push(header)
    hash = header.parent
  }
  return { headers: chain.reverse(), certificate }
}

/** Those of one view and height first: they name culprits by themselves. Of each, the smaller hash first. */
function contradictions(branches: readonly Branch[]): [Branch, Branch][] {
  const pairs: [Branch, Branch][] = []
  for (const [position, one] of branches.entries()) {
    for (const other of branches.slice(position + 1)) {
      const fork = forkOf(one, other)
      if (fork !== null) pairs.push(compareBytes(...fork.blocks) < 0 ? [one, other] : [other, one])
    }
  }
  const isOfOneSlot = ([{ certificate: a }, { certificate: b }]: [Branch, Branch]): number =>
    a.view === b.view && a.height === b.height ? 0 : 1
  return pairs.sort((a, b) => isOfOneSlot(a) - isOfOneSlot(b))
}

/** None of a sum: that cannot be taken apart. */
function votesOf(certificate: Certificate): Vote[] {
  if (certificate.scheme !== 'ed25519') return []
  const { kind, epoch, view, height, blockHash, signers, signatures } = certificate
  return indicesOf(signers).flatMap((sender, position) => {
    const signature = signatures[position]
    return signature === undefined ? [] : [{ kind, epoch, view, height, blockHash, sender: sender as Vote['sender'], signature }]
  })
}

/** Only what could accuse a signer of one of the two certificates, and is signed. */
function proofFor(
  context: CertificateContext,
  branches: [Branch, Branch],
  votes: readonly Vote[],
  entries: readonly ViewChangeEntry[],
  sums: readonly Certificate[],
): ForkProof {
  const { chainId, validators, verifySignature } = context
  const commits = branches.map(({ certificate }) => certificate)
  const keyOfSender = (sender: number) => validators.validators[sender]?.publicKey
  const isSigned = (sender: number, bytes: Uint8Array, signature: Vote['signature']): boolean => {
    const key = keyOfSender(sender)
    return key !== undefined && verifySignature(key, bytes, signature)
  }
  const oldestView = Math.min(...commits.map(({ view }) => view))
  const isRival = (vote: Ballot): boolean =>
    commits.some(({ view, height, blockHash }) => vote.view === view && vote.height === height && !equalBytes(vote.blockHash, blockHash))
  return {
    chainId,
    branches,
    votes: distinctVotes(votes.filter((vote) => vote.epoch === validators.epoch && isRival(vote)))
      .slice(0, MAX_FORK_SIGNATURES)
      .filter((vote) => isSigned(vote.sender, voteBytes(chainId, vote), vote.signature)),
    entries: distinctEntries(entries.filter((entry) => entry.epoch === validators.epoch && entry.newView > oldestView))
      .slice(0, MAX_FORK_SIGNATURES)
      .filter((entry) => isSigned(entry.sender, viewChangeBytes(chainId, entry), entry.signature)),
    certificates: sums.filter(isRival).slice(0, MAX_FORK_FURTHER_CERTIFICATES),
  }
}

function distinctVotes(votes: readonly Vote[]): Vote[] {
  return [...new Map(votes.map((vote) => [keyOf(vote.signature), vote])).values()]
}

function distinctEntries(entries: readonly ViewChangeEntry[]): ViewChangeEntry[] {
  return [...new Map(entries.map((entry) => [keyOf(entry.signature), entry])).values()]
}

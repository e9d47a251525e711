import { concatBytes, epoch, type Hash, height, ok, refuse, type Signature, validatorIndex } from '@aethel/codec'
import { hashTagged, verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  ballotOf,
  blockOf,
  CHAIN,
  Cluster,
  FALSE_PROOF,
  keyOfValidator,
  prePrepareOf,
  signVote,
  transaction,
  validatorSet,
  voteMessage,
} from '../test/harness.js'
import {
  type Block,
  ballotBytes,
  checkBlockEvidence,
  checkEvidence,
  type Evidence,
  type EvidenceContext,
  encodeEvidence,
  equivocationOf,
  MAX_BLOCK_OFFENCES,
  type Offence,
  offenceFits,
  type Vote,
} from './index.js'
import { isUnderRoot, transactionPath } from './merkle-path.js'

const SET = validatorSet(4)
const CONTEXT: EvidenceContext = { chainId: CHAIN, validatorsOf: (of) => (of === SET.epoch ? SET : undefined), verifySignature }
const refute = (bytes: Uint8Array) => (bytes[0] === FALSE_PROOF[0] ? ok(null) : refuse('proof-holds', 'expected a false proof'))

const a = blockOf({ transactions: [transaction('a')] })
const b = blockOf({ transactions: [transaction('b')] })
const bad = blockOf({ transactions: [transaction('good'), FALSE_PROOF, transaction('more')] })

function pair(sender = 2, kind: 'prepare' | 'commit' = 'prepare', inView = 0): Evidence {
  return equivocationOf(signVote(sender, ballotOf(kind, inView, a)), signVote(sender, ballotOf(kind, inView, b)))
}

function falseVote(sender = 1, block: Block = bad, position = 1): Evidence {
  return {
    type: 'invalid-verification',
    vote: signVote(sender, ballotOf('prepare', 0, block)),
    header: block.header,
    transaction: block.body.transactions[position] as Uint8Array,
    path: transactionPath(block.body.transactions, position),
  }
}

function codeOf(evidence: Evidence | Uint8Array, context: EvidenceContext = CONTEXT): string {
  const bytes = evidence instanceof Uint8Array ? evidence : encodeEvidence(CHAIN, evidence)
  const result = checkEvidence(bytes, { ...context, refute })
  return result.ok ? `${result.value.type} ${result.value.offender}` : result.error.code
}

describe('evidence (protocol.md §11)', () => {
  it('two votes of one slot for different blocks convict, in either order of arrival, with the same bytes', () => {
    expect(codeOf(pair())).toBe('equivocation 2')
    const [first, second] = [a, b].map((block) => signVote(2, ballotOf('commit', 3, block))) as [Vote, Vote]
    expect(encodeEvidence(CHAIN, equivocationOf(first, second))).toEqual(encodeEvidence(CHAIN, equivocationOf(second, first)))
  })

  it('a vote for a block with a false proof convicts, a vote for a block with true ones does not', () => {
    expect(codeOf(falseVote())).toBe('invalid-verification 1')
    expect(codeOf(falseVote(1, bad, 0))).toBe('proof-holds')
  })

  it('K1: nobody is framed by a bad signature, the same block twice, another chain, another epoch or a stranger', () => {
    const votes = [signVote(2, ballotOf('prepare', 0, a)), signVote(2, ballotOf('prepare', 0, b))] as [Vote, Vote]
    const forged: Vote = { ...votes[1], signature: votes[0].signature }
    expect(codeOf(equivocationOf(votes[0], forged))).toBe('evidence-signature')
    expect(codeOf(equivocationOf(votes[0], { ...votes[1], signature: new Uint8Array(64) as Signature }))).toBe('evidence-signature')
    expect(codeOf(equivocationOf(votes[0], votes[0]))).toBe('evidence-pair')
    const swapped = { type: 'equivocation' as const, first: equivocationOf(...votes).second, second: equivocationOf(...votes).first }
    expect(codeOf(swapped)).toBe('evidence-pair')
    const otherChain: Hash = hashTagged('aethel/other-chain', new Uint8Array(0))
    expect(codeOf(encodeEvidence(otherChain, pair()))).toBe('evidence-chain')
    const signedThere = [a, b].map((block): Vote => {
      const ballot = ballotOf('prepare', 0, block)
      return { ...votes[0], ...ballot, signature: keyOfValidator(2).sign(ballotBytes(otherChain, ballot)) }
    }) as [Vote, Vote]
    expect(codeOf(equivocationOf(...signedThere))).toBe('evidence-signature')
    const nextEpoch = [a, b].map((block) => signVote(2, { ...ballotOf('prepare', 0, block), epoch: epoch(1) })) as [Vote, Vote]
    expect(codeOf(equivocationOf(...nextEpoch))).toBe('evidence-validator')
    expect(codeOf(equivocationOf({ ...votes[0], sender: 9 as never }, { ...votes[1], sender: 9 as never }))).toBe('evidence-validator')
    // Votes of two validators, or of two slots, are no pair: the encoding has one sender and one slot, so the signature fails.
    expect(codeOf(equivocationOf(votes[0], signVote(3, ballotOf('prepare', 0, b))))).toBe('evidence-signature')
    expect(codeOf(equivocationOf(votes[0], signVote(2, ballotOf('prepare', 1, b))))).toBe('evidence-signature')
    expect(codeOf(equivocationOf(votes[0], signVote(2, ballotOf('commit', 0, b))))).toBe('evidence-signature')
  })

  it('K1: a false proof from another block, or under another height, frames nobody who did not vote for it', () => {
    const good = blockOf({ transactions: [transaction('good')] })
    const evidence = falseVote() as Extract<Evidence, { type: 'invalid-verification' }>
    expect(codeOf({ ...evidence, header: good.header })).toBe('evidence-path')
    expect(codeOf({ ...evidence, vote: { ...evidence.vote, height: height(2) } })).toBe('evidence-header')
    expect(codeOf({ ...evidence, path: evidence.path.slice(1) })).toBe('evidence-path')
    expect(codeOf({ ...falseVote(1, good, 0), header: bad.header } as Evidence)).toBe('evidence-path')
    expect(codeOf({ ...evidence, vote: signVote(1, ballotOf('prepare', 0, good)) })).toBe('evidence-signature')
  })

  it('no byte of evidence can be changed, cut or added', () => {
    for (const evidence of [pair(), falseVote()]) {
      const bytes = encodeEvidence(CHAIN, evidence)
      for (let at = 0; at < bytes.length; at++) {
        const changed = bytes.slice()
        changed[at] = (changed[at] as number) ^ 1
        expect([at, checkEvidence(changed, { ...CONTEXT, refute }).ok]).toEqual([at, false])
        if (at % 16 === 0) expect(codeOf(bytes.slice(0, at))).toBe('truncated')
      }
      expect(codeOf(concatBytes(bytes, Uint8Array.of(0)))).toBe('trailing')
    }
  })

  it('a block holds each offence once, and not more than its bound', () => {
    const variants = [pair(), equivocationOf(signVote(2, ballotOf('prepare', 0, a)), signVote(2, ballotOf('prepare', 0, bad)))]
    const codes = (items: readonly Evidence[]): string => {
      const result = checkBlockEvidence(
        items.map((item) => encodeEvidence(CHAIN, item)),
        CONTEXT,
      )
      return result.ok ? 'ok' : result.error.code
    }
    expect(codes([pair(2), pair(3), pair(2, 'commit'), pair(2, 'prepare', 1), falseVote()])).toBe('ok')
    expect(codes(variants)).toBe('evidence-repeated')
    expect(codes(Array.from({ length: MAX_BLOCK_OFFENCES + 1 }, (_, inView) => pair(2, 'prepare', inView)))).toBe('evidence-count')
    expect(codes([0, 1, 2, 3].map((sender) => falseVote(sender)))).toBe('ok')
    expect(
      codes([
        ...[0, 1, 2, 3].map((sender) => falseVote(sender)),
        { ...falseVote(), vote: signVote(1, ballotOf('commit', 0, bad)) } as Evidence,
      ]),
    ).toBe('evidence-count')
  })

  it('an offence is heard for so many heights', () => {
    const offence = (at: number) => ({ height: height(at) }) as Offence
    expect(offenceFits(offence(1), height(1025)).ok).toBe(true)
    expect(offenceFits(offence(1), height(1026))).toMatchObject({ error: { code: 'evidence-age' } })
    expect(offenceFits(offence(133), height(5)).ok).toBe(true)
    expect(offenceFits(offence(134), height(5))).toMatchObject({ error: { code: 'evidence-ahead' } })
  })

  it('a path leads from every transaction to the root, and from nothing else', () => {
    for (let count = 1; count <= 17; count++) {
      const transactions = Array.from({ length: count }, (_, index) => transaction(`t${index}`))
      const { header } = blockOf({ transactions })
      for (const [position, bytes] of transactions.entries()) {
        const path = transactionPath(transactions, position)
        expect(isUnderRoot(header.transactionsRoot, bytes, path)).toBe(true)
        expect(isUnderRoot(header.transactionsRoot, transaction('none'), path)).toBe(false)
      }
    }
  })
})

describe('votes for a block with a false proof accuse', () => {
  it('the leader that proposed it and who prepared it, before or after our own verification', () => {
    const cluster = new Cluster()
    const replica = cluster.at(3)
    replica.receive(1, voteMessage(1, 'prepare', 0, bad))
    replica.receive(0, prePrepareOf(0, 0, bad))
    replica.receive(2, voteMessage(2, 'prepare', 0, bad))
    expect(replica.evidence.map((evidence) => codeOf(evidence))).toEqual([
      'invalid-verification 1',
      'invalid-verification 0',
      'invalid-verification 2',
    ])
    expect(replica.sentVotes()).toEqual([])
  })

  it('and are let in although the view was left because of that block, unlike others of a view that was left', () => {
    const replica = new Cluster().at(3)
    replica.receive(0, prePrepareOf(0, 0, bad))
    expect(replica.position).toBe('changing 1')
    const wants = (block: Block): boolean => replica.running.wants(validatorIndex(2), voteMessage(2, 'prepare', 0, block))
    expect([wants(bad), wants(blockOf())]).toEqual([true, false])
  })

  it('and so does a COMMIT for it, which counts still when the view was left', () => {
    const replica = new Cluster().at(3)
    replica.receive(0, prePrepareOf(0, 0, bad))
    replica.receive(2, voteMessage(2, 'commit', 0, bad))
    expect(replica.evidence.map((evidence) => codeOf(evidence))).toEqual(['invalid-verification 0', 'invalid-verification 2'])
  })

  it('nobody who voted for a good block', () => {
    const cluster = new Cluster()
    const good = blockOf({ transactions: [transaction('good')] })
    cluster.at(3).receive(0, prePrepareOf(0, 0, good))
    for (const sender of [1, 2]) cluster.at(3).receive(sender, voteMessage(sender, 'prepare', 0, good))
    expect(cluster.at(3).evidence).toEqual([])
  })
})

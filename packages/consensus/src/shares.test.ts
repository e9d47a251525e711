/** BLS certificates: what a vote's share is worth, and what becomes of those whose shares are worth nothing. */
import { type BlsSignature, blsSignature, indicesOf } from '@aethel/codec'
import { aggregateBls, verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  aggregateOf,
  ballotOf,
  blockOf,
  blsKeyOfValidator,
  blsValidatorSet,
  CHAIN,
  Cluster,
  type ClusterOptions,
  certificateOf,
  chainOf,
  keyOfValidator,
  type Sent,
  sharesOf,
  signVote,
  signVoteWithShare,
  type TestReplica,
  transaction,
  validatorSet,
  voteMessage,
} from '../test/harness.js'
import {
  type Ballot,
  type Block,
  ballotBytes,
  type Certificate,
  checkEvidence,
  createConsensus,
  createMessageChecker,
  createValidatorSet,
  decodeMessage,
  encodeCertificate,
  encodeEvidence,
  encodeMessage,
  equivocationOf,
  leaderVote,
  type Message,
  proposalOf,
  successorOf,
  type Vote,
  verifyCertificate,
} from './index.js'

const BLS: ClusterOptions = { certificates: 'bls12-381' }
const SET = blsValidatorSet(4)
const block = blockOf({ set: SET })
const NO_POINT = blsSignature(new Uint8Array(96))

/** Somebody else's share of the same ballot. */
function shareOfAnother(sender: number, ballot: Ballot): BlsSignature {
  return blsKeyOfValidator(sender + 1).sign(ballotBytes(CHAIN, ballot))
}

/** What this validator says from now on has a bad share, under a good signature. */
function spoilSharesOf(cluster: Cluster, faulty: number, shareFor: (vote: Vote) => BlsSignature): void {
  const spoiled = (vote: Vote): Vote => signVoteWithShare(faulty, vote, shareFor(vote))
  const wrong = (message: Message): Message => {
    if (message.kind === 'vote' && message.vote.sender === faulty) return { kind: 'vote', vote: spoiled(message.vote) }
    if (message.kind === 'pre-prepare' && message.sender === faulty) return proposalOf(spoiled(leaderVote(message)), message.block)
    return message
  }
  const deliverable = cluster.inFlight
  cluster.inFlight = new Proxy(deliverable, {
    get: (target, key, receiver) =>
      key === 'push' ? (sent: Sent) => target.push({ ...sent, message: wrong(sent.message) }) : Reflect.get(target, key, receiver),
  })
}

function badSharesSeenBy(replica: TestReplica): number[] {
  return replica.events.flatMap((event) => (event.name === 'bad-share' ? [event.sender] : []))
}

function certificatesOf(replica: TestReplica): Certificate[] {
  return replica.disk.chain.map(({ certificate }) => certificate)
}

describe('BLS certificates (protocol.md §9)', () => {
  function codeOf(certificate: Certificate, validators = SET): string {
    const result = verifyCertificate({ chainId: CHAIN, validators, verifySignature }, certificate)
    return result.ok ? 'ok' : result.error.code
  }

  it('are the sum of a quorum, whoever it is, and nothing else', () => {
    for (const signers of [
      [0, 1, 2],
      [1, 2, 3],
      [0, 1, 2, 3],
    ])
      expect(codeOf(aggregateOf('commit', 0, block, signers))).toBe('ok')
    const good = aggregateOf('commit', 0, block)
    expect(codeOf(aggregateOf('commit', 0, block, [0, 1]))).toBe('certificate-power')
    expect(codeOf({ ...good, signers: aggregateOf('commit', 0, block, [0, 1, 3]).signers })).toBe('certificate-signature')
    expect(codeOf({ ...good, signers: aggregateOf('commit', 0, block, [0, 1, 2, 3]).signers })).toBe('certificate-signature')
    expect(codeOf({ ...good, kind: 'prepare' })).toBe('certificate-signature')
    expect(codeOf({ ...good, aggregate: NO_POINT })).toBe('certificate-signature')
    expect(codeOf({ ...good, signers: aggregateOf('commit', 0, block, [0, 1, 2], 5).signers })).toBe('certificate-size')
  })

  it('A5: hold for no other chain', () => {
    const elsewhere = verifyCertificate({ chainId: block.hash, validators: SET, verifySignature }, aggregateOf('commit', 0, block))
    expect(elsewhere).toMatchObject({ ok: false, error: { code: 'certificate-signature' } })
  })

  it('weigh power, not heads', () => {
    expect(codeOf(aggregateOf('commit', 0, block), blsValidatorSet(4, [1n, 1n, 1n, 3n]))).toBe('certificate-power')
    expect(codeOf(aggregateOf('commit', 0, block, [0, 3]), blsValidatorSet(4, [3n, 1n, 1n, 3n]))).toBe('ok')
  })

  it('are of the scheme of the chain: a list of good signatures is none here, and a sum is none there', () => {
    const theirs = validatorSet(4)
    expect(codeOf(certificateOf('commit', 0, block))).toBe('certificate-scheme')
    expect(codeOf(aggregateOf('commit', 0, block), theirs)).toBe('certificate-scheme')
  })

  it('have one size for any number of signers', () => {
    const sizes = [aggregateOf('commit', 0, block, [0, 1, 2]), aggregateOf('commit', 0, block, [0, 1, 2, 3])].map(
      (certificate) => encodeCertificate(certificate).length,
    )
    expect(sizes).toEqual([57 + 1 + 2 + 1 + 96, 57 + 1 + 2 + 1 + 96])
  })
})

describe('validators with BLS keys', () => {
  it('all have one, or none, and each its own', () => {
    const members = SET.validators
    const codeOf = (changed: typeof members): string => {
      const set = createValidatorSet(SET.epoch, changed)
      return set.ok ? set.value.scheme : set.error.code
    }
    const [first, ...rest] = members as [(typeof members)[0], ...typeof members]
    const { blsKey: _, ...without } = first
    expect(codeOf(members)).toBe('bls12-381')
    expect(codeOf([without, ...rest])).toBe('bls-key')
    expect(codeOf([...rest, without])).toBe('bls-key')
    expect(codeOf([{ ...first, blsKey: blsKeyOfValidator(1).publicKey }, ...rest])).toBe('duplicate-key')
  })

  it('are bound by the hash of the set, as their other keys are', () => {
    const other = createValidatorSet(
      SET.epoch,
      SET.validators.map((each, index) => (index === 2 ? { ...each, blsKey: blsKeyOfValidator(9).publicKey } : each)),
    )
    expect(other.ok && other.value.hash).not.toEqual(SET.hash)
    expect(validatorSet(4).hash).not.toEqual(SET.hash)
  })

  it('are followed by such only: what certificates are made of is the chain’s', () => {
    expect(successorOf(SET, blsValidatorSet(5)).ok).toBe(true)
    expect(successorOf(SET, validatorSet(4))).toMatchObject({ ok: false, error: { code: 'bls-key' } })
    expect(successorOf(validatorSet(4), SET)).toMatchObject({ ok: false, error: { code: 'bls-key' } })
  })

  it('need a scheme of shares, and others need none', () => {
    const { config, durable } = startOf(new Cluster(BLS))
    const { shares: _, ...without } = config
    expect(() => createConsensus(without, durable)).toThrow('no scheme of shares')
    expect(() => createConsensus({ ...config, validators: validatorSet(4) }, durable)).toThrow('a scheme of shares')
  })

  function startOf(cluster: Cluster) {
    const { timers } = cluster.at(0)
    expect(timers.size).toBeGreaterThan(0)
    return {
      config: {
        chainId: CHAIN,
        validators: SET,
        self: 0 as never,
        window: 8,
        clockDriftMs: 1,
        timers: { floorMs: 1, commitFactor: 1, allowanceMs: 1, capMs: 1, statusMs: 1, batchMs: 1 },
        sign: keyOfValidator(0).sign,
        shares: sharesOf(0),
      },
      durable: cluster.at(0).disk.durableState(),
    }
  }
})

describe('votes with shares', () => {
  const checker = createMessageChecker({ chainId: CHAIN, validators: SET, verifySignature })
  const codeOf = (vote: Vote): string => {
    const decoded = decodeMessage(encodeMessage({ kind: 'vote', vote }))
    const result = decoded.ok ? checker.check(decoded.value) : decoded
    return result.ok ? 'ok' : result.error.code
  }
  const ballot = ballotOf('prepare', 0, block)

  it('come as they went, in PRE-PREPARE, PREPARE and COMMIT', () => {
    for (const kind of ['prepare', 'commit'] as const) {
      const vote = signVoteWithShare(2, ballotOf(kind, 0, block))
      expect(decodeMessage(encodeMessage({ kind: 'vote', vote }))).toEqual({ ok: true, value: { kind: 'vote', vote } })
    }
    const proposal = proposalOf(signVoteWithShare(0, ballot), block)
    expect(decodeMessage(encodeMessage(proposal))).toEqual({ ok: true, value: proposal })
    expect(leaderVote(proposal)).toEqual(signVoteWithShare(0, ballot))
  })

  it('nobody who passes one on can put another share into it, or take it out', () => {
    const vote = signVoteWithShare(2, ballot)
    expect(codeOf(vote)).toBe('ok')
    expect(codeOf({ ...vote, share: shareOfAnother(2, ballot) })).toBe('signature')
    expect(codeOf({ ...vote, share: NO_POINT })).toBe('signature')
    const { share: _, ...bare } = vote
    expect(codeOf(bare)).toBe('share')
    expect(codeOf(signVote(2, ballot))).toBe('share')
  })

  it('are refused on a chain without shares', () => {
    const theirs = createMessageChecker({ chainId: CHAIN, validators: validatorSet(4), verifySignature })
    expect(theirs.check({ kind: 'vote', vote: signVoteWithShare(2, ballot) })).toMatchObject({ ok: false, error: { code: 'share' } })
  })

  it('K1: two of them are evidence, and nobody is framed by a share', () => {
    const other = blockOf({ set: SET, transactions: [transaction('other')] })
    const pair = [ballot, ballotOf('prepare', 0, other)].map((each) => signVoteWithShare(2, each)) as [Vote, Vote]
    const context = {
      chainId: CHAIN,
      validatorsOf: () => SET,
      verifySignature,
      refute: () => ({ ok: true, value: null }) as const,
    }
    const codeOfEvidence = (a: Vote, b: Vote): string => {
      const result = checkEvidence(encodeEvidence(CHAIN, equivocationOf(a, b)), context)
      return result.ok ? `offence of ${result.value.offender}` : result.error.code
    }
    expect(codeOfEvidence(...pair)).toBe('offence of 2')
    expect(codeOfEvidence({ ...pair[0], share: NO_POINT }, pair[1])).toBe('evidence-signature')
    const bare = pair.map(({ share: _, ...vote }) => vote) as [Vote, Vote]
    expect(codeOfEvidence(...bare)).toBe('evidence-signature')
  })
})

describe('a chain of BLS certificates', () => {
  it('commits, and its certificates are sums that anybody can check', () => {
    const cluster = new Cluster(BLS)
    cluster.at(0).order('a', 'b', 'c')
    cluster.deliver()
    expect(cluster.chain.length).toBe(3)
    for (const replica of cluster.replicas)
      for (const certificate of certificatesOf(replica)) {
        expect(certificate.scheme).toBe('bls12-381')
        expect(verifyCertificate({ chainId: CHAIN, validators: cluster.set, verifySignature }, certificate).ok).toBe(true)
      }
  })

  it.each([
    ['no point', (): BlsSignature => NO_POINT],
    ['somebody else’s', (vote: Vote): BlsSignature => shareOfAnother(vote.sender, vote)],
    [
      'of another block',
      (vote: Vote): BlsSignature => blsKeyOfValidator(vote.sender).sign(ballotBytes(CHAIN, { ...vote, view: 9 as never })),
    ],
  ])('commits without the one whose share is %s, who is named by all that saw it', (_, shareFor) => {
    const cluster = new Cluster(BLS)
    spoilSharesOf(cluster, 2, shareFor)
    cluster.at(0).order('a', 'b')
    cluster.deliver()
    expect(cluster.chain.length).toBe(2)
    const honest = [0, 1, 3].map((index) => cluster.at(index))
    expect(new Set(honest.flatMap(badSharesSeenBy))).toEqual(new Set([2]))
    for (const replica of honest)
      for (const certificate of certificatesOf(replica)) expect(indicesOf(certificate.signers)).toEqual([0, 1, 3])
  })

  it('a bad share counts for nothing: with it there is no quorum, and the certificate waits for a good one', () => {
    const replica = new Cluster(BLS).at(3)
    const ballot = ballotOf('prepare', 0, block)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), block))
    replica.receive(1, { kind: 'vote', vote: signVoteWithShare(1, ballot, shareOfAnother(1, ballot)) })
    expect(replica.sentVotes('commit')).toEqual([])
    expect(badSharesSeenBy(replica)).toEqual([1])
    replica.receive(2, { kind: 'vote', vote: signVoteWithShare(2, ballot) })
    expect(replica.sentVotes('commit').length).toBe(1)
  })

  it('several at once are found in one search, and all of them', () => {
    const set = blsValidatorSet(7)
    const proposed = blockOf({ set })
    const replica = new Cluster({ ...BLS, validators: 7 }).at(6)
    const ballot = ballotOf('prepare', 0, proposed)
    replica.receive(0, proposalOf(signVoteWithShare(0, ballot), proposed))
    for (const sender of [1, 2]) replica.receive(sender, { kind: 'vote', vote: signVoteWithShare(sender, ballot, NO_POINT) })
    expect(badSharesSeenBy(replica)).toEqual([])
    replica.receive(3, { kind: 'vote', vote: signVoteWithShare(3, ballot) })
    expect(badSharesSeenBy(replica)).toEqual([1, 2])
    replica.receive(4, { kind: 'vote', vote: signVoteWithShare(4, ballot) })
    expect(replica.sentVotes('commit')).toEqual([])
    replica.receive(5, { kind: 'vote', vote: signVoteWithShare(5, ballot) })
    expect(replica.sentVotes('commit').length).toBe(1)
  })

  it('who was found out once is looked at first from then on: no second search, and its good shares count', () => {
    const [first, second] = chainOf(2, { set: SET }) as [Block, Block]
    const replica = new Cluster(BLS).at(3)
    const [one, two] = [ballotOf('prepare', 0, first), ballotOf('prepare', 0, second)]
    replica.receive(0, proposalOf(signVoteWithShare(0, one), first))
    replica.receive(1, { kind: 'vote', vote: signVoteWithShare(1, one, NO_POINT) })
    expect(badSharesSeenBy(replica)).toEqual([1])
    replica.receive(0, proposalOf(signVoteWithShare(0, two), second))
    replica.receive(1, { kind: 'vote', vote: signVoteWithShare(1, two, NO_POINT) })
    expect(badSharesSeenBy(replica)).toEqual([1])
    expect(replica.sentVotes('commit')).toEqual([])
    replica.receive(1, { kind: 'vote', vote: signVoteWithShare(1, ballotOf('commit', 0, second)) })
    replica.receive(2, { kind: 'vote', vote: signVoteWithShare(2, two) })
    expect(replica.sentVotes('commit').map((vote) => vote.height)).toEqual([2])
    replica.receive(0, { kind: 'vote', vote: signVoteWithShare(0, ballotOf('commit', 0, second)) })
    expect(replica.running.inspect().highest).toMatchObject({ kind: 'commit', height: 2 })
  })

  it('K1: a vote with a bad share convicts its sender of equivocation as any other does', () => {
    const replica = new Cluster(BLS).at(3)
    const other = blockOf({ set: SET, transactions: [transaction('other')] })
    const ballot = ballotOf('commit', 0, block)
    for (const sender of [0, 1]) replica.receive(sender, { kind: 'vote', vote: signVoteWithShare(sender, ballot) })
    replica.receive(2, { kind: 'vote', vote: signVoteWithShare(2, ballot, NO_POINT) })
    expect(badSharesSeenBy(replica)).toEqual([2])
    replica.receive(2, { kind: 'vote', vote: signVoteWithShare(2, ballotOf('commit', 0, other)) })
    expect(replica.evidence.map((evidence) => evidence.type)).toEqual(['equivocation'])
  })

  it('C1: a validator that is a quorum by itself goes on by itself, when its vote survived a crash and nothing else did', () => {
    const replica = new Cluster({ ...BLS, validators: 1 }).at(0)
    replica.syncing = 'manual'
    replica.order('a')
    replica.crash(1)
    replica.syncing = 'automatic'
    replica.restart()
    expect(replica.height).toBe(1)
  })

  it('a view change carries a sum, and the next leader goes on from it', () => {
    const cluster = new Cluster(BLS)
    cluster.at(0).order('a')
    cluster.cut = ({ message }) => message.kind === 'vote' && message.vote.kind === 'commit'
    cluster.deliver()
    cluster.cut = () => false
    for (const replica of cluster.replicas) replica.fire('view')
    cluster.deliver()
    expect(cluster.replicas.map((replica) => replica.position)).toEqual(Array(4).fill('active 1'))
    expect(cluster.chain.length).toBe(1)
  })

  it('sums are of those only who are in them: adding up in another order is the same sum', () => {
    const shares = [0, 1, 2].map((sender) => signVoteWithShare(sender, ballotOf('commit', 0, block)).share as BlsSignature)
    expect(aggregateBls(shares)).toEqual(aggregateBls(shares.toReversed()))
  })
})

it('a message of a chain without shares has the bytes it always had', () => {
  const message = voteMessage(1, 'prepare', 0, blockOf())
  expect(encodeMessage(message)[0]).toBe(2)
  expect(encodeMessage({ kind: 'vote', vote: signVoteWithShare(1, ballotOf('prepare', 0, block)) })[0]).toBe(17)
})

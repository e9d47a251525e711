import { bitmapOf, equalBytes } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import {
  aggregateOf,
  ballotOf,
  blockOf,
  blsValidatorSet,
  CHAIN,
  Cluster,
  certificateOf,
  chainOf,
  prePrepareOf,
  signVote,
  signVoteWithShare,
  transaction,
  validatorSet,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import {
  assembleForkProof,
  type Block,
  type Certificate,
  checkForkProof,
  decodeForkProof,
  encodeForkProof,
  type ForkProof,
  MAX_FORK_CERTIFICATES,
  MAX_FORK_PROOF_BYTES,
  type Vote,
} from './index.js'

const CONTEXT = { chainId: CHAIN, validators: validatorSet(4), verifySignature }
const [a, b] = ['a', 'b']
  .map((label) => blockOf({ transactions: [transaction(label)] }))
  .sort((one, other) => Buffer.compare(one.hash, other.hash)) as [Block, Block]

function proofOf(first: Certificate, second: Certificate, rest: Partial<ForkProof> = {}): Uint8Array {
  const headerOf = (certificate: Certificate): Block => (equalBytes(certificate.blockHash, a.hash) ? a : b)
  const branches = [first, second].map((certificate) => ({ headers: [headerOf(certificate).header], certificate }))
  return encodeForkProof({ chainId: CHAIN, branches: branches as never, votes: [], entries: [], certificates: [], ...rest })
}

function verdictOn(bytes: Uint8Array): string {
  const result = checkForkProof(bytes, CONTEXT)
  return result.ok ? result.value.culprits.map(({ validator, offence }) => `${validator} ${offence}`).join(', ') : result.error.code
}

describe('fork proofs (protocol.md §11)', () => {
  it('O1: two commit certificates of one view and height name who signed both, and nobody else', () => {
    const bytes = proofOf(certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 0, b, [1, 2, 3]))
    expect(verdictOn(bytes)).toBe('1 two-votes, 2 two-votes')
    expect(checkForkProof(bytes, CONTEXT)).toMatchObject({ value: { height: 1, power: 2n, totalPower: 4n } })
  })

  it('on a chain of BLS certificates a sum names its signers as a list does, and further sums stand for the votes in them', () => {
    const set = blsValidatorSet(4)
    const context = { chainId: CHAIN, validators: set, verifySignature }
    const [c, d] = ['c', 'd']
      .map((label) => blockOf({ set, transactions: [transaction(label)] }))
      .sort((one, other) => Buffer.compare(one.hash, other.hash)) as [Block, Block]
    const culprits = (certificates: Certificate[], votes: Vote[] = []): string => {
      const assembled = assembleForkProof(context, { certificates, headers: [c.header, d.header], votes, entries: [] })
      const checked = assembled?.checked
      if (checked === undefined) return 'no fork'
      return checked.ok ? checked.value.culprits.map(({ validator, offence }) => `${validator} ${offence}`).join(', ') : checked.error.code
    }
    const commits = [aggregateOf('commit', 0, c, [0, 1, 2]), aggregateOf('commit', 0, d, [1, 2, 3])]
    expect(culprits(commits)).toBe('1 two-votes, 2 two-votes')
    const across = [aggregateOf('commit', 0, c, [0, 1, 2]), aggregateOf('commit', 1, d, [1, 2, 3])]
    expect(culprits(across)).toBe('fork-not-attributed')
    expect(culprits([...across, aggregateOf('prepare', 0, d, [0, 1, 3])])).toBe('0 commit-without-prepare, 1 commit-without-prepare')
    const votes = [0, 1].map((sender) => signVoteWithShare(sender, ballotOf('prepare', 0, d)))
    expect(culprits(across, votes)).toBe('0 commit-without-prepare, 1 commit-without-prepare')
    expect(culprits([commits[0] as Certificate, { ...aggregateOf('commit', 0, d, [1, 2, 3]), signers: bitmapOf(4, [0, 1, 2]) }])).toBe(
      'no fork',
    )
  })

  it('on a chain of BLS certificates is of the second version, and nothing else is: it is read as it was written', () => {
    const [first, second] = [a, b].map((block) => aggregateOf('commit', 0, block, [0, 1, 2])) as [Certificate, Certificate]
    const sums = proofOf(first, second, { votes: [signVoteWithShare(3, ballotOf('prepare', 0, a))], certificates: [first] })
    const lists = proofOf(certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 0, b, [1, 2, 3]))
    for (const [bytes, version, other] of [
      [sums, 2, 1],
      [lists, 1, 2],
    ] as const) {
      const decoded = decodeForkProof(bytes)
      expect(decoded.ok && encodeForkProof(decoded.value)).toEqual(bytes)
      const at = 4 + 'aethel-fork-proof'.length
      expect(bytes[at]).toBe(version)
      const relabelled = Uint8Array.from(bytes)
      relabelled[at] = other
      expect(decodeForkProof(relabelled)).toMatchObject({ ok: false, error: { code: 'scheme' } })
    }
  })

  it('across views two certificates alone name nobody: an honest validator may have signed both', () => {
    expect(verdictOn(proofOf(certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 1, b, [1, 2, 3])))).toBe(
      'fork-not-attributed',
    )
  })

  it('O3: across views the VIEW-CHANGE entries name who forgot its COMMIT; who remembered, or asked before, is not named', () => {
    const certificates = [certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 2, b, [1, 2, 3])] as const
    const forgot = [1, 2, 3].map((sender) => viewChangeOf(sender, 2).entry)
    expect(verdictOn(proofOf(...certificates, { entries: forgot }))).toBe('1 forgotten-commit, 2 forgotten-commit')
    const remembered = [1, 2].map((sender) => viewChangeOf(sender, 2, certificateOf('prepare', 0, a)).entry)
    expect(verdictOn(proofOf(...certificates, { entries: remembered }))).toBe('fork-not-attributed')
    const later = proofOf(certificateOf('commit', 2, a, [0, 1, 2]), certificateOf('commit', 3, b, [1, 2, 3]), {
      entries: [1, 2].map((sender) => viewChangeOf(sender, 2).entry),
    })
    expect(verdictOn(later)).toBe('fork-not-attributed')
  })

  it('O3: who COMMITs at one height and later names a lower one of the same view has forgotten it, and who names it, or a higher one, has not', () => {
    const [low, high, next] = chainOf(3) as [Block, Block, Block]
    const rival = blockOf({ height: 2, parent: low.hash, transactions: [transaction('rival')] })
    const sides = [high, rival].map((block, at) => ({
      headers: [block.header],
      certificate: certificateOf('commit', 2 * at, block, at === 0 ? [0, 1, 2] : [1, 2, 3]),
    }))
    const branches = sides.sort((one, other) => Buffer.compare(one.certificate.blockHash, other.certificate.blockHash)) as never
    const naming = (named: Block): string =>
      verdictOn(
        encodeForkProof({
          chainId: CHAIN,
          branches,
          votes: [],
          certificates: [],
          entries: [1, 2].map((sender) => viewChangeOf(sender, 2, certificateOf('prepare', 0, named)).entry),
        }),
      )
    expect(naming(low)).toBe('1 forgotten-commit, 2 forgotten-commit')
    for (const remembered of [high, next]) expect(naming(remembered)).toBe('fork-not-attributed')
  })

  it('culprits of a third of the power or less prove no fork: the others may have been deceived', () => {
    const certificates = [certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 2, b, [1, 2, 3])] as const
    const oneForgot = [viewChangeOf(1, 2).entry]
    expect(verdictOn(proofOf(...certificates, { entries: oneForgot }))).toBe('fork-not-attributed')
  })

  it('O2: PREPAREs for the rival in the view of the COMMIT name who committed what it had not prepared', () => {
    const votes = [1, 2, 3].map((sender) => signVote(sender, ballotOf('prepare', 0, b)))
    const bytes = proofOf(certificateOf('commit', 0, a, [0, 1, 2]), certificateOf('commit', 1, b, [1, 2, 3]), { votes })
    expect(verdictOn(bytes)).toBe('1 commit-without-prepare, 2 commit-without-prepare')
  })

  it('a certificate of a descendant commits its ancestors; the headers show it', () => {
    const [, child] = chainOf(2, { transactions: [transaction('a')] }) as [Block, Block]
    const [base] = chainOf(1, { transactions: [transaction('a')] }) as [Block]
    const long = { headers: [base.header, child.header], certificate: certificateOf('commit', 0, child, [0, 1, 2]) }
    const other = equalBytes(base.hash, a.hash) ? b : a
    const short = { headers: [other.header], certificate: certificateOf('commit', 0, other, [0, 1, 3]) }
    const branches = (Buffer.compare(base.hash, other.hash) < 0 ? [long, short] : [short, long]) as never
    const votes = [0, 1].map((sender) => signVote(sender, ballotOf('prepare', 0, base)))
    expect(verdictOn(encodeForkProof({ chainId: CHAIN, branches, votes: [], entries: [], certificates: [] }))).toBe('fork-not-attributed')
    expect(verdictOn(encodeForkProof({ chainId: CHAIN, branches, votes, entries: [], certificates: [] }))).toBe(
      '0 commit-without-prepare, 1 commit-without-prepare',
    )
  })

  it('E1: fork proof: one byte above 16 MiB is refused unread; of thousands of certificates 128 are looked at, and of a branch 256 headers', () => {
    let checks = 0
    const counting = {
      ...CONTEXT,
      verifySignature: (...args: Parameters<typeof verifySignature>) => {
        checks++
        return verifySignature(...args)
      },
    }
    expect(checkForkProof(new Uint8Array(MAX_FORK_PROOF_BYTES + 1), counting)).toMatchObject({ ok: false, error: { code: 'fork-size' } })
    const long = Array.from({ length: 257 }, () => a.header)
    const certificate = certificateOf('commit', 0, a, [0, 1, 2])
    const branches = [
      { headers: long, certificate },
      { headers: [b.header], certificate: certificateOf('commit', 0, b, [1, 2, 3]) },
    ]
    const tooLong = encodeForkProof({ chainId: CHAIN, branches: branches as never, votes: [], entries: [], certificates: [] })
    expect(checkForkProof(tooLong, counting)).toMatchObject({ ok: false, error: { code: 'too-many' } })
    expect(checks).toBe(0)
    const flood = Array.from({ length: 3_000 }, (_, at) => ({ ...certificate, view: at as never }))
    expect(assembleForkProof(counting, { certificates: flood, headers: [], votes: [], entries: [] })).toBeNull()
    expect(checks).toBeLessThanOrEqual(MAX_FORK_CERTIFICATES * certificate.signatures.length)
    expect(checks).toBeGreaterThan(100) // they were looked at
  })

  it('what is no fork, or not signed, is no proof', () => {
    const good = certificateOf('commit', 0, a, [0, 1, 2])
    const rival = certificateOf('commit', 0, b, [1, 2, 3])
    expect(verdictOn(proofOf(good, certificateOf('commit', 1, a, [1, 2, 3])))).toBe('fork-blocks')
    expect(verdictOn(proofOf(rival, good))).toBe('fork-blocks')
    expect(verdictOn(proofOf(certificateOf('prepare', 0, a), rival))).toBe('fork-certificate')
    expect(verdictOn(proofOf(certificateOf('commit', 0, a, [0, 1]), rival))).toBe('certificate-power')
    expect(verdictOn(proofOf(good, { ...rival, signatures: rival.signatures.toReversed() }))).toBe('certificate-signature')
    const [vote] = good.signatures
    const forged = { ...signVote(3, ballotOf('prepare', 0, a)), signature: vote as never }
    expect(verdictOn(proofOf(good, rival, { votes: [forged] }))).toBe('fork-vote')
    const entry = { ...viewChangeOf(3, 2).entry, sender: 0 as never }
    expect(verdictOn(proofOf(good, rival, { entries: [entry] }))).toBe('fork-entry')
    const bytes = proofOf(good, rival)
    for (let at = 0; at < bytes.length; at += 7) expect(checkForkProof(bytes.slice(0, at), CONTEXT).ok).toBe(false)
    for (let at = 0; at < bytes.length; at += 5) {
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ 1
      expect([at, checkForkProof(changed, CONTEXT).ok]).toEqual([at, false])
    }
  })

  it('seven validators, three of them faulty: two honest replicas commit different blocks, and their certificates name the three', () => {
    const left = new Cluster({ validators: 7 })
    const right = new Cluster({ validators: 7 })
    const set = validatorSet(7)
    const rivals = ['a', 'b'].map((label) => blockOf({ set, transactions: [transaction(label)] }))
    const [one, other] = rivals.sort((x, y) => Buffer.compare(x.hash, y.hash)) as [Block, Block]
    // 0, 1 and 2 are faulty and lead; 3 and 4 see only the one block, 5 and 6 only the other.
    const side = (cluster: Cluster, block: Block, honest: readonly number[]): Certificate => {
      cluster.cut = ({ from, to }) => !honest.includes(from) || !honest.includes(to)
      for (const index of honest) {
        cluster.at(index).receive(0, prePrepareOf(0, 0, block))
        for (const kind of ['prepare', 'commit'] as const)
          for (const sender of [0, 1, 2]) cluster.at(index).receive(sender, voteMessage(sender, kind, 0, block))
      }
      cluster.deliver()
      const [index] = honest as [number]
      expect(cluster.at(index).committed.map(({ hash }) => hash)).toEqual([block.hash])
      return cluster.at(index).disk.chain[0]?.certificate as Certificate
    }
    const branches = [
      { headers: [one.header], certificate: side(left, one, [3, 4]) },
      { headers: [other.header], certificate: side(right, other, [5, 6]) },
    ] as const
    const checked = checkForkProof(encodeForkProof({ chainId: CHAIN, branches, votes: [], entries: [], certificates: [] }), {
      ...CONTEXT,
      validators: set,
    })
    expect(checked).toMatchObject({ ok: true, value: { power: 3n, totalPower: 7n } })
    expect(checked.ok ? checked.value.culprits.map(({ validator }) => validator) : []).toEqual([0, 1, 2])
  })
})

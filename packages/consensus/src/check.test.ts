import { bitmapOf, epoch, type Hash, height, type Refusal, type Result, type Signature, validatorIndex, view } from '@aethel/codec'
import { hashTagged, verifySignature } from '@aethel/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  ballotOf,
  blockOf,
  CHAIN,
  certificateOf,
  chainOf,
  compactPrePrepareOf,
  keyOfValidator,
  newViewOf,
  prePrepareOf,
  signVote,
  transaction,
  validatorSet,
  viewChangeOf,
  voteMessage,
} from '../test/harness.js'
import {
  type Block,
  ballotBytes,
  type Certificate,
  type CompactPrePrepare,
  completeProposal,
  createBlock,
  createMessageChecker,
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageChecker,
  type NewView,
  newViewBytes,
  type Status,
  statusBytes,
  type Verified,
  type ViewChange,
  type ViewChangeEntry,
  viewChangeBytes,
} from './index.js'

const set = validatorSet(4)
const block = blockOf()
let signatureChecks = 0
let checker: MessageChecker

beforeEach(() => {
  signatureChecks = 0
  checker = createMessageChecker({
    chainId: CHAIN,
    validators: set,
    verifySignature: (key, message, signature) => {
      signatureChecks++
      return verifySignature(key, message, signature)
    },
  })
})

function codeOf(message: Message): string {
  const result: Result<unknown, Refusal> = checker.check(message)
  if (!result.ok) expect(result.error.message.length).toBeGreaterThan(20) // says what was expected
  return result.ok ? 'ok' : result.error.code
}

function resigned(entry: Omit<ViewChangeEntry, 'signature'>, by: number, certificate: Certificate | null): ViewChange {
  return { kind: 'view-change', entry: { ...entry, signature: keyOfValidator(by).sign(viewChangeBytes(CHAIN, entry)) }, certificate }
}

function resignedNewView(message: Omit<NewView, 'signature'>, by: number): NewView {
  return { ...message, signature: keyOfValidator(by).sign(newViewBytes(CHAIN, message)) }
}

describe('votes at the edge', () => {
  it('S3, A6: a vote of somebody outside, under another name, or with any bit changed is refused', () => {
    expect(codeOf(voteMessage(1, 'prepare', 0, block))).toBe('ok')
    const { vote } = voteMessage(1, 'prepare', 0, block) as Extract<Message, { kind: 'vote' }>
    expect(codeOf({ kind: 'vote', vote: { ...vote, sender: validatorIndex(2) } })).toBe('signature')
    expect(codeOf({ kind: 'vote', vote: { ...vote, sender: validatorIndex(4) } })).toBe('unknown-validator')
    expect(codeOf({ kind: 'vote', vote: { ...vote, sender: validatorIndex(65_535) } })).toBe('unknown-validator')
    expect(codeOf({ kind: 'vote', vote: { ...signVote(9, ballotOf('prepare', 0, block)), sender: validatorIndex(1) } })).toBe('signature')
    for (let bit = 0; bit < 512; bit += 7) {
      const signature = Uint8Array.from(vote.signature)
      signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(codeOf({ kind: 'vote', vote: { ...vote, signature: signature as Signature } })).toBe('signature')
    }
  })

  it('F3, J1: votes of another epoch or chain are refused', () => {
    const { vote } = voteMessage(1, 'prepare', 0, block) as Extract<Message, { kind: 'vote' }>
    expect(codeOf({ kind: 'vote', vote: { ...vote, epoch: epoch(1) } })).toBe('epoch')
    const ballot = ballotOf('prepare', 0, block)
    const elsewhere = keyOfValidator(1).sign(ballotBytes(hashTagged('aethel/other-chain', CHAIN), ballot))
    expect(codeOf({ kind: 'vote', vote: { ...vote, signature: elsewhere } })).toBe('signature')
  })

  it('a remembered signature is remembered for its own message and key only', () => {
    const { vote } = voteMessage(1, 'prepare', 0, block) as Extract<Message, { kind: 'vote' }>
    for (let i = 0; i < 3; i++) expect(codeOf({ kind: 'vote', vote })).toBe('ok')
    expect(signatureChecks).toBe(1)
    expect(codeOf({ kind: 'vote', vote: { ...vote, kind: 'commit' } })).toBe('signature')
    expect(codeOf({ kind: 'vote', vote: { ...vote, view: view(1) } })).toBe('signature')
    expect(codeOf({ kind: 'vote', vote: { ...vote, sender: validatorIndex(0) } })).toBe('signature')
  })

  it('a certificate of votes already seen costs no second check, and a refused one is not remembered as good', () => {
    const certificate = certificateOf('commit', 0, block)
    for (const sender of [0, 1, 2]) codeOf(voteMessage(sender, 'commit', 0, block))
    expect(checker.checkCertificate(certificate).ok).toBe(true)
    expect(signatureChecks).toBe(3)
    const bad = {
      ...certificate,
      signatures: [...certificate.signatures.slice(0, 2), certificate.signatures[0] ?? (certificate.signatures[1] as Signature)],
    }
    for (let i = 0; i < 2; i++) expect(checker.checkCertificate(bad).ok).toBe(false)
  })

  it('a certificate of absurd length is refused, and does not stop the process', () => {
    const signature = new Uint8Array(64) as Signature
    const long: Certificate = {
      ...certificateOf('commit', 0, block),
      signers: bitmapOf(65_535, []),
      signatures: new Array<Signature>(65_535).fill(signature),
    }
    const decoded = decodeMessage(encodeMessage({ kind: 'view-change', entry: viewChangeOf(1, 1).entry, certificate: long }))
    expect(decoded.ok).toBe(true)
    expect(checker.checkCertificate(long)).toMatchObject({ ok: false, error: { code: 'certificate-size' } })
    expect(codeOf({ kind: 'blocks', blocks: [block], links: [], certificate: long })).toBe('certificate-size')
    expect(codeOf(prePrepareOf(0, 0, blockOf({ height: 2, lastCertificate: long })))).toBe('certificate-size')
    expect(signatureChecks).toBe(1)
  })
})

describe('PRE-PREPARE at the edge', () => {
  it('S3: only the leader of the view proposes, with its own signature', () => {
    expect(codeOf(prePrepareOf(0, 0, block))).toBe('ok')
    expect(codeOf(prePrepareOf(1, 0, block))).toBe('not-leader')
    expect(codeOf({ ...prePrepareOf(1, 0, block), sender: validatorIndex(0) })).toBe('signature')
    expect(codeOf({ ...prePrepareOf(0, 0, block), block: blockOf({ timestampMs: 7 }) })).toBe('signature')
  })

  it('its header must be of this chain and epoch, by the leader of its view, of a view not later than the message', () => {
    const withHeader = (change: Partial<Block['header']>): Message =>
      prePrepareOf(0, 0, createBlock({ ...block.header, ...change }, block.body))
    expect(codeOf(withHeader({ chainId: block.hash }))).toBe('chain')
    expect(codeOf({ ...withHeader({ epoch: epoch(1) }), epoch: epoch(0) } as Message)).toBe('signature')
    expect(codeOf(withHeader({ height: height(0) }))).toBe('height')
    expect(codeOf(withHeader({ proposer: validatorIndex(1) }))).toBe('proposer')
    expect(codeOf(withHeader({ validatorsHash: block.hash }))).toBe('validators-hash')
    expect(codeOf(prePrepareOf(0, 0, blockOf({ view: 4 })))).toBe('view')
    expect(codeOf(prePrepareOf(1, 5, block))).toBe('ok') // re-proposed later, by another leader
  })

  it('an embedded certificate must be a commit certificate of a lower block, and good', () => {
    const codeWith = (lastCertificate: Certificate): string =>
      codeOf(prePrepareOf(0, 0, blockOf({ height: 2, parent: block.hash, lastCertificate })))
    expect(codeWith(certificateOf('commit', 0, block))).toBe('ok')
    expect(codeWith(certificateOf('prepare', 0, block))).toBe('last-certificate')
    expect(codeWith(certificateOf('commit', 0, blockOf({ height: 2 })))).toBe('last-certificate')
    expect(codeWith(certificateOf('commit', 0, block, [0, 1]))).toBe('certificate-power')
  })
})

describe('a compact PRE-PREPARE at the edge', () => {
  const body = [transaction('a'), transaction('b')]
  const proposal = prePrepareOf(0, 0, blockOf({ transactions: body }))
  const named = [{ id: block.hash }, { id: CHAIN }]
  const compact = compactPrePrepareOf(proposal, named)

  it('passes whatever it names: the leader’s signature covers the header', () => {
    expect(codeOf(compact)).toBe('ok')
    expect(codeOf({ ...compact, transactions: [] })).toBe('ok')
  })

  it('but for that it is looked at like a whole one', () => {
    const certificate = certificateOf('commit', 0, block, [0, 1])
    const child = prePrepareOf(0, 0, blockOf({ height: 2, parent: block.hash, lastCertificate: certificate }))
    const messages: Message[] = [
      compactPrePrepareOf(prePrepareOf(1, 0, block), named),
      { ...compact, sender: validatorIndex(1) },
      { ...compact, hash: block.hash },
      compactPrePrepareOf(prePrepareOf(0, 0, createBlock({ ...block.header, proposer: validatorIndex(1) }, block.body)), named),
      compactPrePrepareOf(prePrepareOf(0, 0, blockOf({ view: 4 })), named),
      { ...compact, evidence: [Uint8Array.of(1)] },
      { ...compact, lastCertificate: certificate },
      compactPrePrepareOf(child, named),
    ]
    expect(messages.map(codeOf)).toEqual([
      ...['not-leader', 'not-leader', 'signature', 'proposer', 'view'],
      ...['evidence-root', 'certificate-hash', 'certificate-power'],
    ])
    const strict = createMessageChecker({ chainId: CHAIN, validators: set, verifySignature, blockTransactions: 1 })
    expect(strict.check(compact)).toMatchObject({ ok: false, error: { code: 'block-limits' } })
  })

  it('S8: becomes the whole one with the transactions under its header’s root, in their order, and with no others', () => {
    const verified = compact as Verified<CompactPrePrepare>
    expect(completeProposal(verified, body)).toEqual({ ok: true, value: proposal })
    for (const other of [[...body].reverse(), body.slice(1), [...body, transaction('c')], [transaction('a'), transaction('c')]])
      expect(completeProposal(verified, other)).toMatchObject({ ok: false, error: { code: 'transactions-root' } })
  })
})

describe('VIEW-CHANGE at the edge', () => {
  const certificate = certificateOf('prepare', 0, block)

  it('must carry the certificate it names, whole and good, of an earlier view', () => {
    expect(codeOf(viewChangeOf(2, 1))).toBe('ok')
    expect(codeOf(viewChangeOf(2, 1, certificate))).toBe('ok')
    expect(codeOf({ ...viewChangeOf(2, 1, certificate), certificate: null })).toBe('highest-certificate')
    expect(codeOf({ ...viewChangeOf(2, 1), certificate })).toBe('highest-certificate')
    expect(codeOf({ ...viewChangeOf(2, 1, certificate), certificate: certificateOf('prepare', 0, blockOf({ timestampMs: 9 })) })).toBe(
      'highest-certificate',
    )
    expect(codeOf({ ...viewChangeOf(2, 1, certificate), certificate: { ...certificate, kind: 'commit' } })).toBe('highest-certificate')
    expect(codeOf(viewChangeOf(2, 1, certificateOf('prepare', 0, block, [0, 1])))).toBe('certificate-power')
    expect(codeOf(viewChangeOf(2, 1, certificateOf('prepare', 1, block)))).toBe('highest')
    expect(codeOf(viewChangeOf(2, 1, certificateOf('prepare', 7, block)))).toBe('highest')
  })

  it('A6: is signed by its sender, for this chain, in every field', () => {
    const { entry } = viewChangeOf(2, 3, certificate)
    const { signature, ...fields } = entry
    const changes: Partial<ViewChangeEntry>[] = [
      { newView: view(4) },
      { committedHeight: height(9) },
      { sender: validatorIndex(1) },
      { highest: { ...ballotOf('prepare', 0, block), height: height(2) } },
    ]
    for (const change of changes)
      expect(['signature', 'highest-certificate']).toContain(
        codeOf({ kind: 'view-change', entry: { ...fields, ...change, signature }, certificate }),
      )
    expect(codeOf({ kind: 'view-change', entry: { ...fields, sender: validatorIndex(77), signature }, certificate })).toBe(
      'unknown-validator',
    )
    expect(codeOf(resigned({ ...fields, epoch: epoch(2) }, 2, certificate))).toBe('epoch')
    expect(codeOf(resigned(fields, 1, certificate))).toBe('signature')
  })
})

describe('NEW-VIEW at the edge', () => {
  const [one, two] = chainOf(2) as [Block, Block]
  const lower = certificateOf('prepare', 0, one)
  const higher = certificateOf('prepare', 0, two)
  const changes = [viewChangeOf(0, 5, lower), viewChangeOf(1, 5, higher), viewChangeOf(3, 5)]

  it('is good with a quorum and the highest certificate among them', () => {
    expect(codeOf(newViewOf(1, 5, changes))).toBe('ok')
    expect(
      codeOf(
        newViewOf(
          1,
          5,
          changes.map((change) => viewChangeOf(change.entry.sender, 5)),
        ),
      ),
    ).toBe('ok')
  })

  it('B5: without a quorum of distinct senders it is refused', () => {
    expect(codeOf(newViewOf(1, 5, changes.slice(0, 2)))).toBe('no-quorum')
    expect(codeOf(newViewOf(1, 5, []))).toBe('no-quorum')
    const [first, second] = changes as [ViewChange, ViewChange]
    expect(codeOf(newViewOf(1, 5, [first, first, first]))).toBe('order')
    expect(codeOf(newViewOf(1, 5, [first, second, second]))).toBe('order')
    expect(codeOf(newViewOf(1, 5, [second, first, changes[2] as ViewChange]))).toBe('order')
    const outsider = { ...viewChangeOf(9, 5), certificate: null }
    expect(codeOf(newViewOf(1, 5, [first, second, outsider]))).toBe('no-quorum')
    expect(codeOf(newViewOf(1, 5, [...changes, outsider]))).toBe('unknown-validator')
  })

  it('B4: a certificate that is not the highest listed, or none where one is listed, is refused', () => {
    expect(codeOf(newViewOf(1, 5, changes, lower))).toBe('highest-certificate')
    expect(codeOf(newViewOf(1, 5, changes, null))).toBe('highest-certificate')
    expect(
      codeOf(
        newViewOf(
          1,
          5,
          changes.map((change) => viewChangeOf(change.entry.sender, 5)),
          higher,
        ),
      ),
    ).toBe('highest-certificate')
    const short = certificateOf('prepare', 0, two, [0, 1])
    expect(codeOf(newViewOf(1, 5, [viewChangeOf(0, 5, short), ...changes.slice(1)], short))).toBe('certificate-power')
    const invented = certificateOf('prepare', 4, two, [1])
    expect(codeOf(newViewOf(1, 5, [changes[0] as ViewChange, viewChangeOf(1, 5, invented), changes[2] as ViewChange]))).toBe(
      'certificate-power',
    )
  })

  it('VIEW-CHANGEs for another view, forged ones, and a sender that does not lead are refused', () => {
    expect(codeOf(newViewOf(1, 5, [changes[0] as ViewChange, changes[1] as ViewChange, viewChangeOf(3, 9)]))).toBe('view')
    expect(codeOf(newViewOf(2, 5, changes))).toBe('not-leader')
    const message = newViewOf(1, 5, changes)
    const { signature, ...fields } = message
    const forged = { ...(changes[2] as ViewChange).entry, committedHeight: height(4) }
    expect(codeOf(resignedNewView({ ...fields, viewChanges: [...message.viewChanges.slice(0, 2), forged] }, 1))).toBe('signature')
    expect(codeOf(resignedNewView(fields, 2))).toBe('signature')
    expect(codeOf({ ...fields, epoch: epoch(1), signature })).toBe('epoch')
    expect(
      codeOf({ ...fields, viewChanges: message.viewChanges.slice(0, 3), certificate: message.certificate, newView: view(9), signature }),
    ).toBe('view')
  })
})

describe('STATUS, BLOCKS and BLOCK at the edge', () => {
  const statusOf = (change: Partial<Status> = {}, by = 2): Status => {
    const unsigned: Omit<Status, 'signature'> = {
      kind: 'status',
      epoch: epoch(0),
      view: view(0),
      phase: 'active',
      committedHeight: height(0),
      sender: validatorIndex(2),
      complaint: null,
      slots: [{ height: height(1), accepted: block.hash, prepares: bitmapOf(4, [0]), commits: bitmapOf(4, []) }],
      ...change,
    }
    return { ...unsigned, signature: keyOfValidator(by).sign(statusBytes(CHAIN, unsigned)) }
  }

  it('E2: bitmaps of another size, slots out of order, another signer', () => {
    const slot = { height: height(1), accepted: null, prepares: bitmapOf(4, []), commits: bitmapOf(4, []) }
    expect(codeOf(statusOf())).toBe('ok')
    expect(codeOf(statusOf({ slots: [{ ...slot, prepares: bitmapOf(5, []) }] }))).toBe('bitmap')
    expect(codeOf(statusOf({ slots: [{ ...slot, commits: bitmapOf(0, []) }] }))).toBe('bitmap')
    expect(codeOf(statusOf({ slots: [slot, slot] }))).toBe('order')
    expect(codeOf(statusOf({}, 1))).toBe('signature')
    expect(codeOf(statusOf({ epoch: epoch(3) }))).toBe('epoch')
  })

  it('blocks without their certificate, with gaps, or of another chain are refused', () => {
    const blocks = chainOf(3)
    const [first = block, second = block, third = block] = blocks
    const certificate = certificateOf('commit', 0, third)
    const codeWith = (change: Partial<Extract<Message, { kind: 'blocks' }>>): string =>
      codeOf({ kind: 'blocks', blocks, links: [], certificate, ...change })
    expect(codeWith({})).toBe('ok')
    expect(codeWith({ blocks: [first], links: [second.header, third.header] })).toBe('ok')
    expect(codeWith({ blocks: [] })).toBe('empty')
    expect(codeWith({ blocks: [first, third] })).toBe('chain-gap')
    expect(codeWith({ blocks: [first], links: [third.header] })).toBe('chain-gap')
    expect(codeWith({ blocks: [second, first] })).toBe('chain-gap')
    expect(codeWith({ blocks: [first, second] })).toBe('certificate-block')
    expect(codeWith({ certificate: certificateOf('prepare', 0, third) })).toBe('certificate-kind')
    expect(codeWith({ certificate: certificateOf('commit', 0, third, [0, 1]) })).toBe('certificate-power')
    const rival = blockOf({ height: 3, parent: second.hash, timestampMs: 9 })
    expect(codeWith({ blocks: [first, second, rival] })).toBe('certificate-block')
  })

  it('a block is of this chain, or refused', () => {
    expect(codeOf({ kind: 'block', block })).toBe('ok')
    const other = hashTagged('aethel/other-chain', CHAIN) as Hash
    expect(codeOf({ kind: 'block', block: createBlock({ ...block.header, chainId: other }, block.body) })).toBe('chain')
    expect(codeOf({ kind: 'fetch', want: 'committed', from: height(0) })).toBe('ok')
  })
})

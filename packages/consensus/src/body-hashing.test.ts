/**
 * docs/protocol.md §13, "hashing of bodies": what a frame of 65,536 tiny transactions costs, counted in hashes and signature checks,
 * not in time. Two hashes for each transaction are the price of a body; whoever may not make us pay it must not be able to.
 */
import { bitmapOf, height, type Signature, type ValidatorIndex } from '@aethel/codec'
import { verifySignature } from '@aethel/crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { blockOf, CHAIN, Cluster, certificateOf, chainOf, prePrepareOf, validatorSet } from '../test/harness.js'
import { type Block, type Certificate, createBlock, createMessageChecker, decodeMessage, encodeMessage, type Message } from './index.js'

const work = vi.hoisted(() => ({ hashes: 0, signatures: 0 }))
vi.mock('@aethel/crypto', async (importOriginal) => {
  const original = await importOriginal<typeof import('@aethel/crypto')>()
  const hashTagged: typeof original.hashTagged = (tag, bytes) => {
    work.hashes++
    return original.hashTagged(tag, bytes)
  }
  const hashEncoded: typeof original.hashEncoded = (tag, write) => {
    work.hashes++
    return original.hashEncoded(tag, write)
  }
  return { ...original, hashTagged, hashEncoded }
})

const MANY = 65_536
const MAX_TRANSACTIONS = 4096
/** What a message costs beside its bodies: header, signed bytes, remembered signature, certificate. */
const A_FEW = 16
/** Leaves and inner nodes of a list of n. */
const costOf = (transactions: number): number => 2 * transactions

const tiny = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => Uint8Array.of(i & 255, i >> 8))
const huge = blockOf({ transactions: tiny(MANY) })
const largest = blockOf({ transactions: tiny(MAX_TRANSACTIONS) })
const small = blockOf()
/** A header that anybody may have, with a body that is not its own. */
const foreignBody = (transactions: readonly Uint8Array[]): Block => createBlock(small.header, { ...small.body, transactions })

const checkerOf = () =>
  createMessageChecker({
    chainId: CHAIN,
    validators: validatorSet(4),
    blockTransactions: MAX_TRANSACTIONS,
    verifySignature: (key, message, signature) => {
      work.signatures++
      return verifySignature(key, message, signature)
    },
  })

/** As the driver treats a frame: decode, then the edge. */
function costsOf(message: Message, checker = checkerOf()): { code: string; hashes: number; signatures: number } {
  const bytes = encodeMessage(message)
  work.hashes = 0
  work.signatures = 0
  const decoded = decodeMessage(bytes)
  const checked = decoded.ok ? checker.check(decoded.value) : decoded
  return { code: checked.ok ? 'ok' : checked.error.code, hashes: work.hashes, signatures: work.signatures }
}

beforeEach(() => {
  work.hashes = 0
})

describe('E6: hashing of bodies is the last thing a frame makes us do', () => {
  it('decoding 65,536 transactions hashes the header and nothing else', () => {
    const bytes = encodeMessage(prePrepareOf(0, 0, huge))
    work.hashes = 0
    expect(decodeMessage(bytes).ok).toBe(true)
    expect(work.hashes).toBe(1)
  })

  it('PRE-PREPARE: not by the leader, of a wrong view, height or signature: refused for a few hashes', () => {
    const signed = prePrepareOf(0, 0, huge)
    const refused: [string, Message][] = [
      ['not-leader', prePrepareOf(1, 0, huge)],
      ['view', prePrepareOf(0, 0, blockOf({ view: 4, transactions: tiny(MANY) }))],
      ['signature', { ...signed, signature: new Uint8Array(64) as Signature }],
      ['height', prePrepareOf(0, 0, createBlock({ ...huge.header, height: height(0) }, huge.body))],
      ['block-limits', signed],
    ]
    for (const [code, message] of refused) {
      const costs = costsOf(message)
      expect([code, costs.code]).toEqual([code, code])
      expect(costs.hashes).toBeLessThan(A_FEW)
    }
  })

  it('PRE-PREPARE: a body that is not the header’s costs its leader one hashing, and it is refused', () => {
    const costs = costsOf(prePrepareOf(0, 0, foreignBody(tiny(MAX_TRANSACTIONS))))
    expect(costs.code).toBe('transactions-root')
    expect(costs.hashes).toBeLessThan(costOf(MAX_TRANSACTIONS) + A_FEW)
  })

  it('PRE-PREPARE: the largest block of a leader is hashed once, as often as it comes; a second one of its slot is not', () => {
    const cluster = new Cluster()
    const receiver = cluster.at(1)
    const wanted = (message: Message): boolean => receiver.core?.wants(0 as ValidatorIndex, message) === true
    const proposal = prePrepareOf(0, 0, largest)
    expect(wanted(proposal)).toBe(true)
    receiver.receive(0, proposal)
    expect(wanted(proposal)).toBe(false)
    const rival = prePrepareOf(0, 0, blockOf({ transactions: tiny(MAX_TRANSACTIONS - 1) }))
    expect(wanted(rival)).toBe(true) // evidence, once
    receiver.receive(0, rival)
    for (let at = 1; at < 40; at++)
      expect(wanted(prePrepareOf(0, 0, blockOf({ height: at, timestampMs: 5, transactions: [] })))).toBe(false)
  })

  it('BLOCK: only a header that was asked for has its body hashed', () => {
    const { core } = new Cluster().at(1)
    expect(core?.wants(2 as ValidatorIndex, { kind: 'block', block: huge })).toBe(false)
    const costs = costsOf({ kind: 'block', block: huge })
    expect(costs).toMatchObject({ code: 'block-limits' })
    expect(costs.hashes).toBeLessThan(A_FEW)
  })

  it('BLOCKS: bodies are hashed when the certificate is good, and only up to the first that is wrong', () => {
    const [one, two] = chainOf(2) as [Block, Block]
    const good = certificateOf('commit', 0, two)
    const bad: Certificate = { ...good, signatures: good.signatures.toReversed() }
    const bodies = tiny(MAX_TRANSACTIONS)
    const blocks = [one, two].map((block) => createBlock(block.header, { ...block.body, transactions: bodies }))
    const uncertified = costsOf({ kind: 'blocks', blocks, links: [], certificate: bad })
    expect(uncertified.code).toBe('certificate-signature')
    expect(uncertified.hashes).toBeLessThan(A_FEW)
    const few = { ...good, signers: bitmapOf(4, [0]), signatures: good.signatures.slice(0, 1) }
    expect(costsOf({ kind: 'blocks', blocks, links: [], certificate: few })).toMatchObject({ code: 'certificate-power', signatures: 0 })
    const lying = costsOf({ kind: 'blocks', blocks, links: [], certificate: good })
    expect(lying.code).toBe('transactions-root')
    expect(lying.hashes).toBeLessThan(costOf(MAX_TRANSACTIONS) + 2 * A_FEW)
  })

  it('BLOCKS: each body is the one that its header binds, the first as well as the last', () => {
    const blocks = chainOf(4)
    const certificate = certificateOf('commit', 0, blocks[3] as Block)
    expect(costsOf({ kind: 'blocks', blocks, links: [], certificate }).code).toBe('ok')
    for (const wrong of blocks.keys()) {
      const served = blocks.map((block, at) => (at === wrong ? createBlock(block.header, { ...block.body, transactions: tiny(1) }) : block))
      expect([wrong, costsOf({ kind: 'blocks', blocks: served, links: [], certificate }).code]).toEqual([wrong, 'transactions-root'])
    }
  })
})

/** Proposals that break one rule each, and keep all the others as well as they can. */
import { epoch, type Hash, hash, height, keyOf, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  type Block,
  type Body,
  createBlock,
  evidenceRootOf,
  type Header,
  lastCertificateHashOf,
  transactionsRootOf,
} from '@aethel/consensus'
import { type Adversary, type AdversaryContext, obedient, spread } from './adversary.js'
import { spoil } from './spoil.js'

interface Draft {
  readonly header: Header
  readonly body: Body
}

/** Null: this block offers no way to tell the lie. */
type Spoiler = (context: AdversaryContext, block: Block) => Draft | null

/** A body's roots made to fit. */
function sealed(header: Header, body: Body): Draft {
  return {
    header: {
      ...header,
      transactionsRoot: transactionsRootOf(body.transactions),
      evidenceRoot: evidenceRootOf(body.evidence),
      lastCertificateHash: lastCertificateHashOf(body.lastCertificate),
    },
    body,
  }
}

const FAR_MS = 3_600_000
/** More than any seed allows in a block. */
const TOO_MANY = 20
const OTHER_HASH: Hash = hash(new Uint8Array(32).fill(7))

function withHeader(change: (header: Header, context: AdversaryContext) => Partial<Header>): Spoiler {
  return (context, { header, body }) => ({ header: { ...header, ...change(header, context) }, body })
}

/** As the honest block would look if these transactions were good: executed, with the gas they claim; what does not execute leads nowhere else. */
function withTransactions(context: AdversaryContext, block: Block, transactions: readonly Uint8Array[]): Draft | null {
  const below = context.conspiracy.rootBelow(block)
  if (below === undefined) return null
  const outcome = context.conspiracy.liar.outcomeOf(below, block.header, transactions)
  return sealed({ ...block.header, ...outcome }, { ...block.body, transactions })
}

/** One proof of the block replaced by a false one. */
function falseProof(context: AdversaryContext, block: Block): Draft | null {
  const at = context.random.below(block.body.transactions.length)
  const victim = block.body.transactions[at]
  const lie = victim === undefined ? null : context.conspiracy.liar.withFalseWork(victim)
  return lie === null ? null : withTransactions(context, block, block.body.transactions.with(at, lie))
}

/** Something ordered below is ordered again. */
function repeatedTransaction(context: AdversaryContext, block: Block): Draft | null {
  const parent = context.conspiracy.blocks.get(keyOf(block.header.parent))
  const again = context.conspiracy.liar.repeat(parent?.body.transactions[0], block.body.transactions[0])
  return again === null ? null : withTransactions(context, block, [...block.body.transactions, again])
}

/** A certificate in the body that proves nothing about an ancestor. */
function badAncestorCertificate(context: AdversaryContext, block: Block): Draft | null {
  const certificate = block.body.lastCertificate ?? context.conspiracy.certificates.at(-1) ?? null
  if (certificate === null) return null
  const wrong = context.random.chance(0.5) ? { ...certificate, blockHash: OTHER_HASH } : spoil(context, certificate, context.random)
  return sealed(block.header, { ...block.body, lastCertificate: wrong })
}

const SPOILERS: Readonly<Record<string, Spoiler>> = {
  'another state root': withHeader(() => ({ stateRoot: OTHER_HASH })),
  'false proof': falseProof,
  'repeated transaction': repeatedTransaction,
  'another difficulty': withHeader((header) => ({ totalDifficulty: header.totalDifficulty + 1n })),
  'too much gas': withHeader(() => ({ totalDifficulty: 1n << 100n })),
  'past timestamp': withHeader(() => ({ timestampMs: 0 })),
  'future timestamp': withHeader((header) => ({ timestampMs: header.timestampMs + FAR_MS })),
  'unknown parent': withHeader(() => ({ parent: OTHER_HASH })),
  'height gap': withHeader((header) => ({ height: height(header.height + 1) })),
  'next validators': withHeader(() => ({ nextValidatorsHash: OTHER_HASH })),
  'a height far ahead': withHeader((header) => ({ height: height(header.height + 1_000) })),
  'other validators': withHeader(() => ({ validatorsHash: OTHER_HASH })),
  'too many transactions': (context, block) => withTransactions(context, block, context.conspiracy.liar.crowd(TOO_MANY)),
  'other chain': withHeader(() => ({ chainId: ZERO_HASH })),
  'other epoch': withHeader((header) => ({ epoch: epoch(header.epoch + 1) })),
  'other proposer': withHeader((header, { peers }) => ({ proposer: validatorIndex((header.proposer + 1) % (peers.length + 1)) })),
  'future first view': withHeader((header, { peers }) => ({ view: view(header.view + peers.length + 1) })),
  'garbage transaction': (_, { header, body }) => sealed(header, { ...body, transactions: [...body.transactions, Uint8Array.of(1, 2, 3)] }),
  'garbage evidence': (_, { header, body }) => sealed(header, { ...body, evidence: [Uint8Array.of(9)] }),
  'body of another': (_, { header, body }) => ({ header, body: { ...body, transactions: [...body.transactions, Uint8Array.of(1)] } }),
  'no transactions': (context, block) => withTransactions(context, block, []),
  'ancestor certificate': badAncestorCertificate,
}
export const INVALID_BLOCKS: readonly string[] = Object.keys(SPOILERS)

/** As leader it proposes blocks that break one rule each, mostly to everybody, sometimes to some and good ones to the others. */
export function invalidProposer(context: AdversaryContext): Adversary {
  const { conspiracy, random, self } = context
  return {
    ...obedient(context),
    onSend: (to, message) => {
      if (message.kind !== 'pre-prepare' || message.sender !== self || random.chance(0.4)) return spread(context, to, message)
      const name = random.pick(INVALID_BLOCKS)
      const draft = (SPOILERS[name] as Spoiler)(context, message.block)
      if (draft === null) return spread(context, to, message)
      context.note(`block with ${name}`)
      const lie = conspiracy.prePrepare(self, message.view, createBlock(draft.header, draft.body))
      if (random.chance(0.7)) return spread(context, to, lie)
      return spread(context, to, message).map((each) => (random.chance(0.5) ? each : { ...each, message: lie }))
    },
  }
}

/** The chain over HTTP: blocks, accounts, libraries, validators with their epochs, and genesis. */
import { epoch, fromHex, type Hash, height, indicesOf, keyOf, publicKey, toHex } from '@aethel/codec'
import { type Certificate, type Header, lastHeightOf, roughBodyBytes } from '@aethel/consensus'
import { accountNonceOf, currentMembersOf, libraryRootOf, nextMembersOf } from '@aethel/ledger'
import { encodeEpochs } from '@aethel/receipts'
import { transactionIdOf } from '@aethel/replica'
import type { FastifyInstance } from 'fastify'
import { epochLinks, memberJson } from './epochs.js'
import type { HttpContext } from './http-context.js'
import { HttpError, numberOf, parameter, queryOf } from './http-error.js'
import { gapMessage } from './snapshots.js'

const MAX_BLOCKS_PER_PAGE = 100
/** Of the bodies that are read for a page; the block that crosses the line is still in it. */
export const MAX_PAGE_BYTES: number = 16 * 1024 * 1024

export function registerChain(app: FastifyInstance, context: HttpContext): void {
  const { home, store, replica, driver } = context
  app.get('/v1/accounts/:publicKey', async (request) => {
    const bytes = fromHex(parameter(request, 'publicKey'))
    if (!bytes.ok || bytes.value.length !== 32) throw new HttpError(400, 'public-key', 'expected a public key of 64 lower-case hex digits')
    const account = publicKey(bytes.value)
    const nonce = accountNonceOf(replica.state, account)
    return { publicKey: toHex(account), nonce, pendingNonce: replica.nextNonce(keyOf(account), nonce) }
  })
  app.get('/v1/blocks', async (request) => {
    const query = queryOf(request)
    const from = numberOf(query['from'], 'from', 1, { least: 1 })
    const limit = Math.min(MAX_BLOCKS_PER_PAGE, numberOf(query['limit'], 'limit', MAX_BLOCKS_PER_PAGE, { least: 1 }))
    const blocks: Record<string, unknown>[] = []
    let bytes = 0
    for (let at = from; at < from + limit && at <= driver.publishedHeight && bytes < MAX_PAGE_BYTES; at++) {
      const block = store.committedBlock(height(at))
      if (block === undefined && gapMessage(store, at) !== null && blocks.length === 0)
        throw new HttpError(410, 'below-snapshot', gapMessage(store, at) ?? '')
      if (block === undefined) break
      bytes += roughBodyBytes(block.body)
      blocks.push(headerJson(block.header, block.hash, block.body.transactions.length))
    }
    return { blocks }
  })
  app.get('/v1/blocks/:height', async (request) => {
    const at = numberOf(parameter(request, 'height'), 'height', 0)
    const block = at >= 1 && at <= driver.publishedHeight ? store.committedBlock(height(at)) : undefined
    const gap = gapMessage(store, at)
    if (gap !== null) throw new HttpError(410, 'below-snapshot', gap)
    if (block === undefined) throw new HttpError(404, 'unknown-block', `expected a height of 1..${driver.publishedHeight}, got ${at}`)
    const certificate = store.certificateFrom(height(at))
    return {
      ...headerJson(block.header, block.hash, block.body.transactions.length),
      transactionIds: block.body.transactions.map((bytes) => toHex(transactionIdOf(bytes))),
      certificate: certificate === undefined ? null : certificateJson(certificate),
    }
  })
  app.get('/v1/libraries/:name', async (request) => {
    const name = parameter(request, 'name')
    const library = replica.state.libraries.get(name)
    const definition = home.genesis.libraries.find((candidate) => candidate.name === name)
    const root = libraryRootOf(replica.state, name)
    if (library === undefined || definition === undefined || root === undefined)
      throw new HttpError(404, 'unknown-library', `expected a library of this chain, got ${name}`)
    return { name, root: toHex(root), count: library.axioms + library.theorems, digest: toHex(definition.digest) }
  })
  app.get('/v1/validators', async () => validatorsJson(context))
  app.get('/v1/epochs', async (request, reply) => {
    const from = epoch(numberOf(queryOf(request)['from'], 'from', 0))
    const text = encodeEpochs(epochLinks(home, store, driver.publishedHeight, from))
    return reply.header('content-type', 'application/json').send(text)
  })
  app.get('/v1/genesis', async (_request, reply) =>
    reply.header('content-type', 'application/octet-stream').send(Buffer.from(home.genesisBytes)),
  )
}

function validatorsJson({ home, replica, driver }: HttpContext): Record<string, unknown> {
  const { epochLength } = home.genesis.parameters
  const { validators } = replica.epoch
  const current = currentMembersOf(replica.state)?.members
  const next = nextMembersOf(replica.state)
  const fallback = (): Record<string, unknown>[] =>
    validators.validators.map((validator, seat) => memberJson({ ...validator, seat, account: validator.publicKey, contact: null }))
  return {
    height: driver.publishedHeight,
    epoch: validators.epoch,
    epochLength,
    /** Its last block; null: the epoch has no end. */
    lastHeight: epochLength === 0 ? null : lastHeightOf(epochLength, validators.epoch),
    validatorsHash: toHex(validators.hash),
    current: current?.map(memberJson) ?? fallback(),
    next: next === null ? null : { sequence: next.sequence, validators: next.members.map(memberJson) },
    governance:
      home.genesis.governance === undefined
        ? null
        : { keys: home.genesis.governance.keys.map(toHex), threshold: home.genesis.governance.threshold },
  }
}

export function headerJson(header: Header, blockHash: Hash, transactions: number): Record<string, unknown> {
  return {
    height: header.height,
    hash: toHex(blockHash),
    parent: toHex(header.parent),
    view: header.view,
    proposer: header.proposer,
    timestampMs: header.timestampMs,
    stateRoot: toHex(header.stateRoot),
    transactions,
    totalDifficulty: String(header.totalDifficulty),
  }
}

function certificateJson(certificate: Certificate): Record<string, unknown> {
  return { height: certificate.height, view: certificate.view, signers: indicesOf(certificate.signers) }
}

/** What transcripts call messages and events, for a reader. */
import { indicesOf, keyOf } from '@aethel/codec'
import type { ConsensusEvent, Message } from '@aethel/consensus'
import type { Stage } from './stage.js'

const MOST_SHOWN = 8

/** What a transcript calls a message. */
export function describeMessage(stage: Stage, message: Message): string {
  switch (message.kind) {
    case 'pre-prepare':
      return `PREPREPARE view ${message.view} height ${message.block.header.height} block ${stage.nameOf(message.block.hash)}`
    case 'compact-pre-prepare':
      return `PREPREPARE by ids view ${message.view} height ${message.header.height} block ${stage.nameOf(message.hash)}`
    case 'block-transactions':
      return `TRANSACTIONS ${message.transactions.length} of block ${stage.nameOf(message.hash)}`
    case 'vote': {
      const { kind, view: inView, height: at, blockHash } = message.vote
      return `${kind.toUpperCase()} view ${inView} height ${at} block ${stage.nameOf(blockHash)}`
    }
    case 'certificate': {
      const { kind, view: inView, height: at, blockHash } = message.certificate
      return `CERTIFICATE ${kind.toUpperCase()} view ${inView} height ${at} block ${stage.nameOf(blockHash)}`
    }
    case 'sum': {
      const { kind, view: inView, height: at, blockHash, signers } = message.sum
      return `SUM of ${indicesOf(signers).length} ${kind.toUpperCase()} view ${inView} height ${at} block ${stage.nameOf(blockHash)}`
    }
    case 'view-change': {
      const { newView, highest } = message.entry
      const claim =
        highest === null ? 'none' : `${highest.kind} view ${highest.view} height ${highest.height} block ${stage.nameOf(highest.blockHash)}`
      return `VIEWCHANGE view ${newView} highest ${claim}`
    }
    case 'new-view':
      return `NEWVIEW view ${message.newView}`
    case 'status':
      return `STATUS view ${message.view} committed ${message.committedHeight}`
    case 'fetch':
      return describeFetch(message)
    case 'blocks':
      return `BLOCKS ${message.blocks.length}`
    case 'block':
      return `BLOCK ${stage.nameOf(message.block.hash)}`
    case 'view-claim':
      return `VIEWCLAIM view ${message.view}`
    case 'snapshot':
      return `SNAPSHOT height ${message.offer.header.height}`
    case 'chunk':
      return `CHUNK height ${message.height}`
    case 'blob-part':
      return `BLOBPART ${message.part.index} of ${keyOf(message.blob.root).slice(0, 8)}`
    case 'blob-held':
      return `BLOBHELD ${message.blobs.length}`
    case 'blob-absent':
      return `BLOBABSENT ${keyOf(message.blob.root).slice(0, 8)}`
    case 'evidence':
      return `EVIDENCE ${message.evidence.length} bytes`
  }
}

function describeFetch(message: Extract<Message, { kind: 'fetch' }>): string {
  switch (message.want) {
    case 'committed':
      return `FETCH from ${message.from}`
    case 'block':
      return `FETCH ${keyOf(message.hash).slice(0, 8)}`
    case 'transactions':
      return `FETCH ${message.positions.length} transactions of ${keyOf(message.hash).slice(0, 8)}`
    case 'view':
    case 'snapshot':
      return `FETCH ${message.want}`
    case 'chunk':
      return `FETCH chunk of ${message.height}`
    case 'blob':
      return `FETCH part ${message.index} of ${keyOf(message.blob.root).slice(0, 8)}`
  }
}

export function describeEvent(stage: Stage, event: ConsensusEvent): string {
  const parts: string[] = [event.name]
  if ('height' in event && 'hash' in event) parts.push(`${stage.nameOf(event.hash)} at height ${event.height}`)
  if ('view' in event) parts.push(`view ${event.view}`)
  if ('reason' in event) parts.push(event.reason)
  if ('base' in event) parts.push(`on ${event.base}`)
  if ('what' in event) parts.push(`${event.what}: ${event.why}`)
  if ('code' in event) parts.push(event.message)
  return parts.join(', ')
}

/** The first few of what is in flight. */
export function describeInFlight(stage: Stage): string {
  const shown = stage.inFlight.slice(0, MOST_SHOWN).map(({ from, to, message }) => `${describeMessage(stage, message)} ${from}->${to}`)
  if (stage.inFlight.length > MOST_SHOWN) shown.push('...')
  return shown.length === 0 ? 'none' : shown.join('; ')
}

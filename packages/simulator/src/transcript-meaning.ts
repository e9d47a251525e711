/** Whom and what a statement of a transcript means: validators, blocks, messages. One that means nothing there is fails. */
import { equalBytes } from '@aethel/codec'
import type { Block, Message } from '@aethel/consensus'
import type { InFlight, Stage, StageReplica } from './stage.js'
import { nameOfBlock } from './toy-application.js'
import type { BlockName, MessageWord, Pattern, Who } from './transcript.js'

/** Why a statement failed: an expectation not met (`expected`), a statement that cannot be carried out, or a broken invariant. */
export class StatementFailure extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export function fail(code: string, message: string): never {
  throw new StatementFailure(code, message)
}

export function honest(stage: Stage, index: number): StageReplica {
  const replica = stage.at(index)
  if (replica.byzantine) fail('byzantine', `expected an honest validator, got ${index}, which only says what "send" makes it say`)
  return replica
}

/** `all`: everybody honest who is up. */
export function running(stage: Stage, who: Who): StageReplica[] {
  if (who === 'all') return stage.replicas.filter((replica) => replica.core !== null)
  return who.map((index) => {
    const replica = honest(stage, index)
    if (replica.core === null) fail('down', `expected validator ${index} to be running, but it crashed`)
    return replica
  })
}

/** Undefined if none of that name was seen. */
export function findBlock(stage: Stage, name: BlockName): Block | undefined {
  for (const block of stage.blocks.values()) {
    if (nameOfBlock(block) === name.label && (name.view === null || block.header.view === name.view)) return block
  }
  return undefined
}

export function includes(who: Who, index: number): boolean {
  return who === 'all' || who.includes(index)
}

/** No pattern selects everything. */
export function selects(pattern: Pattern | null, except: Pattern | null): (sent: InFlight) => boolean {
  return (sent) => (pattern === null || matchesPattern(pattern, sent)) && (except === null || !matchesPattern(except, sent))
}

function matchesPattern(pattern: Pattern, { from, to, message }: InFlight): boolean {
  const place = placeOf(message)
  return (
    (pattern.word === 'any' || pattern.word === wordOf(message)) &&
    includes(pattern.from, from) &&
    includes(pattern.to, to) &&
    (pattern.view === null || pattern.view === place.view) &&
    (pattern.height === null || pattern.height === place.height)
  )
}

function wordOf(message: Message): MessageWord {
  switch (message.kind) {
    case 'pre-prepare':
    case 'compact-pre-prepare':
      return 'PREPREPARE'
    case 'vote':
      return message.vote.kind === 'prepare' ? 'PREPARE' : 'COMMIT'
    case 'certificate':
      return 'CERTIFICATE'
    case 'sum':
      return 'SUM'
    case 'view-change':
      return 'VIEWCHANGE'
    case 'new-view':
      return 'NEWVIEW'
    case 'status':
      return 'STATUS'
    case 'fetch':
      return 'FETCH'
    case 'blocks':
      return 'BLOCKS'
    case 'block':
    case 'block-transactions':
      return 'BLOCK'
    case 'view-claim':
      return 'VIEWCLAIM'
    case 'snapshot':
      return 'SNAPSHOT'
    case 'chunk':
      return 'CHUNK'
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
      return 'BLOB'
    case 'evidence':
      return 'EVIDENCE'
  }
}

function placeOf(message: Message): { readonly view: number | null; readonly height: number | null } {
  switch (message.kind) {
    case 'pre-prepare':
      return { view: message.view, height: message.block.header.height }
    case 'compact-pre-prepare':
      return { view: message.view, height: message.header.height }
    case 'vote':
      return { view: message.vote.view, height: message.vote.height }
    case 'certificate':
      return { view: message.certificate.view, height: message.certificate.height }
    case 'sum':
      return { view: message.sum.view, height: message.sum.height }
    case 'view-change':
      return { view: message.entry.newView, height: null }
    case 'new-view':
      return { view: message.newView, height: null }
    case 'status':
      return { view: message.view, height: message.committedHeight }
    case 'block':
      return { view: null, height: message.block.header.height }
    case 'view-claim':
      return { view: message.view, height: null }
    case 'snapshot':
      return { view: null, height: message.offer.header.height }
    case 'chunk':
      return { view: null, height: message.height }
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'fetch':
    case 'blocks':
    case 'evidence':
    case 'block-transactions':
      return { view: null, height: null }
  }
}

export function isAbout(message: Message, block: Block): boolean {
  switch (message.kind) {
    case 'pre-prepare':
    case 'block':
      return equalBytes(message.block.hash, block.hash)
    case 'compact-pre-prepare':
    case 'block-transactions':
      return equalBytes(message.hash, block.hash)
    case 'vote':
      return equalBytes(message.vote.blockHash, block.hash)
    case 'certificate':
      return equalBytes(message.certificate.blockHash, block.hash)
    case 'sum':
      return equalBytes(message.sum.blockHash, block.hash)
    case 'view-change':
      return message.entry.highest !== null && equalBytes(message.entry.highest.blockHash, block.hash)
    case 'new-view':
      return message.certificate !== null && equalBytes(message.certificate.blockHash, block.hash)
    case 'blocks':
      return message.blocks.some((candidate) => equalBytes(candidate.hash, block.hash))
    case 'status':
    case 'fetch':
    case 'view-claim':
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'evidence':
      return false
  }
}

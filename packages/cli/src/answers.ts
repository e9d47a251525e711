/**
 * What a validator answers over HTTP: the shapes, and how they are read. What has another shape throws `ShapeError`.
 */
import { asObject, type JsonObject, listAt, numberAt, optionalNumberAt, optionalTextAt, ShapeError, textAt } from './shape.js'

export interface SyncStatus {
  readonly trustCertificates: boolean
  /** Blocks that this validator has not executed, because it took over the state after the last of them. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  /** A state that it is taking over. */
  readonly fetching: {
    readonly height: number
    readonly lanesDone: number
    readonly lanes: number
    readonly bytes: number
    readonly peers: number
  } | null
  /** Heights of the states that others can have from it. */
  readonly serves: readonly number[]
}

export interface NodeStatus {
  readonly version: string
  readonly chainId: string
  /** Of a validator of genesis; null: one that has joined, or has yet to. */
  readonly index: number | null
  readonly epoch: number
  /** Among the validators of the epoch; null: none of them. */
  readonly position: number | null
  readonly validators: number
  readonly view: number
  readonly phase: string
  readonly leader: number
  readonly height: number
  readonly hash: string
  /** Null before the first block. */
  readonly stateRoot: string | null
  readonly peersConnected: number
  readonly pending: number
  readonly waiting: number
  readonly verifications: { readonly performed: number; readonly valid: number; readonly invalid: number }
  readonly viewChanges: number
  /** On record against validators. */
  readonly offences: readonly { readonly validator: number; readonly count: number }[]
  readonly sync: SyncStatus
  readonly rssBytes: number
  readonly uptimeMs: number
}

export interface ListedValidator {
  readonly seat: number
  readonly account: string
  readonly publicKey: string
  /** On chains of BLS certificates. */
  readonly blsKey?: string
  readonly power: string
  readonly contact: { readonly networkKey: string; readonly host: string; readonly port: number } | null
}

export interface ValidatorsListing {
  readonly height: number
  readonly epoch: number
  /** Of the epoch; null: it has no end. */
  readonly lastHeight: number | null
  readonly current: readonly ListedValidator[]
  /** Null on a chain whose validators never change. */
  readonly next: { readonly sequence: number; readonly validators: readonly ListedValidator[] } | null
}

export interface BlockSummary {
  readonly height: number
  readonly hash: string
  readonly parent: string
  readonly view: number
  readonly proposer: number
  readonly timestampMs: number
  readonly stateRoot: string
  readonly transactions: number
}

/** What became of one transaction. */
export interface SubmissionOutcome {
  readonly status: 'pending' | 'waiting' | 'final' | 'refused' | 'timeout' | 'duplicate' | 'unknown'
  readonly id?: string
  readonly height?: number
  readonly code?: string
  readonly message?: string
}

/** How far an upload is. */
export interface Upload {
  readonly chunkBytes: number
  readonly chunks: number
  /** Inclusive ranges. */
  readonly missing: readonly (readonly [from: number, to: number])[]
  readonly complete: boolean
}

export function parseUpload(o: JsonObject): Upload {
  const chunks = numberAt(o, 'chunks')
  const missing = listAt(o, 'missing').map((range): [number, number] => {
    if (!Array.isArray(range) || range.length !== 2) throw new ShapeError('a range of chunks is not a pair')
    const [from, to] = [Number(range[0]), Number(range[1])]
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from || to >= chunks)
      throw new ShapeError(`a range of chunks is ${from}..${to} of ${chunks}`)
    return [from, to]
  })
  return { chunkBytes: numberAt(o, 'chunkBytes'), chunks, missing, complete: o['complete'] === true }
}

export function parseStatus(o: JsonObject): NodeStatus {
  const mempool = asObject(o['mempool'], '"mempool"')
  const verifications = asObject(o['verifications'], '"verifications"')
  return {
    version: textAt(o, 'version'),
    chainId: textAt(o, 'chainId'),
    index: optionalNumberAt(o, 'index') ?? null,
    epoch: numberAt(o, 'epoch'),
    position: optionalNumberAt(o, 'position') ?? null,
    validators: numberAt(o, 'validators'),
    view: numberAt(o, 'view'),
    phase: textAt(o, 'phase'),
    leader: numberAt(o, 'leader'),
    height: numberAt(o, 'height'),
    hash: textAt(o, 'hash'),
    stateRoot: optionalTextAt(o, 'stateRoot') ?? null,
    peersConnected: listAt(o, 'peers').filter((peer) => asObject(peer, 'a peer')['connected'] === true).length,
    pending: numberAt(mempool, 'pending'),
    waiting: numberAt(mempool, 'waiting'),
    verifications: {
      performed: numberAt(verifications, 'performed'),
      valid: numberAt(verifications, 'valid'),
      invalid: numberAt(verifications, 'invalid'),
    },
    viewChanges: numberAt(o, 'viewChanges'),
    sync: syncStatus(asObject(o['sync'], 'sync')),
    offences: listAt(o, 'offences').map((item) => {
      const offence = asObject(item, 'an offence')
      return { validator: numberAt(offence, 'validator'), count: numberAt(offence, 'count') }
    }),
    rssBytes: numberAt(o, 'rss'),
    uptimeMs: Math.round(Number(o['uptimeMs'])),
  }
}

export function parseValidators(o: JsonObject): ValidatorsListing {
  const next = o['next'] === null ? null : asObject(o['next'], '"next"')
  const validatorsAt = (object: JsonObject, name: string): ListedValidator[] =>
    listAt(object, name).map((item) => parseListed(asObject(item, 'a validator')))
  return {
    height: numberAt(o, 'height'),
    epoch: numberAt(o, 'epoch'),
    lastHeight: optionalNumberAt(o, 'lastHeight') ?? null,
    current: validatorsAt(o, 'current'),
    next: next === null ? null : { sequence: numberAt(next, 'sequence'), validators: validatorsAt(next, 'validators') },
  }
}

function parseListed(o: JsonObject): ListedValidator {
  const contact = o['contact'] === null ? null : asObject(o['contact'], '"contact"')
  const blsKey = optionalTextAt(o, 'blsKey')
  return {
    seat: numberAt(o, 'seat'),
    account: textAt(o, 'account'),
    publicKey: textAt(o, 'publicKey'),
    ...(blsKey === undefined ? {} : { blsKey }),
    power: textAt(o, 'power'),
    contact:
      contact === null
        ? null
        : { networkKey: textAt(contact, 'networkKey'), host: textAt(contact, 'host'), port: numberAt(contact, 'port') },
  }
}

export function parseBlock(o: JsonObject): BlockSummary {
  return {
    height: numberAt(o, 'height'),
    hash: textAt(o, 'hash'),
    parent: textAt(o, 'parent'),
    view: numberAt(o, 'view'),
    proposer: numberAt(o, 'proposer'),
    timestampMs: numberAt(o, 'timestampMs'),
    stateRoot: textAt(o, 'stateRoot'),
    transactions: numberAt(o, 'transactions'),
  }
}

const OUTCOMES = ['pending', 'waiting', 'final', 'refused', 'timeout', 'unknown'] as const

export function parseOutcome(o: JsonObject): SubmissionOutcome {
  const text = textAt(o, 'status')
  const status = OUTCOMES.find((known) => known === text)
  if (status === undefined) throw new ShapeError(`"status" is ${text}`)
  const code = optionalTextAt(o, 'code')
  return details(status === 'refused' && code === 'duplicate-claim' ? 'duplicate' : status, o)
}

export function parseSubmission(httpStatus: number, o: JsonObject): SubmissionOutcome {
  if (httpStatus === 200 || httpStatus === 202) return parseOutcome(o)
  if (httpStatus === 409) return details('duplicate', o)
  if (httpStatus === 504) return details('timeout', o)
  return details(o['status'] === 'unknown' ? 'unknown' : 'refused', o)
}

function details(status: SubmissionOutcome['status'], o: JsonObject): SubmissionOutcome {
  const id = optionalTextAt(o, 'id')
  const height = optionalNumberAt(o, 'height')
  const code = optionalTextAt(o, 'code')
  const message = optionalTextAt(o, 'message')
  return {
    status,
    ...(id === undefined ? {} : { id }),
    ...(height === undefined ? {} : { height }),
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  }
}

function syncStatus(o: JsonObject): SyncStatus {
  const fetching = o['fetching'] === null ? null : asObject(o['fetching'], 'a state being fetched')
  return {
    trustCertificates: o['trustCertificates'] === true,
    gaps: listAt(o, 'gaps').map((item) => {
      const gap = asObject(item, 'a gap')
      return { from: numberAt(gap, 'from'), to: numberAt(gap, 'to') }
    }),
    fetching:
      fetching === null
        ? null
        : {
            height: numberAt(fetching, 'height'),
            lanesDone: numberAt(fetching, 'lanesDone'),
            lanes: numberAt(fetching, 'lanes'),
            bytes: numberAt(fetching, 'bytes'),
            peers: listAt(fetching, 'peers').length,
          },
    serves: listAt(o, 'serves').map(Number),
  }
}

/**
 * The HTTP API of one validator, seen from a client. Answers are checked when they arrive; what cannot be reached, or does
 * not answer like a validator, is `CliError` with exit code 6.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_EPOCHS_BYTES } from '@aethel/receipts'
import {
  type BlockSummary,
  type NodeStatus,
  parseBlock,
  parseOutcome,
  parseStatus,
  parseSubmission,
  parseUpload,
  parseValidators,
  type SubmissionOutcome,
  type Upload,
  type ValidatorsListing,
} from './answers.js'
import { CliError, EXIT } from './exit.js'
import { asObject, type JsonObject, listAt, numberAt, ShapeError, textAt } from './shape.js'

export const DEFAULT_URL = 'http://127.0.0.1:27101'
/** Longer no validator waits for a transaction to become final. */
export const MAX_WAIT_MS = 600_000
const ANSWER_TIMEOUT_MS = 10_000
/** The answer to the last chunk waits until the whole blob is durable. */
const UPLOAD_TIMEOUT_MS = 120_000
/** The largest answer is a part of an epoch chain. */
const MAX_ANSWER_BYTES = MAX_EPOCHS_BYTES
const MAX_ERROR_TEXT = 200
/** The validator itself waits for two seconds before it says that there is none yet. */
const RECEIPT_AGAIN_MS = 250
/** A request that is wrong, or for what is not there: it is for the user to ask otherwise. */
const NOT_TO_BE_HAD: readonly number[] = [400, 404, 410]

export type Wait = 'none' | 'admitted' | 'final'

export interface Client {
  readonly url: string
  status(): Promise<NodeStatus>
  /** Why nothing commits right now: a paragraph, and the record behind it. */
  why(): Promise<{ readonly paragraph: string; readonly record: JsonObject }>
  /** Next expected nonce of an account; `pending` counts what waits in this validator's mempool. */
  nonce(publicKeyHex: string): Promise<{ readonly final: number; readonly pending: number }>
  blocks(from: number, limit: number): Promise<readonly BlockSummary[]>
  /** Of the transactions in a committed block, in order. */
  transactionIds(height: number): Promise<readonly string[]>
  submit(transaction: Uint8Array, wait: Wait, timeoutMs: number): Promise<SubmissionOutcome>
  /** `batch` is the encoded list. */
  submitBatch(batch: Uint8Array, wait: Wait, timeoutMs: number): Promise<readonly SubmissionOutcome[]>
  transaction(id: string): Promise<SubmissionOutcome>
  /** Begins to upload a blob, or says how far it is. */
  beginUpload(rootHex: string, bytes: number): Promise<Upload>
  /** `body`: the hashes beside the way to the root, then the chunk. */
  putChunk(rootHex: string, bytes: number, index: number, body: Uint8Array): Promise<Upload>
  isFinal(claimIdHex: string): Promise<boolean>
  /** One page of claims, newest first; "next" goes into `before` for the one after it. */
  claims(query: Readonly<Record<string, string>>): Promise<JsonObject>
  claimPage(claimIdHex: string): Promise<JsonObject>
  /** Null: not known, not final, or, after `patienceMs` (0), not provable yet: a block with a certificate of its own is still to come. */
  receipt(claimIdHex: string, patienceMs?: number): Promise<Uint8Array | null>
  library(name: string): Promise<{ readonly root: string; readonly count: number }>
  genesis(): Promise<Uint8Array>
  validators(): Promise<ValidatorsListing>
  /** Part of the epoch chain, as a file of its own; empty at its end. */
  epochs(from: number): Promise<Uint8Array>
}

export function unreachable(url: string, why: string): CliError {
  return new CliError(EXIT.unreachable, 'unreachable', `expected a validator at ${url}, but ${why}; start one, or name another with --url`)
}

export function createClient(address: string): Client {
  const url = checkedUrl(address)
  const call = (path: string, init: RequestInit = {}, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Answer> => request(url, path, init, timeoutMs)
  const getJson = async (path: string): Promise<JsonObject> => expectOk(url, await call(path))
  const post = async (path: string): Promise<JsonObject> => expectOk(url, await call(path, { method: 'POST' }, UPLOAD_TIMEOUT_MS))
  const put = async (path: string, body: Uint8Array): Promise<JsonObject> =>
    expectOk(url, await call(path, { ...octets(body), method: 'PUT' }, UPLOAD_TIMEOUT_MS))
  const read = async <T>(answer: Promise<JsonObject>, parse: (object: JsonObject) => T): Promise<T> => {
    const object = await answer
    return shaped(url, () => parse(object))
  }
  return {
    url,
    status: () => read(getJson('/v1/status'), parseStatus),
    why: () => read(getJson('/v1/why'), (record) => ({ paragraph: textAt(record, 'paragraph'), record })),
    nonce: (key) => read(getJson(`/v1/accounts/${key}`), (o) => ({ final: numberAt(o, 'nonce'), pending: numberAt(o, 'pendingNonce') })),
    blocks: (from, limit) =>
      read(getJson(`/v1/blocks?from=${from}&limit=${limit}`), (o) =>
        listAt(o, 'blocks').map((block) => parseBlock(asObject(block, 'a block'))),
      ),
    transactionIds: (height) => read(getJson(`/v1/blocks/${height}`), (o) => listAt(o, 'transactionIds').map(String)),
    submit: async (transaction, wait, timeoutMs) => {
      const answer = await call(`/v1/transactions?wait=${wait}&timeoutMs=${timeoutMs}`, octets(transaction), timeoutMs + ANSWER_TIMEOUT_MS)
      return shaped(url, () => parseSubmission(answer.status, answerObject(url, answer)))
    },
    submitBatch: async (batch, wait, timeoutMs) => {
      const path = `/v1/transactions/batch?wait=${wait}&timeoutMs=${timeoutMs}`
      const object = expectOk(url, await call(path, octets(batch), timeoutMs + 3 * ANSWER_TIMEOUT_MS))
      return shaped(url, () => listAt(object, 'results').map((result) => parseOutcome(asObject(result, 'a result'))))
    },
    beginUpload: (root, bytes) => read(post(`/v1/blobs/${root}?bytes=${bytes}`), parseUpload),
    putChunk: (root, bytes, index, body) => read(put(`/v1/blobs/${root}/${index}?bytes=${bytes}`, body), parseUpload),
    transaction: async (id) => {
      const answer = await call(`/v1/transactions/${id}`)
      if (answer.status === 404) return { status: 'unknown', id }
      const object = expectOk(url, answer)
      return shaped(url, () => parseOutcome(object))
    },
    isFinal: async (claimIdHex) => {
      const answer = await call(`/v1/claims/${claimIdHex}`)
      if (answer.status !== 404) expectOk(url, answer)
      return answer.status === 200
    },
    claims: (query) => getJson(`/v1/claims?${new URLSearchParams(query)}`),
    claimPage: (claimIdHex) => getJson(`/v1/claims/${encodeURIComponent(claimIdHex)}/page`),
    receipt: async (claimIdHex, patienceMs = 0) => {
      const ask = (): Promise<Answer> => call(`/v1/claims/${claimIdHex}/receipt`)
      const began = performance.now()
      let answer = await ask()
      while (answer.status === 409 && performance.now() - began < patienceMs) {
        await sleep(RECEIPT_AGAIN_MS)
        answer = await ask()
      }
      if (answer.status === 404 || answer.status === 409) return null
      if (answer.status !== 200) expectOk(url, answer)
      return answer.body
    },
    library: (name) =>
      read(getJson(`/v1/libraries/${encodeURIComponent(name)}`), (o) => ({ root: textAt(o, 'root'), count: numberAt(o, 'count') })),
    validators: () => read(getJson('/v1/validators'), parseValidators),
    epochs: async (from) => {
      const answer = await call(`/v1/epochs?from=${from}`)
      if (answer.status !== 200) expectOk(url, answer)
      return answer.body
    },
    genesis: async () => {
      const answer = await call('/v1/genesis')
      if (answer.status !== 200) expectOk(url, answer)
      return answer.body
    },
  }
}

interface Answer {
  readonly status: number
  readonly body: Uint8Array
}

function checkedUrl(address: string): string {
  let parsed: URL
  try {
    parsed = new URL(address)
  } catch {
    throw new CliError(EXIT.usage, 'url', `expected a URL such as ${DEFAULT_URL}, got ${address}`)
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new CliError(EXIT.usage, 'url', `expected an http:// or https:// URL, got ${address}`)
  }
  return parsed.href.replace(/\/+$/, '')
}

function octets(body: Uint8Array): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: body as Uint8Array<ArrayBuffer> }
}

/**
 * Answers or throws, within `timeoutMs`, also if `fetch` never says anything again and its connection is gone: the timer of `AbortSignal.timeout`
 * does not keep a process from ending then, without a word and with exit code 13, as one did whose validators were being killed.
 */
async function request(url: string, path: string, init: RequestInit, timeoutMs: number): Promise<Answer> {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late.abort()
      reject(unreachable(url, `it gave no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
  })
  const answer = async (): Promise<Answer> => {
    const response = await fetch(url + path, { ...init, signal: late.signal, redirect: 'error' })
    return { status: response.status, body: await boundedBody(url, response) }
  }
  try {
    return await Promise.race([answer(), tooLate])
  } catch (error) {
    if (error instanceof CliError) throw error
    throw unreachable(url, whyUnreachable(error))
  } finally {
    clearTimeout(timer)
  }
}

/** Leaving the loop lets the connection go. */
async function boundedBody(url: string, response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += piece.length
    if (length > MAX_ANSWER_BYTES) throw unreachable(url, `its answer is longer than ${MAX_ANSWER_BYTES} bytes, as none of a validator is`)
    pieces.push(piece)
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
}

function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed'
  const cause = error.cause
  const code = cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : error.message
  return code === 'ECONNREFUSED' ? 'nothing listens there' : `the connection failed (${code})`
}

function answerObject(url: string, answer: Answer): JsonObject {
  try {
    return asObject(JSON.parse(new TextDecoder().decode(answer.body)), 'the answer')
  } catch {
    throw unreachable(url, 'what answers there is not an Aethel validator')
  }
}

/** The JSON of a 200 answer; any other status is an error in the validator's own words. */
function expectOk(url: string, answer: Answer): JsonObject {
  const object = answerObject(url, answer)
  if (answer.status === 200 || answer.status === 202) return object
  const code = typeof object['code'] === 'string' ? object['code'] : `http-${answer.status}`
  if (code === 'storage-stalled') throw unreachable(url, 'its disk does not answer')
  if (code === 'busy') throw unreachable(url, 'it has more requests than it takes at a time')
  const message = typeof object['message'] === 'string' ? object['message'] : 'no reason given'
  const exitCode = NOT_TO_BE_HAD.includes(answer.status) ? EXIT.usage : EXIT.internal
  throw new CliError(exitCode, code, `the validator at ${url} answered ${answer.status} ${code}: ${message.slice(0, MAX_ERROR_TEXT)}`)
}

function shaped<T>(url: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ShapeError) throw unreachable(url, `its answer is not understood (${error.message}); is it of another version?`)
    throw error
  }
}

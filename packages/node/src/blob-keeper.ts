/**
 * Blobs in a validator (protocol.md §9): carries out what its replica wants of the blob store, and takes in what clients upload. The
 * replica decides what is fetched, voted for and pruned; decided here is only how much clients may stage, and when what nobody has
 * referred to is thrown away.
 */
import { type Refusal, type Result, refuse, toHex } from '@aethel/codec'
import { type BlobPart, type BlobRef, blobChunks, blobKey, checkBlobPart, type Message } from '@aethel/consensus'
import type { BlobEffect, ReplicaInput } from '@aethel/replica'
import { type BlobFiles, isExhausted } from '@aethel/storage'

/** Uploads that nothing refers to yet, of all clients together: as much as a mempool may refer to. */
export const STAGED_BLOBS = 4
/** Of these, of one client's address. */
export const STAGED_BLOBS_PER_CLIENT = 2
/** Without a chunk, or a transaction that refers to it, for so long, an upload is forgotten. */
const EXPIRY_MS = 600_000
const LOOK_EVERY_MS = 30_000
/** Kept for the next who asks: a chunk and its frame each, 4 MiB together. */
export const SERVED_PARTS = 8

export interface BlobKeeperOptions {
  readonly files: BlobFiles
  /** Of genesis. */
  readonly maxBlobBytes: number
  readonly nowMs: () => number
  /** To the replica; never during one of its steps. */
  input(input: ReplicaInput): void
  send(to: Extract<BlobEffect, { kind: 'blob-serve' }>['to'], message: Message): void
  /** Whether something that is not final refers to it, or the replica keeps it for what is final. */
  needs(blob: BlobRef): boolean
  log(line: { readonly event: string } & Readonly<Record<string, unknown>>): void
  /** For tests: EXPIRY_MS otherwise. */
  readonly expiryMs?: number
}

export interface UploadState extends BlobRef {
  readonly chunks: number
  readonly missing: readonly number[]
}

export class BlobKeeper {
  readonly #options: BlobKeeperOptions
  /** By blob: whose upload it is, and since when nothing has happened to it. */
  readonly #uploads = new Map<string, { readonly blob: BlobRef; readonly client: string }>()
  readonly #idleSince = new Map<string, number>()
  /** Parts that were served last, by blob and index. */
  readonly #served = new Map<string, Message>()
  readonly #timer: NodeJS.Timeout
  /** That something cannot be read now is said once in a while: peers ask often. */
  #saidUnreadable = false
  #closed = false

  constructor(options: BlobKeeperOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  get files(): BlobFiles {
    return this.#options.files
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    this.files.close()
  }

  onFinal(blobs: readonly BlobRef[]): void {
    for (const blob of blobs) this.#uploads.delete(blobKey(blob))
  }

  // --- for the replica ----------------------------------------------------------------------------------------------

  onEffect(effect: BlobEffect): void {
    const { files } = this.#options
    const { blob } = effect
    switch (effect.kind) {
      case 'blob-open':
        return this.#guarded(blob, () => this.#open(blob))
      case 'blob-write':
        return this.#guarded(blob, () => files.write(blob, effect.part, effect.leaf))
      case 'blob-seal':
        return this.#guarded(blob, () => this.#seal(blob))
      case 'blob-serve':
        return this.#serve(effect)
      case 'blob-drop':
        this.#log('blob-pruned', blob)
        return this.#drop(blob)
    }
  }

  #serve({ blob, index, to }: Extract<BlobEffect, { kind: 'blob-serve' }>): void {
    const message = this.#partMessage(blob, index)
    this.#options.send(to, message === null || message === 'not-now' ? { kind: 'blob-absent', blob } : message)
    if (message === null) this.onDamaged(blob, 'a chunk cannot be read')
  }

  /** Read once for all the peers that ask for it at about the same time. Null: it is damaged; `not-now`: others may have it at hand. */
  #partMessage(blob: BlobRef, index: number): Message | 'not-now' | null {
    const key = `${blobKey(blob)}/${index}`
    const known = this.#served.get(key)
    if (known !== undefined) return known
    const part = this.#part(blob, index)
    if (part === null || part === 'not-now') return part
    const oldest = this.#served.size >= SERVED_PARTS ? this.#served.keys().next().value : undefined
    if (oldest !== undefined) this.#served.delete(oldest)
    const message: Message = { kind: 'blob-part', blob, part }
    this.#served.set(key, message)
    return message
  }

  #part(blob: BlobRef, index: number): BlobPart | 'not-now' | null {
    try {
      return this.files.part(blob, index)
    } catch (error) {
      if (!isExhausted(error)) throw error
      if (!this.#saidUnreadable) this.#log('blob-not-read', blob, { message: messageOf(error) })
      this.#saidUnreadable = true
      return 'not-now'
    }
  }

  #open(blob: BlobRef): void {
    const missing = this.files.open(blob)
    // All chunks are there and it is not whole: the process ended before it was made durable.
    if (missing.length === 0 && !this.files.isWhole(blob)) return this.#seal(blob)
    this.#answer({ kind: 'blob-opened', blob, missing, nowMs: this.#options.nowMs() })
  }

  #seal(blob: BlobRef): void {
    this.files.seal(blob, (missing, failure) => {
      const nowMs = this.#options.nowMs()
      this.#answer(
        failure === null ? { kind: 'blob-opened', blob, missing, nowMs } : { kind: 'blob-refused', blob, refusal: failure, nowMs },
      )
    })
  }

  /**
   * A full disk must not stop the validator for the sake of a blob: it is given up, and room is made. Descriptors that have run out are
   * given back soon, and then what is here of it is of use.
   */
  #guarded(blob: BlobRef, work: () => void): void {
    try {
      work()
    } catch (error) {
      const message = `the blob ${toHex(blob.root)} cannot be stored: ${messageOf(error)}`
      this.#log('blob-store-failed', blob, { message })
      if (!isExhausted(error)) this.#drop(blob)
      this.#answer({ kind: 'blob-refused', blob, refusal: { code: 'blob-disk', message }, nowMs: this.#options.nowMs() })
    }
  }

  #answer(input: ReplicaInput): void {
    setImmediate(() => {
      if (!this.#closed) this.#options.input(input)
    })
  }

  /** What was whole is not any more: it is fetched again if something needs it. */
  onDamaged(blob: BlobRef, reason: string): void {
    this.#log('blob-damaged', blob, { reason })
    this.#served.clear()
    this.files.reopen(blob)
    this.#answer({ kind: 'blob-lost', blob, nowMs: this.#options.nowMs() })
  }

  #drop(blob: BlobRef): void {
    const key = blobKey(blob)
    this.#forget(key)
    this.#served.clear()
    this.files.drop(blob)
  }

  #forget(key: string): void {
    this.#idleSince.delete(key)
    this.#uploads.delete(key)
  }

  #log(event: string, { root, bytes }: BlobRef, rest: Readonly<Record<string, unknown>> = {}): void {
    this.#options.log({ event, root: toHex(root), bytes, ...rest })
  }

  // --- for clients --------------------------------------------------------------------------------------------------

  /** Begins an upload, or says how far it is. */
  begin(blob: BlobRef, client: string): Result<UploadState, Refusal> {
    const { maxBlobBytes } = this.#options
    if (blob.bytes < 1 || blob.bytes > maxBlobBytes)
      return refuse('blob-too-large', `expected a blob of 1..${maxBlobBytes} bytes, got ${blob.bytes}`)
    if (!this.files.isWhole(blob) && !this.#uploads.has(blobKey(blob))) {
      const refusal = this.#noRoom(blob, client)
      if (refusal !== null) return { ok: false, error: refusal }
      this.#uploads.set(blobKey(blob), { blob, client })
    }
    this.#idleSince.delete(blobKey(blob))
    return { ok: true, value: this.state(blob) }
  }

  #noRoom(blob: BlobRef, client: string): Refusal | null {
    const { maxBlobBytes } = this.#options
    let [all, own] = [blob.bytes, blob.bytes]
    for (const upload of this.#uploads.values()) {
      all += upload.blob.bytes
      if (upload.client === client) own += upload.blob.bytes
    }
    const message = (most: number, whose: string): string =>
      `expected at most ${most} bytes of uploads that no transaction refers to, ${whose}; submit what you have uploaded, or try again in ten minutes`
    if (own > STAGED_BLOBS_PER_CLIENT * maxBlobBytes)
      return { code: 'uploads-per-client', message: message(STAGED_BLOBS_PER_CLIENT * maxBlobBytes, 'of one client') }
    if (all > STAGED_BLOBS * maxBlobBytes) return { code: 'uploads-full', message: message(STAGED_BLOBS * maxBlobBytes, 'of all clients') }
    return null
  }

  state(blob: BlobRef): UploadState {
    return { ...blob, chunks: blobChunks(blob.bytes), missing: this.files.open(blob) }
  }

  /** One chunk; the blob is whole and durable when the answer says that nothing is missing. */
  async put(blob: BlobRef, part: BlobPart): Promise<Result<UploadState, Refusal>> {
    if (this.files.isWhole(blob)) return { ok: true, value: { ...blob, chunks: blobChunks(blob.bytes), missing: [] } }
    if (!this.#uploads.has(blobKey(blob)))
      return refuse(
        'no-upload',
        `expected an upload of ${toHex(blob.root)} that was begun and not forgotten; begin it, what is here counts`,
      )
    const checked = checkBlobPart(blob, part)
    if (!checked.ok) return checked
    this.#idleSince.delete(blobKey(blob))
    try {
      this.files.open(blob)
      this.files.write(blob, part, checked.value)
    } catch (error) {
      return refuse('blob-disk', `the chunk cannot be stored: ${error instanceof Error ? error.message : String(error)}`)
    }
    const state = this.state(blob)
    if (state.missing.length > 0) return { ok: true, value: state }
    return new Promise((resolve) => {
      this.files.seal(blob, (missing, failure) => {
        if (failure !== null) return resolve({ ok: false, error: failure })
        // A transaction that came before its blob is waiting for others to serve it.
        if (missing.length === 0) this.#answer({ kind: 'blob-opened', blob, missing, nowMs: this.#options.nowMs() })
        resolve({ ok: true, value: { ...state, missing } })
      })
    })
  }

  /** A folder that cannot be read just now (too many open files) is looked at the next time. */
  #look(): void {
    this.#saidUnreadable = false
    try {
      this.expire()
    } catch (error) {
      this.#options.log({ event: 'blob-folder-unreadable', message: error instanceof Error ? error.message : String(error) })
    }
  }

  /** Looks for what nobody has touched or referred to for a while. */
  expire(): void {
    const { files, nowMs, needs, expiryMs = EXPIRY_MS } = this.#options
    const now = nowMs()
    const here = [...files.whole, ...files.unfinished.map(({ root, bytes }) => ({ root, bytes }))]
    const keys = new Set(here.map(blobKey))
    // Begun and not to be opened, or damaged meanwhile.
    for (const key of [...this.#uploads.keys(), ...this.#idleSince.keys()]) if (!keys.has(key)) this.#forget(key)
    for (const blob of here) {
      const key = blobKey(blob)
      if (needs(blob)) {
        this.#forget(key)
        continue
      }
      const since = this.#idleSince.get(key) ?? now
      this.#idleSince.set(key, since)
      if (now - since < expiryMs) continue
      const wasWhole = files.isWhole(blob)
      this.#log('blob-forgotten', blob)
      this.#drop(blob)
      if (wasWhole) this.#answer({ kind: 'blob-lost', blob, nowMs: now })
    }
    files.dropLeftovers(expiryMs)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The safety records: what a validator must remember so that it never signs two things that exclude each other (protocol.md §5). View,
 * own votes, uncommitted blocks, highest certificate, tip, recovery. All that is stored or queued of them is mirrored here, for three
 * purposes: the summary that makes a lost record noticed; the last guard on votes, because a second, different one for the same view,
 * height and kind is our own bug and must not reach the disk; and forgetting what a view or a commit has made old.
 */
import { assert, decode, equalBytes, type Hash, type Height, keyOf, toHex } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  decodeBlock,
  encodeBlock,
  encodeCertificate,
  type Recovery,
  readCertificate,
  type Vote,
} from '@aethel/consensus'
import { damaged } from './errors.js'
import { HIGHEST_KEY, PREFIX, RECOVERY_KEY, SUMMARY_KEY, TIP_KEY, uncommittedKey, VIEW_KEY, voteKey } from './keys.js'
import {
  decodeRecovery,
  decodeTip,
  decodeView,
  decodeVote,
  encodeRecovery,
  encodeTip,
  encodeView,
  encodeVote,
  type TipRecord,
  type ViewRecord,
} from './records.js'
import { Summary, unseal } from './seal.js'
import type { RecordSink } from './sealed-batch.js'
import type { Decoder, SealedReader } from './sealed-reader.js'

/** As they were on disk. */
export interface LoadedSafety {
  readonly view: ViewRecord | undefined
  readonly votes: readonly Vote[]
  readonly blocks: readonly Block[]
  readonly highest: Certificate | undefined
  readonly tip: TipRecord | undefined
  readonly recovery: Recovery | undefined
}

export class SafetyRecords {
  readonly #reader: SealedReader
  readonly #queue: RecordSink
  /** By `keyOf(key)`, as everything here. */
  readonly #summary = new Summary()
  #summaryChanged = false
  readonly #votes = new Map<string, { readonly key: Uint8Array; readonly vote: Vote }>()
  readonly #uncommitted = new Map<string, { readonly key: Uint8Array; readonly height: Height; readonly bytes: Uint8Array }>()

  constructor(reader: SealedReader, queue: RecordSink) {
    this.#reader = reader
    this.#queue = queue
  }

  // --- writing ----------------------------------------------------------------------------------------------------

  putView(record: ViewRecord): void {
    this.#put(VIEW_KEY, encodeView(record))
    this.#forgetVotes((vote) => vote.view < record.view)
  }

  putVote(vote: Vote): void {
    const key = voteKey(vote)
    const name = keyOf(key)
    const known = this.#votes.get(name)
    assert(
      known === undefined || equalBytes(known.vote.blockHash, vote.blockHash),
      `two different ${vote.kind} votes for view ${vote.view}, height ${vote.height}`,
    )
    this.#votes.set(name, { key, vote })
    this.#put(key, encodeVote(vote))
  }

  putBlock(block: Block): void {
    const key = uncommittedKey(block.header.height, block.hash)
    const bytes = encodeBlock(block)
    this.#uncommitted.set(keyOf(key), { key, height: block.header.height, bytes })
    this.#put(key, bytes)
  }

  forgetBlock(height: Height, hash: Hash): void {
    this.#forgetBlock(uncommittedKey(height, hash))
  }

  putRecovery(recovery: Recovery): void {
    this.#put(RECOVERY_KEY, encodeRecovery(recovery))
  }

  putHighest(certificate: Certificate): void {
    this.#put(HIGHEST_KEY, encodeCertificate(certificate))
  }

  putTip(record: TipRecord): void {
    this.#put(TIP_KEY, encodeTip(record))
  }

  /** Votes and blocks up to there are over. */
  forgetUpTo(at: Height): void {
    this.#forgetVotes((vote) => vote.height <= at)
    for (const entry of this.#uncommitted.values()) if (entry.height <= at) this.#forgetBlock(entry.key)
  }

  /** To be called before a batch is written; it belongs into each that changes one of these records. */
  putSummary(): void {
    if (!this.#summaryChanged) return
    this.#queue.put(SUMMARY_KEY, this.#summary.bytes())
    this.#summaryChanged = false
  }

  /** Of a block that is not committed, as it was encoded for writing. */
  bytesOfBlock(at: Height, hash: Hash): Uint8Array | undefined {
    return this.#uncommitted.get(keyOf(uncommittedKey(at, hash)))?.bytes
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    const seal = this.#queue.put(key, value)
    this.#summary.put(keyOf(key), seal)
    this.#summaryChanged = true
  }

  #delete(key: Uint8Array, name: string): void {
    this.#queue.delete(key)
    this.#summary.remove(name)
    this.#summaryChanged = true
  }

  #forgetVotes(isOld: (vote: Vote) => boolean): void {
    for (const [name, { key, vote }] of this.#votes) {
      if (!isOld(vote)) continue
      this.#votes.delete(name)
      this.#delete(key, name)
    }
  }

  #forgetBlock(key: Uint8Array): void {
    const name = keyOf(key)
    if (this.#uncommitted.delete(name)) this.#delete(key, name)
  }

  // --- loading ----------------------------------------------------------------------------------------------------

  /** Once, before anything is put. Throws `store-damaged` if a record is not as written, is missing, or is one too many. */
  async load(): Promise<LoadedSafety> {
    const view = this.#record('view', VIEW_KEY, decodeView)
    const votes = (await this.#records('vote', PREFIX.vote, decodeVote)).map(({ key, value: vote }) => {
      if (!equalBytes(key, voteKey(vote))) throw damaged('a vote is stored under the key of another')
      this.#votes.set(keyOf(key), { key, vote })
      return vote
    })
    const blocks = (await this.#records('uncommitted block', PREFIX.uncommitted, decodeBlock)).map(({ key, value: block }) => {
      if (!equalBytes(key, uncommittedKey(block.header.height, block.hash))) throw damaged('a block is stored under the key of another')
      this.#uncommitted.set(keyOf(key), { key, height: block.header.height, bytes: encodeBlock(block) })
      return block
    })
    const highest = this.#record('highest certificate', HIGHEST_KEY, (bytes) => decode(bytes, readCertificate))
    const tip = this.#record('tip', TIP_KEY, decodeTip)
    const recovery = this.#record('recovery', RECOVERY_KEY, decodeRecovery)
    this.#checkSummary()
    return { view, votes, blocks, highest, tip, recovery }
  }

  #record<T>(name: string, key: Uint8Array, read: Decoder<T>): T | undefined {
    const stored = this.#reader.stored(name, key)
    return stored === undefined ? undefined : this.#opened(name, key, stored, read)
  }

  async #records<T>(name: string, prefix: number, read: Decoder<T>): Promise<{ key: Uint8Array; value: T }[]> {
    const records: { key: Uint8Array; value: T }[] = []
    for (const [key, stored] of await this.#reader.entries(prefix)) records.push({ key, value: this.#opened(name, key, stored, read) })
    return records
  }

  #opened<T>(name: string, key: Uint8Array, stored: Uint8Array, read: Decoder<T>): T {
    const opened = unseal(key, stored)
    if (opened === undefined) throw damaged(`the record "${name}" (key ${toHex(key)}) is not what was written`)
    const value = read(opened.value)
    if (!value.ok) throw damaged(`the record "${name}" (key ${toHex(key)}) does not decode: ${value.error.message}`)
    this.#summary.put(keyOf(key), opened.seal.slice())
    return value.value
  }

  #checkSummary(): void {
    const stored = this.#reader.stored('summary', SUMMARY_KEY)
    const actual = this.#summary.bytes()
    if (stored === undefined) {
      if (actual.some((byte) => byte !== 0)) throw damaged('the record "summary" is missing')
      return
    }
    const opened = unseal(SUMMARY_KEY, stored)
    if (opened === undefined) throw damaged('the record "summary" is not what was written')
    if (!equalBytes(opened.value, actual)) throw damaged('a vote, a block, or a record of the view is missing')
  }
}

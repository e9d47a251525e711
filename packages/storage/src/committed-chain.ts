/**
 * The committed chain as it lies on disk: what a commit leaves, and what a state that is taken over leaves in place of the commits up to
 * it, written here and read back here. Whatever must be there and is not is damage, never "unknown": between the first block stored and
 * the newest durable one there is a record for every height that is not in a gap.
 */
import { assert, decode, type Epoch, equalBytes, type Hash, type Height, height, toHex } from '@aethel/codec'
import {
  type Block,
  type Certificate,
  type CommittedTip,
  createValidatorSet,
  decodeWholeBlock,
  type EpochStart,
  encodeBlock,
  encodeCertificate,
  type Header,
  hashHeader,
  RECENT_HASHES,
  type Restored,
  readCertificate,
  readHeader,
} from '@aethel/consensus'
import { headersOf, putAreas, type StateAreas } from './areas.js'
import { damaged } from './errors.js'
import { certificateKey, committedKey, epochKey, gasKey, headerKey, indexKey, PREFIX, stateKey, transactionKey } from './keys.js'
import {
  decodeEpoch,
  decodeGas,
  decodePlace,
  encodeEpoch,
  encodeGas,
  encodeHeader,
  encodePlace,
  type TipRecord,
  type TransactionPlace,
} from './records.js'
import type { SafetyRecords } from './safety-records.js'
import type { RecordSink } from './sealed-batch.js'
import type { SealedReader } from './sealed-reader.js'
import type { CommitRecord } from './store-record.js'

export interface CommittedChainOptions {
  readonly reader: SealedReader
  readonly queue: RecordSink
  /** Hold the tip, and forget what a commit has made old. */
  readonly safety: SafetyRecords
  /** Know where the state lies, and which blocks are not here. */
  readonly areas: StateAreas
}

export class CommittedChain {
  readonly #reader: SealedReader
  readonly #queue: RecordSink
  readonly #safety: SafetyRecords
  readonly #areas: StateAreas
  /** Ascending, the newest. */
  #headers: Header[] = []
  #tip: CommittedTip | undefined
  #lastCommit: Certificate | null = null
  /** Height of the first block there is a record of, once there is one; nothing is read before it is known. */
  #firstCommitted = Number.POSITIVE_INFINITY
  /** Of the newest committed block that is on disk. */
  #durableHeight = -1

  constructor({ reader, queue, safety, areas }: CommittedChainOptions) {
    this.#reader = reader
    this.#queue = queue
    this.#safety = safety
    this.#areas = areas
  }

  /** Stored or queued; undefined before `load`. */
  get tip(): CommittedTip | undefined {
    return this.#tip
  }

  /** The newest commit certificate held. */
  get lastCommit(): Certificate | null {
    return this.#lastCommit
  }

  get recentHeaders(): readonly Header[] {
    return this.#headers
  }

  /** Everything up to there is on disk. */
  onDurable(tipHeight: number): void {
    this.#durableHeight = tipHeight
  }

  // --- writing ----------------------------------------------------------------------------------------------------

  putCommit(record: CommitRecord): void {
    const { block, certificate } = record
    const at = block.header.height
    assert(this.#tip === undefined || at === this.#tip.height + 1, `committed height ${at} after ${this.#tip?.height}`)
    const tip = { height: at, hash: block.hash, timestampMs: block.header.timestampMs }
    this.#tip = tip
    this.#queue.put(committedKey(at), this.#safety.bytesOfBlock(at, block.hash) ?? encodeBlock(block))
    for (const [index, id] of record.transactionIds.entries()) {
      this.#queue.put(transactionKey(id), encodePlace({ height: at, index }))
    }
    if (this.#lastCommit === null || certificate.height > this.#lastCommit.height) {
      this.#lastCommit = certificate
      this.#queue.put(certificateKey(certificate.height), encodeCertificate(certificate))
    }
    if (record.nextEpoch != null) {
      const { origin, validators } = record.nextEpoch
      const epoch = { originHeight: origin.height, originHash: origin.hash, validators: validators.validators }
      this.#queue.put(epochKey(validators.epoch), encodeEpoch(epoch))
    }
    this.#safety.putTip({ tip, lastCommit: this.#lastCommit })
    for (const [key, value] of record.index ?? []) this.#queue.put(indexKey(key), value)
    const { live } = this.#areas
    for (const [key, value] of record.writes.puts) this.#queue.put(stateKey(live, key), value)
    for (const key of record.writes.deletes) this.#queue.delete(stateKey(live, key))
    if (record.gas?.some((each) => each > 0) === true) this.#queue.put(gasKey(at), encodeGas(record.gas))
    this.#headers.push(block.header)
    if (this.#headers.length > 2 * RECENT_HASHES) this.#headers = this.#headers.slice(-RECENT_HASHES)
    this.#safety.forgetUpTo(at)
  }

  /** What a commit of every block up to there would have left, less the blocks. */
  putRestored(restored: Restored): void {
    const { target, start, headers } = restored
    const { header, certificate, links } = target
    assert(this.#tip !== undefined && header.height > this.#tip.height, `a state of height ${header.height} after ${this.#tip?.height}`)
    putAreas(this.#queue, this.#areas.restore(restored, this.#tip.height))
    for (const each of headersOf(restored)) this.#queue.put(headerKey(each.height), encodeHeader(each))
    for (const link of links) this.#queue.put(certificateKey(link.header.height), encodeCertificate(link.certificate))
    this.#queue.put(certificateKey(certificate.height), encodeCertificate(certificate))
    for (const link of links) {
      const epoch = { originHeight: link.header.height, originHash: hashHeader(link.header), validators: link.nextValidators }
      this.#queue.put(epochKey((link.header.epoch + 1) as Epoch), encodeEpoch(epoch))
    }
    const tip = { height: header.height, hash: hashHeader(header), timestampMs: header.timestampMs }
    assert(start.origin.height <= tip.height, 'the next block belongs to an epoch that has begun')
    this.#tip = tip
    this.#lastCommit = certificate
    this.#headers = [...[...headers].reverse(), header]
    this.#safety.putTip({ tip, lastCommit: certificate })
    this.#safety.forgetUpTo(tip.height)
  }

  // --- loading ----------------------------------------------------------------------------------------------------

  /** `stored`: undefined where nothing was committed yet. Once, after the areas were loaded. */
  async load(stored: TipRecord | undefined, genesis: CommittedTip): Promise<void> {
    this.#tip = stored?.tip ?? genesis
    this.#lastCommit = stored?.lastCommit ?? null
    this.#durableHeight = this.#tip.height
    await this.#checkFirst(this.#tip, genesis)
  }

  async #checkFirst(tip: CommittedTip, genesis: CommittedTip): Promise<void> {
    this.#firstCommitted = genesis.height + 1
    for (const { from, to } of this.#areas.gaps) if (from === this.#firstCommitted) this.#firstCommitted = to + 1
    if (tip.height < this.#firstCommitted) return
    const found = await this.#reader.firstKey(PREFIX.committed)
    if (found === undefined || !equalBytes(found, committedKey(height(this.#firstCommitted))))
      throw damaged('the committed chain does not begin at genesis')
  }

  /** The newest committed blocks, each checked to be the parent of the next. Once, after `load`. */
  loadRecent(tip: CommittedTip, genesis: CommittedTip): { height: Height; hash: Hash }[] {
    const recent: { height: Height; hash: Hash }[] = []
    let expected = tip.hash
    for (let at: number = tip.height; at > genesis.height && recent.length < RECENT_HASHES; at--) {
      const header = this.header(height(at))
      if (header === undefined || !equalBytes(hashHeader(header), expected))
        throw damaged(`the committed block ${at} is missing or another one`)
      recent.push({ height: height(at), hash: expected })
      this.#headers.push(header)
      expected = header.parent
    }
    this.#headers.reverse()
    if (recent.length < RECENT_HASHES) {
      if (!equalBytes(expected, genesis.hash)) throw damaged('the committed chain does not begin at genesis')
      recent.push({ height: genesis.height, hash: genesis.hash })
    }
    return recent.reverse()
  }

  // --- reading ----------------------------------------------------------------------------------------------------

  block(at: Height): Block | undefined {
    const bytes = this.#reader.value(`committed block ${at}`, committedKey(at))
    if (bytes === undefined) return this.#noBlock(at)
    const block = decodeWholeBlock(bytes)
    if (!block.ok) throw damaged(`the committed block ${at} does not decode: ${block.error.message}`)
    return block.value
  }

  #noBlock(at: Height): undefined {
    if (at >= this.#firstCommitted && at <= this.#durableHeight && this.#areas.gapAt(at) === undefined)
      throw damaged(`the committed block ${at} is missing`)
    return undefined
  }

  /** Without the Merkle roots of the body: enough to follow the chain of hashes. */
  header(at: Height): Header | undefined {
    const bytes = this.#reader.value(`committed block ${at}`, committedKey(at))
    if (bytes === undefined)
      return this.#reader.decoded(`header ${at}`, headerKey(at), (stored) => decode(stored, readHeader)) ?? this.#noBlock(at)
    const header = decode(bytes, (reader) => {
      const read = readHeader(reader)
      reader.raw(reader.remaining)
      return read
    })
    if (!header.ok) throw damaged(`the committed block ${at} does not decode: ${header.error.message}`)
    return header.value
  }

  /** Of a block whose gas is all zero nothing is stored. */
  gasOf(at: Height): readonly number[] | undefined {
    return this.#reader.decoded(`gas ${at}`, gasKey(at), decodeGas)
  }

  certificateFrom(at: Height): Certificate | undefined {
    const gap = this.#areas.gapAt(at)
    const last = gap === undefined || at === gap.to ? (this.#lastCommit?.height ?? -1) : at // in a gap there are those of the ends of epochs
    // Certificates are at most one window apart, so the search is short; it ends at the newest one.
    for (let candidate: number = at; candidate <= last; candidate++) {
      const bytes = this.#reader.value(`certificate ${candidate}`, certificateKey(height(candidate)))
      if (bytes === undefined) continue
      const certificate = decode(bytes, readCertificate)
      if (!certificate.ok) throw damaged(`the certificate ${candidate} does not decode: ${certificate.error.message}`)
      return certificate.value
    }
    return undefined
  }

  epoch(of: Epoch): Pick<EpochStart, 'validators' | 'origin'> | undefined {
    const bytes = this.#reader.value(`epoch ${of}`, epochKey(of))
    if (bytes === undefined) return undefined
    const record = decodeEpoch(bytes)
    const validators = record.ok ? createValidatorSet(of, record.value.validators) : record
    if (!record.ok || !validators.ok) throw damaged(`the record of epoch ${of} does not decode`)
    return { validators: validators.value, origin: { height: record.value.originHeight, hash: record.value.originHash } }
  }

  transactionPlace(id: Hash): TransactionPlace | undefined {
    const bytes = this.#reader.value('index of transactions', transactionKey(id))
    if (bytes === undefined) return undefined
    const place = decodePlace(bytes)
    if (!place.ok) throw damaged(`the index entry of transaction ${toHex(id)} does not decode`)
    return place.value
  }
}

/**
 * Blobs at simulated nodes (protocol.md §9), besides what shelves hold of them (blob-shelves.ts): clients upload them, not always whole;
 * a node may lose one, whatever needs it; and it owes to others those of the blocks it votes for.
 */
import { keyOf } from '@aethel/codec'
import { type BlobRef, type Block, blobChunks, blobKey, type PersistRecord } from '@aethel/consensus'
import type { SimulatedApplication } from './application.js'
import { SIMULATED_CHUNK_BYTES } from './blob-shelves.js'
import type { Circumstances } from './circumstances.js'
import type { DiskFaults } from './disk-faults.js'
import type { Node } from './node.js'
import { demand } from './violation.js'

export class Blobs {
  readonly #circumstances: Circumstances
  readonly #application: SimulatedApplication
  readonly #diskFaults: DiskFaults
  /** Of blocks that somebody has voted for. */
  readonly #bodies = new Map<string, Block>()
  #uploads = 0

  constructor(circumstances: Circumstances, application: SimulatedApplication, diskFaults: DiskFaults) {
    this.#circumstances = circumstances
    this.#application = application
    this.#diskFaults = diskFaults
  }

  /** Before what refers to it is submitted: all of it, some of it, or nothing. */
  upload(node: Node, transaction: Uint8Array): void {
    const { fates, network, knobs, coverage } = this.#circumstances
    const { blobs } = knobs
    const found = blobs === null ? undefined : this.#application.blobIn(transaction)
    if (blobs === null || found === undefined || node.replica === null) return
    const { ref: blob } = found
    const content = found.content()
    const wasWhole = node.blobs.isWhole(blob)
    const nth = ++this.#uploads
    const isWhole = network.healed || fates.unit('disk', node.index, nth, 5) < blobs.wholeRate
    const share = isWhole ? 1 : fates.unit('disk', node.index, nth, 6)
    const count = Math.floor(share * blobChunks(blob.bytes, SIMULATED_CHUNK_BYTES))
    if (!isWhole) coverage.hit('upload interrupted')
    for (let index = 0; index < count; index++)
      node.blobs.write(blob, index, content.subarray(index * SIMULATED_CHUNK_BYTES, (index + 1) * SIMULATED_CHUNK_BYTES))
    if (isWhole && !wasWhole) this.sync(node, blob)
  }

  /** What is on the shelf is made durable, and then the replica is told what is missing of it. */
  sync(node: Node, blob: BlobRef): void {
    const { events, fates, knobs } = this.#circumstances
    const { index, incarnation } = node
    const takesMs = fates.delay(knobs.fsyncMs, -2_000_001 - index, ++node.blobsOpened)
    events.push(events.nowMs + takesMs, { kind: 'blob-opened', node: index, incarnation, blob })
  }

  /** One that nothing here needs and that is not final may be gone, an upload that nobody submitted, say: which one. */
  expire(node: Node): BlobRef | null {
    const { fates, network, knobs, coverage } = this.#circumstances
    const { blobs } = knobs
    const { replica } = node
    if (blobs === null || replica === null || network.healed || blobs.expiryRate === 0) return null
    const [blob] = node.blobs.sealed
    if (blob === undefined || replica.needsBlob(blob) || node.finalBlobs.has(blobKey(blob))) return null
    if (fates.unit('disk', node.index, ++node.blobsOpened, 4) >= blobs.expiryRate) return null
    node.blobs.drop(blob)
    coverage.hit('blob expired')
    return blob
  }

  /**
   * The disk has lost one that may be needed: which one. Whoever was told that it is here is told so no more, and can have it of others. Of
   * those that a vote attests, or that are final, others rely on this disk: where those are lost, it counts among the faulty.
   */
  rot(node: Node): BlobRef | null {
    const { events, fates, network, knobs, coverage } = this.#circumstances
    const { blobs } = knobs
    if (blobs === null || node.replica === null || network.healed || blobs.rotRate === 0) return null
    const { index } = node
    const nth = ++node.blobLooks
    if (fates.unit('disk', index, nth, 7) >= blobs.rotRate) return null
    const whole = node.blobs.sealed
    const blob = whole[fates.below(whole.length, 'disk', index, nth, 8)]
    if (blob === undefined || !fates.allows('disk', `blob ${index}#${nth}`, events.nowMs)) return null
    const key = blobKey(blob)
    const isAttested = (node.attestedBlobs.get(key) ?? 0) > node.appliedHeight
    if ((isAttested || node.finalBlobs.has(key)) && !this.#diskFaults.mayLoseBlobs(node)) return null
    if (isAttested) node.rottenBlobs.add(key)
    coverage.hit(`blob lost: ${isAttested ? 'voted for' : node.finalBlobs.has(key) ? 'final' : 'pending'}`)
    node.blobs.drop(blob)
    return blob
  }

  /** Before a vote leaves the replica: the blobs of its block are on this validator's disk, whole. */
  onPersist(node: Node, records: readonly PersistRecord[]): void {
    const { knobs, coverage } = this.#circumstances
    if (knobs.blobs === null) return
    for (const record of records) {
      if (record.kind === 'block') this.#bodies.set(keyOf(record.block.hash), record.block)
      if (record.kind !== 'vote') continue
      for (const blob of blobsIn(this.#application, this.#bodies.get(keyOf(record.vote.blockHash)))) {
        const key = blobKey(blob)
        node.attestedBlobs.set(key, Math.max(node.attestedBlobs.get(key) ?? 0, record.vote.height))
        // What its disk lost after a vote does not hold back the next one: such a disk counts among the faulty.
        demand(
          'blob-in-hand',
          node.blobs.isWhole(blob) || node.rottenBlobs.has(key),
          () => `validator ${node.index} votes for height ${record.vote.height} without a blob of ${blob.bytes} bytes that it refers to`,
        )
        coverage.hit('voted with a blob in hand')
      }
    }
  }

  /** The replica gives one up: no block that it has voted for, and that is not final, refers to it. */
  onDrop(node: Node, blob: BlobRef): void {
    this.#circumstances.coverage.hit('blob pruned')
    const key = blobKey(blob)
    const voted = node.disk.durableState().blocks.filter(({ header }) => header.height > node.appliedHeight)
    const needed = voted.some((block) => blobsIn(this.#application, block).some((each) => blobKey(each) === key))
    demand('blob-kept', !needed || !node.isHonest, () => `validator ${node.index} drops a blob that a block it has voted for refers to`)
    node.blobs.drop(blob)
  }
}

/** Those that its transactions refer to. */
export function blobsIn(application: SimulatedApplication, block: Block | undefined): BlobRef[] {
  return (block?.body.transactions ?? []).flatMap((bytes) => application.blobIn(bytes)?.ref ?? [])
}

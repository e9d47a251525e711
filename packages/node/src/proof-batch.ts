/**
 * What crosses to a proof worker: one run of bytes, handed over and not copied. A message of many small arrays costs the
 * main thread more than a whole batch of checks costs the worker.
 */
import { decode, type Reader, Writer } from '@aethel/codec'
import { readBlobRef, writeBlobRef } from '@aethel/consensus'
import type { BlobPlace } from '@aethel/storage'

/** Begins the reason why a check was aborted when the disk no longer has the blob as it was written. */
export const DAMAGED = 'blob damaged: '

export interface ProofBatch {
  /** Statements sent before are to be forgotten. */
  readonly forget: boolean
  /** May be left unfinished if something more urgent waits: what is left out comes again. */
  readonly mayStop: boolean
  /** Of cited claims, each sent once. */
  readonly statements: readonly { readonly claimId: Uint8Array; readonly statement: Uint8Array }[]
  readonly jobs: readonly ProofJob[]
}

export interface ProofJob {
  readonly kind: string
  readonly claim: Uint8Array
  readonly proof: Uint8Array
  /** Where the proof is, if it is a blob: the thread reads it itself, chunk by chunk. Null: `proof` is the proof. */
  readonly blob: BlobPlace | null
}

/**
 * Places in the words a thread shares with the pool. BATCH counts batches begun, JOB is the position in it, HURRY asks to stop between
 * two proofs.
 */
export const SHARED = { batch: 0, job: 1, hurry: 2, words: 3 } as const

/** Both sides are ours: the lengths say how many bytes there are, and no bound is needed. */
const ANY = 0xffff_ffff

/** Bytes of a string's unit. */
const UTF8_MOST = 3

export function encodeBatch(batch: ProofBatch): Uint8Array<ArrayBuffer> {
  const writer = new Writer(roomFor(batch))
  writer.bool(batch.forget).bool(batch.mayStop)
  writer.list(batch.statements, (w, { claimId, statement }) => w.bytes(claimId).bytes(statement))
  writer.list(batch.jobs, (w, { kind, claim, proof, blob }) => {
    w.text(kind).bytes(claim).bytes(proof)
    w.optional(blob, (ww, place) => {
      writeBlobRef(ww, place)
      ww.text(place.file)
    })
  })
  return writer.view() as Uint8Array<ArrayBuffer>
}

/** Somewhat more than it takes. A writer that has to grow leaves arrays behind, three times as long as a long proof together. */
function roomFor({ statements, jobs }: ProofBatch): number {
  let room = 16
  for (const { claimId, statement } of statements) room += 8 + claimId.length + statement.length
  for (const { kind, claim, proof, blob } of jobs) {
    room += 16 + UTF8_MOST * kind.length + claim.length + proof.length
    if (blob !== null) room += 64 + UTF8_MOST * blob.file.length
  }
  return room
}

export function decodeBatch(bytes: Uint8Array): ProofBatch {
  const batch = decode(bytes, (reader) => ({
    forget: reader.bool(),
    mayStop: reader.bool(),
    statements: reader.list(ANY, (r) => ({ claimId: r.bytes(ANY), statement: r.bytes(ANY) })),
    jobs: reader.list(ANY, readJob),
  }))
  if (!batch.ok) throw new Error(`a batch of proofs does not decode: ${batch.error.message}`)
  return batch.value
}

function readJob(reader: Reader): ProofJob {
  const job = { kind: reader.text(ANY), claim: reader.bytes(ANY), proof: reader.viewOfBytes(ANY) } // the batch lives as long as its proofs are checked
  return { ...job, blob: reader.optional((r) => ({ ...readBlobRef(r), file: r.text(ANY) })) }
}

/**
 * Events of a replica as lines of the log and figures: one line per event, with a fixed name. What others can cause as often as they like
 * goes through `limited`.
 */
import type { Hash } from '@aethel/codec'
import type { ReplicaEffect } from '@aethel/replica'
import type { Log, LogLine } from './log.js'
import type { Metrics } from './metrics.js'
import { logSync } from './snapshots.js'

export interface EventSink {
  readonly log: Log
  readonly metrics: Metrics
  limited(line: LogLine): void
}

export function logEvent(event: Extract<ReplicaEffect, { kind: 'event' }>['event'], { log, metrics, limited }: EventSink): void {
  switch (event.name) {
    case 'view-change-started':
      metrics.viewChanges.inc({ reason: event.reason })
      return log.warn({ event: 'view-change-started', view: event.view, reason: event.reason })
    case 'view-entered':
      metrics.viewChangeCount++
      return log.info({ event: 'view-entered', view: event.view, base: event.base, height: event.height })
    case 'block-invalid':
      return log.error({ event: 'block-invalid', height: event.height, hash: hex(event.hash), code: event.code, message: event.message })
    case 'proof-refused':
      metrics.refusals.inc({ code: event.code })
      return limited({ event: 'proof-refused', id: hex(event.id), from: event.from, code: event.code })
    case 'fetching':
      return limited({ event: 'fetching', peer: event.peer, from: event.from })
    case 'recovering':
      return log.warn({ event: 'recovering', answers: event.answers, above: event.above })
    case 'recovered':
      return log.warn({ event: 'recovered', view: event.view })
    case 'verification-aborted':
      return log.error({ event: 'block-not-verified', height: event.height, hash: hex(event.hash), reason: event.reason })
    case 'transaction-evicted':
      return log.debug({ event: 'transaction-evicted', id: hex(event.id) })
    case 'epoch-entered':
      return log.info({ event: 'epoch-entered', epoch: event.epoch, validators: event.validators, index: event.self })
    case 'validators-refused':
      return log.error({ event: 'validators-refused', epoch: event.epoch, code: event.code, message: event.message })
    case 'complaint':
      return log.warn({ event: 'complaint', view: event.view, complaint: event.complaint })
    case 'bad-share': // once of each validator in an epoch
      return log.warn({ event: 'bad-share', sender: event.sender, view: event.view, height: event.height })
    case 'bad-sum': // likewise
      return log.warn({ event: 'bad-sum', sender: event.sender, view: event.view, height: event.height })
    case 'verdicts-trusted':
    case 'verdicts-doubted':
    case 'snapshot-begun':
    case 'snapshot-chunk':
    case 'snapshot-peer-dropped':
    case 'snapshot-given-up':
    case 'snapshot-restored':
      return logSync(log, event)
    case 'blob-wanted':
      return limited({ event: event.name, root: hex(event.blob.root), bytes: event.blob.bytes, missing: event.missing })
    case 'blob-held':
      return limited({ event: event.name, root: hex(event.blob.root), bytes: event.blob.bytes })
    case 'blob-peer-dropped':
      return log.warn({ event: event.name, peer: event.peer, code: event.code })
    case 'block-awaits-blobs':
      return log.warn({ event: event.name, height: event.height, hash: hex(event.hash), blobs: event.blobs })
    case 'proposal-awaits-transactions':
      metrics.proposalsAwaited.inc()
      return limited({ event: event.name, height: event.height, hash: hex(event.hash), from: event.from, transactions: event.transactions })
    case 'blob-dropped': // said by the keeper
    case 'ignored':
    case 'accepted':
    case 'prepared':
    case 'committed':
      return
  }
}

export function hex(hash: Hash): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('hex')
}

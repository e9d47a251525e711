/** What `/metrics` shows, in Prometheus' text format. */
import type { Header } from '@aethel/consensus'
import type { VerificationOutcome } from '@aethel/replica'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const LATENCY_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Read at scrape time. */
export interface Gauges {
  readonly height: number
  readonly view: number
  readonly pooled: number
  readonly unverified: number
  readonly queuedVerifications: number
  readonly workersReady: number
  readonly peersConnected: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly evidenceHeld: number
}

export class Metrics {
  readonly registry: Registry = new Registry()
  readonly viewChanges: Counter<'reason'>
  readonly misbehaviour: Counter<'code'>
  readonly throttled: Counter
  readonly proposalsAwaited: Counter
  readonly refusals: Counter<'code'>
  readonly offencesSeen: Counter<'offence'>
  readonly offencesRecorded: Counter<'offence'>
  readonly workersLost: Counter
  readonly #verifications: Counter<'kind' | 'outcome'>
  readonly #verificationSeconds: Histogram<'kind'>
  readonly #blocks: Counter
  readonly #transactions: Counter
  readonly #commitSeconds: Histogram
  readonly #syncSeconds: Histogram
  readonly verified: { valid: number; invalid: number; aborted: number } = { valid: 0, invalid: 0, aborted: 0 }
  viewChangeCount = 0

  constructor(read: () => Gauges) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
      new Counter({ name: `aethel_${name}`, help, labelNames, registers })
    this.viewChanges = counter('view_changes_total', 'View changes begun by this validator', ['reason'])
    this.misbehaviour = counter('peer_misbehaviour_total', 'Faults of peers, by code', ['code'])
    this.throttled = counter(
      'peer_throttled_total',
      'Times (at most one a minute and peer) that a peer caused more useless work than it may',
    )
    this.proposalsAwaited = counter(
      'proposals_awaited_total',
      'Compact proposals of which some transactions were not here and had to be waited for',
    )
    this.refusals = counter('proofs_refused_total', 'Proofs that did not verify, by code', ['code'])
    this.offencesSeen = counter('offences_seen_total', 'Offences of validators that this one holds evidence of', ['offence'])
    this.offencesRecorded = counter('offences_recorded_total', 'Offences recorded by blocks committed since start', ['offence'])
    this.workersLost = counter('proof_workers_lost_total', 'Proof workers that died, hung or used too much memory, and were replaced')
    this.#verifications = counter('verifications_total', 'Proof verifications, by kind and outcome', ['kind', 'outcome'])
    this.#blocks = counter('blocks_total', 'Blocks committed since start')
    this.#transactions = counter('transactions_total', 'Transactions committed since start')
    this.#verificationSeconds = new Histogram({
      name: 'aethel_verification_seconds',
      help: 'Time per proof, batch average',
      labelNames: ['kind'],
      buckets: LATENCY_SECONDS,
      registers,
    })
    this.#commitSeconds = new Histogram({
      name: 'aethel_commit_seconds',
      help: "From a block's timestamp to its durable commit here",
      buckets: LATENCY_SECONDS,
      registers,
    })
    this.#syncSeconds = new Histogram({
      name: 'aethel_group_commit_seconds',
      help: 'Durable batch writes',
      buckets: LATENCY_SECONDS,
      registers,
    })
    const scraped =
      (Metric: typeof Gauge | typeof Counter) =>
      (name: string, help: string, value: (gauges: Gauges) => number): void => {
        new Metric({
          name: `aethel_${name}`,
          help,
          registers,
          collect() {
            this.reset()
            this.inc(value(read()))
          },
        })
      }
    const gauge = scraped(Gauge)
    gauge('height', 'Committed height', (g) => g.height)
    gauge('view', 'Current view', (g) => g.view)
    gauge('mempool_transactions', 'Verified transactions waiting to be ordered', (g) => g.pooled)
    gauge('unverified_transactions', 'Transactions waiting for a verdict or a citation', (g) => g.unverified)
    gauge('verification_queue', 'Proofs handed to the workers and not yet answered', (g) => g.queuedVerifications)
    gauge('proof_workers_ready', 'Proof workers that take work', (g) => g.workersReady)
    gauge('peers_connected', 'Connected validators', (g) => g.peersConnected)
    gauge('evidence_held', 'Evidence waiting to be put on the chain', (g) => g.evidenceHeld)
    const total = scraped(Counter)
    total('bytes_received_total', 'Bytes received from validators since start', (g) => g.bytesIn)
    total('bytes_sent_total', 'Bytes sent to validators since start', (g) => g.bytesOut)
  }

  onVerified(kind: string, outcome: VerificationOutcome, milliseconds: number): void {
    this.verified[outcome.status]++
    this.#verifications.inc({ kind, outcome: outcome.status })
    this.#verificationSeconds.observe({ kind }, milliseconds / 1000)
  }

  onCommitted(header: Header, transactions: number): void {
    this.#blocks.inc()
    this.#transactions.inc(transactions)
    this.#commitSeconds.observe(Math.max(0, Date.now() - header.timestampMs) / 1000)
  }

  onBatch(milliseconds: number): void {
    this.#syncSeconds.observe(milliseconds / 1000)
  }
}

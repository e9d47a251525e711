/** What many seeds add up to, for a reader and for `--json`. */
import { AGES, Coverage, INVARIANTS, MESSAGE_KINDS, PHASES } from '@aethel/simulator'
import { grouped, paint, printLine, printTable } from '../ui/terminal.js'
import type { SeedSummary } from './seed-run.js'

const MAX_LATENCIES = 1_000_000

export class Totals {
  readonly #started = performance.now()
  readonly #coverage = new Coverage()
  readonly #latenciesMs: number[] = []
  readonly #recoveriesMs: number[] = []
  #mostOfBound = 0
  seeds = 0
  events = 0
  checks = 0
  blocks = 0
  transactions = 0
  viewChanges = 0
  messages = 0
  virtualMs = 0
  signaturesMade = 0
  signaturesChecked = 0
  checksCharged = 0
  readonly #cpuAtStart = process.cpuUsage()

  add(summary: SeedSummary): void {
    this.seeds++
    this.events += summary.events
    this.checks += summary.checks
    this.blocks += summary.blocks
    this.transactions += summary.transactions
    this.viewChanges += summary.viewChanges
    this.messages += summary.messages
    this.virtualMs += summary.virtualMs
    this.signaturesMade += summary.signaturesMade
    this.signaturesChecked += summary.signaturesChecked
    this.checksCharged += summary.checksCharged
    this.#coverage.merge(summary.cells)
    if (this.#recoveriesMs.length < MAX_LATENCIES) this.#recoveriesMs.push(summary.settledAfterMs)
    this.#mostOfBound = Math.max(this.#mostOfBound, summary.settledAfterMs / summary.livenessBoundMs)
    if (this.#latenciesMs.length < MAX_LATENCIES) for (const latency of summary.latenciesMs) this.#latenciesMs.push(latency)
  }

  /** Of all threads: on a machine that is busy with other things it says more than the time of day. */
  #cpuSeconds(): number {
    const { user, system } = process.cpuUsage(this.#cpuAtStart)
    return Math.max(1, Math.round((user + system) / 1000)) / 1000
  }

  /** Of the whole of the runs, their settling included. */
  #throughput(): number {
    return Math.round((100 * this.transactions) / Math.max(0.001, this.virtualMs / 1000)) / 100
  }

  json(): object {
    const seconds = Math.round(performance.now() - this.#started) / 1000
    const { seeds, events, checks, blocks, transactions, viewChanges, messages, virtualMs } = this
    const { signaturesMade, signaturesChecked, checksCharged } = this
    const cpuSeconds = this.#cpuSeconds()
    return {
      seeds,
      events,
      checks,
      blocks,
      transactions,
      viewChanges,
      messages,
      messagesPerBlock: blocks === 0 ? null : Math.round(messages / blocks),
      virtualSeconds: Math.round(virtualMs / 1000),
      transactionsPerVirtualSecond: this.#throughput(),
      seconds,
      cpuSeconds,
      eventsPerCpuSecond: Math.round(events / cpuSeconds),
      virtualPerRealTime: Math.round(virtualMs / 1000 / cpuSeconds),
      signaturesMade,
      signaturesChecked,
      checksCharged,
      latencyMs: percentiles(this.#latenciesMs),
      recoveryMs: percentiles(this.#recoveriesMs),
      mostOfLivenessBound: Math.round(1_000 * this.#mostOfBound) / 1_000,
      invariants: INVARIANTS,
      coverage: Object.fromEntries([...this.#coverage.cells].sort()),
    }
  }

  print(): void {
    const seconds = Math.max(0.001, (performance.now() - this.#started) / 1000)
    const cpuSeconds = this.#cpuSeconds()
    const virtualSeconds = this.virtualMs / 1000
    const latency = percentiles(this.#latenciesMs)
    const recovery = percentiles(this.#recoveriesMs)
    printTable([
      [
        'events',
        `${grouped(this.events)} (${grouped(Math.round(this.events / cpuSeconds))} per CPU second), ${grouped(this.checks)} checks beside those at every event`,
      ],
      [
        'blocks',
        `${grouped(this.blocks)}, ${grouped(this.transactions)} transactions (${this.#throughput()} per virtual second), ${grouped(this.viewChanges)} view changes`,
      ],
      ['messages', `${grouped(this.messages)}, ${grouped(Math.round(this.messages / Math.max(1, this.blocks)))} per decision`],
      [
        'time',
        `${grouped(Math.round(virtualSeconds))} s of virtual time in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU: ${grouped(Math.round(virtualSeconds / cpuSeconds))} to 1, ` +
          `${grouped(Math.round(this.events / Math.max(0.001, virtualSeconds)))} events per virtual second`,
      ],
      ['latency', `${inWords(latency)} of virtual time from submission to the first commit`],
      [
        'recovery',
        `${inWords(recovery)} of virtual time from healing until all is final everywhere; at most ${(100 * this.#mostOfBound).toFixed(1)} % of the bound`,
      ],
      [
        'signatures',
        `by Ed25519 ${grouped(this.signaturesMade)} made, ${grouped(this.signaturesChecked)} checked; ${grouped(this.checksCharged)} checks merely charged`,
      ],
      ['invariants', INVARIANTS.join(', ')],
    ])
  }

  /** Message kinds by phase, age and verdict; then whatever else was seen. */
  printCoverage(): void {
    const { cells } = this.#coverage
    const columns = AGES.flatMap((age) => [`${age} valid`, `${age} refused`])
    printLine(paint('dim', `  ${'received'.padEnd(22)}${columns.map((column) => column.padStart(16)).join('')}`))
    const inTable = new Set<string>()
    for (const kind of MESSAGE_KINDS) {
      for (const phase of PHASES) {
        const row = columns.map((column) => {
          const cell = `${kind} ${phase} ${column}`
          inTable.add(cell)
          return grouped(cells.get(cell) ?? 0).padStart(16)
        })
        printLine(`  ${`${kind} ${phase}`.padEnd(22)}${row.join('')}`)
      }
    }
    for (const [cell, count] of [...cells].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!inTable.has(cell)) printLine(`  ${grouped(count).padStart(12)}  ${cell}`)
    }
  }
}

interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

function percentiles(valuesMs: readonly number[]): Percentiles {
  const sorted = Float64Array.from(valuesMs).sort()
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

function inWords({ p50, p95, p99 }: Percentiles): string {
  return `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`
}

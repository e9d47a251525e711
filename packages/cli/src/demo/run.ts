/**
 * The main job: four validator processes agree on a library's theorems and on SAT refutations, with false proofs slipped
 * in and the leader killed midway; then everything they say is checked from outside.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Hash } from '@aethel/codec'
import { fromHex, hash } from '@aethel/codec'
import { METAMATH_KIND } from '@aethel/proofs'
import { CliError, EXIT } from '../exit.js'
import { definitionOf, libraryNameOf, parseLibrary } from '../metamath-library.js'
import { createNetwork, type LocalNetwork } from '../network.js'
import { startAll, type ValidatorProcess } from '../processes.js'
import { startProgress } from '../ui/progress.js'
import { type CheckLine, grouped } from '../ui/terminal.js'
import { bundledRefutations, type Item, interleave, type Proof, sign, theoremsOf } from './corpus.js'
import { type FalseOutcome, refusedForItsReason, type ScheduledFalseProof, sendFalseProofs } from './false-lane.js'
import { type FalseProof, makeFalseProofs } from './false-proofs.js'
import { Follower } from './follower.js'
import type { Library } from './library.js'
import { chainDifference, offlineLibraryRoot, readTrustFile, settled, verifyAllReceipts } from './outcome.js'
import type { DemoReport } from './report.js'
import { createSubmitter, type Submitter } from './submitter.js'

export const VALIDATORS = 4
/** The leader dies when this part of the proofs is final, and comes back when that part is. */
const KILL_AT = 0.35
/** No more than this part is sent before, so that the network has to go on without that leader. */
const HOLD_AT = 0.5
const RESTART_AT = 0.7
const POLL_MS = 100
/** Without any new final proof for this long the job gives up. */
const STALL_MS = 90_000

export interface DemoOptions {
  readonly library: Library
  /** Most theorems to submit. */
  readonly theorems: number
  readonly folder: string
  readonly say: (line: string) => void
  /** Told about the network before any process starts, so that whoever interrupts can stop them. */
  readonly onNetwork: (network: LocalNetwork) => void
}

export interface DemoResult {
  readonly report: DemoReport
  readonly checks: readonly CheckLine[]
  /** Resident memory of each validator at the end, in bytes. */
  readonly rssBytes: readonly number[]
}

interface Plan {
  readonly proofs: readonly Proof[]
  readonly theorems: number
  readonly falseProofs: readonly ScheduledFalseProof[]
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { library, say } = options
  const parsed = parseLibrary(library.bytes, library.path, libraryNameOf(library.path))
  const definition = definitionOf(parsed)
  const theorems = theoremsOf(parsed, options.theorems)
  if (theorems.length === 0) throw new CliError(EXIT.usage, 'no-theorems', `expected a library with theorems, but ${library.path} has none`)
  const refutations = bundledRefutations()
  const falseProofs = makeFalseProofs(definition, theorems)
  const plan = planOf(theorems, refutations, falseProofs)
  say(`library    ${library.path} (${library.origin})`)
  say(
    `to submit  ${grouped(theorems.length)} theorems, ${refutations.length} SAT refutations, ${falseProofs.length} false proofs of ${new Set(falseProofs.map((f) => f.kind)).size} kinds`,
  )

  const network = await createNetwork({ folder: options.folder, validators: VALIDATORS, basePort: 0, libraries: [definition] })
  options.onNetwork(network)
  await startAll(network.validators)
  say(
    `started    ${VALIDATORS} validators, processes ${network.validators.map((validator) => validator.pid).join(', ')}, stores in ${network.folder}`,
  )

  const chainId = chainIdFrom(network)
  const items = sign(chainId, plan.proofs)
  const run = new DemoRun(network, chainId, items, plan, say)
  await run.untilFinal()
  return await run.conclude(parsed)
}

function chainIdFrom(network: LocalNetwork): Hash {
  const bytes = fromHex(network.chainId)
  if (!bytes.ok) throw new CliError(EXIT.internal, bytes.error.code, `the chain id ${network.chainId} is not hex`)
  return hash(bytes.value)
}

/** False proofs evenly among the real ones, each after what it cites. */
function planOf(theorems: readonly Proof[], refutations: readonly Proof[], falseProofs: readonly FalseProof[]): Plan {
  const proofs = interleave(theorems, refutations)
  const positionOf = new Map(proofs.map((proof, position) => [proof, position]))
  const scheduled = falseProofs.map((falseProof, index) => {
    const spread = Math.floor((index * proofs.length) / falseProofs.length)
    const last = theorems[falseProof.after - 1]
    const cited = last === undefined ? 0 : (positionOf.get(last) ?? 0) + 1
    return { falseProof, position: Math.max(spread, cited) }
  })
  return { proofs, theorems: theorems.length, falseProofs: scheduled }
}

class DemoRun {
  readonly #network: LocalNetwork
  readonly #chainId: Hash
  readonly #items: readonly Item[]
  readonly #plan: Plan
  readonly #say: (line: string) => void
  readonly #submitter: Submitter
  readonly #follower: Follower
  #falseOutcomes: readonly FalseOutcome[] = []
  #victim: ValidatorProcess | null = null
  #restarted = false
  #seconds = 0
  #failed = false

  constructor(network: LocalNetwork, chainId: Hash, items: readonly Item[], plan: Plan, say: (line: string) => void) {
    this.#network = network
    this.#chainId = chainId
    this.#items = items
    this.#plan = plan
    this.#say = say
    this.#submitter = createSubmitter(network.validators, items, ({ index }) => this.#follower.isBehind(index))
    this.#submitter.holdAfter(Math.ceil(items.length * HOLD_AT))
    this.#follower = new Follower(network.validators, {
      committed: (ids) => {
        for (const id of ids) this.#submitter.markFinal(id)
      },
      viewChanged: (view, leader) => this.#event(`view change: now in view ${view}, led by validator ${leader}`),
    })
  }

  #event: (text: string) => void = (text) => this.#say(text)

  /** Submits everything and injects the faults; returns when every proof is final and the killed validator is back. */
  async untilFinal(): Promise<void> {
    const progress = startProgress('final', this.#items.length)
    this.#event = progress.event
    const started = performance.now()
    const falseLane = sendFalseProofs(
      this.#chainId,
      this.#network.validators,
      this.#plan.falseProofs,
      () => this.#submitter.finalPrefix,
      () => this.#failed,
    )
    const lanes = [
      this.#submitter.run(),
      this.#watch(started, (done, detail) => progress.update(done, detail)),
      falseLane.then((outcomes) => {
        this.#falseOutcomes = outcomes
      }),
    ]
    try {
      await Promise.all(
        lanes.map((lane) =>
          lane.catch((error: unknown) => {
            this.#failed = true
            this.#submitter.stop()
            throw error
          }),
        ),
      )
    } finally {
      await Promise.allSettled(lanes)
      progress.stop()
      this.#event = this.#say
    }
  }

  async #watch(started: number, show: (done: number, detail: string) => void): Promise<void> {
    let lastCount = -1
    let lastProgress = performance.now()
    while (!this.#failed) {
      await this.#follower.poll()
      const done = this.#submitter.finalCount
      const now = performance.now()
      if (done !== lastCount) lastProgress = now
      lastCount = done
      show(done, `block ${this.#follower.height}`)
      if (done === this.#items.length) {
        this.#seconds = (now - started) / 1000
        await this.#restartVictim()
        return
      }
      this.#requireRunning()
      if (now - lastProgress > STALL_MS) {
        throw new CliError(
          EXIT.internal,
          'stalled',
          `no further proof became final within ${STALL_MS / 1000} s, at ${done} of ${this.#items.length}; the logs are in ${this.#network.folder}`,
        )
      }
      await this.#injectFaults(done / this.#items.length)
      await sleep(POLL_MS)
    }
  }

  /** All but the one that was killed and is not back yet. */
  #requireRunning(): void {
    const stopped = this.#network.validators.find((validator) => !validator.running && (validator !== this.#victim || this.#restarted))
    if (stopped === undefined) return
    throw new CliError(
      EXIT.internal,
      'validator-stopped',
      `expected validator ${stopped.index} to run, but it has stopped: ${stopped.lastWords} (logs in ${this.#network.folder})`,
    )
  }

  async #injectFaults(part: number): Promise<void> {
    if (this.#victim === null && part >= KILL_AT) {
      const leader = await this.#follower.leader()
      this.#victim = this.#network.validators[leader] ?? null
      this.#event(`killing the leader: SIGKILL to validator ${leader} (process ${this.#victim?.pid})`)
      await this.#victim?.kill()
      this.#submitter.holdAfter(this.#items.length)
    }
    if (part >= RESTART_AT) await this.#restartVictim()
  }

  async #restartVictim(): Promise<void> {
    if (this.#victim === null || this.#restarted) return
    this.#restarted = true
    await this.#victim.start()
    this.#event(`validator ${this.#victim.index} restarted from its store (process ${this.#victim.pid})`)
  }

  async conclude(library: Parameters<typeof offlineLibraryRoot>[0]): Promise<DemoResult> {
    const { validators } = this.#network
    const statuses = await settled(validators, this.#follower.height)
    const blocks = statuses[0]?.height ?? 0
    const difference = await chainDifference(validators, blocks)
    const libraries = await Promise.all(validators.map((validator) => validator.client.library(library.name)))
    const roots = new Set(libraries.map(({ root }) => root))
    const offlineRoot = offlineLibraryRoot(library, this.#plan.theorems)
    const accepted = this.#falseOutcomes.filter((outcome) => !refusedForItsReason(outcome))
    const receipts = await this.#receipts()
    const finalised = this.#submitter.finalCount
    const report: DemoReport = {
      validators: validators.length,
      blocks,
      finalised,
      byKind: this.#byKind(),
      refused: this.#falseOutcomes.length - accepted.length,
      viewChanges: this.#follower.view,
      seconds: Math.round(this.#seconds * 1000) / 1000,
      theoremsPerSecond: Math.round((this.#plan.theorems / this.#seconds) * 10) / 10,
      verificationsPerProof: this.#verificationsPerProof(
        statuses.filter((status) => status.index !== this.#victim?.index).map((status) => status.verifications.valid),
      ),
      libraryRoot: roots.size === 1 ? ([...roots][0] ?? '') : [...roots].join(' / '),
      offlineLibraryRoot: offlineRoot,
      receiptsVerified: receipts.verified,
      identicalChains: difference === null,
    }
    return {
      report,
      checks: this.#checks(report, difference, accepted, receipts.failures),
      rssBytes: statuses.map((status) => status.rssBytes),
    }
  }

  #checks(
    report: DemoReport,
    difference: string | null,
    accepted: readonly FalseOutcome[],
    receiptFailures: readonly string[],
  ): CheckLine[] {
    const wrong = accepted[0]
    const wrongDetail =
      wrong === undefined
        ? ''
        : `${wrong.falseProof.kind} ${wrong.falseProof.proof.name}: expected ${wrong.falseProof.code}, got ${wrong.outcome.status} ${wrong.outcome.code ?? ''}`
    const expected = this.#plan.falseProofs.length
    return [
      {
        name: 'every proof is final',
        passed: report.finalised === this.#items.length,
        detail: `${report.finalised} of ${this.#items.length}`,
      },
      {
        name: 'all validators have the same block hashes and state roots',
        passed: report.identicalChains,
        detail: difference ?? `${report.blocks} heights`,
      },
      {
        name: 'the library is the one computed without the network',
        passed: report.libraryRoot === report.offlineLibraryRoot,
        detail: report.libraryRoot.slice(0, 16),
      },
      {
        name: 'every false proof was refused for its own reason',
        passed: report.refused === expected,
        detail: wrongDetail === '' ? `${report.refused} of ${expected}` : wrongDetail,
      },
      {
        name: 'the leader was killed and came back',
        passed: this.#restarted && report.viewChanges > 0,
        detail: `validator ${this.#victim?.index}, ${report.viewChanges} view changes`,
      },
      {
        name: 'every receipt verifies offline',
        passed: report.receiptsVerified === this.#items.length,
        detail: receiptFailures[0] ?? `${report.receiptsVerified} of ${this.#items.length}`,
      },
    ]
  }

  #byKind(): Record<string, number> {
    const counts = new Map<string, number>([[METAMATH_KIND, 0]])
    for (const item of this.#items) counts.set(item.kind, (counts.get(item.kind) ?? 0) + 1)
    return Object.fromEntries(counts)
  }

  /** A restarted validator begins to count anew, so only those that ran throughout are taken. */
  #verificationsPerProof(valid: readonly number[]): number {
    const sum = valid.reduce((total, count) => total + count, 0)
    return valid.length === 0 ? 0 : Math.round((sum / valid.length / this.#items.length) * 10_000) / 10_000
  }

  async #receipts(): Promise<Awaited<ReturnType<typeof verifyAllReceipts>>> {
    const progress = startProgress('receipts', this.#items.length)
    try {
      const trust = readTrustFile(this.#network.trustFile)
      const claimIds = this.#plan.proofs.map((proof) => proof.claimId)
      return await verifyAllReceipts(this.#network.validators, this.#items, claimIds, trust, (done) => progress.update(done))
    } finally {
      progress.stop()
    }
  }
}

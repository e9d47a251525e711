/** `aethel simulate` with more faulty validators than the protocol bears: forks may happen, and must be provable (docs/simulation.md). */
import type { DisseminationChoice } from '@aethel/consensus'
import { type BeyondReport, type ByzantineStrategy, runBeyond, type SignatureScheme } from '@aethel/simulator'
import { EXIT, type ExitCode } from '../exit.js'
import type { Interruption } from '../interruption.js'
import { replayOf } from '../planted.js'
import { startProgress } from '../ui/progress.js'
import { note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

export interface BeyondCampaign {
  readonly firstSeed: number
  readonly seeds: number
  /** Wall-clock time; null: until the seeds are done. */
  readonly untilMs: number | null
  readonly validators: number
  readonly byzantine: number
  readonly strategies: readonly ByzantineStrategy[]
  /** New for each run. */
  signatures(): SignatureScheme
  readonly dissemination: DisseminationChoice | undefined
  readonly json: boolean
}

export async function simulateBeyond(campaign: BeyondCampaign, interruption: Interruption): Promise<ExitCode> {
  const { firstSeed, validators, byzantine, strategies, json } = campaign
  const totals = { seeds: 0, forked: 0, halted: 0, provenAlone: 0, events: 0, checks: 0, offences: {} as Record<string, number> }
  const progress = startProgress('seeds', campaign.seeds)
  let isInterrupted = false
  for (let seed = firstSeed; seed < firstSeed + campaign.seeds; seed++) {
    if (campaign.untilMs !== null && Date.now() >= campaign.untilMs) break
    isInterrupted = await interruption.hasCome()
    if (isInterrupted) break
    const report = runBeyond({
      seed,
      validators,
      byzantine,
      ...(strategies.length === 0 ? {} : { strategies }),
      signatures: campaign.signatures(),
      ...(campaign.dissemination === undefined ? {} : { dissemination: campaign.dissemination }),
    })
    if (!report.ok) {
      progress.stop()
      return reportViolation(report, json)
    }
    totals.seeds++
    totals.events += report.events
    totals.checks += report.checks
    totals.halted += report.halted
    if (report.forkedAt !== null) totals.forked++
    if (report.provenAlone > 0) totals.provenAlone++
    for (const { offence } of report.culprits) totals.offences[offence] = (totals.offences[offence] ?? 0) + 1
    progress.update(totals.seeds)
  }
  progress.stop()

  if (json) printJson({ status: isInterrupted ? 'interrupted' : 'ok', beyond: true, firstSeed, validators, byzantine, ...totals })
  else {
    printLine(
      `${isInterrupted ? paint('yellow', 'interrupted') : paint('green', 'ok')}: ${totals.seeds} seeds from ${firstSeed}, ${validators} validators, ${byzantine} faulty: more than can be borne`,
    )
    printLine(`  forked         ${totals.forked} seeds, each proven; in ${totals.provenAlone} by one validator alone`)
    printLine(`  halted         ${totals.halted} honest validators`)
    const offences = Object.entries(totals.offences).map(([offence, count]) => `${offence} ${count}`)
    printLine(`  culprits       ${offences.length === 0 ? 'none' : offences.join(', ')}; nobody honest`)
    printLine(`  checks         ${totals.checks} in ${totals.events} events`)
  }
  return isInterrupted ? EXIT.interrupted : EXIT.ok
}

function reportViolation({ seed, violation, command: replay }: BeyondReport, json: boolean): ExitCode {
  const command = replayOf(replay)
  if (json) printJson({ status: 'violation', seed, ...violation, command })
  note(`${paintError('red', 'violated')}: ${violation?.invariant}, seed ${seed}, event ${violation?.atEvent}: ${violation?.message}`)
  if (!json && violation !== undefined) printLine(violation.situation)
  note(`replay: ${command}`)
  return EXIT.violation
}

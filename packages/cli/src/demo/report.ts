/** What the main job says in the end: the table on screen, and the JSON file with exactly these keys. */
import { grouped, printTable, seconds as secondsText } from '../ui/terminal.js'

export interface DemoReport {
  readonly validators: number
  readonly blocks: number
  /** Proofs. */
  readonly finalised: number
  readonly byKind: Readonly<Record<string, number>>
  /** False proofs, each refused for its own reason. */
  readonly refused: number
  readonly viewChanges: number
  /** From the first submission until every proof was final. */
  readonly seconds: number
  readonly theoremsPerSecond: number
  /** Per validator, over those that ran throughout. */
  readonly verificationsPerProof: number
  readonly libraryRoot: string
  readonly offlineLibraryRoot: string
  readonly receiptsVerified: number
  readonly identicalChains: boolean
}

export function printReport(report: DemoReport): void {
  const kinds = Object.entries(report.byKind).map(([kind, count]) => `${grouped(count)} ${kind}`)
  printTable([
    ['validators', `${report.validators} processes, ${report.identicalChains ? 'identical chains' : 'DIFFERENT chains'}`],
    ['blocks', grouped(report.blocks)],
    ['proofs final', `${grouped(report.finalised)}  (${kinds.join(', ')})`],
    ['false proofs refused', grouped(report.refused)],
    ['view changes', grouped(report.viewChanges)],
    ['time', `${secondsText(report.seconds * 1000)}, ${grouped(Math.round(report.theoremsPerSecond))} theorems/s`],
    ['verifications', `${report.verificationsPerProof.toFixed(2)} per proof and validator`],
    ['library root', report.libraryRoot],
    ['  without the network', report.offlineLibraryRoot],
    ['receipts verified', grouped(report.receiptsVerified)],
  ])
}

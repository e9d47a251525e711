/** Slips the false proofs in among the real ones, and notes what each was answered. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hash } from '@aethel/codec'
import { randomAccount } from '../accounts.js'
import type { SubmissionOutcome } from '../answers.js'
import { CliError, EXIT } from '../exit.js'
import type { ValidatorProcess } from '../processes.js'
import type { FalseProof } from './false-proofs.js'

const ADMISSION_TIMEOUT_MS = 20_000
const POLL_MS = 20
const RETRY_MS = 200
/** A validator that was down catches up within this; whatever still isn't refused then counts as not refused. */
const PATIENCE_MS = 60_000

export interface ScheduledFalseProof {
  readonly falseProof: FalseProof
  /** Sent once everything before this position is final. */
  readonly position: number
}

export interface FalseOutcome {
  readonly falseProof: FalseProof
  readonly outcome: SubmissionOutcome
}

/** Whether it was refused, and for the very reason the kernel gives. */
export function refusedForItsReason({ falseProof, outcome }: FalseOutcome): boolean {
  return outcome.status === 'refused' && outcome.code === falseProof.code && (outcome.message ?? '') !== ''
}

export async function sendFalseProofs(
  chainId: Hash,
  validators: readonly ValidatorProcess[],
  scheduled: readonly ScheduledFalseProof[],
  finalPrefix: () => number,
  stopped: () => boolean,
): Promise<FalseOutcome[]> {
  const outcomes: FalseOutcome[] = []
  for (const [index, { falseProof, position }] of scheduled.toSorted((a, b) => a.position - b.position).entries()) {
    while (finalPrefix() < position && !stopped()) await sleep(POLL_MS)
    if (stopped()) break
    // An account of its own: a refused transaction uses up no nonce.
    const { bytes } = randomAccount().transaction(chainId, falseProof.proof.action)
    outcomes.push({ falseProof, outcome: await sendOne(validators, index, bytes, stopped) })
  }
  return outcomes
}

/** To one validator; to the next if it is down, or behind and does not know yet what is cited. */
async function sendOne(
  validators: readonly ValidatorProcess[],
  first: number,
  bytes: Uint8Array,
  stopped: () => boolean,
): Promise<SubmissionOutcome> {
  const deadline = Date.now() + PATIENCE_MS
  let outcome: SubmissionOutcome = { status: 'unknown' }
  for (let attempt = 0; Date.now() < deadline && !stopped(); attempt++) {
    const validator = validators[(first + attempt) % validators.length]
    if (validator?.running !== true) {
      await sleep(POLL_MS)
      continue
    }
    try {
      outcome = await validator.client.submit(bytes, 'admitted', ADMISSION_TIMEOUT_MS)
      if (outcome.status !== 'waiting' && outcome.status !== 'timeout') return outcome
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error
    }
    await sleep(RETRY_MS)
  }
  return outcome
}

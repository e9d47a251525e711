/** A diagnosis in words: one paragraph for whoever operates the validator. */
import type { ValidatorIndex } from '@aethel/codec'
import type { Diagnosis, PowerTally } from './diagnosis.js'

export function paragraphOf(diagnosis: Diagnosis): string {
  const sentences = [causeSentence(diagnosis)]
  if (diagnosis.cause !== 'stopped') sentences.push(...peerSentences(diagnosis), ...timerSentence(diagnosis))
  return sentences.join(' ')
}

function causeSentence(diagnosis: Diagnosis): string {
  const { view, leader, height, tally, waiting, missingBodies, recentBlocks, recentMs, detail, committedHeight } = diagnosis
  const leads = `validator ${leader}`
  switch (diagnosis.cause) {
    case 'stopped':
      return `Stopped: this validator accepts nothing any more, because ${detail}. See its log, mend the cause, and start it again.`
    case 'storage-stalled':
      return `Storage: the disk has not confirmed a write for ${detail}, and no vote leaves before it is durable. Check the disk.`
    case 'no-quorum-connected':
      return `No quorum: this validator reaches ${counted(tally)}, so nothing can commit from here until more are up and connected.`
    case 'changing-view':
      return `Changing views: this validator asks for view ${view}, led by ${leads}; ${counted(tally)} ask for it or a higher one. It does not vote until a higher view begins, and follows what the others commit.`
    case 'waiting-for-new-view':
      return `Changing views: ${counted(tally)} ask for view ${view}, and its leader, ${leads}, has not begun it yet.`
    case 'taking-over-state':
      return `Catching up by a snapshot: this validator is at height ${committedHeight} and fetches the state after block ${detail}.`
    case 'catching-up':
      return `Catching up: others have committed more than height ${committedHeight}; their blocks are being fetched and checked.`
    case 'committing':
      return recentBlocks > 0
        ? `Committing normally: ${recentBlocks} ${recentBlocks === 1 ? 'block' : 'blocks'} in the last ${Math.round(recentMs / 1000)} seconds, height ${committedHeight}, view ${view}, led by ${leads}.`
        : `Height ${height} has its quorum in view ${view} and is being committed.`
    case 'idle':
      return `Nothing to order: idle at height ${committedHeight}, view ${view}, led by ${leads}. Submit something, and it goes on.`
    case 'waiting-for-body':
      return `Waiting for a body: ${missingBodies === 1 ? 'a block' : `${missingBodies} blocks`} at or below height ${height} ${missingBodies === 1 ? 'is' : 'are'} not here yet; peers are asked in turn.`
    case 'waiting-for-proposal':
      if (detail !== null)
        return `Height ${height}: this validator leads view ${view} and is preparing a proposal${waitingClause(waiting)}.`
      return `Waiting for the leader: ${leads} has proposed nothing for height ${height} in view ${view}${waitingClause(waiting)}.`
    case 'validating':
      return `Validating: the block proposed for height ${height} in view ${view} is being verified and executed here.`
    case 'validation-aborted':
      return `Validating: the verification of the block for height ${height} was stopped before it had a verdict; it is tried again.`
    case 'waiting-for-prepares':
      return `Height ${height} is accepted in view ${view} and waits for PREPAREs: it has ${counted(tally)}${missingClause(tally)}.`
    case 'waiting-for-commits':
      return `Height ${height} is prepared in view ${view} and waits for COMMITs: it has ${counted(tally)}${missingClause(tally)}.`
  }
}

function counted(tally: PowerTally | null): string {
  return tally === null ? 'nobody' : `${named(tally.present)} (power ${tally.power} of ${tally.total}, ${tally.needed} needed)`
}

function missingClause(tally: PowerTally | null): string {
  return tally === null || tally.missing.length === 0 ? '' : `; missing: ${named(tally.missing)}`
}

function waitingClause(waiting: number): string {
  return waiting === 0 ? '' : ', though there is something to order'
}

/** At most this many are listed. */
const MAX_NAMED = 12

function named(validators: readonly ValidatorIndex[]): string {
  if (validators.length === 0) return 'nobody'
  const shown = validators.slice(0, MAX_NAMED).join(', ')
  const more = validators.length - MAX_NAMED
  return `${validators.length === 1 ? 'validator' : 'validators'} ${shown}${more > 0 ? ` and ${more} more` : ''}`
}

function peerSentences({ unreachable, lagging, elsewhere, complaints, leader }: Diagnosis): string[] {
  const sentences: string[] = []
  if (unreachable.length > 0) sentences.push(`Not connected: ${named(unreachable)}.`)
  if (lagging.length > 0) {
    const all = lagging.slice(0, MAX_NAMED).map((each) => `validator ${each.validator} at height ${each.height}`)
    sentences.push(`Behind: ${all.join(', ')}.`)
  }
  if (elsewhere.length > 0) {
    const all = elsewhere
      .slice(0, MAX_NAMED)
      .map((each) => `validator ${each.validator} ${each.phase === 'active' ? 'in' : 'asking for'} view ${each.view}`)
    sentences.push(`Elsewhere: ${all.join(', ')}.`)
  }
  if (complaints.length > 0) {
    const all = complaints.slice(0, MAX_NAMED).map((each) => `validator ${each.validator} (${each.complaint})`)
    sentences.push(`Dissatisfied with the leader, validator ${leader}: ${all.join(', ')}.`)
  }
  return sentences
}

function timerSentence({ timer, view, phase }: Diagnosis): string[] {
  if (timer === null) return []
  const seconds = (timer.inMs / 1000).toFixed(1)
  if (timer.effect === 'fetch') return [`In ${seconds} seconds it asks another peer.`]
  return phase === 'changing'
    ? [`If it does not begin in ${seconds} seconds, this validator asks for view ${view + 1}.`]
    : [`If nothing commits, in ${seconds} seconds it asks for view ${view + 1}.`]
}

/** A diagnosis in words: one paragraph for whoever operates the validator. */
import type { ValidatorIndex } from '@aethel/codec'
import type { Diagnosis, PowerTally } from './diagnosis.js'

export function paragraphOf(diagnosis: Diagnosis): string {
  const sentences = [causeSentence(diagnosis)]
  if (diagnosis.cause !== 'stopped')
    sentences.push(...beneathSentence(diagnosis), ...ownSentence(diagnosis), ...peerSentences(diagnosis), ...timerSentence(diagnosis))
  return sentences.join(' ')
}

/** Without a quorum, too, it is worth knowing where things stand: what the missing ones will be needed for. */
function beneathSentence(diagnosis: Diagnosis): string[] {
  const { beneath } = diagnosis
  if (beneath === null || beneath.cause === 'idle' || beneath.cause === 'committing') return []
  return [causeSentence({ ...diagnosis, ...beneath })]
}

/** Why this validator itself gives no vote. */
function ownSentence({ forgetful, isMember }: Diagnosis): string[] {
  if (!isMember) return ['This node is no validator of the epoch: it follows, and its vote is not waited for.']
  if (forgetful === null) return []
  const { answers, above, forGood } = forgetful
  if (forGood) {
    return [
      'This validator does not vote: its store was lost, and the others are no quorum without it. Nobody can tell it what it may have signed, and nothing commits without its vote: this chain stands still for good.',
    ]
  }
  return above === null
    ? [
        `This validator does not vote: its store was lost, and until a quorum of the others has named its view (${answers} so far) it cannot know what it may have signed.`,
      ]
    : [`This validator does not vote: its store was lost, and it votes again when a block commits in a view above ${above}.`]
}

function causeSentence(diagnosis: Diagnosis): string {
  const { view, leader, height, tally, collectors, waiting, missingBodies, recentBlocks, recentMs, detail, committedHeight } = diagnosis
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
    case 'waiting-for-transactions':
      return `Height ${height}: waiting for ${detail}, in view ${view}; it is asked, and then others.`
    case 'validating':
      return `Validating: the block proposed for height ${height} in view ${view} is being verified and executed here.`
    case 'validation-aborted':
      return `Validating: the verification of the block for height ${height} was stopped before it had a verdict; it is tried again.`
    case 'waiting-for-prepares':
      return `Height ${height} is accepted in view ${view} and waits for PREPAREs: ${collectedClause(collectors) ?? `it has ${counted(tally)}${missingClause(tally)}`}.`
    case 'waiting-for-commits':
      return `Height ${height} is prepared in view ${view} and waits for COMMITs: ${collectedClause(collectors) ?? `it has ${counted(tally)}${missingClause(tally)}`}.`
  }
}

function counted(tally: PowerTally | null): string {
  return tally === null ? 'nobody' : `${named(tally.present)} (power ${tally.power} of ${tally.total}, ${tally.needed} needed)`
}

/** Whoever does not collect them knows of few. */
function collectedClause(collectors: readonly ValidatorIndex[] | null): string | null {
  return collectors === null
    ? null
    : `${named(collectors)} put a quorum of them together, and none of them has shown one here; ask them why`
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

function peerSentences(diagnosis: Diagnosis): string[] {
  const { unreachable, silent, lagging, elsewhere, complaints, inLaterEpoch, leader } = diagnosis
  const silenceOf = (validator: ValidatorIndex): number | undefined => silent.find((each) => each.validator === validator)?.forMs
  const isCutOff = (validator: ValidatorIndex): boolean => unreachable.includes(validator) || silenceOf(validator) !== undefined
  /** What is known of someone who is not heard is old. */
  const asOf = (validator: ValidatorIndex): string => (isCutOff(validator) ? ' when last heard' : '')
  const sentences: string[] = []
  if (unreachable.length > 0) sentences.push(`Not connected: ${named(unreachable)}${lastHeard(unreachable.map(silenceOf))}.`)
  const mute = silent.filter(({ validator }) => !unreachable.includes(validator))
  if (mute.length > 0) {
    const all = mute.slice(0, MAX_NAMED).map(({ validator, forMs }) => `validator ${validator} for ${wholeSeconds(forMs)}`)
    sentences.push(`Connected, but nothing heard from ${all.join(', ')}${andMore(mute.length)}.`)
  }
  if (inLaterEpoch.length > 0) sentences.push(`In a later epoch: ${named(inLaterEpoch)}.`)
  if (lagging.length > 0) {
    const all = lagging.slice(0, MAX_NAMED).map((each) => `validator ${each.validator} at height ${each.height}${asOf(each.validator)}`)
    sentences.push(`Behind: ${all.join(', ')}${andMore(lagging.length)}.`)
  }
  if (elsewhere.length > 0) {
    const all = elsewhere
      .slice(0, MAX_NAMED)
      .map(
        ({ validator, view, phase }) => `validator ${validator} ${phase === 'active' ? 'in' : 'asking for'} view ${view}${asOf(validator)}`,
      )
    sentences.push(`Elsewhere: ${all.join(', ')}${andMore(elsewhere.length)}.`)
  }
  if (complaints.length > 0) {
    const all = complaints.slice(0, MAX_NAMED).map((each) => `validator ${each.validator} (${each.complaint})`)
    sentences.push(`Dissatisfied with the leader, validator ${leader}: ${all.join(', ')}${andMore(complaints.length)}.`)
  }
  return sentences
}

/** In the order of those who were named before; who was never heard since the start has no time. */
function lastHeard(silences: readonly (number | undefined)[]): string {
  const shown = silences.slice(0, MAX_NAMED)
  if (shown.every((forMs) => forMs === undefined)) return ''
  return ` (last heard ${shown.map((forMs) => (forMs === undefined ? 'never since the start' : `${wholeSeconds(forMs)} ago`)).join(', ')})`
}

function andMore(count: number): string {
  return count > MAX_NAMED ? ` and ${count - MAX_NAMED} more` : ''
}

function wholeSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`
}

function timerSentence({ timer, tally, beneath, view, phase }: Diagnosis): string[] {
  if (timer === null) return []
  const seconds = (timer.inMs / 1000).toFixed(1)
  switch (timer.effect) {
    case 'fetch':
      return [`In ${seconds} seconds it asks another peer.`]
    case 'repeat-wish': {
      const needed = (beneath?.tally ?? tally)?.needed
      return [
        `It repeats its wish in ${seconds} seconds, and then at least every ${wholeSeconds(timer.everyMs)}; no other timer runs before power ${needed} asks for view ${view} or a higher one.`,
      ]
    }
    case 'ask-for-next-view':
      return phase === 'changing'
        ? [`If it does not begin in ${seconds} seconds, this validator asks for view ${view + 1}.`]
        : [`If nothing commits, in ${seconds} seconds it asks for view ${view + 1}.`]
  }
}

/**
 * Votes on their way up a tree (docs/protocol.md §9): each goes to two inner nodes, who add up those of whole groups and send the sums to
 * the collectors, so that about two square roots of N messages reach those instead of N votes. Nothing here decides anything: a sum is
 * looked at when a quorum is there (shares.ts), and where sums do not lead to one in time, votes go to the collectors themselves.
 */
import type { ValidatorIndex } from '@aethel/codec'
import type { Aggregate, Ballot, Vote } from './certificate.js'
import { addersOf, collectorsOf, groupsOf } from './dissemination.js'
import { addUp } from './shares.js'
import { isLeader, type State } from './state.js'
import { isSubsetOf } from './validators.js'
import type { Tally } from './vote-keeper.js'

/**
 * Of a group, so that nobody waits for its slowest, nor for whoever is silent as long as those are fewer. A quorum is more than two thirds, so less would
 * not do.
 */
const MOST: number = 3 / 4
/** Of one sender for one phase of a slot: two groups, each at once, again when all of it is here, and at ticks in between. */
export const MAX_SUMS_OF_ONE = 8
/** For so many ticks votes do not take the tree after it has failed one. */
const DIRECT_TICKS = 64

/** To everybody, to those who add it up, or to those who collect it; before them to the disk. */
export function sendVote(state: State, vote: Vote): void {
  if (state.dissemination === 'mesh') state.out.push({ kind: 'send', to: 'all', message: { kind: 'vote', vote } })
  else if (takesTree(state, vote)) sendVoteTo(state, vote, addersOf(state.config.validators, vote.view, state.config.self))
  else sendVoteTo(state, vote, collectorsOf(state.config.validators, vote.view, vote.height))
}

/** The leader is a collector, and has no place in the tree of its view. */
function takesTree(state: State, vote: Vote): boolean {
  return state.dissemination === 'tree' && vote.view === state.view && !isLeader(state) && state.tick >= state.directUntilTick
}

function sendVoteTo(state: State, vote: Vote, receivers: readonly ValidatorIndex[]): void {
  for (const to of receivers) if (to !== state.config.self) state.out.push({ kind: 'send', to, message: { kind: 'vote', vote } })
}

/** A vote has been counted: a group goes up when most of it is here, and what was left once all of it is. */
export function passUp(state: State, tally: Tally, ballot: Ballot): void {
  const bySender = state.votes.slot(ballot.view, ballot.height)?.[ballot.kind].bySender
  if (bySender === undefined || !isPassedUp(state, ballot)) return
  const { validators, self } = state.config
  for (const group of groupsOf(validators, ballot.view, self)) {
    const here = group.filter((member) => bySender[member] !== undefined).length
    const isFirst = !group.some((member) => tally.passedUp.has(member))
    if (here === group.length || (isFirst && here >= MOST * group.length)) sendSum(state, tally, ballot, group)
  }
}

/** Before the tick: what has been here for one goes up, whoever is missing. Where our own votes wait for a second one they go to the collectors. */
export function beforeTick(state: State): void {
  const { validators, self } = state.config
  if (state.dissemination !== 'tree') return
  for (const at of state.votes.heightsIn(state.view)) {
    const slot = state.votes.slot(state.view, at)
    if (slot === undefined || slot.openedAtTick >= state.tick) continue
    for (const { tallies } of [slot.prepare, slot.commit])
      for (const tally of tallies) {
        const [vote] = tally.votes
        if (vote === undefined || !isPassedUp(state, vote)) continue
        for (const group of groupsOf(validators, vote.view, self)) sendSum(state, tally, vote, group)
      }
  }
  goDirectIfStuck(state)
}

function goDirectIfStuck(state: State): void {
  const waiting = ownVotes(state).filter((vote) => takesTree(state, vote) && isOld(state, vote) && !state.votes.hasQuorumFor(vote))
  state.ticksStuck = waiting.length === 0 ? 0 : state.ticksStuck + 1
  if (state.ticksStuck < 2) return
  state.directUntilTick = state.tick + DIRECT_TICKS
  for (const vote of waiting) sendVote(state, vote)
}

function ownVotes(state: State): Vote[] {
  return [...state.own.values()].flatMap(({ prepare, commit }) => [prepare, commit]).filter((vote) => vote !== undefined)
}

/** Its block was accepted before the last tick, or before a restart. */
function isOld(state: State, { height: at }: Ballot): boolean {
  return (state.acceptedAtMs.get(at) ?? 0) <= state.lastTick.atMs
}

function isPassedUp(state: State, ballot: Ballot): boolean {
  return state.dissemination === 'tree' && ballot.view === state.view && !state.votes.hasQuorumFor(ballot)
}

/** Of the members of a group whose votes have not gone up yet; nothing if there are none. */
function sendSum(state: State, tally: Tally, ballot: Ballot, group: readonly ValidatorIndex[]): void {
  const sum = addUp(state, tally, (sender) => group.includes(sender) && !tally.passedUp.has(sender))
  if (sum === null) return
  for (const { sender } of tally.votes) if (group.includes(sender)) tally.passedUp.add(sender)
  const { validators, self } = state.config
  for (const to of collectorsOf(validators, ballot.view, ballot.height))
    if (to !== self) state.out.push({ kind: 'send', to, message: { kind: 'sum', sum } })
}

/** Whether a sum has its place here: of one of its sender's groups, and not one too many. */
export function mayAddUp(state: State, from: ValidatorIndex, sum: Aggregate): boolean {
  const { validators, self } = state.config
  if (state.dissemination !== 'tree' || state.badSums.has(from)) return false
  if (!collectorsOf(validators, sum.view, sum.height).includes(self)) return false
  const isOfGroup = groupsOf(validators, sum.view, from).some((group) => isSubsetOf(sum.signers, group))
  return isOfGroup && state.votes.sumsFrom(from, sum).length < MAX_SUMS_OF_ONE
}

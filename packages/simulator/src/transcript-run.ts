/**
 * Runs a transcript against unmodified replicas, statement by statement; after each one everything that must hold in the seeded
 * world must hold here. The first statement that fails ends the run.
 */
import { forge } from './forge.js'
import { Stage } from './stage.js'
import { isFalse } from './toy-application.js'
import type { Action, Pattern, Statement, Transcript, Who } from './transcript.js'
import { expectThat } from './transcript-expectations.js'
import { fail, honest, includes, running, StatementFailure, selects } from './transcript-meaning.js'
import { describeEvent, describeInFlight } from './transcript-story.js'
import { Violation } from './violation.js'

export interface TranscriptStep {
  readonly line: number
  readonly text: string
  /** What the replicas did, one sentence each. */
  readonly happened: readonly string[]
}

export interface TranscriptReport {
  readonly ok: boolean
  readonly steps: number
  readonly expectations: number
  readonly deliveries: number
  /** Blocks committed by anyone. */
  readonly blocks: number
  readonly failure?: { readonly line: number; readonly text: string; readonly code: string; readonly message: string }
}

export function runTranscript(transcript: Transcript, onStep: (step: TranscriptStep) => void = () => undefined): TranscriptReport {
  const stage = new Stage(transcript)
  const director = new Director(stage)
  let steps = 0
  let expectations = 0
  const totals = (): Omit<TranscriptReport, 'ok' | 'failure'> => ({
    steps,
    expectations,
    deliveries: director.deliveries,
    blocks: stage.invariants.height,
  })
  for (const statement of transcript.statements) {
    steps++
    if (statement.action.kind === 'expect') expectations++
    const failure = runStatement(director, statement)
    onStep({ line: statement.line, text: statement.text, happened: director.story() })
    if (failure !== null) return { ok: false, ...totals(), failure }
  }
  const unmet = stage.refusals[0]
  const last = transcript.statements.at(-1)
  if (unmet !== undefined && last !== undefined) {
    const message = `the edge refused a message and no "expect refused ${unmet.code}" follows: ${unmet.message}`
    return { ok: false, ...totals(), failure: { line: last.line, text: last.text, code: 'refused', message } }
  }
  return { ok: true, ...totals() }
}

function runStatement(director: Director, { line, text, action }: Statement): NonNullable<TranscriptReport['failure']> | null {
  try {
    director.run(action)
    return null
  } catch (error) {
    if (error instanceof StatementFailure) return { line, text, code: error.code, message: error.message }
    if (error instanceof Violation) return { line, text, code: error.invariant, message: error.message }
    throw error
  }
}

class Director {
  readonly #stage: Stage
  deliveries = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  run(action: Action): void {
    const stage = this.#stage
    switch (action.kind) {
      case 'submit': {
        const bad = action.labels.find(isFalse)
        if (bad !== undefined)
          fail('submit', `expected a transaction that an honest mempool takes, got ${bad}: false proofs go in a block of a faulty leader`)
        for (const replica of running(stage, action.who)) stage.submit(replica, action.labels)
        return
      }
      case 'deliver':
        return this.#deliver(action)
      case 'drop':
        return this.#drop(action)
      case 'replay':
        return this.#replay(action.pattern)
      case 'timeout':
        return this.#timeout(action.who)
      case 'tick':
        for (const replica of running(stage, action.who)) stage.fire(replica, 'status')
        return
      case 'hold':
        honest(stage, action.index).writesHeld = true
        return
      case 'sync':
        return stage.sync(honest(stage, action.index))
      case 'crash':
        return stage.crash(honest(stage, action.index), action.keeping)
      case 'restart': {
        const replica = honest(stage, action.index)
        if (replica.core !== null) stage.crash(replica, 0)
        return stage.boot(replica)
      }
      case 'partition':
        return stage.partition(action.groups)
      case 'heal':
        return stage.heal()
      case 'send':
        return this.#send(action)
      case 'expect':
        return expectThat(stage, action.expectation)
    }
  }

  /** What the replicas reported since the last call. */
  story(): string[] {
    const stage = this.#stage
    const lines = stage.events.map(({ replica, event }) => `${replica}: ${describeEvent(stage, event)}`)
    stage.events = []
    return lines
  }

  #deliver({ pattern, except }: { readonly pattern: Pattern | null; readonly except: Pattern | null }): void {
    const count = this.#stage.deliver(selects(pattern, except))
    this.deliveries += count
    if (count === 0 && pattern !== null) fail('nothing-matched', `expected such a message in flight, got ${describeInFlight(this.#stage)}`)
  }

  #drop({ pattern, except }: { readonly pattern: Pattern | null; readonly except: Pattern | null }): void {
    const stage = this.#stage
    const matches = selects(pattern, except)
    const kept = stage.inFlight.filter((sent) => !matches(sent))
    if (kept.length === stage.inFlight.length && pattern !== null)
      fail('nothing-matched', `expected such a message in flight, got ${describeInFlight(this.#stage)}`)
    stage.inFlight = kept
  }

  /** The network, or an enemy on it, delivers again what was sent once. */
  #replay(pattern: Pattern): void {
    const stage = this.#stage
    const again = stage.sent.filter(selects(pattern, null))
    if (again.length === 0) fail('nothing-matched', 'expected such a message to have been sent, got none')
    for (const sent of again) stage.receive(sent)
    this.deliveries += again.length
  }

  #timeout(who: Who): void {
    const stage = this.#stage
    const due = running(stage, who).filter((replica) => replica.timers.has('view'))
    if (who === 'all' && due.length === 0) fail('timer', 'expected a running view timer, got none')
    for (const replica of running(stage, who)) {
      if (due.includes(replica)) stage.fire(replica, 'view')
      else if (who !== 'all') fail('timer', `expected the view timer of validator ${replica.index} to run, but it stands still`)
    }
  }

  #send(action: Extract<Action, { kind: 'send' }>): void {
    const stage = this.#stage
    if (!stage.at(action.from).byzantine) fail('honest', `expected a validator declared "byzantine", got ${action.from}`)
    const message = forge(stage, action.from, action.as, action.forged)
    if (!message.ok) return fail(message.error.code, message.error.message)
    for (const { index } of stage.replicas) {
      if (index !== action.from && includes(action.to, index)) stage.transmit(action.from, index, message.value)
    }
  }
}

/**
 * Runs a transcript against unmodified replicas, statement by statement; after each one everything that must hold in the seeded
 * world must hold here. The first statement that fails ends the run.
 */
import { equalBytes } from '@aethel/codec'
import { accusedVote, type Block, type ConsensusEvent, type Message } from '@aethel/consensus'
import { describeMessage, findBlock, forge } from './forge.js'
import { type InFlight, Stage, type StageReplica } from './stage.js'
import { isFalse } from './toy-application.js'
import type { Action, BlockName, Claim, Expectation, MessageWord, Pattern, Statement, Transcript, Who } from './transcript.js'
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

/** Why a statement failed: an expectation not met (`expected`), a statement that cannot be carried out, or a broken invariant. */
class StatementFailure extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

function fail(code: string, message: string): never {
  throw new StatementFailure(code, message)
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
        for (const replica of this.#running(action.who)) stage.submit(replica, action.labels)
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
        for (const replica of this.#running(action.who)) stage.fire(replica, 'status')
        return
      case 'hold':
        this.#honest(action.index).writesHeld = true
        return
      case 'sync':
        return stage.sync(this.#honest(action.index))
      case 'crash':
        return stage.crash(this.#honest(action.index), action.keeping)
      case 'restart': {
        const replica = this.#honest(action.index)
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
        return this.#expect(action.expectation)
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
    if (count === 0 && pattern !== null) fail('nothing-matched', this.#nothingMatched())
  }

  #drop({ pattern, except }: { readonly pattern: Pattern | null; readonly except: Pattern | null }): void {
    const stage = this.#stage
    const matches = selects(pattern, except)
    const kept = stage.inFlight.filter((sent) => !matches(sent))
    if (kept.length === stage.inFlight.length && pattern !== null) fail('nothing-matched', this.#nothingMatched())
    stage.inFlight = kept
  }

  #nothingMatched(): string {
    const stage = this.#stage
    const shown = stage.inFlight.slice(0, 8).map((sent) => `${describeMessage(stage, sent.message)} ${sent.from}->${sent.to}`)
    return `expected such a message in flight, got ${shown.length === 0 ? 'none' : shown.join('; ')}${stage.inFlight.length > 8 ? '; ...' : ''}`
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
    const due = this.#running(who).filter((replica) => replica.timers.has('view'))
    if (who === 'all' && due.length === 0) fail('timer', 'expected a running view timer, got none')
    for (const replica of this.#running(who)) {
      if (due.includes(replica)) this.#stage.fire(replica, 'view')
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

  #honest(index: number): StageReplica {
    const replica = this.#stage.at(index)
    if (replica.byzantine) fail('byzantine', `expected an honest validator, got ${index}, which only says what "send" makes it say`)
    return replica
  }

  /** `all`: everybody honest who is up. */
  #running(who: Who): StageReplica[] {
    if (who === 'all') return this.#stage.replicas.filter((replica) => replica.core !== null)
    return who.map((index) => {
      const replica = this.#honest(index)
      if (replica.core === null) fail('down', `expected validator ${index} to be running, but it crashed`)
      return replica
    })
  }

  // --- expectations -------------------------------------------------------------------------------------------------

  #expect(expectation: Expectation): void {
    const stage = this.#stage
    switch (expectation.what) {
      case 'committed':
        for (const replica of this.#running(expectation.who)) {
          const got = replica.disk.chain[expectation.height - 1]?.block
          this.#expectBlock(`validator ${replica.index} to have committed`, expectation, got)
        }
        return
      case 'accepted':
        for (const replica of this.#running(expectation.who)) {
          const hash = replica.core?.inspect().accepted.find((entry) => entry.height === expectation.height)?.hash
          const got = hash === undefined ? undefined : [...stage.blocks.values()].find((block) => equalBytes(block.hash, hash))
          this.#expectBlock(`validator ${replica.index} to have accepted`, expectation, got)
        }
        return
      case 'height':
        for (const replica of this.#running(expectation.who)) {
          const got = replica.disk.committedHeight
          if (got !== expectation.height)
            fail('expected', `expected validator ${replica.index} at height ${expectation.height}, got ${got}`)
        }
        return
      case 'view':
        for (const replica of this.#running(expectation.who)) this.#expectView(replica, expectation.view, expectation.phase)
        return
      case 'highest':
        for (const replica of this.#running(expectation.who)) this.#expectHighest(replica, expectation.highest)
        return
      case 'evidence':
        return this.#expectEvidence(expectation.against)
      case 'refused': {
        const at = stage.refusals.findIndex(({ code }) => code === expectation.code)
        if (at < 0)
          fail(
            'expected',
            `expected a message refused with "${expectation.code}", got ${stage.refusals.map(({ code }) => code).join(', ') || 'none'}`,
          )
        stage.refusals.splice(0, stage.refusals.length, ...stage.refusals.filter(({ code }) => code !== expectation.code))
        return
      }
      case 'nothing':
        if (stage.inFlight.length > 0) fail('expected', `expected nothing in flight, got ${this.#nothingMatched().replace(/^.*got /, '')}`)
        return
      case 'in-flight':
      case 'sent':
        return this.#expectSeen(expectation)
    }
  }

  #expectBlock(what: string, { height, block }: { readonly height: number; readonly block: BlockName }, got: Block | undefined): void {
    const name = block.view === null ? block.label : `${block.label}@${block.view}`
    const wanted = findBlock(this.#stage, block)
    if (wanted === undefined) return fail('expected', `expected ${what} ${name} at height ${height}, but no such block was ever proposed`)
    if (got === undefined || !equalBytes(got.hash, wanted.hash)) {
      fail('expected', `expected ${what} ${name} at height ${height}, got ${got === undefined ? 'nothing' : this.#stage.nameOf(got.hash)}`)
    }
  }

  #expectView(replica: StageReplica, view: number, phase: 'active' | 'changing' | null): void {
    const { core } = replica
    if (core === null || (core.view === view && (phase === null || core.phase === phase))) return
    fail(
      'expected',
      `expected validator ${replica.index} in view ${view}${phase === null ? '' : ` ${phase}`}, got view ${core.view} ${core.phase}`,
    )
  }

  #expectHighest(replica: StageReplica, wanted: Claim | null): void {
    const got = replica.core?.inspect().highest ?? null
    const block = wanted === null ? undefined : findBlock(this.#stage, wanted.block)
    const same =
      wanted === null
        ? got === null
        : got !== null &&
          block !== undefined &&
          got.kind === wanted.kind &&
          got.view === wanted.view &&
          got.height === wanted.height &&
          equalBytes(got.blockHash, block.hash)
    if (same) return
    const described = got === null ? 'none' : `${got.kind} view ${got.view} height ${got.height} block ${this.#stage.nameOf(got.blockHash)}`
    fail('expected', `expected another highest certificate at validator ${replica.index}, got ${described}`)
  }

  #expectEvidence(against: number | null): void {
    const accused = new Set(this.#stage.evidence.map((evidence) => accusedVote(evidence).sender as number))
    if (against === null ? accused.size === 0 : accused.has(against)) return
    const got = accused.size === 0 ? 'none' : [...accused].sort((a, b) => a - b).join(', ')
    fail('expected', `expected ${against === null ? 'no evidence' : `evidence against ${against}`}, got ${got}`)
  }

  #expectSeen({ what, pattern, block, negated }: Extract<Expectation, { what: 'in-flight' | 'sent' }>): void {
    const stage = this.#stage
    const wanted = block === null ? undefined : findBlock(stage, block)
    if (block !== null && wanted === undefined && !negated)
      fail('expected', `expected a message about block ${block.label}, but no such block was ever proposed`)
    const matches = selects(pattern, null)
    const found = (what === 'sent' ? stage.sent : stage.inFlight).find(
      (sent) => matches(sent) && (block === null || (wanted !== undefined && isAbout(sent.message, wanted))),
    )
    if (negated && found !== undefined)
      fail('expected', `expected no such message ${what}, got ${describeMessage(stage, found.message)} ${found.from}->${found.to}`)
    if (!negated && found === undefined) fail('expected', `expected such a message ${what}, got none`)
  }
}

function includes(who: Who, index: number): boolean {
  return who === 'all' || who.includes(index)
}

/** No pattern selects everything. */
function selects(pattern: Pattern | null, except: Pattern | null): (sent: InFlight) => boolean {
  return (sent) => (pattern === null || matchesPattern(pattern, sent)) && (except === null || !matchesPattern(except, sent))
}

function matchesPattern(pattern: Pattern, { from, to, message }: InFlight): boolean {
  const place = placeOf(message)
  return (
    (pattern.word === 'any' || pattern.word === wordOf(message)) &&
    includes(pattern.from, from) &&
    includes(pattern.to, to) &&
    (pattern.view === null || pattern.view === place.view) &&
    (pattern.height === null || pattern.height === place.height)
  )
}

function wordOf(message: Message): MessageWord {
  switch (message.kind) {
    case 'pre-prepare':
      return 'PREPREPARE'
    case 'vote':
      return message.vote.kind === 'prepare' ? 'PREPARE' : 'COMMIT'
    case 'view-change':
      return 'VIEWCHANGE'
    case 'new-view':
      return 'NEWVIEW'
    case 'status':
      return 'STATUS'
    case 'fetch':
      return 'FETCH'
    case 'blocks':
      return 'BLOCKS'
    case 'block':
      return 'BLOCK'
    case 'view-claim':
      return 'VIEWCLAIM'
    case 'snapshot':
      return 'SNAPSHOT'
    case 'chunk':
      return 'CHUNK'
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
      return 'BLOB'
    case 'evidence':
      return 'EVIDENCE'
  }
}

function placeOf(message: Message): { readonly view: number | null; readonly height: number | null } {
  switch (message.kind) {
    case 'pre-prepare':
      return { view: message.view, height: message.block.header.height }
    case 'vote':
      return { view: message.vote.view, height: message.vote.height }
    case 'view-change':
      return { view: message.entry.newView, height: null }
    case 'new-view':
      return { view: message.newView, height: null }
    case 'status':
      return { view: message.view, height: message.committedHeight }
    case 'block':
      return { view: null, height: message.block.header.height }
    case 'view-claim':
      return { view: message.view, height: null }
    case 'snapshot':
      return { view: null, height: message.offer.header.height }
    case 'chunk':
      return { view: null, height: message.height }
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'fetch':
    case 'blocks':
    case 'evidence':
      return { view: null, height: null }
  }
}

function isAbout(message: Message, block: Block): boolean {
  switch (message.kind) {
    case 'pre-prepare':
    case 'block':
      return equalBytes(message.block.hash, block.hash)
    case 'vote':
      return equalBytes(message.vote.blockHash, block.hash)
    case 'view-change':
      return message.entry.highest !== null && equalBytes(message.entry.highest.blockHash, block.hash)
    case 'new-view':
      return message.certificate !== null && equalBytes(message.certificate.blockHash, block.hash)
    case 'blocks':
      return message.blocks.some((candidate) => equalBytes(candidate.hash, block.hash))
    case 'status':
    case 'fetch':
    case 'view-claim':
    case 'snapshot':
    case 'chunk':
    case 'blob-part':
    case 'blob-held':
    case 'blob-absent':
    case 'evidence':
      return false
  }
}

function describeEvent(stage: Stage, event: ConsensusEvent): string {
  const parts: string[] = [event.name]
  if ('height' in event && 'hash' in event) parts.push(`${stage.nameOf(event.hash)} at height ${event.height}`)
  if ('view' in event) parts.push(`view ${event.view}`)
  if ('reason' in event) parts.push(event.reason)
  if ('base' in event) parts.push(`on ${event.base}`)
  if ('what' in event) parts.push(`${event.what}: ${event.why}`)
  if ('code' in event) parts.push(event.message)
  return parts.join(', ')
}

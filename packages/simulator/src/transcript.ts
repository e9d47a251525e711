/**
 * The language of transcripts (docs/transcripts.md): one statement a line, each an action on a cluster or an expectation.
 * This file reads text into statements and refuses what it does not understand, with the line; `transcript-run.ts` runs them.
 */
import { packedList, type Refusal, type Result } from '@aethel/codec'
import { fail, ParseFailure, Words } from './transcript-words.js'

export const MAX_TRANSCRIPT_BYTES = 65_536
export const MAX_TRANSCRIPT_VALIDATORS = 64
const MAX_LABEL_LETTERS = 32

export const MESSAGE_WORDS = [
  'PREPREPARE',
  'PREPARE',
  'COMMIT',
  'CERTIFICATE',
  'SUM',
  'VIEWCHANGE',
  'NEWVIEW',
  'STATUS',
  'FETCH',
  'BLOCKS',
  'BLOCK',
  'VIEWCLAIM',
  'BLOB',
  'SNAPSHOT',
  'CHUNK',
  'EVIDENCE',
] as const
export type MessageWord = (typeof MESSAGE_WORDS)[number]

/** `all`, or the validators named. */
export type Who = 'all' | readonly number[]

/** Which messages a statement is about; what is left out matches anything. */
export interface Pattern {
  readonly word: MessageWord | 'any'
  readonly from: Who
  readonly to: Who
  readonly view: number | null
  readonly height: number | null
}

/** A block by its transaction; `view` tells blocks with the same transaction apart. */
export interface BlockName {
  readonly label: string
  readonly view: number | null
}

export interface Claim {
  readonly kind: 'prepare' | 'commit'
  readonly view: number
  readonly height: number
  readonly block: BlockName
}

export type Forged =
  | {
      readonly word: 'PREPREPARE'
      readonly view: number
      readonly height: number
      readonly block: BlockName
      /** Parent of a block made up here; null: genesis. */
      readonly on: BlockName | null
    }
  | { readonly word: 'PREPARE' | 'COMMIT'; readonly view: number; readonly height: number; readonly block: BlockName }
  | { readonly word: 'VIEWCHANGE'; readonly view: number; readonly highest: Claim | null }
  | { readonly word: 'NEWVIEW'; readonly view: number; readonly senders: readonly number[]; readonly highest: Claim | null | 'true' }

export type Expectation =
  | { readonly what: 'committed'; readonly who: Who; readonly height: number; readonly block: BlockName }
  | { readonly what: 'height'; readonly who: Who; readonly height: number }
  | { readonly what: 'view'; readonly who: Who; readonly view: number; readonly phase: 'active' | 'changing' | null }
  | { readonly what: 'accepted'; readonly who: Who; readonly height: number; readonly block: BlockName }
  | { readonly what: 'highest'; readonly who: Who; readonly highest: Claim | null }
  | { readonly what: 'evidence'; readonly against: number | null }
  | { readonly what: 'refused'; readonly code: string }
  | { readonly what: 'nothing' }
  | { readonly what: 'in-flight' | 'sent'; readonly pattern: Pattern; readonly block: BlockName | null; readonly negated: boolean }

export type Action =
  | { readonly kind: 'submit'; readonly who: Who; readonly labels: readonly string[] }
  | { readonly kind: 'deliver' | 'drop'; readonly pattern: Pattern | null; readonly except: Pattern | null }
  | { readonly kind: 'replay'; readonly pattern: Pattern }
  | { readonly kind: 'timeout' | 'tick'; readonly who: Who }
  | { readonly kind: 'hold' | 'sync' | 'restart'; readonly index: number }
  | { readonly kind: 'crash'; readonly index: number; readonly keeping: number }
  | { readonly kind: 'partition'; readonly groups: readonly (readonly number[])[] }
  | { readonly kind: 'heal' }
  | { readonly kind: 'send'; readonly from: number; readonly to: Who; readonly as: number; readonly forged: Forged }
  | { readonly kind: 'expect'; readonly expectation: Expectation }

export interface Statement {
  /** From 1. */
  readonly line: number
  readonly text: string
  readonly action: Action
}

export interface Transcript {
  readonly validators: number
  readonly powers: readonly bigint[]
  readonly window: number
  readonly byzantine: readonly number[]
  readonly statements: readonly Statement[]
}

/** Reads a transcript; a refusal's message begins with the line. */
export function parseTranscript(text: string): Result<Transcript, Refusal> {
  if (text.length > MAX_TRANSCRIPT_BYTES) {
    return {
      ok: false,
      error: { code: 'size', message: `expected a transcript of at most ${MAX_TRANSCRIPT_BYTES} letters, got ${text.length}` },
    }
  }
  const setup: Setup = { validators: null, powers: [], window: null, byzantine: [] }
  /** Of statements. */
  const lines: number[] = []
  const offsets: number[] = []
  let line = 0
  try {
    for (let at = 0; at <= text.length; ) {
      line++
      const [stripped, next] = lineAt(text, at)
      const offset = at
      at = next
      if (stripped === '') continue
      if (readSetup(new Words(stripped), setup, lines.length)) continue
      if (setup.validators === null) fail('expected "validators N" before anything else')
      readStatement(line, stripped, setup.validators)
      lines.push(line)
      offsets.push(offset)
    }
    if (setup.validators === null) fail('expected a line "validators N"')
    if (lines.length === 0) fail('expected at least one statement after the setup')
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error
    return { ok: false, error: { code: 'transcript', message: `line ${line}: ${error.message}` } }
  }
  const { validators, byzantine } = setup
  const powers = setup.powers.length === 0 ? new Array<bigint>(validators).fill(1n) : setup.powers
  const statements = statementsAt(text, Uint32Array.from(lines), Uint32Array.from(offsets), validators)
  return { ok: true, value: { validators, powers, window: setup.window ?? 8, byzantine, statements } }
}

/** The line that begins there, without comment and blanks, and where the next one begins. */
function lineAt(text: string, at: number): [line: string, next: number] {
  const end = text.indexOf('\n', at)
  const raw = end < 0 ? text.slice(at) : text.slice(at, end)
  const comment = raw.indexOf('#')
  return [(comment < 0 ? raw : raw.slice(0, comment)).trim(), end < 0 ? text.length + 1 : end + 1]
}

function readStatement(line: number, text: string, validators: number): Statement {
  const words = new Words(text)
  const action = readAction(words, validators)
  words.end()
  return { line, text, action }
}

/** A line of a few letters is a statement of a few objects: each is read again when its turn comes, and let go. */
function statementsAt(text: string, lines: Uint32Array, offsets: Uint32Array, validators: number): readonly Statement[] {
  return packedList(lines.length, (position) => {
    const [stripped] = lineAt(text, offsets[position] as number)
    return readStatement(lines[position] as number, stripped, validators)
  })
}

interface Setup {
  validators: number | null
  powers: bigint[]
  window: number | null
  byzantine: number[]
}

/** True if the line was setup, which stands before all statements. */
function readSetup(words: Words, setup: Setup, statements: number): boolean {
  const word = words.peek()
  if (word !== 'validators' && word !== 'window' && word !== 'byzantine') return false
  if (statements > 0) fail(`expected "${word}" before the first statement`)
  words.next(word)
  if (word === 'validators') {
    if (setup.validators !== null) fail('expected one line "validators", got a second')
    setup.validators = words.number('a number of validators', MAX_TRANSCRIPT_VALIDATORS)
    if (setup.validators < 1) fail('expected at least one validator')
    if (words.take('powers')) while (!words.done) setup.powers.push(BigInt(words.number('a power', 1_000_000)))
    if (setup.powers.length > 0 && setup.powers.length !== setup.validators)
      fail(`expected ${setup.validators} powers, got ${setup.powers.length}`)
    if (setup.powers.some((power) => power < 1n)) fail('expected powers of at least 1')
  } else if (word === 'window') {
    setup.window = words.number('a window', 64)
    if (setup.window < 1) fail('expected a window of at least 1')
  } else {
    if (setup.validators === null) fail('expected "validators N" before "byzantine"')
    do {
      const index = readIndex(words, setup.validators)
      if (setup.byzantine.includes(index)) fail(`expected each validator once, got ${index} again`)
      setup.byzantine.push(index)
    } while (!words.done)
  }
  words.end()
  return true
}

function readIndex(words: Words, validators: number): number {
  return words.number('a validator', validators - 1)
}

function readWho(words: Words, validators: number): Who {
  return whoOf(words.next('a validator, a list as in "0,2", or "all"'), validators)
}

function whoOf(text: string, validators: number): Who {
  if (text === 'all' || text === '*') return 'all'
  return text.split(',').map((part) => {
    const index = Number(part)
    if (!/^\d{1,3}$/.test(part) || index >= validators)
      fail(`expected a validator 0..${validators - 1}, a list as in "0,2", or "all", got "${text}"`)
    return index
  })
}

function readLabel(words: Words): string {
  const word = words.next('a transaction')
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(word) || word.length > MAX_LABEL_LETTERS)
    fail(`expected a name of up to ${MAX_LABEL_LETTERS} letters and digits, got "${word}"`)
  return word
}

function readBlockName(words: Words): BlockName {
  const word = words.next('a block')
  const match = /^([A-Za-z][A-Za-z0-9_-]{0,31})(?:@(\d{1,16}))?$/.exec(word)
  if (match === null) fail(`expected a block, named by its transaction as in "A" or, first proposed in view 2, "A@2", got "${word}"`)
  return { label: match[1] ?? '', view: match[2] === undefined ? null : Number(match[2]) }
}

const ANYTHING: Pattern = { word: 'any', from: 'all', to: 'all', view: null, height: null }

/** `[KIND] [FROM->TO] [view V] [height H]`, at least one of them. */
function readPattern(words: Words, validators: number): Pattern {
  let pattern = ANYTHING
  let parts = 0
  const word = MESSAGE_WORDS.find((candidate) => candidate === words.peek())
  if (word !== undefined) {
    words.next('a kind of message')
    pattern = { ...pattern, word }
    parts++
  }
  const arrow = words.peek()
  if (arrow?.includes('->') === true) {
    words.next('FROM->TO')
    const [from = '', to = '', ...rest] = arrow.split('->')
    if (rest.length > 0) fail(`expected FROM->TO, got "${arrow}"`)
    pattern = { ...pattern, from: whoOf(from, validators), to: whoOf(to, validators) }
    parts++
  }
  for (const key of ['view', 'height'] as const) {
    if (!words.take(key)) continue
    pattern = { ...pattern, [key]: words.number(`a ${key}`) }
    parts++
  }
  if (parts === 0)
    fail(`expected a kind of message (${MESSAGE_WORDS.join(', ')}) or FROM->TO, got "${words.peek() ?? 'the end of the line'}"`)
  return pattern
}

const ACTION_WORDS = 'submit, deliver, drop, replay, timeout, tick, hold, sync, crash, restart, partition, heal, send, expect'

function readAction(words: Words, validators: number): Action {
  const word = words.next('a statement')
  switch (word) {
    case 'submit': {
      const who = readWho(words, validators)
      const labels = [readLabel(words)]
      while (!words.done) labels.push(readLabel(words))
      return { kind: 'submit', who, labels }
    }
    case 'deliver':
    case 'drop': {
      const pattern = words.take('all') ? null : readPattern(words, validators)
      return { kind: word, pattern, except: words.take('except') ? readPattern(words, validators) : null }
    }
    case 'replay':
      return { kind: 'replay', pattern: readPattern(words, validators) }
    case 'timeout':
    case 'tick':
      return { kind: word, who: readWho(words, validators) }
    case 'hold':
    case 'sync':
    case 'restart':
      return { kind: word, index: readIndex(words, validators) }
    case 'crash': {
      const index = readIndex(words, validators)
      return { kind: 'crash', index, keeping: words.take('keeping') ? words.number('a number of writes') : 0 }
    }
    case 'partition':
      return { kind: 'partition', groups: readGroups(words, validators) }
    case 'heal':
      return { kind: 'heal' }
    case 'send':
      return readSend(words, validators)
    case 'expect':
      return { kind: 'expect', expectation: readExpectation(words, validators) }
    default:
      return fail(`expected one of ${ACTION_WORDS}, got "${word}"`)
  }
}

function readGroups(words: Words, validators: number): number[][] {
  const groups: number[][] = [[]]
  while (!words.done) {
    if (words.take('|')) {
      if (groups.at(-1)?.length === 0) fail('expected a validator before "|"')
      groups.push([])
    } else groups.at(-1)?.push(readIndex(words, validators))
  }
  const members = groups.flat()
  if (groups.length < 2 || groups.some((group) => group.length === 0)) fail('expected groups separated by "|", as in "0 1 | 2 3"')
  if (new Set(members).size !== members.length || members.length !== validators)
    fail(`expected each of ${validators} validators in one group`)
  return groups
}

function readSend(words: Words, validators: number): Action {
  const arrow = words.next('FROM->TO')
  const [from = '', to = '', ...rest] = arrow.split('->')
  if (rest.length > 0 || to === '') fail(`expected FROM->TO, got "${arrow}"`)
  const senders = whoOf(from, validators)
  const sender = senders === 'all' ? undefined : senders[0]
  if (sender === undefined || senders.length !== 1) return fail(`expected one sender, got "${from}"`)
  const forged = readForged(words, validators)
  const as = words.take('as') ? readIndex(words, validators) : sender
  return { kind: 'send', from: sender, to: whoOf(to, validators), as, forged }
}

function readForged(words: Words, validators: number): Forged {
  const word = words.next('a kind of message')
  switch (word) {
    case 'PREPREPARE': {
      const place = readPlace(words)
      return { word, ...place, on: words.take('on') ? readBlockName(words) : null }
    }
    case 'PREPARE':
    case 'COMMIT':
      return { word, ...readPlace(words) }
    case 'VIEWCHANGE': {
      words.keyword('view')
      const view = words.number('a view')
      words.keyword('highest')
      return { word, view, highest: readClaim(words) }
    }
    case 'NEWVIEW': {
      words.keyword('view')
      const view = words.number('a view')
      words.keyword('from')
      const senders = readWho(words, validators)
      const list = senders === 'all' ? Array.from({ length: validators }, (_, index) => index) : senders
      return { word, view, senders: list, highest: words.take('highest') ? readClaim(words) : 'true' }
    }
    default:
      return fail(`expected PREPREPARE, PREPARE, COMMIT, VIEWCHANGE or NEWVIEW, got "${word}"`)
  }
}

/** `view V height H block B` */
function readPlace(words: Words): { readonly view: number; readonly height: number; readonly block: BlockName } {
  words.keyword('view')
  const view = words.number('a view')
  words.keyword('height')
  const height = words.number('a height')
  words.keyword('block')
  return { view, height, block: readBlockName(words) }
}

/** `none`, or `prepare view V height H block B` */
function readClaim(words: Words): Claim | null {
  if (words.take('none')) return null
  const kind = words.next('"none", "prepare" or "commit"')
  if (kind !== 'prepare' && kind !== 'commit') return fail(`expected "none", "prepare" or "commit", got "${kind}"`)
  return { kind, ...readPlace(words) }
}

const EXPECTATION_WORDS = 'committed, height, view, accepted, highest, evidence, no, refused, nothing, in-flight, sent'

function readExpectation(words: Words, validators: number): Expectation {
  const word = words.next('an expectation')
  switch (word) {
    case 'committed':
    case 'accepted': {
      const who = readWho(words, validators)
      return { what: word, who, height: words.number('a height'), block: readBlockName(words) }
    }
    case 'height': {
      const who = readWho(words, validators)
      words.keyword('=')
      return { what: 'height', who, height: words.number('a height') }
    }
    case 'view': {
      const who = readWho(words, validators)
      words.keyword('=')
      const view = words.number('a view')
      const phase = words.take('active') ? 'active' : words.take('changing') ? 'changing' : null
      return { what: 'view', who, view, phase }
    }
    case 'highest': {
      const who = readWho(words, validators)
      words.keyword('=')
      return { what: 'highest', who, highest: readClaim(words) }
    }
    case 'evidence':
      return { what: 'evidence', against: readIndex(words, validators) }
    case 'refused':
      return { what: 'refused', code: words.next('the code of the refusal') }
    case 'nothing':
      return { what: 'nothing' }
    case 'no':
      if (words.take('evidence')) return { what: 'evidence', against: null }
      return readSeen(words, validators, true)
    case 'in-flight':
    case 'sent':
      return readSeen(words, validators, false, word)
    default:
      return fail(`expected one of ${EXPECTATION_WORDS}, got "${word}"`)
  }
}

function readSeen(words: Words, validators: number, negated: boolean, known?: 'in-flight' | 'sent'): Expectation {
  const what = known ?? words.next('"evidence", "in-flight" or "sent"')
  if (what !== 'in-flight' && what !== 'sent') return fail(`expected "evidence", "in-flight" or "sent", got "${what}"`)
  const pattern = readPattern(words, validators)
  return { what, pattern, block: words.take('block') ? readBlockName(words) : null, negated }
}

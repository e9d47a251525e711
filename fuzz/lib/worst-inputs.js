/**
 * What whoever attacks a decoder's memory sends: of each format the items that are shortest for what holds them, as many as fit. Each is a
 * function of the size; some formats end before it.
 */
import { bitmapOf, encode, epoch, height, utf8, validatorIndex, view } from '@aethel/codec'
import {
  encodeForkProof,
  encodeMessage,
  MAX_BLOCK_TRANSACTIONS,
  MAX_BRANCH_HEADERS,
  MAX_DESCENDANTS,
  MAX_LINKS,
  MAX_OFFER_LINKS,
  MAX_STATUS_SLOTS,
  MAX_SYNC_BLOCKS,
  MAX_VALIDATORS,
} from '@aethel/consensus'
import { encodeLibrary } from '@aethel/proofs'
import { randomStream } from '../../packages/simulator/dist/random.js'

const random = randomStream(1, 'worst-inputs')
/** Beyond 31 bits, so that each is an object. */
const LARGE = 2 ** 52

/** Nothing is twice the same. @param {number} length @returns {any} */
function bytes(length) {
  return Uint8Array.from({ length }, () => random.below(256))
}

/** @template T @param {number} count @param {(nth: number) => T} item @returns {T[]} */
const many = (count, item) => Array.from({ length: Math.max(0, Math.floor(count)) }, (_, nth) => item(nth))

function header() {
  return {
    version: 1,
    chainId: bytes(32),
    epoch: epoch(LARGE),
    height: height(LARGE),
    parent: bytes(32),
    view: view(LARGE),
    proposer: validatorIndex(1),
    timestampMs: LARGE,
    transactionsRoot: bytes(32),
    evidenceRoot: bytes(32),
    lastCertificateHash: bytes(32),
    stateRoot: bytes(32),
    validatorsHash: bytes(32),
    nextValidatorsHash: bytes(32),
    totalDifficulty: 1n << 100n,
  }
}
const HEADER_BYTES = 308
const BLOCK_BYTES = HEADER_BYTES + 9

/** @param {readonly Uint8Array[]} transactions */
function block(transactions) {
  return { header: header(), hash: bytes(32), body: { transactions, evidence: [], lastCertificate: null } }
}

function ballot() {
  return { kind: /** @type {const} */ ('commit'), epoch: epoch(LARGE), view: view(LARGE), height: height(LARGE), blockHash: bytes(32) }
}

/** @param {number} signers */
function certificate(signers = 1) {
  const count = Math.min(MAX_VALIDATORS, Math.floor(signers))
  return {
    ...ballot(),
    scheme: /** @type {const} */ ('ed25519'),
    signers: bitmapOf(
      count,
      many(count, (nth) => nth),
    ),
    signatures: many(count, () => bytes(64)),
  }
}
const SIGNATURE_BYTES = 64.2

/** @param {boolean} withHighest */
function entry(withHighest) {
  const highest = withHighest ? ballot() : null
  const sender = validatorIndex(1)
  return { epoch: epoch(LARGE), newView: view(LARGE), highest, committedHeight: height(LARGE), sender, signature: bytes(64) }
}

function vote() {
  return { ...ballot(), sender: validatorIndex(1), signature: bytes(64) }
}

/** @param {number} size @param {number} length */
const blockOf = (size, length) =>
  encodeMessage({ kind: 'block', block: block(many(Math.min(MAX_BLOCK_TRANSACTIONS, size / (4 + length)), () => bytes(length))) })

/** @param {number} size @param {boolean} withHighest */
const newView = (size, withHighest) =>
  encodeMessage({
    kind: 'new-view',
    epoch: epoch(0),
    newView: view(1),
    viewChanges: many(Math.min(MAX_VALIDATORS, size / (withHighest ? 148 : 91)), () => entry(withHighest)),
    certificate: null,
    sender: validatorIndex(0),
    signature: bytes(64),
  })

/** @param {number} validators @param {boolean} hasAccepted */
const status = (validators, hasAccepted) =>
  encodeMessage({
    kind: 'status',
    epoch: epoch(0),
    view: view(1),
    phase: 'active',
    committedHeight: height(0),
    slots: many(MAX_STATUS_SLOTS, () => ({
      height: height(LARGE),
      accepted: hasAccepted ? bytes(32) : null,
      prepares: bitmapOf(validators, []),
      commits: bitmapOf(validators, []),
    })),
    complaint: null,
    sender: validatorIndex(0),
    signature: bytes(64),
  })

/** @param {number} size @param {number} perLink */
function offer(size, perLink) {
  const validators = Math.max(1, size / MAX_OFFER_LINKS / 48 - 12)
  const links = many(perLink, () => ({
    header: header(),
    certificate: certificate(),
    nextValidators: many(validators, () => ({ publicKey: bytes(32), power: 1n << 90n })),
  }))
  const descendants = perLink > 0 ? [] : many(Math.min(MAX_DESCENDANTS, size / HEADER_BYTES), header)
  return encodeMessage({ kind: 'snapshot', offer: { links, header: header(), descendants, certificate: certificate() } })
}

/** @param {number} size @param {boolean} withHeaders */
function forkProof(size, withHeaders) {
  const branch = {
    headers: withHeaders ? many(Math.min(MAX_BRANCH_HEADERS, size / 4 / HEADER_BYTES), header) : [],
    certificate: certificate(withHeaders ? size / 8 / SIGNATURE_BYTES : 1),
  }
  return encodeForkProof({
    chainId: bytes(32),
    branches: [branch, branch],
    votes: many(size / 4 / 123, vote),
    entries: many(size / 4 / 148, () => entry(true)),
    certificates: [],
  })
}

const LETTERS = many(93, (nth) => String.fromCharCode(33 + nth + (33 + nth >= 36 ? 1 : 0)))
/** Three printable letters. @param {number} nth */
const word = (nth) => many(3, (at) => LETTERS[Math.floor(nth / 93 ** at) % 93]).join('')

/** @type {readonly { target: string, what: string, input: (size: number) => Uint8Array }[]} */
export const WORST_INPUTS = [
  { target: 'messages', what: 'a block with transactions of no bytes', input: (size) => blockOf(size, 0) },
  { target: 'messages', what: 'a block with transactions of one byte', input: (size) => blockOf(size, 1) },
  { target: 'messages', what: 'a block with transactions of four bytes', input: (size) => blockOf(size, 4) },
  { target: 'messages', what: 'a block with transactions of sixty bytes', input: (size) => blockOf(size, 60) },
  {
    target: 'messages',
    what: 'BLOCKS without transactions, and with links',
    input: (size) =>
      encodeMessage({
        kind: 'blocks',
        blocks: many(Math.min(MAX_SYNC_BLOCKS, size / 2 / BLOCK_BYTES), () => block([])),
        links: many(Math.min(MAX_LINKS, size / 2 / HEADER_BYTES), header),
        certificate: certificate(),
      }),
  },
  {
    target: 'messages',
    what: 'BLOCKS with transactions of one byte, and their gas',
    input: (size) => {
      const count = Math.min(MAX_SYNC_BLOCKS, size / 2 / BLOCK_BYTES)
      const each = Math.floor(Math.min(MAX_BLOCK_TRANSACTIONS, size / 2 / 13) / count)
      const blocks = many(count, () => block(many(each, () => bytes(1))))
      return encodeMessage({
        kind: 'blocks',
        blocks,
        links: [],
        certificate: certificate(),
        gas: blocks.map(() => many(each, () => LARGE)),
      })
    },
  },
  { target: 'messages', what: 'NEW-VIEW', input: (size) => newView(size, false) },
  { target: 'messages', what: 'NEW-VIEW with certificates', input: (size) => newView(size, true) },
  {
    target: 'messages',
    what: 'a certificate of as many validators',
    input: (size) => encodeMessage({ kind: 'view-change', entry: entry(true), certificate: certificate(size / SIGNATURE_BYTES) }),
  },
  { target: 'messages', what: 'STATUS of no validators', input: () => status(0, false) },
  { target: 'messages', what: 'STATUS of eight validators', input: () => status(8, false) },
  { target: 'messages', what: 'STATUS with hashes', input: () => status(8, true) },
  { target: 'snapshots', what: 'headers above a state', input: (size) => offer(size, 0) },
  { target: 'snapshots', what: 'ends of epochs', input: (size) => offer(size, MAX_OFFER_LINKS) },
  { target: 'fork-proofs', what: 'votes and entries', input: (size) => forkProof(size, false) },
  { target: 'fork-proofs', what: 'headers, certificates, votes and entries', input: (size) => forkProof(size, true) },
  {
    target: 'libraries',
    what: 'words',
    input: (size) => {
      const variables = many(Math.min(4096, size / 4 / 14), (nth) => ({ symbol: word(nth), typecode: 'wff', label: `L${nth}` }))
      return encodeLibrary({
        name: 'x',
        constants: ['wff', ...many(Math.min(65_000, size / 2 / 4), (nth) => word(5000 + nth))],
        variables,
        axioms: [],
      })
    },
  },
  {
    target: 'transcripts',
    what: 'statements of four letters',
    input: (size) => utf8(`validators 4\n${'heal\n'.repeat(Math.min(size, 65_500) / 5)}`),
  },
  { target: 'transcripts', what: 'blanks', input: (size) => utf8(`validators 4\ntick${' '.repeat(Math.min(size, 65_500))}0`) },
]

/** Names of one letter, and of two. */
const SYMBOL_LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ~!@$%^&*_+<>.?/']
const TAKEN = ['_', '!', '*', '+', '<', '>', '/'] // words of the language, or close to them
const SHORT_NAMES = SYMBOL_LETTERS.filter((letter) => !TAKEN.includes(letter))
const NAMES = [...SHORT_NAMES, ...SHORT_NAMES.flatMap((first) => SHORT_NAMES.map((second) => `Z${first}${second}`))]
const declared = many(NAMES.length, (nth) => `(declare-const ${NAMES[nth]} Bool)\n`).join('')

/** So many lines between the first of a script and its last. @param {string} head @param {number} size @param {(nth: number) => string} line */
function script(head, size, line) {
  const lines = [`(set-logic QF_BV)\n${head}`]
  for (let nth = 0, length = head.length + 30; length < size; nth++) {
    const next = line(nth)
    lines.push(next)
    length += next.length
  }
  return utf8(`${lines.join('')}(check-sat)\n`)
}

/** One assertion of as many arguments as fit. @param {string} head @param {number} size @param {string} open @param {(nth: number) => string} argument @param {string} close */
function wide(head, size, open, argument, close) {
  const count = Math.max(2, Math.floor((size - head.length - open.length - close.length - 40) / argument(9999).length))
  return utf8(`(set-logic QF_BV)\n${head}(assert ${open}${many(count, argument).join('')}${close})\n(check-sat)\n`)
}

/** Canonical scripts, the claims of `bvlrat/1`, by size. @type {readonly [string, (size: number) => Uint8Array][]} */
export const WORST_SCRIPTS = [
  ['a constant again and again', (size) => wide('(declare-const a Bool)\n', size, '(and', () => ' a', ')')],
  ['a function without parameters again and again', (size) => wide('(define-fun a () Bool true)\n', size, '(and', () => ' a', ')')],
  ['functions of long numbers', (size) => script('', size, (nth) => `(define-fun f${nth} () Bool ${nth < 9 ? 'true' : `f${nth - 1}`})\n`)],
  [
    'constants of many names',
    (size) =>
      size < 2 * declared.length
        ? script('', size, (nth) => `(declare-const ${nth < 40 ? NAMES[nth] : `Z${nth}`} Bool)\n`)
        : wide(declared, size, '(or', (nth) => ` ${NAMES[nth % NAMES.length]}`, ')'),
  ],
  ['assertions of one letter', (size) => script('(declare-const a Bool)\n', size, () => '(assert a)\n')],
  ['parameters', (size) => utf8(`(set-logic QF_BV)\n(define-fun f ((a Bool)) Bool (and${' a'.repeat(size / 2 - 40)}))\n(check-sat)\n`)],
  [
    'many parameters',
    (size) => utf8(`(set-logic QF_BV)\n(define-fun f (${many(size / 16, (nth) => `(p${nth} Bool)`).join(' ')}) Bool true)\n(check-sat)\n`),
  ],
  ['literals', (size) => wide('', size, '(= #x0', () => ' #x0', ')')],
  ['literals of one bit', (size) => wide('', size, '(= #b0', () => ' #b0', ')')],
  [
    'calls',
    (size) =>
      utf8(
        `(set-logic QF_BV)\n(define-fun f ((a Bool)) Bool a)\n(assert ${'(f '.repeat(size / 4 - 20)}true${')'.repeat(size / 4 - 20)})\n(check-sat)\n`,
      ),
  ],
  [
    'nested negations',
    (size) => utf8(`(set-logic QF_BV)\n(assert (= #b0 ${'(bvneg '.repeat(size / 8 - 10)}#b0${')'.repeat(size / 8 - 10)}))\n(check-sat)\n`),
  ],
  ['equations of two', (size) => wide('(declare-const a Bool)\n', size, '(and', () => ' (= a a)', ')')],
  [
    'nested lets',
    (size) => utf8(`(set-logic QF_BV)\n(assert ${'(let ((a true)) '.repeat(size / 17 - 5)}a${')'.repeat(size / 17 - 5)})\n(check-sat)\n`),
  ],
  [
    'one let of many names',
    (size) => utf8(`(set-logic QF_BV)\n(assert (let (${many(size / 14, (nth) => `(n${nth} true)`).join(' ')}) true))\n(check-sat)\n`),
  ],
]

const LABEL_LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_']

/** The shortest names of which there are enough: of one character, then of two, ... @param {readonly string[]} letters @param {number} nth @returns {string} */
function shortest(letters, nth) {
  const { length } = letters
  return nth < length ? /** @type {string} */ (letters[nth]) : shortest(letters, Math.floor(nth / length) - 1) + letters[nth % length]
}

/** Without a dot, which labels of another kind begin with. @param {number} nth */
const label = (nth) => shortest(LABEL_LETTERS, nth)
/** Not what `label` says, and not `(`, `)`, `?` or `#` alone. @param {number} nth */
const symbol = (nth) => `#${shortest(LETTERS, nth)}`

/** A database that begins so and ends so, and between has as many items as fit. @param {string} head @param {number} size @param {(nth: number) => string} item @param {string} [tail] */
function database(head, size, item, tail = '') {
  const parts = [head]
  let length = head.length + tail.length
  for (let nth = 0; length < size; nth++) {
    const next = item(nth)
    parts.push(next)
    length += next.length
  }
  return utf8(parts.join('') + tail)
}

/** Variables `#...` with their `$f`, so many; their labels begin with a dot. @param {number} count */
function variables(count) {
  const names = many(count, symbol)
  return { names, text: `$c ! $. $v ${names.join(' ')} $. ${names.map((name, nth) => `.${label(nth)} $f ! ${name} $. `).join('')}` }
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
/** Metamath databases, by size. @type {readonly [string, (size: number) => Uint8Array][]} */
export const WORST_DATABASES = [
  ['nothing', () => utf8('')],
  ['constants', (size) => database('$c ', size, (nth) => `${shortest(LETTERS, nth)} `, '$.')],
  ['variables', (size) => database('$v ', size, (nth) => `${shortest(LETTERS, nth)} `, '$.')],
  ['axioms', (size) => database('$c # $. ', size, (nth) => `${label(nth)} $a # $. `)],
  ['axioms of long symbols', (size) => database('$c # $. ', size, (nth) => `${label(nth)} $a ${'# '.repeat(nth % 200)}# $. `)],
  ['hypotheses', (size) => database('$c # $. ', size, (nth) => `${label(nth)} $e # $. `)],
  ['hypotheses of long symbols', (size) => database('$c # $. ', size, (nth) => `${label(nth)} $e ${'# '.repeat(nth % 200)}# $. `)],
  ['variables with their $f', (size) => utf8(variables(size / 24).text)],
  [
    'variables with their $f, one by one',
    (size) => database('$c ! $. ', size, (nth) => `$v ${symbol(nth)} $. .${label(nth)} $f ! ${symbol(nth)} $. `),
  ],
  ['$f of one variable in many blocks', (size) => database('$c ! $. ', size, (nth) => `\${ $v # $. ${label(nth)} $f ! # $. $} `)],
  ['theorems', (size) => database('$c # $. z.z $a # $. ', size, (nth) => `${label(nth)} $p # $= z.z $. `)],
  ['theorems without steps', (size) => database('$c # $. ', size, (nth) => `${label(nth)} $p # $= $. `)],
  [
    'one long $d',
    (size) =>
      utf8(`$c ! $. $v ${many(Math.min(size / 8, 2_600), symbol).join(' ')} $. $d ${many(Math.min(size / 8, 2_600), symbol).join(' ')} $.`),
  ],
  ['many short $d', (size) => database('$c ! $. $v #x #y $. ', size, () => '$d #x #y $. ')],
  ['many blocks with a $d', (size) => database('$c ! $. $v #x #y $. ', size, (nth) => `\${ $d #x #y $. ${label(nth)} $a ! $. $} `)],
  [
    'hypotheses that axioms share',
    (size) => {
      const count = Math.min(1000, Math.floor(size / 24))
      const head = `$c # $. ${many(count, (nth) => `.${label(nth)} $e # $. `).join('')}`
      return database(head, Math.min(size, 1 << 16), (nth) => `${label(nth)} $a # $. `)
    },
  ],
  [
    'hypotheses that axioms share, of many variables',
    (size) => {
      const { names, text } = variables(Math.min(500, Math.floor(size / 80)))
      const head = `${text}${names.map((name, nth) => `..${label(nth)} $e ! ${name} $. `).join('')}`
      return database(head, Math.min(size, 1 << 16), (nth) => `${label(nth)} $a ! $. `)
    },
  ],
  [
    '$d that axioms share',
    (size) => {
      const { names, text } = variables(Math.min(500, Math.floor(size / 60)))
      const head = `${text}$d ${names.join(' ')} $. `
      return database(head, Math.min(size, 1 << 16), (nth) => `${label(nth)} $a ! ${names.join(' ')} $. `)
    },
  ],
  [
    // Some three hundred such axioms are as much as the frames of a database may add up to.
    'a $d and a hypothesis of all variables that short axioms share',
    (size) => {
      const { names, text } = variables(Math.min(500, Math.floor(size / 60)))
      const head = `${text}$d ${names.join(' ')} $. .. $e ! ${names.join(' ')} $. `
      return database(head, Math.min(size, head.length + 2400), (nth) => `${label(nth)} $a ! $. `)
    },
  ],
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: to here

/** A list of transactions as gossip and clients send it. @param {number} count @param {number} length */
export function transactionList(count, length) {
  return encode((writer) =>
    writer.list(
      many(count, () => bytes(length)),
      (w, item) => w.bytes(item),
    ),
  )
}

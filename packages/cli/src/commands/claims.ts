/** `aethel claims`: finds what is final, and shows one claim with all there is to know about it. */
import { existsSync, statSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import { sha256 } from '@aethel/crypto'
import type { Command } from 'commander'
import { type Client, createClient, DEFAULT_URL } from '../client.js'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { CliError, EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { MAX_DATABASE_BYTES, readInputFile, requireWritable, writeOutputFile } from '../files.js'
import { asObject, type JsonObject, listAt, numberAt, optionalTextAt, textAt } from '../shape.js'
import { grouped, note, paint, printJson, printLine, printTable } from '../ui/terminal.js'

/** The API's bound per page. */
const PAGE = 100
/** A page may be empty and have a next one: a validator looks at a thousand claims for it, and a million are enough for one answer. */
const MAX_PAGES = 1_000

interface ClaimsOptions extends CommonOptions {
  readonly kind?: string
  readonly label?: string
  readonly source?: string
  readonly sender?: string
  readonly height?: number
  readonly limit: number
  readonly url: string
  readonly output?: string
}

export function registerClaims(program: Command): void {
  withJson(program.command('claims'))
    .description('find claims that are final, newest first, or show one')
    .argument('[claim]', 'a claim id: everything about it, and its receipt')
    .option('--kind <kind>', 'of this kind of proof')
    .option('--label <label>', 'theorems with this label, in any library')
    .option('--source <file|digest>', 'said to be made from this file, or one with this SHA-256')
    .option('--sender <key>', "from this account's public key")
    .option('--height <n>', 'final in this block', integer(1, Number.MAX_SAFE_INTEGER))
    .option('--limit <n>', 'how many', integer(1, 1_000_000), 20)
    .option('--url <url>', "a validator's HTTP API", DEFAULT_URL)
    .option('-o, --output <file>', 'where to write the receipt of the claim with this id')
    .action((claim: string | undefined, options: ClaimsOptions, command: Command) =>
      finish(options, () => {
        if (claim === undefined) {
          if (options.output !== undefined)
            throw usageError('usage', 'expected a claim id with --output: it writes the receipt of one claim')
          return listClaims(options)
        }
        refuseFilters(command)
        return showClaim(claim, options)
      }),
    )
}

/** Whoever asks for a claim by its id must not be told about one of another kind as if it fitted. */
function refuseFilters(command: Command): void {
  const given = ['kind', 'label', 'source', 'sender', 'height', 'limit'].find((name) => command.getOptionValueSource(name) === 'cli')
  if (given !== undefined) throw usageError('usage', `expected a claim id or --${given}, which searches for claims, got both`)
}

async function listClaims(options: ClaimsOptions): Promise<ExitCode> {
  const client = createClient(options.url)
  const query: Record<string, string> = {}
  if (options.kind !== undefined) query['kind'] = options.kind
  if (options.label !== undefined) query['label'] = options.label
  if (options.source !== undefined) query['source'] = digestOf(options.source)
  if (options.sender !== undefined) query['sender'] = options.sender
  if (options.height !== undefined) query['height'] = String(options.height)
  const { claims, more } = await collect(client, query, options.limit)
  if (options.json === true) {
    printJson({ claims, more })
    return EXIT.ok
  }
  for (const claim of claims) printLine(lineOf(claim))
  if (claims.length === 0) {
    const hint = options.source === undefined ? '' : '; a claim is found by its source if it was submitted with --source'
    note(`no such claim is final here${hint}`)
  }
  if (more && claims.length < options.limit) note(`looked no further than ${MAX_PAGES} pages of the validator's answer; narrow the search`)
  else if (more) note(`there are more: --limit ${2 * options.limit} shows them`)
  return EXIT.ok
}

async function collect(
  client: Client,
  query: Readonly<Record<string, string>>,
  limit: number,
): Promise<{ claims: JsonObject[]; more: boolean }> {
  const claims: JsonObject[] = []
  let before: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await client.claims({
      ...query,
      limit: String(Math.min(PAGE, limit - claims.length)),
      ...(before === undefined ? {} : { before }),
    })
    claims.push(...listAt(page, 'claims').map((claim) => asObject(claim, 'a claim')))
    before = optionalTextAt(page, 'next')
    if (before === undefined || claims.length >= limit) break
  }
  return { claims, more: before !== undefined }
}

function digestOf(source: string): string {
  if (/^[0-9a-f]{64}$/.test(source) && !existsSync(source)) return source
  if (statSync(source, { throwIfNoEntry: false }) === undefined)
    throw usageError('source', `expected --source to be a file or a SHA-256 of 64 hex digits, got ${source}`)
  return toHex(sha256(readInputFile(source, 'the source of claims', MAX_DATABASE_BYTES)))
}

function lineOf(claim: JsonObject): string {
  const label = optionalTextAt(claim, 'label')
  const what = label === undefined ? '' : `  ${oneLine(`${label} of ${optionalTextAt(claim, 'library')}`)}`
  const gas = grouped(numberAt(claim, 'gas'))
  const [claimId, kind] = [oneLine(textAt(claim, 'claimId')), oneLine(textAt(claim, 'kind'))]
  return `${claimId}  ${paint('dim', `block ${numberAt(claim, 'height')}`)}  ${kind}  ${gas} gas${what}`
}

async function showClaim(claim: string, options: ClaimsOptions): Promise<ExitCode> {
  if (options.output !== undefined) requireWritable(options.output, 'the receipt')
  const client = createClient(options.url)
  const page = await client.claimPage(claim)
  if (options.output !== undefined) {
    // The very bytes, as `submit -o` writes them.
    const receipt = page['receipt'] === null ? null : await client.receipt(claim)
    if (receipt === null) throw new CliError(EXIT.pending, 'no-receipt', `${claim} has no receipt yet: ask again shortly`)
    writeOutputFile(options.output, 'the receipt', receipt)
  }
  if (options.json === true) {
    printJson(page)
    return EXIT.ok
  }
  printTable([
    ['claim', oneLine(`${textAt(page, 'kind')}  ${textAt(page, 'claimId')}`)],
    ['final in', `block ${numberAt(page, 'height')}, ${timeOf(numberAt(page, 'timestampMs'))}`],
    ['cost', `${grouped(numberAt(page, 'gas'))} gas, a proof of ${grouped(numberAt(page, 'proofBytes'))} bytes`],
    ['from', oneLine(`account ${textAt(page, 'sender')}`)],
    ...aboutRows(page['about']),
    ...blobRows(page['blob']),
    ...metadataRows(page['metadata']),
    ['receipt', receiptRow(page, options)],
  ])
  return EXIT.ok
}

function receiptRow(page: JsonObject, { output }: ClaimsOptions): string {
  if (page['receipt'] === null) return 'not yet: ask again shortly'
  return output === undefined ? '-o FILE writes it; "aethel verify" checks it offline' : `written to ${output}`
}

function timeOf(milliseconds: number): string {
  const time = new Date(milliseconds)
  return Number.isNaN(time.getTime()) ? 'at no time' : time.toISOString()
}

function aboutRows(value: unknown): [string, string][] {
  if (value === null || value === undefined) return []
  const about = asObject(value, '"about"')
  const rows: [string, string][] = []
  const assertion = optionalTextAt(about, 'assertion')
  if (assertion !== undefined) {
    for (const hypothesis of listAt(about, 'hypotheses')) rows.push(['if', oneLine(String(hypothesis))])
    rows.push(['theorem', oneLine(assertion)])
    rows.push(['rests on', oneLine(`${numberAt(about, 'restsOnCount')} axioms: ${listAt(about, 'restsOn').join(' ')}`)])
  }
  if (about['cnf'] !== undefined) {
    const cnf = asObject(about['cnf'], '"cnf"')
    const [variables, clauses, literals] = ['variables', 'clauses', 'literals'].map((name) => grouped(numberAt(cnf, name)))
    rows.push(['formula', `${variables} variables, ${clauses} clauses, ${literals} literals`])
  }
  if (about['encoder'] !== undefined) rows.push(['encoder', oneLine(textAt(about, 'encoder'))])
  return rows
}

/** A proof that came as a blob: whether this validator still has it. */
function blobRows(value: unknown): [string, string][] {
  if (value === null || value === undefined) return []
  const blob = asObject(value, '"blob"')
  const root = oneLine(textAt(blob, 'root'))
  return [
    ['proof', blob['held'] === true ? `a blob, to be had at /v1/blobs/${root}` : `a blob, not kept by this validator any more: ${root}`],
  ]
}

function metadataRows(value: unknown): [string, string][] {
  if (value === null || value === undefined) return []
  const metadata = asObject(value, '"metadata"')
  const rows: [string, string][] = []
  for (const [name, field] of [
    ['title', 'title'],
    ['toolchain', 'toolchain'],
    ['source', 'sourceDigest'],
  ] as const) {
    const text = optionalTextAt(metadata, field)
    if (text !== undefined && text !== '') rows.push([name, `${oneLine(text)}  ${paint('yellow', '(as the submitter says, unverified)')}`])
  }
  return rows
}

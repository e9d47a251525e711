/**
 * `aethel validators`: who validates, and changes of that. A change is proposed with the approvals of governance keys; with
 * too few of them it is written to a file, which others approve and pass on.
 */
import { decode, encode, fromHex, type Hash, type PublicKey, publicKey, toHex, utf8 } from '@aethel/codec'
import { epochOfHeight, lastHeightOf } from '@aethel/consensus'
import {
  type Contact,
  chainIdOf,
  decodeGenesis,
  type Genesis,
  MAX_GOVERNANCE_KEYS,
  type NewBlsKey,
  possessionBytes,
  readUpdate,
  type UpdateValidators,
  updateSigningBytes,
  type ValidatorChange,
  writeUpdate,
} from '@aethel/ledger'
import { decodeEpochs, type EpochLink, encodeEpochs, MAX_EPOCH_LINKS, MAX_EPOCHS_BYTES } from '@aethel/receipts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { loadKey } from '../accounts.js'
import type { ListedValidator } from '../answers.js'
import { type Client, createClient, DEFAULT_URL, MAX_WAIT_MS, unreachable } from '../client.js'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { readJsonObject, writeOutputFile } from '../files.js'
import { Patience } from '../patience.js'
import { Sender } from '../sender.js'
import { note, paint, paintError, printJson, printLine, printTable, shellWord } from '../ui/terminal.js'

const PROPOSAL_FORMAT = 'aethel-validator-update/1'

interface ListOptions extends CommonOptions {
  readonly url: string
}

interface SendOptions extends ListOptions {
  readonly approve: readonly string[]
  readonly key?: string
  readonly timeout: number
  readonly output?: string
}

interface ProposeOptions extends SendOptions {
  readonly join: readonly string[]
  readonly leave: readonly string[]
  readonly power: readonly (readonly [string, string])[]
  readonly rotate: readonly (readonly [string, string])[]
  readonly contact: readonly (readonly [string, string])[]
  readonly joinPower: bigint
}

interface EpochsOptions extends ListOptions {
  readonly from: number
  readonly output?: string
}

interface HomeOptions extends CommonOptions {
  readonly from: string
  readonly output: string
  readonly host: string
  readonly httpHost: string
  readonly meshPort: number
  readonly httpPort: number
}

export function registerValidators(program: Command): void {
  const validators = program.command('validators').description('list the validators, and change those of the next epoch')
  const url = (command: Command): Command => command.option('--url <url>', "a validator's HTTP API", DEFAULT_URL)
  url(withJson(validators.command('list', { isDefault: true })))
    .description('list the validators of this epoch and of the next')
    .action((options: ListOptions) => finish(options, () => list(options)))
  sending(url(withJson(validators.command('propose'))))
    .description('propose changes, all or none; they take effect with the next epoch')
    .option('--join <home>', 'the validator of this home joins (repeatable)', collect, [])
    .addOption(joinPower())
    .option('--leave <validator>', 'a validator leaves: its account or seat (repeatable)', collect, [])
    .option('--power <validator=n>', "change a validator's power (repeatable)", collectPair, [])
    .option('--rotate <validator=home>', 'change to the key consensus-next.key of its home, made if missing (repeatable)', collectPair, [])
    .option('--contact <validator=home>', 'change to the address and network key of its home (repeatable)', collectPair, [])
    .action((options: ProposeOptions) => finish(options, () => propose(options)))
  sending(url(withJson(validators.command('approve'))))
    .description('add approvals to a proposal, and submit it when there are enough')
    .argument('<proposal>', 'a file that "propose" or "approve" wrote')
    .action((file: string, options: SendOptions) => finish(options, () => approve(file, options)))
  url(withJson(validators.command('epochs')))
    .description('fetch the proof of who validated in each epoch, for "aethel verify --epochs"')
    .option('--from <epoch>', 'first epoch: the one of your trust root', integer(0, Number.MAX_SAFE_INTEGER), 0)
    .option('-o, --output <file>', 'where to write it (default: standard output)')
    .action((options: EpochsOptions) => finish(options, () => epochs(options)))
  withJson(validators.command('home'))
    .description('make a home for a validator that is to join')
    .requiredOption('--from <home>', 'home of a validator of the same network')
    .requiredOption('--output <dir>', 'folder to make')
    .requiredOption('--mesh-port <port>', 'port for the other validators', integer(1, 65_535))
    .requiredOption('--http-port <port>', 'port for its HTTP API', integer(1, 65_535))
    .option('--host <host>', 'address to listen at for the other validators', '127.0.0.1')
    .option('--http-host <host>', 'address to listen at for its HTTP API, which asks nobody who they are', '127.0.0.1')
    .action((options: HomeOptions) => finish(options, () => home(options)))
}

/** Commander prints a default as JSON, which has no bigint: the help text needs it in words. */
function joinPower(): Option {
  return new Option('--join-power <n>', 'power of those who join').argParser(positive).default(1n, '1')
}

function sending(command: Command): Command {
  return command
    .option('--approve <key>', 'file with a governance key that approves (repeatable)', collect, [])
    .option('--key <file>', 'account that sends it (default: one in your configuration folder, made when missing)')
    .option('--timeout <seconds>', 'longest wait', integer(1, MAX_WAIT_MS / 1000), 60)
    .option('-o, --output <file>', 'where to write the proposal while approvals are missing')
}

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}

function collectPair(value: string, previous: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  const at = value.indexOf('=')
  if (at < 1 || at === value.length - 1) throw new InvalidArgumentError('Expected VALIDATOR=VALUE.')
  return [...previous, [value.slice(0, at), value.slice(at + 1)]]
}

function positive(text: string): bigint {
  if (!/^[1-9]\d{0,28}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 1.')
  return BigInt(text)
}

// --- listing --------------------------------------------------------------------------------------------------------

async function list(options: ListOptions): Promise<ExitCode> {
  const listing = await createClient(options.url).validators()
  if (options.json === true) {
    printJson(listing)
    return EXIT.ok
  }
  const end = listing.lastHeight === null ? 'without an end' : `up to block ${listing.lastHeight}`
  printLine(`epoch ${listing.epoch}, ${end}; now at block ${listing.height}`)
  printTable(listing.current.map(rowOf))
  if (listing.next === null) printLine('the validators of this chain never change')
  else if (sameValidators(listing.current, listing.next.validators)) printLine('the next epoch has the same')
  else {
    printLine('in the next epoch:')
    printTable(listing.next.validators.map(rowOf))
  }
  return EXIT.ok
}

function rowOf(validator: ListedValidator): readonly [string, string] {
  const key = validator.publicKey === validator.account ? '' : `  key ${validator.publicKey}`
  const contact = validator.contact === null ? '' : `  at ${validator.contact.host}:${validator.contact.port}`
  return [`seat ${validator.seat}`, `power ${validator.power}  account ${validator.account}${key}${contact}`]
}

function sameValidators(a: readonly ListedValidator[], b: readonly ListedValidator[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

async function epochs(options: EpochsOptions): Promise<ExitCode> {
  const bytes = utf8(encodeEpochs(await epochLinks(createClient(options.url), options.from)))
  if (options.output === undefined) process.stdout.write(bytes)
  else {
    writeOutputFile(options.output, 'the epoch chain', bytes)
    if (options.json === true) printJson({ status: 'ok', output: options.output })
    else printLine(`wrote ${options.output}`)
  }
  return EXIT.ok
}

/** As many as fit a file that `verify` reads: the rest is got from where these end. */
export async function epochLinks(client: Pick<Client, 'url' | 'epochs'>, from: number): Promise<EpochLink[]> {
  const links: EpochLink[] = []
  let bytes = 0
  while (links.length < MAX_EPOCH_LINKS) {
    const answer = await client.epochs(from + links.length)
    bytes += answer.length
    if (links.length > 0 && bytes > MAX_EPOCHS_BYTES) break
    const part = decodeEpochs(answer)
    if (!part.ok) throw unreachable(client.url, `its epoch chain is not understood (${part.error.message})`)
    if (part.value.length === 0) break
    links.push(...part.value)
  }
  return links.slice(0, MAX_EPOCH_LINKS)
}

async function home(options: HomeOptions): Promise<ExitCode> {
  const { createNewcomer } = await import('@aethel/node')
  const { from, output, host, httpHost, meshPort, httpPort } = options
  const made = createNewcomer({ from, output, mesh: { host, port: meshPort }, http: { host: httpHost, port: httpPort } })
  if (options.json === true) printJson(made)
  else {
    printLine(`made ${made.home}; it joins with: aethel validators propose --join ${shellWord(made.home)} --approve KEY...`)
    printLine(`then: aethel start --home ${shellWord(made.home)}`)
  }
  return EXIT.ok
}

// --- changing -------------------------------------------------------------------------------------------------------

interface Network {
  readonly client: Client
  readonly chainId: Hash
  readonly genesis: Genesis
}

async function networkAt(url: string): Promise<Network> {
  const client = createClient(url)
  const genesis = decodeGenesis(await client.genesis())
  if (!genesis.ok) throw unreachable(client.url, `its genesis is not understood (${genesis.error.message})`)
  return { client, genesis: genesis.value, chainId: chainIdOf(genesis.value) }
}

async function propose(options: ProposeOptions): Promise<ExitCode> {
  const network = await networkAt(options.url)
  const listing = await network.client.validators()
  if (listing.next === null || network.genesis.governance === undefined)
    throw usageError(
      'no-governance',
      'expected a chain with epochs and governance; its genesis decides that (aethel testnet --epoch-length)',
    )
  const changes = await changesOf(options, network.chainId, listing.next.validators)
  if (changes.length === 0) throw usageError('usage', 'expected a change: --join, --leave, --power, --rotate or --contact')
  return await proceed(network, { type: 'update-validators', sequence: listing.next.sequence, changes, approvals: [] }, options)
}

async function changesOf(options: ProposeOptions, chainId: Hash, next: readonly ListedValidator[]): Promise<ValidatorChange[]> {
  const { consensusKeyOfHome, contactOfHome, newBlsKey } = await import('@aethel/node')
  const blsOf = (key: Parameters<typeof newBlsKey>[0]): { readonly bls?: NewBlsKey } => {
    const bls = newBlsKey(key)
    return bls === null ? {} : { bls }
  }
  const changes: ValidatorChange[] = []
  for (const path of options.join) {
    const key = consensusKeyOfHome(path, 'only')
    const contact: Contact = contactOfHome(path)
    const possession = key.sign(possessionBytes(chainId, key.publicKey, key.publicKey))
    const { publicKey: account } = key
    changes.push({ change: 'join', account, publicKey: account, power: options.joinPower, contact, possession, ...blsOf(key) })
  }
  for (const name of options.leave) changes.push({ change: 'leave', account: accountOf(name, next) })
  for (const [name, power] of options.power) changes.push({ change: 'power', account: accountOf(name, next), power: powerOf(power) })
  for (const [name, path] of options.rotate) {
    const account = accountOf(name, next)
    const key = consensusKeyOfHome(path, 'next')
    const possession = key.sign(possessionBytes(chainId, account, key.publicKey))
    changes.push({ change: 'key', account, publicKey: key.publicKey, possession, ...blsOf(key) })
  }
  for (const [name, path] of options.contact)
    changes.push({ change: 'contact', account: accountOf(name, next), contact: contactOfHome(path) })
  return changes
}

function powerOf(text: string): bigint {
  try {
    return positive(text)
  } catch {
    throw usageError('power', `expected a power as a whole number of at least 1, got ${text}`)
  }
}

/** A validator by seat or account. */
function accountOf(name: string, next: readonly ListedValidator[]): PublicKey {
  const found = next.find((validator) => String(validator.seat) === name || validator.account === name)
  const bytes = found === undefined ? undefined : fromHex(found.account)
  if (bytes?.ok !== true || bytes.value.length !== 32)
    throw usageError('unknown-validator', `expected the seat or account of a validator (see "aethel validators"), got ${name}`)
  return publicKey(bytes.value)
}

async function approve(file: string, options: SendOptions): Promise<ExitCode> {
  const network = await networkAt(options.url)
  const document = readJsonObject(file, 'a proposal to change validators')
  const bytes = typeof document['update'] === 'string' ? fromHex(document['update']) : undefined
  const update = bytes?.ok === true ? decode(bytes.value, readUpdate) : undefined
  if (document['format'] !== PROPOSAL_FORMAT || update?.ok !== true)
    throw usageError('proposal', `expected a proposal ({"format": "${PROPOSAL_FORMAT}", ...}) in ${file}, but it is something else`)
  if (document['chainId'] !== toHex(network.chainId))
    throw usageError('chain-id', `expected a proposal for the chain at ${options.url}, but ${file} is for another`)
  return await proceed(network, update.value, { ...options, output: options.output ?? file })
}

/** Signs with the keys given; submits if that is enough, and writes the proposal down if not. */
async function proceed(network: Network, proposal: UpdateValidators, options: SendOptions): Promise<ExitCode> {
  const governance = network.genesis.governance ?? { keys: [], threshold: MAX_GOVERNANCE_KEYS }
  const message = updateSigningBytes(network.chainId, proposal)
  const approvals = new Map(proposal.approvals.map((approval) => [approval.key, approval]))
  for (const file of options.approve) {
    const key = loadKey(file, note)
    const position = governance.keys.findIndex((each) => toHex(each) === toHex(key.publicKey))
    if (position < 0) throw usageError('approve', `expected a governance key of this chain in ${file}, got ${toHex(key.publicKey)}`)
    approvals.set(position, { key: position, signature: key.sign(message) })
  }
  const update = { ...proposal, approvals: [...approvals.values()].sort((a, b) => a.key - b.key) }
  if (update.approvals.length >= governance.threshold) return await submit(network, update, options)
  return keep(network, update, governance.threshold, options)
}

function keep(network: Network, update: UpdateValidators, threshold: number, options: SendOptions): ExitCode {
  const { output } = options
  const have = update.approvals.length
  if (output === undefined)
    throw usageError(
      'approvals',
      `expected ${threshold} approvals, got ${have}: give more with --approve, or a file for the others with --output`,
    )
  const document = {
    format: PROPOSAL_FORMAT,
    chainId: toHex(network.chainId),
    update: toHex(encode((writer) => writeUpdate(writer, update))),
  }
  writeOutputFile(output, 'the proposal', `${JSON.stringify(document, null, 2)}\n`)
  if (options.json === true) printJson({ status: 'incomplete', approvals: have, threshold, sequence: update.sequence, output })
  else
    printLine(
      `${paint('yellow', 'incomplete')}: ${have} of ${threshold} approvals, in ${output}; the others run: aethel validators approve ${shellWord(output)}`,
    )
  return EXIT.pending
}

async function submit(network: Network, update: UpdateValidators, options: SendOptions): Promise<ExitCode> {
  const { client, chainId } = network
  const key = loadKey(options.key, note)
  const [outcome = { status: 'unknown' as const }] = await new Sender(client, key, chainId, new Patience(note)).send(
    [update],
    'final',
    options.timeout * 1000,
  )
  // Of the block that has it: the validator may be in the next epoch by now, or not answer any more.
  const { epochLength } = network.genesis.parameters
  const epoch = outcome.height === undefined || outcome.height < 1 ? null : epochOfHeight(epochLength, outcome.height)
  const lastHeight = epoch === null ? null : lastHeightOf(epochLength, epoch)
  if (options.json === true) printJson({ ...outcome, sequence: update.sequence, epoch, lastHeight })
  else if (outcome.status === 'final')
    printLine(
      `${paint('green', 'final')} in block ${outcome.height}: the validators change after block ${lastHeight}, with epoch ${(epoch ?? 0) + 1}`,
    )
  else note(`${paintError('red', outcome.status)}${outcome.code === undefined ? '' : ` (${outcome.code}): ${outcome.message}`}`)
  if (outcome.status === 'final') return EXIT.ok
  return outcome.status === 'refused' ? EXIT.invalid : EXIT.pending
}

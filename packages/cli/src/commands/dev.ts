/** `aethel dev`: a network of four validator processes in the foreground, one line per block, until Ctrl-C. */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DisseminationChoice, SignatureScheme } from '@aethel/consensus'
import type { Command } from 'commander'
import type { BlockSummary } from '../answers.js'
import { type CommonOptions, certificateScheme, collect, disseminationChoice, finish, integer } from '../command.js'
import { CliError, EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { temporaryFolder } from '../files.js'
import { createNetwork, DEFAULT_BASE_PORT, type LocalNetwork, openNetwork } from '../network.js'
import { interruptible, startAll, stopAll, type ValidatorProcess } from '../processes.js'
import { note, paint, printLine } from '../ui/terminal.js'

const POLL_MS = 200
const BLOCKS_PER_POLL = 100

interface DevOptions extends CommonOptions {
  readonly validators: number
  readonly output?: string
  readonly basePort: number
  readonly library: readonly string[]
  readonly verifier: readonly string[]
  readonly certificates: SignatureScheme
  readonly dissemination: DisseminationChoice
}

export function registerDev(program: Command): void {
  program
    .command('dev')
    .description('run a network of validators in the foreground, one line per block')
    .option('--validators <n>', 'how many', integer(1, 16), 4)
    .option('--output <dir>', 'keep the homes there, and go on from them the next time (default: a temporary folder)')
    .option('--base-port <port>', 'first of the ports to use; 0 picks free ones', integer(0, 65_000), DEFAULT_BASE_PORT)
    .option(
      '--certificates <ed25519|bls12-381>',
      'what certificates are made of: one signature of each signer, or the sum of all of them',
      certificateScheme,
      'ed25519',
    )
    .option(
      '--dissemination <auto|mesh|collectors|tree>',
      'whom votes and proposals go to: everybody, or with BLS certificates some who pass them on',
      disseminationChoice,
      'auto',
    )
    .option(
      '--library <file>',
      'Metamath library whose axioms genesis holds, repeatable (default: the bundled propositional logic)',
      collect,
      [],
    )
    .option('--verifier <module>', 'proof kind from outside: the file that exports its verifier (repeatable)', collect, [])
    .action((options: DevOptions, command: Command) =>
      finish(options, () =>
        dev(
          options,
          OF_GENESIS.filter((name) => command.getOptionValueSource(name) === 'cli'),
        ),
      ),
    )
}

/** What a network is made with; one that is there already has it for good. */
const OF_GENESIS = ['validators', 'basePort', 'certificates', 'dissemination', 'library', 'verifier'] as const

/** Whoever asks for seven validators must not be given the four of an earlier run without a word. */
function found(folder: string, { validators }: DevOptions, given: readonly (typeof OF_GENESIS)[number][]): LocalNetwork | null {
  const network = openNetwork(folder)
  if (network === null) return null
  if (given.includes('validators') && network.validators.length !== validators)
    throw usageError(
      'validators',
      `expected a network of ${validators} validators in ${folder}, but the one that is there has ${network.validators.length}; leave --validators out, or choose another --output`,
    )
  const said = given.filter((name) => name !== 'validators').map((name) => `--${name === 'basePort' ? 'base-port' : name}`)
  if (said.length > 0) note(`${said.join(', ')}: as the network in ${folder} was made, for it is there already`)
  return network
}

async function dev(options: DevOptions, given: readonly (typeof OF_GENESIS)[number][]): Promise<ExitCode> {
  const folder = options.output ?? temporaryFolder('aethel-dev-')
  const removeFolder = (): void => {
    if (options.output === undefined) rmSync(folder, { recursive: true, force: true })
  }
  let validators: readonly ValidatorProcess[] = []
  let stopping = false
  const cleanUp = async (): Promise<void> => {
    stopping = true
    await stopAll(validators)
    removeFolder()
  }
  return interruptible(cleanUp, async () => {
    const network =
      found(folder, options, given) ??
      (await createNetwork({
        folder,
        validators: options.validators,
        basePort: options.basePort,
        libraryPaths: options.library,
        verifiers: options.verifier,
        certificates: options.certificates,
        dissemination: options.dissemination,
      }))
    validators = network.validators
    await startAll(validators)
    for (const validator of validators) note(`validator ${validator.index}  ${validator.client.url}  log ${validator.logFile}`)
    note(`trust root  ${network.trustFile}`)
    note(`submit with  aethel submit FILE --url ${validators[0]?.client.url}    (Ctrl-C stops the network)`)
    return followBlocks(validators, () => stopping)
  })
}

async function followBlocks(validators: readonly ValidatorProcess[], isStopping: () => boolean): Promise<never> {
  let next = 1
  const told = new Set<ValidatorProcess>()
  for (;;) {
    const stopped = validators.filter((validator) => !validator.running)
    if (stopped.length === validators.length) {
      const said = validators.map(({ index, lastWords }) => `validator ${index}: ${lastWords}`)
      throw new CliError(EXIT.internal, 'validators-stopped', `expected validators to run, but all have stopped: ${said.join('; ')}`)
    }
    for (const validator of stopped) {
      if (!told.has(validator) && !isStopping()) note(`validator ${validator.index} has stopped: ${oneLine(validator.lastWords)}`)
      told.add(validator)
    }
    const source = validators.find((validator) => validator.running)
    const blocks = (await source?.client.blocks(next, BLOCKS_PER_POLL).catch(() => [])) ?? []
    for (const block of blocks) printLine(blockLine(block))
    next += blocks.length
    if (blocks.length < BLOCKS_PER_POLL) await sleep(POLL_MS)
  }
}

function blockLine(block: BlockSummary): string {
  const time = new Date(block.timestampMs).toISOString().slice(11, 23)
  return `${paint('dim', time)}  block ${block.height}  ${block.hash.slice(0, 16)}  view ${block.view}  by ${block.proposer}  ${block.transactions} transactions`
}

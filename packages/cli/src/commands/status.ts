/** `aethel status`: where a validator stands. */
import type { Command } from 'commander'
import type { NodeStatus } from '../answers.js'
import { createClient, DEFAULT_URL } from '../client.js'
import { type CommonOptions, finish, withJson } from '../command.js'
import { EXIT, type ExitCode, oneLine } from '../exit.js'
import { grouped, printJson, printTable, seconds } from '../ui/terminal.js'

interface StatusOptions extends CommonOptions {
  readonly url: string
}

export function registerStatus(program: Command): void {
  withJson(program.command('status'))
    .description('show where a validator stands')
    .option('--url <url>', 'its HTTP API', DEFAULT_URL)
    .action((options: StatusOptions) => finish(options, () => showStatus(options)))
}

function placeOf({ epoch, position, validators }: NodeStatus): string {
  return position === null ? `none of the ${validators} of epoch ${epoch}: it follows` : `${position} of ${validators} in epoch ${epoch}`
}

async function showStatus(options: StatusOptions): Promise<ExitCode> {
  const status = await createClient(options.url).status()
  if (options.json === true) {
    printJson(status)
    return EXIT.ok
  }
  printTable([
    ['validator', `${placeOf(status)}, up ${seconds(status.uptimeMs)}`],
    ['chain', oneLine(status.chainId)],
    ['height', `${grouped(status.height)}  ${oneLine(status.hash)}`],
    ['state root', oneLine(status.stateRoot ?? 'that of genesis')],
    ['view', `${status.view} (${oneLine(status.phase)}), led by validator ${status.leader}; ${status.viewChanges} view changes`],
    ['peers', `${status.peersConnected} connected`],
    ['mempool', `${grouped(status.pending)} pending, ${grouped(status.waiting)} waiting for something they cite or an earlier nonce`],
    ['proofs verified', `${grouped(status.verifications.performed)} (${grouped(status.verifications.invalid)} refused)`],
    ['sync', sync(status.sync)],
    ['offences', offences(status.offences)],
    ['memory', `${Math.round(status.rssBytes / 1e6)} MB`],
  ])
  return EXIT.ok
}

function sync({ fetching, gaps, serves, trustCertificates }: NodeStatus['sync']): string {
  const parts: string[] = []
  if (fetching !== null) {
    const { height, lanesDone, lanes, bytes, peers } = fetching
    parts.push(
      `taking over the state of block ${grouped(height)}: ${lanesDone} of ${lanes} parts, ${grouped(bytes)} bytes, from ${peers} peers`,
    )
  }
  if (trustCertificates) parts.push('accepts certified verdicts')
  const newest = gaps.at(-1)
  parts.push(
    newest === undefined ? 'has executed every block' : `took over the state of block ${grouped(newest.to)}, has executed those after it`,
  )
  if (serves.length > 0) parts.push(`hands over states ${serves.map(grouped).join(', ')}`)
  return parts.join('; ')
}

function offences(recorded: NodeStatus['offences']): string {
  if (recorded.length === 0) return 'none on record'
  return recorded.map(({ validator, count }) => `validator ${validator}: ${grouped(count)}`).join(', ')
}

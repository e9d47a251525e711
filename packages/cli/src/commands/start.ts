/**
 * `aethel start`: one validator in this process, until SIGINT or SIGTERM. Its log goes to stdout as JSON lines; with
 * `--json` stdout gets one document (where it listens) and the log goes to stderr.
 */
import { type Command, Option } from 'commander'
import { type CommonOptions, finish, report, withJson } from '../command.js'
import { EXIT, type ExitCode, onUnread, whenAbandoned } from '../exit.js'
import { boundedSink, drained } from '../log-sink.js'
import { printJson } from '../ui/terminal.js'

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

interface StartOptions extends CommonOptions {
  readonly home: string
  readonly logLevel?: (typeof LOG_LEVELS)[number]
  readonly recover?: boolean
  readonly exitWithParent?: boolean
}

export function registerStart(program: Command): void {
  withJson(program.command('start'))
    .description('run one validator')
    .requiredOption('--home <dir>', 'its home, as "aethel testnet" writes it')
    .addOption(new Option('--log-level <level>', 'least severe level to log').choices(LOG_LEVELS))
    .option('--recover', 'its store is lost: follow the chain, and vote only when past everything its key may have signed')
    .addOption(new Option('--exit-with-parent', 'stop when standard input closes').hideHelp())
    .action((options: StartOptions) => finish(options, () => start(options)))
}

async function start(options: StartOptions): Promise<ExitCode> {
  const log = options.json === true ? process.stderr : process.stdout
  let requestStop = (): void => undefined
  const stopRequested = new Promise<void>((resolve) => {
    requestStop = resolve
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, requestStop)
  onUnread.add(requestStop)
  whenAbandoned(requestStop)
  if (options.exitWithParent === true) process.stdin.once('close', requestStop).resume()

  const { giveHeapRoom, startNode } = await import('@aethel/node')
  giveHeapRoom()
  const node = await startNode({
    home: options.home,
    recover: options.recover === true,
    log: boundedSink(log),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  })
  if (options.json === true) printJson({ index: node.index, chainId: node.chainId, http: node.http.url, mesh: node.mesh })
  void stopRequested.then(() => node.close())
  const failure = await node.stopped
  // The one document has been printed: what comes after it is told on stderr alone.
  const exitCode = failure === null ? EXIT.ok : report(failure, false)
  if (!(await drained(log))) process.exit(exitCode)
  return exitCode
}

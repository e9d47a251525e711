/** `aethel`: one entry, one file per command in `commands/`. */
import { Command, CommanderError } from 'commander'
import { EXIT, oneLine, onUnread } from './exit.js'
import { printJson } from './ui/terminal.js'

const VERSION = '0.1.0'
const VERSION_FLAGS: ReadonlySet<string> = new Set(['-V', '--version'])

type Register = (program: Command) => void

/** In the order of the help text. Only the command asked for is loaded: together they take longer than most of them run. */
const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  demo: async () => (await import('./commands/demo.js')).registerDemo,
  dev: async () => (await import('./commands/dev.js')).registerDev,
  testnet: async () => (await import('./commands/testnet.js')).registerTestnet,
  start: async () => (await import('./commands/start.js')).registerStart,
  status: async () => (await import('./commands/status.js')).registerStatus,
  why: async () => (await import('./commands/why.js')).registerWhy,
  prove: async () => (await import('./commands/prove.js')).registerProve,
  submit: async () => (await import('./commands/submit.js')).registerSubmit,
  claims: async () => (await import('./commands/claims.js')).registerClaims,
  verify: async () => (await import('./commands/verify.js')).registerVerify,
  check: async () => (await import('./commands/check.js')).registerCheck,
  conformance: async () => (await import('./commands/conformance.js')).registerConformance,
  fork: async () => (await import('./commands/fork.js')).registerFork,
  simulate: async () => (await import('./commands/simulate.js')).registerSimulate,
  validators: async () => (await import('./commands/validators.js')).registerValidators,
}

async function createProgram(args: readonly string[]): Promise<Command> {
  const json = args.includes('--json')
  const program = new Command('aethel')
    .description('Byzantine-fault-tolerant consensus on machine-checked proofs')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text), outputError: (text, write) => reportUsage(text, write, json) })
    .addHelpText('after', EXIT_CODES_HELP)
  const all = Object.entries(COMMANDS)
  const asked = all.filter(([name]) => name === args[0])
  const needed = VERSION_FLAGS.has(args[0] ?? '') ? [] : asked.length > 0 ? asked : all
  for (const [, load] of needed) (await load())(program)
  return program
}

const EXIT_CODES_HELP = `
Exit codes: 0 ok, 1 internal error, 2 usage or unreadable input, 3 invalid proof, receipt or fork proof,
            4 no proof found, 5 submitted but not final in time or approvals missing, 6 unreachable, 7 invariant violated in the simulator,
            130 simulate was interrupted (it has told what it had run).`

function reportUsage(text: string, write: (text: string) => void, json: boolean): void {
  const message = oneLine(text.replace(/^error: /, ''))
  write(`aethel: ${message} (see --help)\n`)
  if (json) printJson({ status: 'error', code: 'usage', message })
}

/** A reader that went away (`aethel status | head -1`) is no error of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') return tellLost(error)
  if (onUnread.size === 0) process.exit(process.exitCode ?? EXIT.ok)
  for (const stop of onUnread) stop()
})
/** Nobody to tell. */
process.stderr.on('error', () => undefined)

let isTold = false

/** On a full disk, for example. What was to be printed is not there, so this cannot end with 0. */
function tellLost(error: NodeJS.ErrnoException): void {
  if (!isTold) process.stderr.write(`aethel: expected to write to standard output, but it cannot be written (${error.code})\n`)
  isTold = true
  process.exitCode ||= EXIT.internal
}

try {
  await (await createProgram(process.argv.slice(2))).parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
}
// A pipe takes 64 KiB at a time: a long answer would be cut off.
process.stdout.write('', () => {
  const { errored } = process.stdout
  if (errored !== null && (errored as NodeJS.ErrnoException).code !== 'EPIPE') tellLost(errored)
  process.exit()
})

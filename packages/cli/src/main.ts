/** `aethel`: one entry, one file per command in `commands/`. */
import { Command, CommanderError } from 'commander'
import { registerCheck } from './commands/check.js'
import { registerDemo } from './commands/demo.js'
import { registerDev } from './commands/dev.js'
import { registerFork } from './commands/fork.js'
import { registerProve } from './commands/prove.js'
import { registerSimulate } from './commands/simulate.js'
import { registerStart } from './commands/start.js'
import { registerStatus } from './commands/status.js'
import { registerSubmit } from './commands/submit.js'
import { registerTestnet } from './commands/testnet.js'
import { registerValidators } from './commands/validators.js'
import { registerVerify } from './commands/verify.js'
import { registerWhy } from './commands/why.js'
import { EXIT, oneLine } from './exit.js'
import { printJson } from './ui/terminal.js'

const VERSION = '0.1.0'

function createProgram(json: boolean): Command {
  const program = new Command('aethel')
    .description('Byzantine-fault-tolerant consensus on machine-checked proofs')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeErr: (text) => process.stderr.write(text), outputError: (text, write) => reportUsage(text, write, json) })
    .addHelpText('after', EXIT_CODES_HELP)
  for (const register of [
    registerDemo,
    registerDev,
    registerTestnet,
    registerStart,
    registerStatus,
    registerWhy,
    registerProve,
    registerSubmit,
    registerVerify,
    registerCheck,
    registerFork,
    registerSimulate,
    registerValidators,
  ]) {
    register(program)
  }
  return program
}

const EXIT_CODES_HELP = `
Exit codes: 0 ok, 1 internal error, 2 usage or unreadable input, 3 invalid proof, receipt or fork proof,
            4 no proof found, 5 submitted but not final in time, 6 unreachable, 7 invariant violated in the simulator.`

function reportUsage(text: string, write: (text: string) => void, json: boolean): void {
  const message = oneLine(text.replace(/^error: /, ''))
  write(`aethel: ${message} (see --help)\n`)
  if (json) printJson({ status: 'error', code: 'usage', message })
}

/** A reader that went away (`aethel status | head -1`) is no error of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

try {
  await createProgram(process.argv.includes('--json')).parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
}
process.exit()

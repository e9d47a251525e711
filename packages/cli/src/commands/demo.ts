/** `aethel demo` (`npm start`): the main job, from obtaining a library to the verdict on everything that happened. */
import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { type CommonOptions, finish, report as reportFailure, withJson } from '../command.js'
import { obtainLibrary } from '../demo/library.js'
import { printReport } from '../demo/report.js'
import { runDemo } from '../demo/run.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { requireWritable, temporaryFolder, writeOutputFile } from '../files.js'
import { type LocalNetwork, openNetwork } from '../network.js'
import { type Ending, interruptible, stopAll, type ValidatorProcess } from '../processes.js'
import { note, paint, printChecklist, printJson, printLine } from '../ui/terminal.js'

const DEFAULT_THEOREMS = 2_000

interface DemoCommandOptions extends CommonOptions {
  readonly library?: string
  readonly theorems: number
  readonly report?: string
  readonly output?: string
}

export function registerDemo(program: Command): void {
  withJson(program.command('demo'))
    .description('four validators finalise real proofs while one of them is killed; everything is checked (npm start)')
    .option('--library <file>', "Metamath library (default: Debian's set.mm, else the bundled one)")
    .option('--theorems <n>', `how many theorems to submit, or "all"`, theoremCount, DEFAULT_THEOREMS)
    .option('--report <file>', 'write the summary there as JSON')
    .option('--output <dir>', 'keep stores and logs there (default: a temporary folder, removed in the end)')
    .action((options: DemoCommandOptions) => finish(options, () => demo(options)))
}

function theoremCount(text: string): number {
  if (text === 'all') return Number.MAX_SAFE_INTEGER
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('Expected a number of at least 1, or "all".')
  return value
}

async function demo(options: DemoCommandOptions): Promise<ExitCode> {
  if (options.output !== undefined && openNetwork(options.output) !== null) {
    throw usageError(
      'output',
      `expected a folder without a network in --output, but ${options.output} holds one; choose another or remove it`,
    )
  }
  if (options.report !== undefined) requireWritable(options.report, 'the report')
  const started = performance.now()
  const interruption = new AbortController()
  let obtaining: Promise<unknown> = Promise.resolve()
  let folder: string | null = null
  let validators: readonly ValidatorProcess[] = []
  const cleanUp = async (ending: Ending): Promise<void> => {
    interruption.abort()
    await Promise.allSettled([obtaining])
    await stopAll(validators)
    if (options.output !== undefined || folder === null) return
    if (ending === 'failed' && validators.length > 0) note(`stores and logs are kept in ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  }
  const onNetwork = (network: LocalNetwork): void => {
    validators = network.validators
  }
  const { report, checks } = await interruptible(cleanUp, async () => {
    const obtained = obtainLibrary(options.library, note, interruption.signal)
    obtaining = obtained
    const library = await obtained
    interruption.signal.throwIfAborted()
    folder = options.output === undefined ? temporaryFolder('aethel-demo-') : resolve(options.output)
    return runDemo({ library, theorems: options.theorems, folder, say: note, onNetwork })
  })
  const passed = checks.every((check) => check.passed)
  if (options.json === true) {
    printJson(report)
  } else {
    printLine()
    printReport(report)
    printLine()
    printChecklist(checks)
    const elapsed = ((performance.now() - started) / 1000).toFixed(0)
    printLine(passed ? paint('green', `all of it holds, after ${elapsed} s`) : paint('red', 'something does not hold: see FAIL above'))
  }
  if (!passed && options.json === true) for (const check of checks) if (!check.passed) note(`FAIL ${check.name}: ${check.detail}`)
  if (options.report === undefined) return passed ? EXIT.ok : EXIT.internal
  // After it has been shown: what took minutes is not lost where the file cannot be written. Nor is it followed by a second document.
  try {
    writeOutputFile(options.report, 'the report', `${JSON.stringify(report, null, 2)}\n`)
  } catch (error) {
    return reportFailure(error, false)
  }
  return passed ? EXIT.ok : EXIT.internal
}

/**
 * `aethel conformance MODULE`: whether a network may rely on a proof kind from outside. Exit code 0: it conforms; 3: it does not;
 * 2: the module cannot be loaded.
 */
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ConformanceReport } from '@aethel/proofs/conformance'
import type { Command } from 'commander'
import { type CommonOptions, finish, integer, withJson } from '../command.js'
import type { ConformanceAnswer, ConformanceSetup } from '../conformance-worker.js'
import { EXIT, type ExitCode, oneLine, usageError } from '../exit.js'
import { grouped, paint, printJson, printLine } from '../ui/terminal.js'

interface ConformanceOptions extends CommonOptions {
  readonly inputs: number
  readonly seed: number
  readonly timeout: number
}

export function registerConformance(program: Command): void {
  withJson(program.command('conformance'))
    .description('test a proof kind from outside: determinism, metering, mutation, fuzzing, costs')
    .argument('<module>', 'the file that exports "verifier", made by defineVerifier')
    .option('--inputs <n>', 'fuzzed inputs', integer(1, 100_000_000), 20_000)
    .option('--seed <n>', 'where fuzzing starts', integer(1, 2_147_483_647), 1)
    .option('--timeout <seconds>', 'after which the verifier is taken to run for ever', integer(1, 86_400), 300)
    .action((module: string, options: ConformanceOptions) => finish(options, () => conformance(module, options)))
}

async function conformance(module: string, options: ConformanceOptions): Promise<ExitCode> {
  const { verifierUrl } = await import('@aethel/node')
  const answer = await ask({ url: verifierUrl('.', resolve(module)), inputs: options.inputs, seed: options.seed }, options.timeout)
  if ('code' in answer) throw usageError(answer.code, `${module}: ${answer.message}`)
  const { report } = answer
  if (options.json === true) printJson(report)
  else print(report)
  return report.verdict === 'conforms' ? EXIT.ok : EXIT.invalid
}

function ask(setup: ConformanceSetup, timeoutSeconds: number): Promise<ConformanceAnswer> {
  // What the module prints must not get between the lines, or into the document, on our own output.
  const worker = new Worker(new URL('../conformance-worker.js', import.meta.url), { workerData: setup, stdout: true })
  worker.stdout.pipe(process.stderr, { end: false })
  return new Promise<ConformanceAnswer>((resolve) => {
    const end = (answer: ConformanceAnswer): void => {
      clearTimeout(timer)
      resolve(answer)
      void worker.terminate()
    }
    const noAnswer = (detail: string): ConformanceAnswer => ({
      report: { kind: setup.url, verdict: 'fails', checks: [{ name: 'metering', status: 'failed', runs: 0, detail }] },
    })
    const timer = setTimeout(
      () => end(noAnswer(`no answer within ${timeoutSeconds} s: it loops without calling its meter, or --timeout is too short`)),
      timeoutSeconds * 1000,
    )
    worker.once('message', end)
    worker.once('error', (error) => end(noAnswer(`the thread ended: ${error.message}`)))
    worker.once('exit', (code) => end(noAnswer(`the thread ended with code ${code}, without an answer`)))
  })
}

function print(report: ConformanceReport): void {
  for (const { name, status, runs, detail } of report.checks) {
    const colour = status === 'passed' ? 'green' : status === 'failed' ? 'red' : 'yellow'
    const word = status === 'passed' ? 'ok  ' : status === 'failed' ? 'FAIL' : 'skip'
    printLine(`  ${paint(colour, word)}  ${name.padEnd(12)} ${oneLine(detail)}  (${grouped(runs)} runs)`)
  }
  printLine(report.verdict === 'conforms' ? `${paint('green', 'conforms')}: ${report.kind}` : `${paint('red', 'fails')}: ${report.kind}`)
}

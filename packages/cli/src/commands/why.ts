/** `aethel why`: one paragraph on why nothing commits right now, or that all is well. */
import type { Command } from 'commander'
import { createClient, DEFAULT_URL } from '../client.js'
import { type CommonOptions, finish, withJson } from '../command.js'
import { EXIT, type ExitCode, oneLine } from '../exit.js'
import { printJson, printLine } from '../ui/terminal.js'

interface WhyOptions extends CommonOptions {
  readonly url: string
}

export function registerWhy(program: Command): void {
  withJson(program.command('why'))
    .description('say why nothing commits right now, or that all is well')
    .option('--url <url>', 'the HTTP API of a validator', DEFAULT_URL)
    .action((options: WhyOptions) => finish(options, () => showWhy(options)))
}

async function showWhy(options: WhyOptions): Promise<ExitCode> {
  const { paragraph, record } = await createClient(options.url).why()
  if (options.json === true) printJson(record)
  else printLine(oneLine(paragraph))
  return EXIT.ok
}

/** `aethel testnet`: writes homes, keys, genesis and a trust root for a network on this machine. */
import { resolve } from 'node:path'
import type { DisseminationChoice, SignatureScheme } from '@aethel/consensus'
import type { Command } from 'commander'
import { type CommonOptions, certificateScheme, collect, disseminationChoice, finish, integer, withJson } from '../command.js'
import { EXIT, type ExitCode } from '../exit.js'
import { createNetwork, DEFAULT_BASE_PORT } from '../network.js'
import { printJson, printLine, shellWord } from '../ui/terminal.js'

interface TestnetOptions extends CommonOptions {
  readonly validators: number
  readonly output: string
  readonly basePort: number
  readonly library: readonly string[]
  readonly verifier: readonly string[]
  readonly epochLength: number
  readonly certificates: SignatureScheme
  readonly dissemination: DisseminationChoice
}

export function registerTestnet(program: Command): void {
  withJson(program.command('testnet'))
    .description('write homes, keys and genesis for a network of validators on this machine')
    .option('--validators <n>', 'how many', integer(1, 128), 4)
    .requiredOption('--output <dir>', 'folder to make; must not hold a network yet')
    .option('--base-port <port>', 'first of the ports to use (two per validator); 0 picks free ones', integer(0, 65_000), DEFAULT_BASE_PORT)
    .option('--epoch-length <blocks>', 'validators may change after so many blocks; 0: never', integer(0, 1_000_000_000), 0)
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
    .action((options: TestnetOptions) => finish(options, () => testnet(options)))
}

async function testnet(options: TestnetOptions): Promise<ExitCode> {
  const network = await createNetwork({
    folder: options.output,
    validators: options.validators,
    basePort: options.basePort,
    libraryPaths: options.library,
    verifiers: options.verifier,
    parameters: { epochLength: options.epochLength },
    certificates: options.certificates,
    dissemination: options.dissemination,
  })
  if (options.json === true) {
    const homes = network.validators.map((validator) => validator.home)
    const urls = network.validators.map((validator) => validator.client.url)
    printJson({ chainId: network.chainId, homes, urls, trustFile: network.trustFile, governanceFiles: network.governanceFiles })
    return EXIT.ok
  }
  printLine(`chain ${network.chainId}`)
  for (const validator of network.validators) printLine(`aethel start --home ${shellWord(validator.home)}    # ${validator.client.url}`)
  printLine(`trust root for receipts: ${resolve(network.trustFile)}`)
  if (network.governanceFiles.length > 0) printLine(`keys that may change the validators: ${network.governanceFiles.join(' ')}`)
  return EXIT.ok
}

/**
 * `aethel fork`: does this file prove that the chain has forked, and who is to blame? Offline, against a trust root. Exit
 * code 3 if it proves nothing.
 */
import { toHex } from '@aethel/codec'
import { checkForkProof, MAX_FORK_PROOF_BYTES } from '@aethel/consensus'
import { verifySignature } from '@aethel/crypto'
import { decodeTrust, type TrustRoot } from '@aethel/receipts'
import type { Command } from 'commander'
import { type CommonOptions, finish, withJson } from '../command.js'
import { EXIT, type ExitCode, usageError } from '../exit.js'
import { MAX_SMALL_FILE_BYTES, readInputFile } from '../files.js'
import { note, paint, paintError, printJson, printLine } from '../ui/terminal.js'

interface ForkOptions extends CommonOptions {
  readonly trust: string
}

export function registerFork(program: Command): void {
  withJson(program.command('fork'))
    .description('check a proof that the chain has forked, and name who is to blame, offline')
    .argument('<file>', 'the fork proof')
    .requiredOption('--trust <file>', 'the chain and validators you trust (trust.json)')
    .action((file: string, options: ForkOptions) => finish(options, () => fork(file, options)))
}

function fork(file: string, options: ForkOptions): ExitCode {
  const trust = readTrust(options.trust)
  const bytes = readInputFile(file, 'a fork proof', MAX_FORK_PROOF_BYTES + 1)
  const checked = checkForkProof(bytes, { ...trust, verifySignature })
  if (!checked.ok) {
    if (options.json === true) printJson({ status: 'invalid', code: checked.error.code, message: checked.error.message })
    note(`${paintError('red', 'no proof')} (${checked.error.code}): ${file}: ${checked.error.message}`)
    return EXIT.invalid
  }
  const { height, blocks, culprits, power, totalPower } = checked.value
  if (options.json === true) {
    printJson({
      status: 'fork',
      chainId: toHex(trust.chainId),
      height,
      blocks: blocks.map(toHex),
      culprits,
      power: String(power),
      totalPower: String(totalPower),
    })
    return EXIT.ok
  }
  printLine(`${paint('red', 'fork')}: two blocks are committed at height ${height}`)
  for (const block of blocks) printLine(`  ${toHex(block)}`)
  printLine(`guilty, with power ${power} of ${totalPower}:`)
  for (const { validator, offence } of culprits) printLine(`  validator ${validator}: ${offence}`)
  return EXIT.ok
}

function readTrust(file: string): TrustRoot {
  const trust = decodeTrust(readInputFile(file, 'a trust root (trust.json)', MAX_SMALL_FILE_BYTES))
  if (!trust.ok) throw usageError(trust.error.code, `expected a trust root in ${file}, but it is none: ${trust.error.message}`)
  return trust.value
}

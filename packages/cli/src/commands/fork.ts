/**
 * `aethel fork`: does this file prove that the chain has forked, and who is to blame? Offline, against a trust root. Exit
 * code 3 if it proves nothing. Several files, written by several validators, are taken together: what one lacks another may have.
 */
import { type Refusal, type Result, toHex } from '@aethel/codec'
import {
  assembleForkProof,
  type CertificateContext,
  checkForkProof,
  decodeForkProof,
  joinMaterial,
  MAX_FORK_PROOF_BYTES,
  materialOf,
  type ProvenFork,
} from '@aethel/consensus'
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
    .argument('<file...>', 'the fork proof; or several, of several validators, to be taken together')
    .requiredOption('--trust <file>', 'the chain and validators you trust (trust.json)')
    .action((files: string[], options: ForkOptions) => finish(options, () => fork(files, options)))
}

function fork(files: readonly string[], options: ForkOptions): ExitCode {
  const trust = readTrust(options.trust)
  const file = files.join(', ')
  const proofs = files.map((each) => readInputFile(each, 'a fork proof', MAX_FORK_PROOF_BYTES + 1))
  const checked = checkTogether(proofs, { ...trust, verifySignature })
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

/** One that is good by itself is enough; otherwise what they hold together is put into one. */
function checkTogether(proofs: readonly Uint8Array[], context: CertificateContext): Result<ProvenFork, Refusal> {
  const each = proofs.map((bytes) => checkForkProof(bytes, context))
  const good = each.find((result) => result.ok) ?? (each[0] as Result<ProvenFork, Refusal>)
  if (good.ok || proofs.length === 1) return good
  const material = proofs.flatMap((bytes) => {
    const decoded = decodeForkProof(bytes)
    return decoded.ok ? [materialOf(decoded.value)] : []
  })
  return assembleForkProof(context, joinMaterial(material))?.checked ?? good
}

function readTrust(file: string): TrustRoot {
  const trust = decodeTrust(readInputFile(file, 'a trust root (trust.json)', MAX_SMALL_FILE_BYTES))
  if (!trust.ok) throw usageError(trust.error.code, `expected a trust root in ${file}, but it is none: ${trust.error.message}`)
  return trust.value
}

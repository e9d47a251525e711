/**
 * The reference program of Metamath (Debian's package `metamath`) as a judge: a database in, per theorem whether it was
 * verified. Nothing is taken from its source; what it prints is read.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const DATABASES_FOLDER = '/usr/share/metamath/databases'
const TIMEOUT_MS = 300_000
const MAX_OUTPUT_BYTES = 1 << 30

export const isInstalled = () => spawnSync('metamath', ['exit']).error === undefined

/**
 * `errors`: what it says of the file as a whole or of statements, apart from proofs; `failed`: labels of theorems whose proof it
 * refuses, or that it calls unproved.
 * @typedef {{ errors: string[], failed: Set<string>, crashed: boolean }} Judgement
 */

/**
 * @param {Uint8Array | string} database
 * @returns {Judgement}
 */
export function judge(database) {
  const folder = mkdtempSync(join(tmpdir(), 'aethel-metamath-'))
  try {
    writeFileSync(join(folder, 'm.mm'), database)
    return judgeFile('m.mm', folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * @param {string} path
 * @param {string} cwd
 * @returns {Judgement}
 */
export function judgeFile(path, cwd) {
  // Wide lines, so that no message is broken; nothing to answer, so no prompts.
  const commands = ['set width 9999', 'set scroll continuous', `read "${path}"`, 'verify proof *', 'exit']
  const { stdout, signal, error } = spawnSync('metamath', commands, {
    cwd,
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const output = stdout?.toString('latin1') ?? ''
  if (error !== undefined || signal !== null) {
    return { errors: [`it ended abnormally: ${signal ?? error?.message}`, output.slice(-300)], failed: new Set(), crashed: true }
  }
  return readOutput(output)
}

/** It also warns, for example of `ZZ`, which it calls obsolete compression and accepts. @param {string} line */
const isError = (line) => line.startsWith('?') && !line.startsWith('?Warning')

/**
 * @param {string} output
 * @returns {Judgement}
 */
function readOutput(output) {
  const [reading = '', verifying] = output.split('MM> verify proof *')
  const errors = reading.split('\n').filter((line) => isError(line))
  if (verifying === undefined) errors.push('it did not come to verifying')
  const failed = new Set()
  for (const line of (verifying ?? '').split('\n')) {
    if (line.startsWith('?Error')) {
      const label = /label "([^"]*)"/.exec(line)?.[1]
      if (label === undefined) errors.push(line)
      else failed.add(label)
    } else if (isError(line)) errors.push(line)
    const unproved = /The following \$p statement\(s\) were not proved: (.*)$/.exec(line)?.[1]
    for (const label of unproved?.split(',') ?? []) failed.add(label.trim())
  }
  return { errors, failed, crashed: false }
}

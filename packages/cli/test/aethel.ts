/** Runs the real program as a process, as a user's shell would. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const BIN: string = fileURLToPath(new URL('../bin/aethel.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function aethel(...args: readonly string[]): Outcome {
  const result = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', timeout: 100_000 })
  return { code: result.status, stdout: result.stdout, stderr: result.stderr }
}

/** The same without blocking this process, for commands that talk to a server in it. */
export function aethelAsync(...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (part) => {
    stdout += part
  })
  child.stderr.on('data', (part) => {
    stderr += part
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

export interface Folder {
  readonly path: string
  file(name: string): string
  remove(): void
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'aethel-cli-test-'))
  return { path, file: (name) => join(path, name), remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** An error is one line on stderr that begins with the program's name. */
export function errorLine(outcome: Outcome): string {
  const lines = outcome.stderr.trimEnd().split('\n')
  if (lines.length !== 1) throw new Error(`expected one line on stderr, got ${lines.length}: ${outcome.stderr}`)
  return lines[0] ?? ''
}

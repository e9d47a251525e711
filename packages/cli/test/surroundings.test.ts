/**
 * Containers and sandboxes that lack what a machine mostly has: a home folder, a name for the user, a place for temporary files, `/proc`, more
 * processes. What can be done without it is done; otherwise one line says what is missing.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { encode, fromHex, hash } from '@aethel/codec'
import { afterAll, describe, expect, it } from 'vitest'
import { randomAccount } from '../src/accounts.js'
import type { NodeStatus } from '../src/answers.js'
import { blobFile } from '../src/blob-upload.js'
import { createClient } from '../src/client.js'
import { createValidatorProcess } from '../src/processes.js'
import { aethel, aethelAsync, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const cnf = `${instances}pigeonhole-3.cnf`
const refutation = `${instances}pigeonhole-3.lrat`
const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))
const folder = temporaryFolder()
afterAll(folder.remove)

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Outcome {
  const result = spawnSync(command, args, { encoding: 'utf8', env, timeout: 60_000 })
  return { code: result.status, stdout: result.stdout, stderr: result.stderr }
}

function expectRefusal(outcome: Outcome, saying: string): void {
  expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining(saying)])
  expect(errorLine(outcome)).not.toContain('should not have happened')
}

describe('no place for temporary files', () => {
  it.each([
    ['dev', ['dev', '--base-port', '0']],
    ['demo', ['demo', '--library', library]],
    ['prove', ['prove', cnf, '-o', folder.file('proof.lrat'), '--solver', process.execPath]],
  ])('%s says so, with exit code 2', (_name, args) => {
    expectRefusal(run(process.execPath, [BIN, ...args], { ...process.env, TMPDIR: folder.file('none') }), 'TMPDIR')
  })
})

/** A user whom the system has no name for, as containers have them. */
const nameless = ['--user', '--map-user=54321', '--map-group=54321']
const isNameless = spawnSync('unshare', [...nameless, 'true'], { stdio: 'ignore' }).status === 0

describe.skipIf(!isNameless)('a user without a name, and no HOME', () => {
  const env = { PATH: process.env['PATH'] }
  it('an account is to be named, and is not looked for', () => {
    expectRefusal(run('unshare', [...nameless, process.execPath, BIN, 'submit', cnf, '--url', 'http://127.0.0.1:1'], env), '--key')
  })

  it.skipIf(existsSync('/usr/share/metamath/databases/set.mm'))('the main job goes on with the bundled library', () => {
    const module = new URL('../dist/demo/library.js', import.meta.url).href
    const script = `const { obtainLibrary } = await import('${module}'); console.log((await obtainLibrary(undefined, console.error)).origin)`
    const outcome = run('unshare', [...nameless, process.execPath, '--input-type=module', '-e', script], env)
    expect(outcome).toMatchObject({ code: 0, stdout: 'bundled: propositional logic\n', stderr: expect.stringContaining('HOME is not set') })
  })
})

const inNamespace = ['--user', '--map-root-user', '--mount']
const hidesProc = 'mount -t tmpfs tmpfs /proc'
const canHideProc = spawnSync('unshare', [...inNamespace, 'sh', '-c', hidesProc], { stdio: 'ignore' }).status === 0

/** A network of one, at a free port. */
function made(name: string): { readonly home: string; readonly url: string } {
  expect(aethel('testnet', '--validators', '1', '--output', folder.file(name), '--base-port', '0').code).toBe(0)
  const home = `${folder.file(name)}/node0`
  const { http } = JSON.parse(readFileSync(`${home}/config.json`, 'utf8')) as { http: { port: number } }
  return { home, url: `http://127.0.0.1:${http.port}` }
}

async function answering(child: ChildProcess, url: string): Promise<NodeStatus> {
  const client = createClient(url)
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt++) {
    const status = await client.status().catch(() => null)
    if (status !== null) return status
    await sleep(50)
  }
  throw new Error('the validator did not answer within 30 s')
}

function posted(url: string, body: Uint8Array, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length }
    const asked = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = ''
      answer.on('data', (part) => {
        text += part
      })
      answer.once('end', () => resolve(text))
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

it.skipIf(!canHideProc)('a validator without /proc checks proofs and answers, though nobody can say how much memory it has', async () => {
  const { home, url } = made('net')
  const script = `${hidesProc} && exec "$0" "$1" start --home "$2" --log-level silent --exit-with-parent`
  const child = spawn('unshare', [...inNamespace, 'sh', '-c', script, process.execPath, BIN, home], { stdio: ['pipe', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (part) => {
    stderr += part
  })
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const { rssBytes } = await answering(child, url)
  expect([stderr, rssBytes]).toEqual(['', 0])
  const key = folder.file('account.json')
  writeFileSync(key, JSON.stringify({ format: 'aethel-account/1', seed: '07'.repeat(32) }))
  const outcome = await aethelAsync('submit', cnf, '--proof', refutation, '--url', url, '--key', key, '--timeout', '40')
  expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining('final') })
  child.stdin.end()
  expect([await exited, stderr]).toEqual([0, ''])
})

const hasLimits = spawnSync('prlimit', ['--nofile=128:128', 'true'], { stdio: 'ignore' }).status === 0

it.skipIf(!hasLimits || !existsSync('/proc/self/limits'))(
  'a validator that may have few files open goes on when clients open all the connections they get: its store begins new logs',
  { timeout: 120_000 },
  async () => {
    const { home, url } = made('few')
    const child = spawn(
      'prlimit',
      ['--nofile=128:128', process.execPath, BIN, 'start', '--home', home, '--log-level', 'silent', '--exit-with-parent'],
      {
        stdio: ['pipe', 'ignore', 'inherit'],
      },
    )
    const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    const { chainId } = await answering(child, url)
    const chain = fromHex(chainId)
    if (!chain.ok) throw new Error(chain.error.message)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const account = randomAccount()
    const finals = async (): Promise<number> => {
      const list = Array.from(
        { length: 250 },
        () => account.transaction(hash(chain.value), { type: 'note', data: new Uint8Array(1_000) }).bytes,
      )
      const body = encode((writer) => writer.list(list, (w, bytes) => w.bytes(bytes)))
      const answer = await posted(`${url}/v1/transactions/batch?wait=final`, body, agent)
      return (JSON.parse(answer) as { results: { status: string }[] }).results.filter(({ status }) => status === 'final').length
    }
    expect(await finals()).toBe(250)
    const sockets = Array.from({ length: 300 }, () => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined))
    await sleep(1_500)
    // Two logs and more.
    for (let nth = 0; nth < 20; nth++) expect(await finals()).toBe(250)
    for (const socket of sockets) socket.destroy()
    agent.destroy()
    child.stdin?.end()
    expect(await exited).toBe(0)
  },
)

it('a validator whose log nobody reads ends when it is told to', { timeout: 120_000 }, async () => {
  const { home, url } = made('unread')
  const child = spawn(process.execPath, [BIN, 'start', '--home', home, '--log-level', 'debug', '--exit-with-parent'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdout?.pause()
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const { chainId } = await answering(child, url)
  const chain = fromHex(chainId)
  if (!chain.ok) throw new Error(chain.error.message)
  const client = createClient(url)
  const account = randomAccount()
  // A line for each block, and more than a pipe holds.
  for (let nth = 0; nth < 500; nth++)
    await client.submit(account.transaction(hash(chain.value), { type: 'note', data: new Uint8Array(1) }).bytes, 'final', 10_000)
  child.kill('SIGTERM')
  expect(await Promise.race([exited, sleep(20_000, 'still there')])).toBe(0)
})

it('a system that has no process to give: the validator is told as stopped, and why', async () => {
  const home = folder.file('home')
  mkdirSync(home)
  const { execPath } = process
  const validator = createValidatorProcess(0, home, 'http://127.0.0.1:1', '')
  process.execPath = folder.file('none')
  try {
    const refused = { code: 'validator-stopped', message: expect.stringContaining('ENOENT') }
    await expect(validator.start()).rejects.toMatchObject(refused)
  } finally {
    process.execPath = execPath
  }
  expect(validator.running).toBe(false)
  await validator.stop()
})

it('a folder is no blob', () => {
  expect(() => blobFile(folder.path, 'a refutation')).toThrow(expect.objectContaining({ code: 'unreadable', exitCode: 2 }))
})

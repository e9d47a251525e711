/**
 * The main job as a process, on the bundled library: all of it holds, and however it is ended it leaves no process and no
 * broken store behind.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { aethel, aethelAsync, BIN, errorLine, temporaryFolder } from './aethel.js'

const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))
const folder = temporaryFolder()
afterAll(folder.remove)

/** In a mount namespace of its own, which takes no privileges on most machines, Debian's package is not installed. */
const inNamespace = ['--user', '--map-root-user', '--mount']
const hide = '{ [ ! -d /usr/share/metamath ] || mount -t tmpfs tmpfs /usr/share/metamath; }'
const canHide = spawnSync('unshare', [...inNamespace, 'sh', '-c', hide], { stdio: 'ignore' }).status === 0

interface Running {
  readonly child: ChildProcess
  /** Of the validators. */
  readonly pids: readonly number[]
}

/** The main job, as far as its validators being up. */
async function startDemo(output: string | null, env = process.env): Promise<Running> {
  const args = [BIN, 'demo', '--library', library, ...(output === null ? [] : ['--output', output])]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (part) => {
    said += part
  })
  for (let attempt = 0; attempt < 600; attempt++) {
    const started = /processes ([\d, ]+),/.exec(said)
    if (started !== null) return { child, pids: (started[1] ?? '').split(', ').map(Number) }
    if (child.exitCode !== null) throw new Error(`the main job ended with code ${child.exitCode}: ${said}`)
    await sleep(50)
  }
  throw new Error(`the validators did not start within 30 s: ${said}`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function allGone(pids: readonly number[]): Promise<boolean> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (!pids.some(isAlive)) return true
    await sleep(50)
  }
  return false
}

/** A validator starts from the store that was left. */
async function startsAgain(output: string): Promise<void> {
  const { validators } = JSON.parse(readFileSync(join(output, 'network.json'), 'utf8'))
  const [first] = validators
  const child = spawn(process.execPath, [BIN, 'start', '--home', join(output, first.home), '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [ready] = await once(child.stdout, 'data')
  expect(JSON.parse(String(ready))).toMatchObject({ index: 0 })
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
}

describe('the main job', () => {
  it('finalises every proof, refuses every false one, survives the loss of its leader, and says so in the report', async () => {
    const report = folder.file('report.json')
    const outcome = await aethelAsync('demo', '--library', library, '--report', report, '--json')
    expect(outcome.stderr).toContain('killing the leader')
    expect(outcome.code).toBe(0)
    const written = JSON.parse(readFileSync(report, 'utf8'))
    expect(JSON.parse(outcome.stdout)).toEqual(written)
    expect(Object.keys(written)).toEqual([
      'validators',
      'blocks',
      'finalised',
      'byKind',
      'refused',
      'viewChanges',
      'seconds',
      'theoremsPerSecond',
      'verificationsPerProof',
      'libraryRoot',
      'offlineLibraryRoot',
      'receiptsVerified',
      'identicalChains',
    ])
    const proofs = written.byKind['metamath/1'] + written.byKind['lrat/1']
    expect(written).toMatchObject({ validators: 4, finalised: proofs, receiptsVerified: proofs, identicalChains: true })
    expect(written.byKind['lrat/1']).toBeGreaterThanOrEqual(20)
    expect(written.refused).toBeGreaterThanOrEqual(50)
    expect(written.viewChanges).toBeGreaterThanOrEqual(1)
    expect(written.verificationsPerProof).toBe(1)
    expect(written.libraryRoot).toMatch(/^[0-9a-f]{64}$/)
    expect(written.offlineLibraryRoot).toBe(written.libraryRoot)
  })

  it.skipIf(!existsSync('/dev/full'))(
    'a report that cannot be written is told, and what would be in it is shown all the same',
    async () => {
      const outcome = await aethelAsync('demo', '--library', library, '--theorems', '20', '--report', '/dev/full', '--json')
      expect(outcome.code).toBe(2)
      expect(JSON.parse(outcome.stdout)).toMatchObject({ validators: 4, identicalChains: true })
      expect(outcome.stderr.trimEnd().split('\n').at(-1)).toMatch(/^aethel: .*ENOSPC/)
    },
  )

  it('Ctrl-C leaves no process and no broken store', async () => {
    const output = folder.file('interrupted')
    const { child, pids } = await startDemo(output)
    expect(pids.every(isAlive)).toBe(true)
    await sleep(500)
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    expect(await exited).toEqual([130, null])
    expect(pids.some(isAlive)).toBe(false)
    await startsAgain(output)
  })

  it('Ctrl-C that npm passes on, too, is one: nothing is left', async () => {
    const temporary = folder.file('temporary')
    mkdirSync(temporary)
    const { child } = await startDemo(null, { ...process.env, TMPDIR: temporary })
    const exited = once(child, 'exit')
    // The terminal tells the whole process group; npm tells its child once more where its shell has become that child.
    child.kill('SIGINT')
    await sleep(20)
    child.kill('SIGINT')
    expect(await exited).toEqual([130, null])
    expect(readdirSync(temporary)).toEqual([])
  })

  it.skipIf(!canHide)('interrupted while it downloads set.mm, it leaves neither apt-get nor a part of the download', async () => {
    const fakes = folder.file('fakes')
    mkdirSync(fakes)
    writeFileSync(join(fakes, 'apt-get'), `#!/bin/sh\necho $$ > "${fakes}/pid"\nexec sleep 60\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${fakes}:${process.env['PATH']}`, XDG_CACHE_HOME: folder.file('cache') }
    const child = spawn('unshare', [...inNamespace, 'sh', '-c', `${hide} && exec "$0" "$1" demo`, process.execPath, BIN], {
      env,
      stdio: 'ignore',
    })
    for (let attempt = 0; attempt < 400 && !existsSync(join(fakes, 'pid')); attempt++) await sleep(50)
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    expect(await exited).toEqual([130, null])
    expect(isAlive(Number(readFileSync(join(fakes, 'pid'), 'utf8')))).toBe(false)
    expect(readdirSync(folder.file('cache/aethel'))).toEqual([])
  })

  it.skipIf(!canHide)('on a disk that fills up it ends soon, and says what is the matter', () => {
    const small = folder.file('small')
    mkdirSync(small)
    const script = 'mount -t tmpfs -o size=2m tmpfs "$3" && exec "$0" "$1" demo --library "$2" --output "$3/network"'
    const args = [...inNamespace, 'sh', '-c', script, process.execPath, BIN, library, small]
    const result = spawnSync('unshare', args, { encoding: 'utf8', timeout: 60_000 })
    expect(result.status).toBe(1)
    expect(result.stderr.trimEnd().split('\n').at(-1)).toMatch(/^aethel: .*validator \d.* stopped.*the disk is full/)
  })

  it('a kill -9 of the main job leaves no process either', async () => {
    const output = folder.file('killed')
    const { child, pids } = await startDemo(output)
    await sleep(500)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    expect(await allGone(pids)).toBe(true)
    await startsAgain(output)
  })

  it('bad input is one line and exit code 2, and makes nothing', () => {
    const empty = folder.file('empty.mm')
    writeFileSync(empty, '$c a $.\n')
    const output = folder.file('nothing')
    for (const [args, code] of [
      [['--library', folder.path], 2],
      [['--library', folder.file('nowhere.mm')], 2],
      [['--library', empty], 2],
      [['--library', library, '--theorems', 'none'], 2],
      [['--library', fileURLToPath(import.meta.url)], 3],
    ] as const) {
      const outcome = aethel('demo', ...args, '--output', output)
      expect(outcome.code).toBe(code)
      expect(errorLine(outcome)).toMatch(/^aethel: /)
    }
    expect(existsSync(output)).toBe(false)
  })
})

describe('aethel dev', () => {
  it('ends with the npx that runs it, although the shell between them passes nothing on', async () => {
    const temporary = folder.file('npx')
    mkdirSync(temporary)
    const env = { ...process.env, TMPDIR: temporary, npm_command: 'exec' }
    // Something to do afterwards, or some shells would replace themselves by the program.
    const script = '"$0" "$1" dev --validators 1 --base-port 0; :'
    const shell = spawn('sh', ['-c', script, process.execPath, BIN], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    shell.stderr.on('data', (part) => {
      said += part
    })
    for (let attempt = 0; attempt < 600 && !said.includes('submit with'); attempt++) await sleep(50)
    shell.kill('SIGTERM')
    for (let attempt = 0; attempt < 200 && readdirSync(temporary).length > 0; attempt++) await sleep(50)
    expect(readdirSync(temporary)).toEqual([])
    expect((await aethelAsync('status', '--url', /http:\/\/\S+/.exec(said)?.[0] ?? '')).code).toBe(6)
  })

  it('prints a line per block and stops with all its processes', async () => {
    const output = folder.file('dev')
    const child = spawn(process.execPath, [BIN, 'dev', '--base-port', '0', '--output', output], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    let printed = ''
    child.stderr.on('data', (part) => {
      said += part
    })
    child.stdout.on('data', (part) => {
      printed += part
    })
    for (let attempt = 0; attempt < 600 && !said.includes('submit with'); attempt++) await sleep(50)
    const url = /http:\/\/\S+/.exec(said)?.[0] ?? ''
    const key = folder.file('dev-key.json')
    writeFileSync(key, JSON.stringify({ format: 'aethel-account/1', seed: '09'.repeat(32) }))
    const submitted = await aethelAsync('submit', library, '--label', 'peirce', '--with-dependencies', '--url', url, '--key', key)
    expect(submitted.code).toBe(0)
    for (let attempt = 0; attempt < 200 && !printed.includes('block 1 '); attempt++) await sleep(50)
    expect(printed).toContain('block 1 ')
    const exited = once(child, 'exit')
    child.kill('SIGINT')
    expect(await exited).toEqual([130, null])
    expect(said.trimEnd().split('\n').at(-1)).toBe('stopping')
    const after = await aethelAsync('status', '--url', url)
    expect(after.code).toBe(6)
  })
})

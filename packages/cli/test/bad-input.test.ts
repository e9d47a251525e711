/**
 * Absurd files, homes that are not what they should be, a full disk: the program ends with one line that says what it expected and the
 * right exit code, soon, and without letting a file's bytes command the terminal.
 */
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fromHex, hash } from '@aethel/codec'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomAccount } from '../src/accounts.js'
import { createClient } from '../src/client.js'
import { aethel, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const cnf = `${instances}pigeonhole-3.cnf`
const refutation = `${instances}pigeonhole-3.lrat`
const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))
const folder = temporaryFolder()
afterAll(folder.remove)

/** A length of 4 GB, and little behind it. */
const HUGE = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3)
const NULS = new Uint8Array(16)
/** Clears the screen and rings, if a terminal gets to see it. */
const ESCAPES = Buffer.from('\u001b[2J\u0007{"format": 1')

let home = ''
let url = ''
let otherHome = ''

beforeAll(() => {
  for (const name of ['one', 'other']) {
    expect(aethel('testnet', '--validators', '1', '--output', folder.file(name), '--base-port', '0').code).toBe(0)
  }
  home = `${folder.file('one')}/node0`
  otherHome = `${folder.file('other')}/node0`
  const config = JSON.parse(readFileSync(`${home}/config.json`, 'utf8')) as { http: { port: number } }
  url = `http://127.0.0.1:${config.http.port}`
})

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(folder.file(name), content)
  return folder.file(name)
}

function expectRefusal(outcome: Outcome, code: number): void {
  expect(outcome.code).toBe(code)
  const line = errorLine(outcome)
  expect(line.length).toBeGreaterThan(20)
  expect(line).not.toMatch(/\p{Cc}|should not have happened/u)
}

describe('absurd files', () => {
  it.each<[string, () => string[], number]>([
    ['a formula that announces 4 GB of variables', () => ['check', 'lrat', write('a.cnf', 'p cnf 4294967295 1\n1 0\n'), refutation], 2],
    ['a formula that announces more clauses than it has', () => ['check', 'lrat', write('b.cnf', 'p cnf 3 5\n1 2 0\n'), refutation], 2],
    ['a formula that announces fewer', () => ['check', 'lrat', write('c.cnf', 'p cnf 2 1\n1 2 0\n1 0\n'), refutation], 2],
    ['a formula of NUL bytes', () => ['check', 'lrat', write('d.cnf', NULS), refutation], 2],
    ['a binary refutation with numbers of 2^32', () => ['check', 'lrat', cnf, write('e.lrat', Uint8Array.of(0x61, 2, ...HUGE))], 3],
    ['a database with an unclosed block', () => ['check', 'metamath', write('f.mm', '$c wff $. ${ $v x $.')], 3],
    ['a database of NUL bytes', () => ['check', 'metamath', write('g.mm', NULS)], 3],
    ['a receipt of NUL bytes', () => ['verify', write('h.json', NULS), '--trust', `${folder.file('one')}/trust.json`], 3],
    ['a trust root that is one of escapes', () => ['verify', cnf, '--trust', write('i.json', ESCAPES)], 2],
    ['a fork proof with a length of 4 GB', () => ['fork', write('j.bin', HUGE), '--trust', `${folder.file('one')}/trust.json`], 3],
    ['an unclosed block to submit', () => ['submit', write('k.mm', '$c wff $. ${'), '--label', 'x', '--url', url], 3],
    ['a lying formula to submit', () => ['submit', write('l.cnf', 'p cnf 1 9\n1 0\n'), '--proof', refutation, '--url', url], 2],
    ['a library of NUL bytes for a new network', () => ['testnet', '--library', write('m.mm', NULS), '--output', folder.file('none')], 3],
    ['a library of NUL bytes for the main job', () => ['demo', '--library', write('n.mm', NULS)], 3],
    ['distances of escapes', () => ['simulate', '--latency', write('o.json', ESCAPES)], 2],
    ['a transcript of NUL bytes', () => ['simulate', '--transcript', write('p.txt', NULS)], 2],
    ['a transcript that is a directory', () => ['simulate', '--transcript', folder.path], 2],
    ['a trace in no folder', () => ['simulate', '--trace', folder.file('none/trace')], 2],
    ['a trace that is a folder', () => ['simulate', '--trace', folder.path], 2],
    ['seeds beyond 2^53', () => ['simulate', '--seed', '9007199254740991', '--seeds', '5'], 2],
    ['seeds beyond 2^53 for a while', () => ['simulate', '--seed', '9007199254740991', '--minutes', '1'], 2],
    ['a strategy behind a second colon', () => ['simulate', '--byzantine', '1:two-faced:mute', '--duration', '1'], 2],
    ['a trace of a run that has none', () => ['simulate', '--byzantine', '2', '--trace', folder.file('none')], 2],
    ['sampled signatures where they are all ideal', () => ['simulate', '--byzantine', '2', '--signatures', 'sampled'], 2],
    ['a report in no folder', () => ['demo', '--report', folder.file('none/report.json')], 2],
    ['a receipt in no folder', () => ['submit', cnf, '-o', folder.file('none/receipt.json'), '--url', url], 2],
    ['a receipt that is a folder', () => ['submit', cnf, '-o', folder.path, '--url', url], 2],
    ['an output that takes no folders', () => ['testnet', '--output', '/proc/aethel/net'], 2],
    ['an output below a file', () => ['testnet', '--output', `${cnf}/net`], 2],
  ])('%s', (_name, args, code) => {
    expectRefusal(aethel(...args()), code)
    expect(existsSync(folder.file('none'))).toBe(false)
  })
})

it('a command that is told to be run next can be pasted, whatever the paths in it', () => {
  const output = folder.file("it's $HOME now")
  const told = aethel('testnet', '--validators', '1', '--output', output, '--base-port', '0').stdout.split('\n')
  const command = told.find((line) => line.startsWith('aethel start')) ?? ''
  const words = spawnSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' })
    .stdout.trimEnd()
    .split('\n')
  expect(words).toEqual(['aethel', 'start', '--home', `${output}/node0`])
})

describe('homes that are not what they should be', () => {
  const changed = (change: (copy: string) => void): string => {
    const copy = folder.file('changed')
    rmSync(copy, { recursive: true, force: true })
    cpSync(home, copy, { recursive: true })
    change(copy)
    return copy
  }

  it.each<[string, (copy: string) => void]>([
    ['genesis with a length of 4 GB', (copy) => writeFileSync(`${copy}/genesis.bin`, Buffer.concat([Uint8Array.of(0, 1), HUGE]))],
    ['genesis of NUL bytes', (copy) => writeFileSync(`${copy}/genesis.bin`, NULS)],
    ['genesis that is a directory', (copy) => [rmSync(`${copy}/genesis.bin`), mkdirSync(`${copy}/genesis.bin`)]],
    ['genesis of another network', (copy) => cpSync(`${otherHome}/genesis.bin`, `${copy}/genesis.bin`)],
    ['a key of another network', (copy) => cpSync(`${otherHome}/consensus.key`, `${copy}/consensus.key`)],
    ['a key of NUL bytes', (copy) => writeFileSync(`${copy}/consensus.key`, NULS)],
    ['a configuration of escapes', (copy) => writeFileSync(`${copy}/config.json`, ESCAPES)],
    ['a configuration of NUL bytes', (copy) => writeFileSync(`${copy}/config.json`, NULS)],
    ['a library with a length of 4 GB', (copy) => writeFileSync(`${copy}/library-propositional.mm.bin`, HUGE)],
    ['a store that is a file', (copy) => writeFileSync(`${copy}/store`, 'x')],
    ['neither a store nor the mark of a first start', (copy) => rmSync(`${copy}/first-start`)],
  ])('%s: exit code 2', (_name, change) => {
    expectRefusal(aethel('start', '--home', changed(change), '--log-level', 'silent'), 2)
  })
})

it('a network that is there already is not taken for a larger one', () => {
  const outcome = aethel('dev', '--output', folder.file('one'), '--validators', '7')
  expectRefusal(outcome, 2)
  expect(outcome.stderr).toContain('the one that is there has 1')
})

describe('accounts', () => {
  const withConfig = (config: string): Outcome => {
    const env = { ...process.env, XDG_CONFIG_HOME: config }
    const result = spawnSync(process.execPath, [BIN, 'submit', cnf, '--url', 'http://127.0.0.1:1'], { encoding: 'utf8', env })
    return { code: result.status, stdout: result.stdout, stderr: result.stderr }
  }

  it('a configuration folder that cannot be made: exit code 2', () => {
    expectRefusal(withConfig(cnf), 2)
  })

  it('a new account is the one that all commands begun at once use', async () => {
    const config = folder.file('config')
    const env = { ...process.env, XDG_CONFIG_HOME: config }
    const said = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const child = spawn(process.execPath, [BIN, 'submit', cnf, '--url', 'http://127.0.0.1:1'], {
          env,
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        let stderr = ''
        child.stderr.on('data', (part) => {
          stderr += part
        })
        await new Promise((resolve) => child.once('close', resolve))
        return stderr
      }),
    )
    expect(said.filter((stderr) => stderr.includes('made a new account'))).toHaveLength(1)
    expect(readdirSync(`${config}/aethel`)).toEqual(['account.json'])
  })
})

it('a second network at the same ports is refused, the first goes on; when all its validators have ended it says so', {
  timeout: 120_000,
}, async () => {
  const dev = spawn(process.execPath, [BIN, 'dev', '--validators', '1', '--base-port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  const exited = new Promise<number | null>((resolve) => dev.once('close', resolve))
  const up = new Promise<string>((resolve) => {
    dev.stderr.on('data', (part) => {
      stderr += part
      const at = /submit with {2}aethel submit FILE --url (\S+)/.exec(stderr)
      if (at !== null) resolve(at[1] ?? '')
    })
  })
  const first = await up
  const second = aethel('dev', '--validators', '1', '--base-port', String(Number(new URL(first).port) - 1))
  expectRefusal(second, 2)
  expect(second.stderr).toContain('a validator answers there')
  expect(await createClient(first).status()).toMatchObject({ index: 0 })
  const validator = spawnSync('pgrep', ['-P', String(dev.pid)], { encoding: 'utf8' }).stdout.trim()
  process.kill(Number(validator), 'SIGKILL')
  expect(await exited).toBe(1)
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^aethel: .*all have stopped: validator 0: /)
})

describe('output that is not read, or cannot be written', () => {
  it.skipIf(!existsSync('/dev/full'))('a full disk is told, and is no success', () => {
    const result = spawnSync('sh', ['-c', '"$0" "$1" check lrat "$2" "$3" > /dev/full', process.execPath, BIN, cnf, refutation], {
      encoding: 'utf8',
    })
    expect(result.status).toBe(1)
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(result.stderr).toContain('ENOSPC')
  })

  it('a receipt, or the proof beside it, never goes over what was read: not even over a refutation that was not named', () => {
    const [formula, lrat, model] = [
      write('mine.cnf', readFileSync(cnf)),
      write('mine.lrat', readFileSync(refutation)),
      write('r.proof', 'v 1 0\n'),
    ]
    for (const [over, ...args] of [
      [formula, formula, '-o', formula],
      [lrat, formula, '-o', lrat],
      [lrat, formula, '--proof', lrat, '-o', lrat],
      [model, write('one.cnf', 'p cnf 1 1\n1 0\n'), '--model', model, '-o', folder.file('r')],
    ] as const) {
      const before = readFileSync(over)
      const outcome = aethel('submit', ...args, '--url', url)
      expectRefusal(outcome, 2)
      expect(outcome.stderr).toContain('which is read here; name another file with -o')
      expect(readFileSync(over)).toEqual(before)
    }
  })

  it('a network whose blocks nobody reads any more leaves nothing behind', () => {
    const temporary = folder.file('temporary')
    mkdirSync(temporary)
    const env = { ...process.env, TMPDIR: temporary }
    const script = '("$0" "$1" dev --validators 1 --base-port 0; echo "$?" > "$2/code") | true'
    // Its first line comes with the first block, which takes a transaction.
    const child = spawn('sh', ['-c', script, process.execPath, BIN, temporary], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    return new Promise<void>((resolve, reject) => {
      let stderr = ''
      child.stderr.on('data', (part) => {
        const before = stderr
        stderr += part
        const at = /submit with {2}aethel submit FILE --url (\S+)/
        if (at.test(before) || !at.test(stderr)) return
        const client = createClient(at.exec(stderr)?.[1] ?? '')
        client
          .status()
          .then(async ({ chainId }) => {
            const chain = fromHex(chainId)
            if (!chain.ok) throw new Error(chain.error.message)
            const { bytes } = randomAccount().transaction(hash(chain.value), { type: 'note', data: new Uint8Array(1) })
            await client.submit(bytes, 'admitted', 5_000)
          })
          .catch(reject)
      })
      child.once('close', () => {
        try {
          expect(readdirSync(temporary)).toEqual(['code'])
          expect(readFileSync(`${temporary}/code`, 'utf8')).toBe('0\n')
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
  }, 120_000)
})

/** In a mount namespace of its own, which takes no privileges on most machines; elsewhere `npm run chaos` as root fills disks. */
const inNamespace = ['--user', '--map-root-user', '--mount']
const canMount = spawnSync('unshare', [...inNamespace, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status === 0

it.skipIf(!canMount)('a full disk: an output that is there already stays as it is', () => {
  const small = folder.file('small')
  mkdirSync(small)
  const script =
    'mount -t tmpfs -o size=16k tmpfs "$1" && echo old > "$1/out.json" && { head -c 100000 /dev/zero > "$1/filler"; "$2" "$3" prove "$4" --label peirce -o "$1/out.json"; echo "$?"; cat "$1"/out.json*; }'
  const args = [...inNamespace, 'sh', '-c', script, 'sh', small, process.execPath, BIN, library]
  const result = spawnSync('unshare', args, { encoding: 'utf8' })
  expect(result.stdout.trimEnd().split('\n').slice(-2)).toEqual(['2', 'old'])
  expect(result.stderr).toContain('ENOSPC')
})

it.skipIf(!canMount)('a full disk: of a new network nothing is left, and what to do is said', () => {
  const small = folder.file('small-network')
  mkdirSync(small)
  const script =
    'mount -t tmpfs -o size=100k tmpfs "$1" && { "$2" "$3" testnet --output "$1/network" --base-port 0; echo "$?"; ls "$1/network"; }'
  const result = spawnSync('unshare', [...inNamespace, 'sh', '-c', script, 'sh', small, process.execPath, BIN], { encoding: 'utf8' })
  expect(result.stdout).toBe('2\n')
  expect(result.stderr).toMatch(/^aethel: cannot write to \S+: the disk is full; free some space/)
})

it.skipIf(!canMount)(
  'a full disk: the validator says so, in one line, with exit code 1, and the document that it has printed stays the only one',
  async () => {
    const full = folder.file('full')
    cpSync(home, full, { recursive: true })
    mkdirSync(`${full}/store`)
    const script =
      'mount -t tmpfs -o size=256k tmpfs "$1/store" && exec "$2" "$3" start --home "$1" --log-level silent --exit-with-parent --json'
    const child = spawn('unshare', [...inNamespace, 'sh', '-c', script, 'sh', full, process.execPath, BIN], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    child.stdout.on('data', (part) => {
      stdout += part
    })
    let stderr = ''
    child.stderr.on('data', (part) => {
      stderr += part
    })
    const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    let stopped = false
    void exited.then(() => {
      stopped = true
    })
    const client = createClient(url)
    let chainId = await client.status().catch(() => null)
    while (chainId === null && !stopped) {
      await sleep(50)
      chainId = await client.status().catch(() => null)
    }
    const chain = fromHex(chainId?.chainId ?? '')
    if (!chain.ok) throw new Error('the validator did not start')
    const account = randomAccount()
    let final = 0
    while (!stopped && final < 2_000) {
      const { bytes } = account.transaction(hash(chain.value), { type: 'note', data: new Uint8Array(1_000) })
      const outcome = await client.submit(bytes, 'final', 5_000).catch(() => null)
      if (outcome?.status === 'refused') throw new Error(outcome.message)
      if (outcome?.status === 'final') final++
    }
    expect(await exited).toBe(1)
    expect(final).toBeGreaterThan(0)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toContain('the disk is full')
    expect(JSON.parse(stdout)).toMatchObject({ index: 0, http: url })
  },
  120_000,
)

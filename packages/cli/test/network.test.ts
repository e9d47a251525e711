/**
 * The program against a real network of four validator processes: a proof becomes final, its receipt verifies offline, and
 * whatever is wrong (trust, receipt, proof, home, port) is one line and the right exit code.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../src/client.js'
import { aethel, aethelAsync, BIN, errorLine, type Outcome, temporaryFolder } from './aethel.js'

const library = fileURLToPath(new URL('../../proofs/library/propositional.mm', import.meta.url))
const instances = fileURLToPath(new URL('../../proofs/instances/', import.meta.url))
const pratt = fileURLToPath(new URL('../../../examples/verifier-pratt/verifier.js', import.meta.url))
const folder = temporaryFolder()
const running = new Set<ChildProcess>()

interface Network {
  readonly homes: readonly string[]
  readonly urls: readonly string[]
  readonly trustFile: string
}

function makeNetwork(name: string, ...options: readonly string[]): Network {
  const outcome = aethel('testnet', '--validators', '4', '--output', folder.file(name), '--base-port', '0', '--json', ...options)
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(outcome.stdout)
}

async function startValidator(home: string, url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'start', '--home', home, '--exit-with-parent'], { stdio: ['pipe', 'ignore', 'inherit'] })
  running.add(child)
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`a validator stopped with code ${child.exitCode}`)
    const answered = await fetch(`${url}/v1/status`).then(
      (response) => response.ok,
      () => false,
    )
    if (answered) return child
    await sleep(50)
  }
  throw new Error('a validator did not answer within 30 s')
}

async function stopValidator(child: ChildProcess): Promise<void> {
  running.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

/** The first theorems of a database, in order. */
function labelsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(\S+)\s+\$p\s/g)].map((match) => match[1] ?? '')
}

let network: Network
let other: Network

beforeAll(async () => {
  network = makeNetwork('network', '--verifier', pratt)
  other = makeNetwork('other')
  await Promise.all(network.homes.map((home, index) => startValidator(home, network.urls[index] ?? '')))
})

afterAll(async () => {
  await Promise.all([...running].map(stopValidator))
  folder.remove()
})

const common = (): string[] => ['--url', network.urls[1] ?? '', '--key', keyFile()]

function keyFile(): string {
  const file = folder.file('key.json')
  writeFileSync(file, JSON.stringify({ format: 'aethel-account/1', seed: '07'.repeat(32) }))
  return file
}

async function submitted(...args: readonly string[]): Promise<Outcome> {
  return await aethelAsync('submit', ...args, ...common())
}

describe('a proof becomes final and its receipt verifies', () => {
  it('a theorem with what it rests on: submitted, final, verified, checked again', async () => {
    const label = labelsOf(library)[12] ?? ''
    const receipt = folder.file('theorem.json')
    const outcome = await submitted(library, '--label', label, '--with-dependencies', '--wait', 'final', '-o', receipt, '--json')
    expect(outcome.stderr).toBe('')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ name: label, status: 'final', receipt })

    const verified = aethel('verify', receipt, '--trust', network.trustFile, '--json')
    expect(verified.code).toBe(0)
    expect(JSON.parse(verified.stdout)).toMatchObject({ status: 'valid', kind: 'metamath/1', label })
    const again = aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', library)
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('recheck')

    const repeated = await submitted(library, '--label', label, '--wait', 'final', '-o', folder.file('again.json'), '--json')
    expect(repeated.code).toBe(0)
    expect(JSON.parse(repeated.stdout)).toMatchObject({ status: 'duplicate' })
  })

  it('claims are found by what is known of them, and a page says what the submitter said, as such', async () => {
    const cnf = `${instances}pigeonhole-3.cnf`
    const said = ['--title', 'three pigeons', '--toolchain', 'by hand', '--source', cnf]
    expect((await submitted(cnf, '--proof', `${instances}pigeonhole-3.lrat`, ...said, '--json')).code).toBe(0)
    const url = ['--url', network.urls[1] ?? '', '--json']
    const found = async (...args: readonly string[]): Promise<Record<string, unknown>[]> =>
      (JSON.parse((await aethelAsync('claims', ...args, ...url)).stdout) as { claims: Record<string, unknown>[] }).claims
    const [claim] = await found('--source', cnf)
    expect(claim).toMatchObject({ kind: 'lrat/1', label: null })
    for (const filter of [
      ['--kind', 'lrat/1'],
      ['--sender', String(claim?.['sender'])],
      ['--height', String(claim?.['height'])],
    ])
      expect(await found(...filter)).toContainEqual(claim)
    expect(await found('--source', cnf, '--kind', 'metamath/1')).toEqual([])
    expect(await found('--source', '0'.repeat(64))).toEqual([])
    const label = labelsOf(library)[12] ?? ''
    expect(await found('--label', label)).toMatchObject([{ kind: 'metamath/1', label }])
    const all = await found('--limit', '1000')
    const heights = all.map((each) => each['height'] as number)
    expect(heights).toEqual(heights.toSorted((a, b) => b - a))

    const page = JSON.parse((await aethelAsync('claims', String(claim?.['claimId']), ...url)).stdout) as Record<string, unknown>
    expect(page).toMatchObject({
      about: { cnf: { variables: 12, clauses: 22 } },
      metadata: { verified: false, title: 'three pigeons', toolchain: 'by hand' },
      receipt: { format: expect.stringMatching(/receipt/) },
    })
    const shown = (await aethelAsync('claims', String(claim?.['claimId']), '--url', network.urls[1] ?? '')).stdout
    expect(shown).toMatch(/three pigeons.*unverified/)
    const [theorem] = await found('--label', label)
    const theoremPage = JSON.parse((await aethelAsync('claims', String(theorem?.['claimId']), ...url)).stdout) as Record<string, unknown>
    expect(theoremPage).toMatchObject({ about: { assertion: expect.stringMatching(/^\|-/), restsOn: expect.arrayContaining(['mp']) } })
  })

  it('a claim that is final is not proved again: the word is said, the receipt is the one there is', async () => {
    const cnf = `${instances}pigeonhole-3.cnf`
    const receipt = folder.file('second.json')
    const outcome = await submitted(cnf, '--proof', `${instances}pigeonhole-3.lrat`, '-o', receipt)
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toMatch(/final.* already/)
    expect(aethel('verify', receipt, '--trust', network.trustFile).code).toBe(0)
  })

  it('of a claim that another proof has proved, the proof in hand is not put beside the receipt as if it were that one', async () => {
    const cnf = folder.file('refuted.cnf')
    const first = folder.file('refuted.lrat')
    const other = folder.file('refuted-otherwise.lrat')
    const receipt = folder.file('refuted.json')
    writeFileSync(cnf, 'p cnf 2 4\n1 2 0\n-1 2 0\n1 -2 0\n-1 -2 0\n')
    writeFileSync(first, '5 2 0 1 2 0\n6 0 5 3 4 0\n')
    writeFileSync(other, '5 1 0 1 3 0\n6 0 5 2 4 0\n')
    expect((await submitted(cnf, '--proof', first, '-o', receipt)).stdout).toContain(`with its proof in ${receipt}.proof`)
    const again = await submitted(cnf, '--proof', other, '-o', receipt)
    expect(again.stdout).toContain(`with its proof in ${receipt}.proof; it was proved by another proof than this one`)
    expect(aethel('verify', receipt, '--trust', network.trustFile, '--recheck').code).toBe(0)

    const elsewhere = folder.file('refuted-elsewhere.json')
    writeFileSync(`${elsewhere}.proof`, 'something else')
    const outcome = await submitted(cnf, '--proof', other, '-o', elsewhere, '--json')
    const report = JSON.parse(outcome.stdout)
    expect(report).toMatchObject({ status: 'duplicate', receipt: elsewhere, otherProof: true })
    expect(report).not.toHaveProperty('proof')
    expect(readFileSync(`${elsewhere}.proof`, 'utf8')).toBe('something else')
  })

  it('a refutation: submitted, final, verified, checked again; another refutation is not the one submitted', async () => {
    const receipt = folder.file('refutation.json')
    const cnf = `${instances}pigeonhole-4.cnf`
    const proof = `${instances}pigeonhole-4.lrat`
    expect((await submitted(cnf, '--proof', proof, '-o', receipt)).code).toBe(0)
    expect(aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', proof).code).toBe(0)
    const swapped = aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', `${instances}pigeonhole-5.lrat`)
    expect(swapped.code).toBe(3)
    expect(errorLine(swapped)).toContain('proof-hash')
  })

  it('a proof of a kind from outside: submitted, final, verified, checked again by the module that is named', async () => {
    const claim = folder.file('seven.claim')
    const proof = folder.file('seven.proof')
    const receipt = folder.file('seven.json')
    writeFileSync(claim, Uint8Array.of(7))
    writeFileSync(proof, Buffer.from('020103010200010701030100', 'hex'))
    expect((await submitted(claim, '--kind', 'pratt/1', '--proof', proof, '-o', receipt)).code).toBe(0)
    const again = ['verify', receipt, '--trust', network.trustFile, '--recheck'] as const
    const checked = aethel(...again, '--verifier', pratt)
    expect(checked.code).toBe(0)
    expect(checked.stdout).toMatch(/ok +recheck +.*for the same 5,738 gas/)
    const without = aethel(...again)
    expect(without.code).toBe(2)
    expect(errorLine(without)).toContain('expected --verifier MODULE with --recheck')
    const changed = aethel(...again, '--verifier', pratt, '--proof', claim)
    expect(changed.code).toBe(3)
    for (const module of [claim, folder.file('nothing-there.js')]) {
      const unloaded = aethel(...again, '--verifier', module)
      expect(unloaded.code).toBe(2)
      expect(errorLine(unloaded)).toContain('cannot be loaded')
    }
  })

  it('a model: submitted, final, verified, checked again; a wrong one is refused, and so is a model beside a refutation', async () => {
    const receipt = folder.file('model.json')
    const cnf = folder.file('sat.cnf')
    const model = folder.file('sat.model')
    const wrong = folder.file('wrong.model')
    writeFileSync(cnf, 'p cnf 3 3\n1 -2 0\n2 3 0\n-1 -3 0\n')
    writeFileSync(model, 's SATISFIABLE\nv 1 2 -3 0\n')
    writeFileSync(wrong, 'v 1 2 3 0\n')
    const refused = await submitted(cnf, '--model', wrong, '--json')
    expect(refused.code).toBe(3)
    expect(JSON.parse(refused.stdout)).toMatchObject({ status: 'refused', code: 'false-clause' })
    expect((await submitted(cnf, '--model', model, '-o', receipt)).code).toBe(0)
    const verified = aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', model, '--json')
    expect(verified.code).toBe(0)
    expect(JSON.parse(verified.stdout)).toMatchObject({ status: 'valid', kind: 'sat-model/1' })
    expect(aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', wrong).code).toBe(3)
    expect((await submitted(cnf, '--model', model, '--proof', model)).code).toBe(2)
  })

  it('a QF_BV script: proved, submitted, final, verified, checked again with the proof that submit kept', async () => {
    const receipt = folder.file('script.json')
    const script = folder.file('script.smt2')
    const proof = folder.file('script.lrat')
    writeFileSync(script, '(declare-const x (_ BitVec 8)) (assert (bvult x #x01)) (assert (distinct x (bvneg x))) (check-sat)')
    expect(aethel('prove', script, '--solver', 'builtin', '-o', proof).code).toBe(0)
    const outcome = await submitted(script, '--proof', proof, '--wait', 'final', '-o', receipt)
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toContain(`${receipt}.proof`)
    const again = aethel('verify', receipt, '--trust', network.trustFile, '--recheck')
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('recheck')
    writeFileSync(`${receipt}.proof`, readFileSync(`${instances}pigeonhole-5.lrat`))
    const swapped = aethel('verify', receipt, '--trust', network.trustFile, '--recheck')
    expect(swapped.code).toBe(3)
    expect(errorLine(swapped)).toContain('proof-hash')
  })

  it('a theorem taken out of its database is submitted without it', async () => {
    const bundle = folder.file('theorem.proofs.json')
    const label = labelsOf(library).at(20) ?? '' // the last one is to be missing what it cites, below
    expect(aethel('prove', library, '--label', label, '-o', bundle).code).toBe(0)
    const outcome = await submitted(bundle, '--wait', 'final', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ name: label })
    writeFileSync(bundle, readFileSync(bundle, 'utf8').replace(/"proof": "[0-9a-f]{8}/, '"proof": "ffffffff'))
    const broken = await submitted(bundle)
    expect(broken.code).toBe(2)
  })

  it('a claim that is named twice, or wanted here and cited there, is sent once', async () => {
    const cnf = `${instances}grid-parity-3x2.cnf`
    const copy = folder.file('copy.cnf')
    copyFileSync(cnf, copy)
    copyFileSync(`${instances}grid-parity-3x2.lrat`, folder.file('copy.lrat'))
    const outcome = await submitted(cnf, copy, '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ name: cnf, status: 'final' })
    const bundles = ['peirce', 'id'].map((label) => {
      const bundle = folder.file(`${label}.proofs.json`)
      expect(aethel('prove', library, '--label', label, '-o', bundle).code).toBe(0)
      return bundle
    })
    const both = await submitted(...bundles, '--json')
    expect(both.code).toBe(0)
    const names = (JSON.parse(both.stdout) as { name: string }[]).map(({ name }) => name)
    expect(names.toSorted()).toEqual(['id', 'peirce'])
  })

  it('a false proof beside a good one: the good one is final, and so is the next', async () => {
    const files = ['grid-parity-3x3', 'grid-parity-3x4'].map((name) => `${instances}${name}.cnf`)
    const proofs = ['pigeonhole-3', 'grid-parity-3x4'].flatMap((name) => ['--proof', `${instances}${name}.lrat`])
    const outcome = await submitted(...files, ...proofs, '--timeout', '20', '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject([{ status: 'refused' }, { status: 'final' }])
    expect((await submitted(files[0] ?? '', '--timeout', '20')).code).toBe(0)
  })

  it('beside a receipt that goes to no file there is no proof', async () => {
    const outcome = await submitted(`${instances}adder-associativity-4.cnf`, '-o', '/dev/null', '--json')
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(outcome.stdout)).not.toHaveProperty('proof')
    expect(existsSync('/dev/null.proof')).toBe(false)
  })

  it('two commands of one account at once are both final', async () => {
    const names = ['adder-associativity-1', 'adder-associativity-2', 'adder-associativity-3']
    const outcomes = await Promise.all(names.map((name) => submitted(`${instances}${name}.cnf`, '--json')))
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0])
  })

  it('a validator that is restarted while a submission waits is asked again, and then has the receipt; who stays away took it, perhaps', async () => {
    const restarts = makeNetwork('restarts')
    const start = (index: number): Promise<ChildProcess> => startValidator(restarts.homes[index] as string, restarts.urls[index] as string)
    let [first, second] = await Promise.all([start(0), start(1)]) // no quorum yet
    const receipt = folder.file('restarted.json')
    const submission = aethelAsync(
      'submit',
      `${instances}pigeonhole-3.cnf`,
      '--url',
      restarts.urls[0] ?? '',
      '--key',
      keyFile(),
      '-o',
      receipt,
    )
    const isTaken = async (url: string): Promise<boolean> => (await createClient(url).status()).pending === 1
    while (!(await isTaken(restarts.urls[1] as string))) await sleep(50)
    await stopValidator(first)
    await sleep(1_000)
    first = await start(0)
    const others = await Promise.all([start(2), start(3)])
    const outcome = await submission
    expect([outcome.code, outcome.stdout]).toEqual([0, expect.stringContaining('receipt in')])
    expect(outcome.stderr).toMatch(/; trying again$/m)
    expect(await aethelAsync('verify', receipt, '--trust', restarts.trustFile, '--recheck')).toMatchObject({ code: 0 })

    await Promise.all([second, ...others].map(stopValidator))
    const timeout = ['--timeout', '6', '--json']
    const another = aethelAsync('submit', `${instances}pigeonhole-4.cnf`, '--url', restarts.urls[0] ?? '', '--key', keyFile(), ...timeout)
    while (!(await isTaken(restarts.urls[0] as string))) await sleep(50)
    await stopValidator(first)
    const unanswered = await another
    expect([unanswered.code, JSON.parse(unanswered.stdout)]).toEqual([5, expect.objectContaining({ code: 'unanswered' })])
  }, 120_000)

  it('the status of a validator is shown', async () => {
    const outcome = await aethelAsync('status', '--url', network.urls[2] ?? '', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ index: 2, validators: 4 })
  })
})

describe('what is wrong is refused', () => {
  it('a false proof: exit code 3 and the reason', async () => {
    const cnf = `${instances}pigeonhole-5.cnf`
    const outcome = await submitted(cnf, '--proof', `${instances}pigeonhole-3.lrat`, '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'refused' })
  })

  it('a theorem whose citations are not final is not sent: exit code 2, and what to do', async () => {
    const outcome = await submitted(library, '--label', labelsOf(library).at(-1) ?? '')
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('--with-dependencies')
  })

  it('a theorem of a library that the chain does not have is refused before anything is sent, with those it has, whatever it cites', async () => {
    const bundle = folder.file('elsewhere.proofs.json')
    expect(aethel('prove', library, '--label', 'peirce', '--library', 'elsewhere', '-o', bundle).code).toBe(0)
    for (const what of [
      [library, '--label', 'peirce', '--library', 'elsewhere', '--with-dependencies'],
      [library, '--label', labelsOf(library).at(-1) ?? '', '--library', 'elsewhere'],
      [bundle],
    ]) {
      const outcome = await submitted(...what)
      expect([what, outcome.code]).toEqual([what, 2])
      expect(errorLine(outcome)).toContain('to be of a library of this chain, which has "propositional.mm"; got "elsewhere"')
    }
  })

  it('an option that does not go with what is submitted is refused, not passed over', async () => {
    const cnf = `${instances}pigeonhole-5.cnf`
    const bundle = folder.file('elsewhere.proofs.json')
    for (const [option, ...what] of [
      ['--library', cnf, '--library', 'propositional.mm'],
      ['--label', cnf, '--label', 'id'],
      ['--with-dependencies', cnf, '--with-dependencies'],
      ['--proof', library, '--label', 'id', '--proof', cnf],
      ['--model', library, '--label', 'id', '--model', cnf],
      ['--library', bundle, '--library', 'propositional.mm'],
      ['--label', bundle, '--label', 'id'],
      ['--model', cnf, '--kind', 'lrat/1', '--proof', cnf, '--model', cnf],
    ]) {
      const outcome = await submitted(...what)
      expect([what, outcome.code]).toEqual([what, 2])
      expect(errorLine(outcome)).toContain(`expected no ${option} with`)
    }
  })

  it('a receipt under another trust root, a changed receipt, and what is no receipt: exit code 3', () => {
    const receipt = folder.file('theorem.json')
    expect(aethel('verify', receipt, '--trust', other.trustFile).code).toBe(3)
    const changed = folder.file('changed.json')
    const text = readFileSync(receipt, 'utf8')
    const signature = text.lastIndexOf('"certificate"') + 400
    writeFileSync(changed, text.slice(0, signature) + (text[signature] === '0' ? '1' : '0') + text.slice(signature + 1))
    expect(aethel('verify', changed, '--trust', network.trustFile).code).toBe(3)
    const outcome = aethel('verify', library, '--trust', network.trustFile, '--json')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'invalid' })
  })

  it('a trust file that is none, a missing one, a directory: exit code 2', () => {
    const receipt = folder.file('theorem.json')
    for (const trust of [library, receipt, folder.file('nowhere.json'), folder.path]) {
      const outcome = aethel('verify', receipt, '--trust', trust)
      expect(outcome.code).toBe(2)
      expect(errorLine(outcome)).toContain('expected a trust root')
    }
  })

  it('nobody there, or something that is no validator: exit code 6', async () => {
    const server = createServer((socket) => socket.resume().end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const stranger = await aethelAsync('status', '--url', `http://127.0.0.1:${port}`)
    expect(stranger.code).toBe(6)
    expect(errorLine(stranger)).toContain('not an Aethel validator')
    server.close()
    await once(server, 'close')
    const nobody = await aethelAsync('status', '--url', `http://127.0.0.1:${port}`)
    expect(nobody.code).toBe(6)
    expect(errorLine(nobody)).toContain('nothing listens there')
    expect(aethel('status', '--url', 'not a url').code).toBe(2)
  })

  it('a key file that is none: exit code 2', async () => {
    const outcome = await aethelAsync('submit', library, '--label', 'id', '--url', network.urls[0] ?? '', '--key', library)
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain('account key')
  })
})

describe('homes', () => {
  it('a second process on a home that runs is refused, and the first goes on', async () => {
    const outcome = await aethelAsync('start', '--home', network.homes[0] ?? '')
    expect(outcome.code).toBeGreaterThan(0)
    expect(outcome.code).not.toBe(1)
    errorLine(outcome)
    expect((await aethelAsync('status', '--url', network.urls[0] ?? '')).code).toBe(0)
  })

  it('a port in use is named', async () => {
    const port = Number(new URL(other.urls[0] ?? '').port)
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    const outcome = await aethelAsync('start', '--home', other.homes[0] ?? '')
    server.close()
    expect(outcome.code).toBe(2)
    expect(errorLine(outcome)).toContain(String(port))
  })

  it('a home with the genesis of another network is refused', async () => {
    const home = folder.file('mixed')
    cpSync(other.homes[1] ?? '', home, { recursive: true })
    copyFileSync(`${network.homes[1]}/genesis.bin`, `${home}/genesis.bin`)
    const outcome = await aethelAsync('start', '--home', home)
    expect(outcome.code).toBe(2)
    errorLine(outcome)
  })

  it.each([
    ['missing', () => folder.file('nowhere')],
    ['empty', () => instances],
    ['a file', () => library],
  ])('a home that is %s: exit code 2', async (_name, home) => {
    const outcome = await aethelAsync('start', '--home', home())
    expect(outcome.code).toBe(2)
    errorLine(outcome)
  })

  it('a folder with a network is not overwritten', () => {
    const outcome = aethel('testnet', '--validators', '4', '--output', folder.file('network'))
    expect(outcome.code).toBe(2)
    errorLine(outcome)
  })

  it('a validator stops cleanly, and when its parent goes away', async () => {
    const home = other.homes[3] ?? ''
    const child = await startValidator(home, other.urls[3] ?? '')
    running.delete(child)
    const exited = once(child, 'exit')
    child.stdin?.end()
    expect(await exited).toEqual([0, null])
    const second = await startValidator(home, other.urls[3] ?? '')
    running.delete(second)
    const stopped = once(second, 'exit')
    second.kill('SIGTERM')
    expect(await stopped).toEqual([0, null])
  })
})

/**
 * What consensus adds to verification. The load: 90 % theorems of set.mm in the order of the file, 9 % LRAT refutations of up to a megabyte, 1 %
 * conditions on bit vectors; sent as `aethel submit` sends them, proofs above 64 KiB as blobs. The bare cost: four processes check all
 * of it, each once, as a validator's proof thread would, at the same time, on the same cores, and nothing else. Then the same proofs through four
 * validators, from the first submission until all are final: signatures, agreement, durable stores, gossip, and the client that submits
 * them. The figure is the second time over the first, for a first half of the load, in which much of the time goes into compiling what
 * is run for the first time, and for the second half; processor seconds say where the difference is. AETHEL_MIXED_PROOFS sets how many proofs
 * there are together.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fromHex, toHex } from '@aethel/codec'
import {
  claimIdOf,
  cnfToClaim,
  LRAT_KIND,
  multiplierCommutativity,
  pigeonhole,
  pigeonholeCertificate,
  refute,
  toBinaryLrat,
  toDimacs,
} from '@aethel/proofs'
import { interleave, sign, theoremsOf } from '../packages/cli/dist/demo/corpus.js'
import { Follower } from '../packages/cli/dist/demo/follower.js'
import { obtainLibrary } from '../packages/cli/dist/demo/library.js'
import { createSubmitter } from '../packages/cli/dist/demo/submitter.js'
import { definitionOf, libraryNameOf, parseLibrary } from '../packages/cli/dist/metamath-library.js'
import { createNetwork } from '../packages/cli/dist/network.js'
import { startAll, stopAll } from '../packages/cli/dist/processes.js'
import { conditions } from './bvlrat.js'
import { leastPerTransactionMs } from './lib/floors.js'
import { encodeProofs } from './lib/proof-file.js'

const PROOFS = Number(process.env.AETHEL_MIXED_PROOFS ?? 4_000)
const FIRST = Math.floor(PROOFS / 2)
const LRAT_SHARE = 0.09
const BVLRAT_SHARE = 0.01
const VALIDATORS = 4
/** Through the validators, of the bare time. */
const TARGET = 1.3
/** Holes of the pigeonholes whose certificates are 20 kilobytes to 0.9 megabytes long. */
const HOLES = { from: 8, to: 19 }
const MULTIPLIER_BITS = [4, 5]
const CONFLICTS = 400_000
const MOST_PROOF_BYTES = 1 << 20
/** Asking is work, too: at twenty milliseconds it was a fifteenth of what the validators do. */
const POLL_MS = 100
const SETTLE_MS = 6_000
/** Between the halves: the slowest validator comes to rest. */
const PAUSE_MS = 1_500
const STALL_MS = 180_000
/** Of /proc/PID/stat: ticks a second on Linux. */
const TICKS = 100
const BARE = fileURLToPath(new URL('lib/bare-verify.js', import.meta.url))

/** @typedef {import('../packages/cli/dist/demo/corpus.js').Proof} Proof */

/** @type {import('./lib/report.js').Benchmark} */
export const mixed = {
  name: 'mixed',
  description: '90 % Metamath, 9 % LRAT up to 1 MB, 1 % bvlrat: through four validators, against the bare verification',
  run: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aethel-bench-'))
    const { network, proofs } = await prepared(folder)
    const bytes = proofs.reduce((sum, { action }) => sum + action.proof.length, 0)
    try {
      const least = await leastPerTransactionMs(Math.round(bytes / proofs.length), VALIDATORS)
      const bare = await bareCost(network.validators[0].home, proofs, folder)
      const { halves, verifications } = await throughNetwork(network, proofs)
      return [
        { name: 'proofs', value: proofs.length, unit: '' },
        { name: 'certificates, together', value: bytes / 1e6, unit: 'MB' },
        ...figuresOf('first half', bare[0], halves[0]),
        ...figuresOf('second half', bare[1], halves[1]),
        ...leastFigures(least, (bare[1].cpuSeconds * 1000) / (proofs.length - FIRST) / VALIDATORS),
        { name: 'verifications per proof and validator', value: verifications / proofs.length / VALIDATORS, unit: '', target: '1.00' },
      ]
    } finally {
      await stopAll(network.validators)
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** The library parsed is a large heap, which would be marked for each few megabytes that the client sends: it is let go here. @param {string} folder */
async function prepared(folder) {
  const library = await obtainLibrary(undefined, (line) => console.log(`  ${line}`))
  const parsed = parseLibrary(library.bytes, library.path, libraryNameOf(library.path))
  const proofs = load(parsed)
  const network = await createNetwork({
    folder: join(folder, 'network'),
    validators: VALIDATORS,
    basePort: 0,
    libraries: [definitionOf(parsed)],
  })
  return { network, proofs }
}

/**
 * What the target leaves for each proof and validator, and what of it is spent by what nobody can leave out.
 *
 * @param {Awaited<ReturnType<typeof leastPerTransactionMs>>} least
 * @param {number} bareMs
 * @returns {import('./lib/report.js').Figure[]}
 */
function leastFigures(least, bareMs) {
  const per = 'each proof and validator'
  return [
    { name: `${per}, bare check: processor time`, value: bareMs, unit: 'ms' },
    { name: `${per}: left by the target`, value: (TARGET - 1) * bareMs, unit: 'ms' },
    { name: `${per}: one signature check`, value: least.signature, unit: 'ms' },
    { name: `${per}: SHA-256 of a proof's bytes`, value: least.hash, unit: 'ms' },
    { name: `${per}: AES-GCM in, and its share out`, value: least.encryption, unit: 'ms' },
    { name: `${per}: one write`, value: least.write, unit: 'ms' },
    { name: `${per}: these four`, value: least.together, unit: 'ms', floor: { name: 'left', value: (TARGET - 1) * bareMs } },
  ]
}

/**
 * @param {string} part
 * @param {{ wallSeconds: number, cpuSeconds: number }} bare
 * @param {Half} through
 * @returns {import('./lib/report.js').Figure[]}
 */
function figuresOf(part, bare, through) {
  const all = through.mainSeconds + through.otherSeconds
  return [
    { name: `${part}, bare: four processes at once`, value: bare.wallSeconds, unit: 's' },
    {
      name: `${part}, through four validators`,
      value: through.wallSeconds,
      unit: 's',
      floor: { name: 'bare', value: bare.wallSeconds },
      target: `at most ${TARGET} x bare`,
    },
    { name: `${part}, bare: processor time`, value: bare.cpuSeconds, unit: 's' },
    { name: `${part}, validators: processor time`, value: all, unit: 's', floor: { name: 'bare', value: bare.cpuSeconds } },
    { name: `${part}, of it main threads (agreement, ledger, network, store)`, value: through.mainSeconds, unit: 's' },
    { name: `${part}, of it other threads (proofs, files, compiler, collector)`, value: through.otherSeconds, unit: 's' },
    { name: `${part}, the submitting client: processor time`, value: through.clientSeconds, unit: 's' },
  ]
}

/** @param {import('../packages/cli/dist/metamath-library.js').MetamathLibrary} parsed */
function load(parsed) {
  const refutations = Math.round(PROOFS * LRAT_SHARE)
  const scripts = Math.round(PROOFS * BVLRAT_SHARE)
  const theorems = theoremsOf(parsed, PROOFS - refutations - scripts)
  return interleave(theorems, interleave(refutationsOf(refutations), scriptsOf(scripts)))
}

/** As many different claims as wanted: the negations of some variables of a formula make another one, with a proof as long. @param {number} count @returns {Proof[]} */
function refutationsOf(count) {
  /** @type {{ name: string, variables: number, clauses: readonly (readonly number[])[], steps: readonly import('@aethel/proofs').LratStep[] }[]} */
  const bases = []
  for (let holes = HOLES.from; holes <= HOLES.to; holes++)
    bases.push({ ...pigeonhole(holes + 1, holes), steps: pigeonholeCertificate(holes) })
  for (const bits of MULTIPLIER_BITS) {
    const formula = multiplierCommutativity(bits, 'sound')
    const outcome = refute(formula, { conflicts: CONFLICTS })
    if (outcome.status !== 'unsatisfiable') throw new Error(outcome.status)
    bases.push({ ...formula, steps: outcome.steps })
  }
  return Array.from({ length: count }, (_, i) => {
    const base = bases[i % bases.length]
    const mask = Math.floor(i / bases.length)
    const turned = (/** @type {number} */ literal) =>
      ((mask >> (Math.abs(literal) - 1)) & 1) === 1 && Math.abs(literal) <= 30 ? -literal : literal
    const claim = cnfToClaim(toDimacs({ ...base, clauses: base.clauses.map((clause) => clause.map(turned)) }))
    if (!claim.ok) throw new Error(claim.error.message)
    const proof = toBinaryLrat(base.steps.map((step) => ({ ...step, literals: step.literals.map(turned) })))
    if (proof.length > MOST_PROOF_BYTES) throw new Error(`${base.name}: a proof of ${proof.length} bytes`)
    return proofOf(`${base.name} ${mask}`, LRAT_KIND, claim.value, proof)
  })
}

/** Each claim once: the same once more would be refused. @param {number} count @returns {Proof[]} */
function scriptsOf(count) {
  const proofs = new Map(
    conditions()
      .map(({ claim, proof }, i) => proofOf(`condition ${i}`, 'bvlrat/1', claim, proof))
      .map((proof) => [toHex(proof.claimId), proof]),
  )
  if (proofs.size < count)
    throw new Error(`expected at most ${proofs.size} different conditions on bit vectors, got ${count}; ask for fewer proofs`)
  return [...proofs.values()].slice(0, count)
}

/** @param {string} name @param {string} kind @param {Uint8Array} claim @param {Uint8Array} proof @returns {Proof} */
function proofOf(name, kind, claim, proof) {
  return { name, claimId: claimIdOf(kind, claim), action: { type: 'submit-proof', kind, claim, proof, metadata: null } }
}

/**
 * Of each half: until the slowest process is through, and what all have used together.
 *
 * @param {string} home
 * @param {readonly Proof[]} proofs
 * @param {string} folder
 */
async function bareCost(home, proofs, folder) {
  const file = join(folder, 'proofs')
  writeFileSync(file, encodeProofs(proofs.map(({ action }) => action)))
  const processes = Array.from({ length: VALIDATORS }, () => {
    const child = spawn(process.execPath, [BARE, home, file, String(FIRST)], { stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (part) => {
      output += part
    })
    return { child, output: () => output, exited: once(child, 'exit') }
  })
  while (processes.some(({ output }) => output() === '')) {
    if (processes.some(({ child }) => child.exitCode !== null)) throw new Error('a process of the bare verification ended too soon')
    await sleep(POLL_MS)
  }
  for (const { child } of processes) child.stdin.write('go')
  await Promise.all(processes.map(({ exited }) => exited))
  /** @type {{ wallSeconds: number, cpuSeconds: number }[][]} */
  const all = processes.map(({ output }) => JSON.parse(output().split('\n')[1] ?? ''))
  return [0, 1].map((half) => ({
    wallSeconds: Math.max(...all.map((halves) => halves[half].wallSeconds)),
    cpuSeconds: all.reduce((sum, halves) => sum + halves[half].cpuSeconds, 0),
  }))
}

/** @typedef {{ wallSeconds: number, mainSeconds: number, otherSeconds: number, clientSeconds: number }} Half */

/** @param {import('../packages/cli/dist/network.js').LocalNetwork} network @param {readonly Proof[]} proofs */
async function throughNetwork(network, proofs) {
  const { validators } = network
  await startAll(validators)
  const chainId = fromHex(network.chainId)
  if (!chainId.ok) throw new Error(chainId.error.message)
  const items = sign(/** @type {import('@aethel/codec').Hash} */ (chainId.value), proofs)
  // Threads of the pools start after a second without work; the bare processes are not timed while they load, either.
  await sleep(SETTLE_MS)
  const submitter = createSubmitter(validators, items, ({ index }) => follower.isBehind(index))
  const follower = new Follower(validators, {
    committed: (ids) => {
      for (const id of ids) submitter.markFinal(id)
    },
    viewChanged: (view) => console.log(`  view change: now in view ${view}`),
  })
  submitter.holdAfter(0)
  const sending = submitter.run()
  const timed = (/** @type {number} */ count) => timeUntil(count, { validators, submitter, follower, sending })
  const first = await timed(FIRST)
  await Promise.race([sleep(PAUSE_MS), sending])
  const second = await timed(items.length)
  await sending
  const statuses = await follower.statuses()
  return { halves: [first, second], verifications: statuses.reduce((sum, status) => sum + status.verifications.performed, 0) }
}

/**
 * @typedef {object} Run
 * @property {readonly import('../packages/cli/dist/processes.js').ValidatorProcess[]} validators
 * @property {import('../packages/cli/dist/demo/submitter.js').Submitter} submitter
 * @property {Follower} follower
 * @property {Promise<void>} sending
 */

/**
 * Lets everything before position `count` through, until it is final. What cannot be sent ends it at once, with the reason.
 *
 * @param {number} count
 * @param {Run} run
 * @returns {Promise<Half>}
 */
async function timeUntil(count, { validators, submitter, follower, sending }) {
  const before = validators.map(({ pid }) => cpuOf(pid))
  const clientBefore = process.cpuUsage()
  const began = performance.now()
  submitter.holdAfter(count)
  let progress = { count: 0, atMs: began }
  while (submitter.finalCount < count) {
    await Promise.race([sleep(POLL_MS), sending])
    await follower.poll()
    if (submitter.finalCount > progress.count) progress = { count: submitter.finalCount, atMs: performance.now() }
    if (performance.now() - progress.atMs > STALL_MS) throw new Error(`stopped at ${progress.count} of ${count} proofs`)
  }
  const wallSeconds = (performance.now() - began) / 1000
  const client = process.cpuUsage(clientBefore)
  const after = validators.map(({ pid }) => cpuOf(pid))
  const spent = (/** @type {'main' | 'all'} */ which) => after.reduce((sum, cpu, i) => sum + cpu[which] - (before[i]?.[which] ?? 0), 0)
  return {
    wallSeconds,
    mainSeconds: spent('main'),
    otherSeconds: spent('all') - spent('main'),
    clientSeconds: (client.user + client.system) / 1e6,
  }
}

/** Processor seconds of a process and of its first thread. @param {number | undefined} pid */
function cpuOf(pid) {
  const seconds = (/** @type {string} */ file) => {
    const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS
  }
  if (pid === undefined || !readdirSync(`/proc/${pid}/task`).includes(String(pid))) throw new Error('a validator is gone')
  return { all: seconds(`/proc/${pid}/stat`), main: seconds(`/proc/${pid}/task/${pid}/stat`) }
}

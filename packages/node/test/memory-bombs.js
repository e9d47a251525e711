/**
 * Run by proof-garbage.test.ts in a process of its own: a pool of one thread that is given the same hostile refutation again and again, one by
 * one, as a peer could send them; and what came into use meanwhile, beside what the meter counts for one. Prints JSON.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { sha256, signingKey } from '@aethel/crypto'
import { DEFAULT_PARAMETERS, encodeGenesis, genesisKinds } from '@aethel/ledger'
import { claimIdOf, cnfToClaim, createMeter, lratVerifier, runMetered } from '@aethel/proofs'
import { giveHeapRoom } from '../dist/heap-room.js'
import { ProofPool } from '../dist/proof-pool.js'

const REPEATS = 6
const SETTLE_MS = 1_000
const KIND = 'lrat/1'

const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)
const kinds = genesisKinds([KIND])
const parsed = cnfToClaim(utf8('p cnf 2 2\n1 0\n-1 2 0\n'))
if (!kinds.ok || !parsed.ok) throw new Error('no genesis')
const claim = parsed.value
const genesis = encodeGenesis({
  chainName: 'memory',
  genesisTimeMs: 1,
  validators: [{ publicKey: signingKey(sha256(utf8('v'))).publicKey, power: 1n }],
  parameters: DEFAULT_PARAMETERS,
  kinds: kinds.value,
  libraries: [],
})

/** @param {number} from @param {number} count */
const literals = (from, count) => Array.from({ length: count }, (_, i) => from + i).join(' ')
const doubling = Array.from({ length: 19 }, (_, i) => `${3 + i} 1 ${literals(2, 2 ** i)} 0 1 0\n`).join('')
/** @type {readonly { name: string, proof: Uint8Array }[]} */
const BOMBS = [
  { name: 'the largest id', proof: utf8(`${2 ** 30 - 1} 1 0 1 0\n`) },
  { name: 'the largest variable', proof: utf8(`3 1 ${2 ** 28 - 1} 0 1 0\n`) },
  { name: 'one clause of two million literals', proof: utf8(`3 1 ${literals(2, 2_000_000)} 0 1 0\n`) },
  { name: 'clauses that double in length', proof: utf8(doubling) },
]

/** @param {Uint8Array} proof */
function meteredBytes(proof) {
  const verifier = lratVerifier()
  const read = verifier.parseClaim(claim)
  if (!read.ok) throw new Error(read.error.message)
  const meter = createMeter(verifier.limits)
  runMetered(verifier, read.value.claim, proof, { statementOf: () => undefined }, verifier.limits, meter)
  return 4 * meter.memoryWords
}

/** @param {'VmRSS' | 'VmHWM'} name */
const bytesInUse = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

if (process.argv[2] === 'metered') {
  // In a process of its own again: what it takes must not count.
  process.stdout.write(JSON.stringify(BOMBS.map(({ proof }) => meteredBytes(proof))))
  process.exit(0)
}

/** @type {number[]} */
const metered = JSON.parse(execFileSync(process.execPath, [/** @type {string} */ (process.argv[1]), 'metered']).toString())
giveHeapRoom()
let jobs = 0
/** @type {(status: string) => void} */
let answer = (_status) => undefined
const pool = new ProofPool({
  workers: 1,
  setup: { genesis, libraries: [], verifiers: [] },
  onOutcome: (_job, { status }) => answer(status),
  onWorkerLost: (reason) => {
    throw new Error(reason)
  },
})

/** @param {Uint8Array} proof @returns {Promise<string>} */
function statusOf(proof) {
  const work = { key: sha256(utf8(`${jobs++}`)), kind: KIND, claim, proof, claimId: claimIdOf(KIND, claim), cites: [] }
  return new Promise((resolve) => {
    answer = resolve
    pool.run([{ work, cited: [], priority: 'mempool' }])
  })
}

await statusOf(utf8('3 1 0 1 0\n'))
await sleep(SETTLE_MS)
const results = []
for (const [i, { name, proof }] of BOMBS.entries()) {
  writeFileSync('/proc/self/clear_refs', '5')
  const before = bytesInUse('VmRSS')
  const statuses = new Set()
  for (let k = 0; k < REPEATS; k++) statuses.add(await statusOf(proof))
  results.push({ name, statuses: [...statuses], meteredBytes: metered[i], grownBytes: bytesInUse('VmHWM') - before })
}
await pool.close()
process.stdout.write(`${JSON.stringify(results)}\n`)

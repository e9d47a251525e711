/**
 * Memory against the meter: each input of the gas benchmark and each champion of the gas search, and proofs as long as the limits allow, checked
 * in a process of its own. What comes into use beyond what the meter has charged must stay below 64 MiB, whatever the input. Linux only: other systems do
 * not say how much was resident at most.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cnfToClaim } from '@aethel/proofs'
import { readChampions } from '../fuzz/gas.js'
import { GAS_LANGUAGES } from '../fuzz/lib/gas-programs.js'
import { ByteBuilder } from './gas/bytes.js'
import { GAS_KINDS } from './gas/kinds.js'

const TARGET_MIB = 64
const CITING_KIND = 'metamath/1'
const KINDS = [CITING_KIND, 'lrat/1', 'sat-model/1', 'bvlrat/1']
const ONE_CHECK = fileURLToPath(new URL('lib/one-check.js', import.meta.url))
const ONE_LIBRARY_CHECK = fileURLToPath(new URL('lib/one-library-check.js', import.meta.url))

/** @typedef {{ name: string, claim: Uint8Array, proof: Uint8Array }} MemoryInput */

/** @type {import('./lib/report.js').Benchmark} */
export const memory = {
  name: 'memory',
  description: `memory beyond the meter, hostile inputs of ${KINDS.join(', ')}, a process for each`,
  run: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aethel-bench-'))
    try {
      const chosen = process.env.AETHEL_MEMORY_KIND
      if (chosen !== undefined && !KINDS.includes(chosen))
        throw new Error(`expected AETHEL_MEMORY_KIND of ${KINDS.join(', ')}, got ${chosen}`)
      return KINDS.filter((kind) => chosen === undefined || kind === chosen).flatMap((kind) => {
        let worst = { name: '', beyond: Number.NEGATIVE_INFINITY }
        let count = 0
        for (const { name, program } of kind === CITING_KIND ? citingPrograms() : programsOf(kind, folder)) {
          const result = JSON.parse(execFileSync(process.execPath, program).toString())
          // A claim that is refused is never looked at: that would measure nothing.
          if (String(result.outcome).startsWith('claim:')) throw new Error(`${kind}, ${name}: ${result.outcome}`)
          const beyond = result.grownMib - result.meteredMib
          count++
          console.log(
            `  ${kind.padEnd(12)} ${result.grownMib.toFixed(1).padStart(7)} MiB came into use, ${result.meteredMib.toFixed(1).padStart(7)} on the meter  ${name.slice(0, 90)}: ${result.outcome}`,
          )
          if (beyond > worst.beyond) worst = { name, beyond }
        }
        return [
          { name: `${kind}: most beyond the meter, of ${count} inputs`, value: worst.beyond, unit: 'MiB', target: `at most ${TARGET_MIB}` },
        ]
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** Proofs that cite need their library: the process makes both by itself. */
function* citingPrograms() {
  const inputs = GAS_KINDS.find(({ kind }) => kind === CITING_KIND)?.inputs() ?? []
  for (const [i, { name }] of inputs.entries()) {
    if (inputs[i]?.nature === 'hostile') yield { name, program: [ONE_LIBRARY_CHECK, 'input', String(i)] }
  }
  for (const [i, { steps }] of readChampions(CITING_KIND).entries()) {
    yield { name: `champion ${JSON.stringify(steps)}`, program: [ONE_LIBRARY_CHECK, 'champion', String(i)] }
  }
}

/** @param {string} kind @param {string} folder */
function* programsOf(kind, folder) {
  const files = [join(folder, 'claim'), join(folder, 'proof')]
  for (const { name, claim, proof } of inputsOf(kind)) {
    writeFileSync(files[0], claim)
    writeFileSync(files[1], proof)
    yield { name, program: [ONE_CHECK, kind, ...files] }
  }
}

/** @param {string} kind @returns {Generator<MemoryInput>} */
function* inputsOf(kind) {
  for (const { name, prepare } of GAS_KINDS.find((each) => each.kind === kind)?.inputs() ?? []) {
    const { claim, proof } = prepare()
    if (claim !== undefined && proof !== undefined) yield { name, claim, proof }
  }
  const language = GAS_LANGUAGES.find((each) => each.kind === kind)
  if (language !== undefined) {
    for (const { steps } of readChampions(kind)) {
      const { claim, proof } = language.run(steps)
      if (claim !== undefined && proof !== undefined) yield { name: `champion ${JSON.stringify(steps)}`, claim, proof }
    }
  }
  if (kind === 'lrat/1') yield* longProofs()
  if (kind === 'bvlrat/1') yield* longScripts()
}

/** Eight bytes each, of the 4 MiB that a claim may have. */
const UNITS = 500_000

/** As long as a proof may be, and made to allocate. */
function* longProofs() {
  const claim = cnfToClaim(new TextEncoder().encode('p cnf 2 2\n1 0\n-1 2 0\n'))
  if (!claim.ok) throw new Error(claim.error.message)
  const unit = { claim: claim.value }
  const literals = (/** @type {number} */ count) => Array.from({ length: count }, (_, i) => i + 2)
  const built = (/** @type {(proof: ByteBuilder) => void} */ build) => {
    const proof = new ByteBuilder()
    build(proof)
    return proof.take()
  }
  yield { name: 'one clause of 8 million literals', ...unit, proof: built((p) => p.addition(3, [1, ...literals(8_000_000)], [1])) }
  yield { name: 'one step of 16 million hints', ...unit, proof: built((p) => p.addition(3, [1], new Array(16_000_000).fill(1))) }
  yield { name: 'one deletion of 30 million ids', ...unit, proof: built((p) => p.deletion(new Array(30_000_000).fill(7))) }
  yield { name: 'the largest id', ...unit, proof: built((p) => p.addition(2 ** 30 - 1, [1], [1])) }
  yield {
    name: 'ids that double, then the last that there is room for',
    ...unit,
    proof: built((p) => {
      for (let page = 1; page <= 1 << 23; page *= 2) p.addition(32 * page, [1], [1])
      p.addition(32 * ((1 << 24) - 100), [1], [1])
    }),
  }
  yield { name: 'the largest variable', ...unit, proof: built((p) => p.addition(3, [1, 2 ** 28 - 1], [1])) }
  yield {
    name: 'ids 100 thousand apart',
    ...unit,
    proof: built((p) => {
      for (let i = 1; i <= 10_000; i++) p.addition(100_000 * i, [1, 2], [1])
    }),
  }
  yield {
    name: 'four million small clauses',
    ...unit,
    proof: built((p) => {
      for (let i = 0; i < 4_000_000; i++) p.addition(3 + i, [1, 2 + (i & 63)], [1])
    }),
  }
  yield {
    name: 'clauses that double in length',
    ...unit,
    proof: built((p) => {
      for (let i = 0; i < 21; i++) p.addition(3 + i, [1, ...literals(2 ** i)], [1])
    }),
  }
  const wide = cnfToClaim(
    new TextEncoder().encode(`p cnf ${UNITS} ${UNITS}\n${Array.from({ length: UNITS }, (_, i) => `${i + 1} 0\n`).join('')}`),
  )
  if (!wide.ok) throw new Error(wide.error.message)
  yield { name: 'a claim of half a million unit clauses', claim: wide.value, proof: built((p) => p.addition(UNITS + 1, [1], [1])) }
}

function* longScripts() {
  const script = (/** @type {string} */ commands) => new TextEncoder().encode(`(set-logic QF_BV)\n${commands}(check-sat)\n`)
  const none = new TextEncoder().encode('0')
  const x = '(declare-const x (_ BitVec 65536))\n(declare-const y (_ BitVec 65536))\n'
  yield { name: 'sums of 65,536 bits', claim: script(`${x}${'(assert (= x (bvadd x y)))\n'.repeat(300)}`), proof: none }
  yield { name: 'a product of 65,536 bits', claim: script(`${x}(assert (= x (bvmul x y)))\n`), proof: none }
  yield {
    name: 'a division of 4,096 bits',
    claim: script('(declare-const x (_ BitVec 4096))\n(declare-const y (_ BitVec 4096))\n(assert (= x (bvudiv x y)))\n'),
    proof: none,
  }
  yield {
    name: 'a million brackets',
    claim: script(`(declare-const p Bool)\n(assert ${'(not '.repeat(170_000)}p${')'.repeat(170_000)})\n`),
    proof: none,
  }
  const names = Array.from({ length: 39_000 }, (_, k) => `(declare-const b${k.toString(36)} Bool)\n`)
  yield { name: 'constants, a mebibyte of them', claim: script(names.join('')), proof: none }
  const lets = Array.from({ length: 40_000 }, (_, k) => `(let ((v${k.toString(36)} p)) `)
  yield {
    name: 'local names, a mebibyte of them',
    claim: script(`(declare-const p Bool)\n(assert ${lets.join('')}p${')'.repeat(40_000)})\n`),
    proof: none,
  }
}

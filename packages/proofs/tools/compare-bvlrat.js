/**
 * The encoder against independent solvers, on random scripts:
 *
 *     node packages/proofs/tools/compare-bvlrat.js [scripts] [first seed]
 *
 * Each script goes as it is to `z3` and `cvc5`, and as the encoder's CNF to `cadical` (Debian's packages of these names). All
 * three must agree. A model of the CNF, brought back to the script's constants and fixed there, must satisfy the script in the
 * eyes of `z3`; a refutation is elaborated to LRAT and must pass the kernel.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bitsOf, checkBvlrat, cnfToDimacs, elaborateDrat, encodeWithin, parseScript, scriptToClaim } from '../dist/index.js'
import { randomScript } from '../test/bv-generator.js'

const CHUNK = 100
const scripts = Number(process.argv[2] ?? 1_000)
const firstSeed = Number(process.argv[3] ?? 1)
const folder = mkdtempSync(join(tmpdir(), 'aethel-bvlrat-'))

/** Small and narrow, or wide, or deep; multiplication and division where a solver ends soon. */
const SHAPES = [
  { widths: [1, 2, 3, 4], constants: 4, depth: 5, assertions: 3, multiplyUpTo: 4, naryVectors: true },
  { widths: [5, 8], constants: 3, depth: 4, assertions: 3, multiplyUpTo: 8 },
  { widths: [7, 16], constants: 3, depth: 4, assertions: 2, multiplyUpTo: 7 },
  { widths: [1, 32], constants: 4, depth: 4, assertions: 3, multiplyUpTo: 4 },
  { widths: [13, 33, 64], constants: 4, depth: 3, assertions: 3, multiplyUpTo: 4 },
  { widths: [4, 6], constants: 4, depth: 6, assertions: 5, multiplyUpTo: 6 },
]

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.error !== undefined) throw new Error(`${command} cannot be run (${result.error.message}); apt-get install ${command}`)
  return result
}

/** Answers of an SMT solver to many scripts at once. @param {string} command @param {string[]} args @param {readonly string[]} texts */
function answers(command, args, texts) {
  const file = join(folder, 'batch.smt2')
  writeFileSync(file, texts.map((text) => text.replace('(exit)', '')).join('(reset)\n'))
  const { stdout, stderr } = run(command, [...args, file])
  const lines = stdout.split('\n').filter((line) => line !== '' && line !== 'success')
  if (lines.length !== texts.length || lines.some((line) => !/^(sat|unsat|unknown)$/.test(line)))
    throw new Error(`${command}: ${lines.find((line) => !/^(sat|unsat)$/.test(line))} ${stderr}`)
  return lines
}

const count = { sat: 0, unsat: 0, clauses: 0, lratBytes: 0, trivial: 0 }
let done = 0
while (done < scripts) {
  const size = Math.min(CHUNK, scripts - done)
  const texts = Array.from({ length: size }, (_, k) => {
    const seed = firstSeed + done + k
    return randomScript(seed, /** @type {import('../test/bv-generator.js').GeneratorOptions} */ (SHAPES[seed % SHAPES.length]))
  })
  const byZ3 = answers('z3', ['-smt2'], texts)
  const byCvc5 = answers('cvc5', ['--incremental', '--lang=smt2'], texts)
  const withModels = []
  for (const [k, text] of texts.entries()) {
    const where = `seed ${firstSeed + done + k}`
    if (byZ3[k] !== byCvc5[k]) throw new Error(`${where}: z3 says ${byZ3[k]}, cvc5 ${byCvc5[k]}`)
    const claim = scriptToClaim(new TextEncoder().encode(text))
    if (!claim.ok) throw new Error(`${where}: ${claim.error.message}`)
    const script = parseScript(claim.value)
    if (!script.ok) throw new Error(`${where}: ${script.error.message}`)
    const encoded = encodeWithin(script.value)
    if (!encoded.ok) throw new Error(`${where}: ${encoded.error.message}`)
    const { cnf } = encoded.value
    count.clauses += cnf.clauses
    const cnfFile = join(folder, 'script.cnf')
    const dratFile = join(folder, 'script.drat')
    writeFileSync(cnfFile, cnfToDimacs(cnf))
    const { status, stdout } = run('cadical', ['-q', cnfFile, dratFile])
    const found = status === 10 ? 'sat' : status === 20 ? 'unsat' : `exit code ${status}`
    if (found !== byZ3[k]) throw new Error(`${where}: the CNF is ${found}, the script ${byZ3[k]}\n${text}`)
    if (found === 'sat') {
      count.sat++
      const truths = new Set(
        stdout
          .split('\n')
          .filter((line) => line.startsWith('v '))
          .flatMap((line) => line.slice(2).split(' ').map(Number)),
      )
      const fixed = [...script.value.constants].map((constant) => {
        const bits = bitsOf(constant, (variable) => truths.has(variable))
        return constant.sort === 0 ? `(assert (= ${constant.name} ${bits === '1'}))` : `(assert (= ${constant.name} #b${bits}))`
      })
      withModels.push(text.replace('(check-sat)', `${fixed.join('\n')}\n(check-sat)`))
    } else {
      count.unsat++
      if (encoded.value.usedGates === 0) count.trivial++
      const lrat = elaborateDrat(cnf, readFileSync(dratFile))
      if (!lrat.ok) throw new Error(`${where}: ${lrat.error.code}: ${lrat.error.message}`)
      count.lratBytes += lrat.value.lrat.length
      const verdict = checkBvlrat(new TextEncoder().encode(text), lrat.value.lrat)
      if (verdict.status !== 'valid') throw new Error(`${where}: ${verdict.code}: ${verdict.message}`)
    }
  }
  if (withModels.length > 0) {
    answers('z3', ['-smt2'], withModels).forEach((answer, k) => {
      if (answer !== 'sat') throw new Error(`a model does not satisfy its script in z3's eyes:\n${withModels[k]}`)
    })
  }
  done += size
  console.log(`${done} scripts: ${count.sat} satisfiable, ${count.unsat} not (${count.trivial} without a gate), all agree`)
}
rmSync(folder, { recursive: true })
console.log(`${count.clauses} clauses, ${count.lratBytes} bytes of LRAT`)

/**
 * The eight overflow predicates against independent solvers, which do not know them (Debian's z3 4.8 and cvc5 1.0 are older than
 * SMT-LIB 2.7): the solvers get what each says, "the exact result does not fit", written out by wider arithmetic; the encoder gets the predicate.
 *
 *     node packages/proofs/tools/compare-overflow.js [scripts] [first seed]
 *
 * A script bounds its constants by random constants and asks for an overflow, or for none. Its CNF goes to `cadical`, its counterpart to `z3`
 * and `cvc5`; all three must agree.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cnfToDimacs, encodeWithin, parseScript, scriptToClaim } from '../dist/index.js'
import { drawer } from '../test/bv-generator.js'

const scripts = Number(process.argv[2] ?? 800)
const firstSeed = Number(process.argv[3] ?? 1)
const CHUNK = 100
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 13, 16, 32, 64]
/** Products are hard for solvers beyond this. */
const PRODUCTS_UP_TO = 6

/** @param {'zero' | 'sign'} how @param {number} by @param {string} term */
const wider = (how, by, term) => `((_ ${how}_extend ${by}) ${term})`
/** The operation on extended arguments differs from its extended result. @param {'zero' | 'sign'} how @param {number} by @param {string} operator */
const lost = (how, by, operator) =>
  `(distinct (${operator} ${wider(how, by, 'x')} ${wider(how, by, 'y')}) ${wider(how, by, `(${operator} x y)`)})`

/** @type {Readonly<Record<string, (width: number) => string>>} */
const MEANING = {
  bvnego: () => `(distinct (bvneg ${wider('sign', 1, 'x')}) ${wider('sign', 1, '(bvneg x)')})`,
  bvuaddo: () => lost('zero', 1, 'bvadd'),
  bvsaddo: () => lost('sign', 1, 'bvadd'),
  bvusubo: () => lost('zero', 1, 'bvsub'),
  bvssubo: () => lost('sign', 1, 'bvsub'),
  bvumulo: (width) => lost('zero', width, 'bvmul'),
  bvsmulo: (width) => lost('sign', width, 'bvmul'),
  // By zero the quotient is no result that could be too large.
  bvsdivo: (width) => `(and (distinct y (_ bv0 ${width})) ${lost('sign', 1, 'bvsdiv')})`,
}

/** @param {number} seed */
function pair(seed) {
  const below = drawer(seed)
  const names = Object.keys(MEANING)
  const name = /** @type {string} */ (names[seed % names.length])
  const narrow = name === 'bvumulo' || name === 'bvsmulo' || name === 'bvsdivo'
  const widths = WIDTHS.filter((width) => !narrow || width <= PRODUCTS_UP_TO)
  const width = Number(widths[below(widths.length)])
  const word = () => `#b${Array.from({ length: width }, () => below(2)).join('')}`
  const comparisons = ['bvult', 'bvule', 'bvugt', 'bvuge', 'bvslt', 'bvsle', 'bvsgt', 'bvsge', '=']
  const bound = () => `(assert (${comparisons[below(comparisons.length)]} ${below(2) === 0 ? 'x' : 'y'} ${word()}))\n`
  const bounds = Array.from({ length: 1 + below(4) }, bound).join('')
  const wanted = below(2) === 0
  const script = (/** @type {string} */ predicate) =>
    `(set-logic QF_BV)\n(declare-const x (_ BitVec ${width}))\n(declare-const y (_ BitVec ${width}))\n${bounds}(assert ${wanted ? predicate : `(not ${predicate})`})\n(check-sat)\n`
  return {
    name,
    ours: script(name === 'bvnego' ? '(bvnego x)' : `(${name} x y)`),
    theirs: script(/** @type {(width: number) => string} */ (MEANING[name])(width)),
  }
}

/** @param {string} command @param {string[]} args */
function run(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.error !== undefined) throw new Error(`${command} cannot be run (${result.error.message}); apt-get install ${command}`)
  return result
}

const folder = mkdtempSync(join(tmpdir(), 'aethel-overflow-'))
/** @type {Record<string, { sat: number, unsat: number }>} */
const counts = Object.fromEntries(Object.keys(MEANING).map((name) => [name, { sat: 0, unsat: 0 }]))
for (let done = 0; done < scripts; done += CHUNK) {
  const pairs = Array.from({ length: Math.min(CHUNK, scripts - done) }, (_, k) => pair(firstSeed + done + k))
  const batch = join(folder, 'batch.smt2')
  writeFileSync(batch, pairs.map(({ theirs }) => theirs).join('(reset)\n'))
  const answers = [
    ['z3', '-smt2', batch],
    ['cvc5', '--incremental', '--lang=smt2', batch],
  ].map(([command, ...args]) =>
    run(/** @type {string} */ (command), args)
      .stdout.split('\n')
      .filter((line) => line !== ''),
  )
  for (const [k, { name, ours, theirs }] of pairs.entries()) {
    const claim = scriptToClaim(new TextEncoder().encode(ours))
    const script = claim.ok ? parseScript(claim.value) : claim
    const encoded = script.ok ? encodeWithin(script.value) : script
    if (!encoded.ok) throw new Error(`seed ${firstSeed + done + k}: ${encoded.error.message}`)
    const cnf = join(folder, 'script.cnf')
    writeFileSync(cnf, cnfToDimacs(encoded.value.cnf))
    const { status } = run('cadical', ['-q', cnf])
    const found = status === 10 ? 'sat' : status === 20 ? 'unsat' : `exit code ${status}`
    const [byZ3, byCvc5] = answers.map((lines) => lines[k])
    if (found !== byZ3 || found !== byCvc5)
      throw new Error(`seed ${firstSeed + done + k}: z3 says ${byZ3}, cvc5 ${byCvc5}, the CNF is ${found}\n${ours}${theirs}`)
    const count = /** @type {{ sat: number, unsat: number }} */ (counts[name])
    count[found === 'sat' ? 'sat' : 'unsat']++
  }
}
rmSync(folder, { recursive: true })
for (const [name, { sat, unsat }] of Object.entries(counts)) console.log(`${name}: ${sat} satisfiable, ${unsat} not, all agree`)

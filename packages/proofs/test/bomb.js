/** Run by memory.test.ts in a process of its own: a doubling bomb thirty times, and what it took of memory. Prints JSON. */
import { readFileSync } from 'node:fs'
import { encodeCertificate, encodeLetters, LibraryExtractor, METAMATH_LIMITS, metamathVerifier, parseDatabase } from '../dist/index.js'

const REPEATS = 30

/** @param {'VmRSS' | 'VmHWM'} name */
const bytesInUse = (name) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1])

const database = parseDatabase(new Uint8Array(readFileSync(new URL('../library/propositional.mm', import.meta.url))))
if (!database.ok) throw new Error(database.error.message)
const extractor = new LibraryExtractor(database.value, 'bomb')
const library = extractor.library()
const theorem = extractor.theorem('id')
if (!library.ok || !theorem.ok) throw new Error('the library is not what it was')
const position = extractor.entries().axioms.findIndex(({ label }) => label === 'w-imp')
const { claimId } = extractor.entries().axioms[position] ?? { claimId: new Uint8Array(32) }
const steps = [0, 0, 1, -1]
for (let round = 0; round < 23; round++) steps.push(2 + round, 2 + round, 1, -1)
const reference = { kind: 'citation', label: Buffer.from('w-imp'), claimId }
const bomb = encodeCertificate({ references: [reference], disjoint: [], letters: encodeLetters(steps) })
const verifier = metamathVerifier([library.value])
const parsed = verifier.parseClaim(theorem.value.claim)
if (!parsed.ok) throw new Error(parsed.error.message)

const before = bytesInUse('VmRSS')
let words = 0
const codes = new Set()
for (let i = 0; i < REPEATS; i++) {
  let [gas, allocated] = [0, 0]
  const meter = {
    gas: 0,
    charge: (/** @type {number} */ amount) => {
      gas += amount
      if (gas > METAMATH_LIMITS.gas) throw new Error('gas')
    },
    allocate: (/** @type {number} */ amount) => {
      allocated += amount
      if (allocated > METAMATH_LIMITS.memoryWords) throw new Error('memory')
    },
  }
  try {
    verifier.verify(parsed.value.claim, bomb, { statementOf: () => library.value.axioms[position] }, meter)
  } catch (error) {
    codes.add(error instanceof Error ? error.message : String(error))
  }
  words = Math.max(words, allocated)
}
process.stdout.write(`${JSON.stringify({ ends: [...codes], meteredBytes: 4 * words, grownBytes: bytesInUse('VmHWM') - before })}\n`)

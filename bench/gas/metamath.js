/** Inputs of `metamath/1`: the bundled library, and proofs that grow, compare, push, save and cite as much as they can. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
import { readFileSync } from 'node:fs'
import { toHex } from '@aethel/codec'
import {
  encodeCertificate,
  encodeLetters,
  encodeMetamathClaim,
  LibraryExtractor,
  libraryAxioms,
  metamathVerifier,
  parseDatabase,
} from '@aethel/proofs'
import { runOf, runOfAll } from './run.js'

const BUNDLED = new URL('../../packages/proofs/library/propositional.mm', import.meta.url)

const letters = (/** @type {number[]} */ steps) => encodeLetters(steps)
const utf8 = (/** @type {string} */ text) => new TextEncoder().encode(text)
/** @template T @param {{ ok: true, value: T } | { ok: false, error: { message: string } }} result */
function unwrap(result) {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** A database made a library, with what its claims cite. @param {Uint8Array} bytes @param {string} name */
function worldOf(bytes, name) {
  const extractor = new LibraryExtractor(unwrap(parseDatabase(bytes)), name)
  const library = unwrap(extractor.library())
  /** @type {Map<string, Uint8Array>} */
  const statements = new Map()
  /** @type {Map<string, any>} */
  const claimIds = new Map()
  unwrap(libraryAxioms(library)).forEach(({ claimId, label }, i) => {
    statements.set(toHex(claimId), /** @type {Uint8Array} */ (library.axioms[i]))
    claimIds.set(label, claimId)
  })
  const theorems = [...extractor.theorems()].map(unwrap)
  for (const { claimId, claim, label } of theorems) {
    statements.set(toHex(claimId), claim)
    claimIds.set(label, claimId)
  }
  const verifier = metamathVerifier([library])
  const cited = { statementOf: (/** @type {Uint8Array} */ claimId) => statements.get(toHex(claimId)) }
  const cite = (/** @type {string} */ label) => ({
    kind: /** @type {const} */ ('citation'),
    label: utf8(label),
    claimId: claimIds.get(label),
  })
  return { verifier, cited, theorems, cite, name }
}

/** So often has one statement its variable. */
const WIDTH = 1_000
const SMALL = utf8(`
  $c wff set |- ( ) -> A. $.  $v p q r x y z $.
  wp $f wff p $.  wq $f wff q $.  wr $f wff r $.  vx $f set x $.  vy $f set y $.  vz $f set z $.
  wi $a wff ( p -> q ) $.  wal $a wff A. x p $.
  ax1 $a |- ( p -> ( q -> p ) ) $.
  \${ min $e |- p $. maj $e |- ( p -> q ) $. mp $a |- q $. $}
  \${ same.1 $e |- p $. same.2 $e |- p $. same $a |- p $. $}
  \${ $d x p $. ax5 $a |- ( p -> A. x p ) $. $}
  \${ $d x y $. $d x z $. $d y z $. ax7 $a |- ( A. x p -> A. y A. z p ) $. $}
  wide $a wff ( ${'p '.repeat(WIDTH)}) $.
`)

/** A library of a few statements. */
export function smallWorld() {
  return worldOf(SMALL, 'small')
}

/** @param {string} name @param {(world: ReturnType<typeof worldOf>) => { hypotheses: any[], assertion: string, references: any[], disjoint?: number[], steps: number[] }} make */
function hostile(name, make) {
  return {
    name,
    nature: /** @type {const} */ ('hostile'),
    prepare: () => {
      const world = smallWorld()
      const { hypotheses, assertion, references, disjoint = [], steps } = make(world)
      const claim = encodeMetamathClaim({ library: 'small', label: 'bomb', hypotheses, disjoint: [], assertion })
      return runOf(world.verifier, claim, encodeCertificate({ references, disjoint, letters: letters(steps) }), world.cited)
    },
  }
}

const P = { kind: /** @type {const} */ ('floating'), symbols: 'wff p' }
/** Steps: p p wi Z, then each result with itself. @param {number} times @param {number} wi @param {number} saved number of the first saved result */
function doubling(times, wi, saved) {
  const steps = [0, 0, wi, -1]
  for (let i = 0; i < times - 1; i++) steps.push(saved + i, saved + i, wi, -1)
  return steps
}

/** So deep a nesting of implications, as much as a claim may hold. */
const NESTED = 5_000

/** @type {import('./run.js').GasKind} */
export const metamathInputs = {
  kind: 'metamath/1',
  inputs: () => [
    {
      name: 'the bundled library, every theorem',
      nature: 'typical',
      prepare: () => {
        const world = worldOf(new Uint8Array(readFileSync(BUNDLED)), 'propositional')
        return runOfAll(world.theorems.map(({ claim, proof }) => runOf(world.verifier, claim, proof, world.cited)))
      },
    },
    hostile('results doubled until memory holds no more', ({ cite }) => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [cite('wi')],
      steps: doubling(30, 1, 2),
    })),
    hostile('a result that is far too long', ({ cite }) => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [cite('wi'), cite('wide')],
      steps: [...doubling(12, 1, 3), 14, 2],
    })),
    hostile('half a million hypotheses pushed', () => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [],
      steps: new Array(500_000).fill(0),
    })),
    hostile('results of three symbols, one after the other', ({ cite }) => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [cite('wi')],
      steps: new Array(150_000).fill([0, 0, 1]).flat(),
    })),
    hostile('entries of twenty thousand symbols compared and copied', ({ cite }) => ({
      hypotheses: [P, { kind: 'essential', symbols: `|- ${'( p -> '.repeat(NESTED)}p${' )'.repeat(NESTED)}` }],
      assertion: 'wff p',
      references: [cite('wi'), cite('same')],
      steps: [...new Array(NESTED + 1).fill(0), ...new Array(NESTED).fill(2), -1, ...new Array(2_000).fill([4, 1, 1, 3]).flat()],
    })),
    hostile('long entries put into long statements', ({ cite }) => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [cite('wi'), cite('ax1')],
      steps: [...doubling(10, 1, 3), ...new Array(3_000).fill([12, 12, 2]).flat()],
    })),
    hostile('disjoint conditions on long entries', ({ cite }) => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [{ kind: 'dummy', symbol: utf8('x') }, cite('wi'), cite('ax5')],
      disjoint: [0, 1],
      steps: [...doubling(10, 2, 4), ...new Array(5_000).fill([13, 1, 3]).flat()],
    })),
    hostile('a letter that is none, behind half a million', () => ({
      hypotheses: [P],
      assertion: 'wff p',
      references: [],
      steps: [...new Array(500_000).fill(0), 1_000_000],
    })),
    hostile('the smallest proof', () => ({ hypotheses: [P], assertion: 'wff p', references: [], steps: [0] })),
  ],
}

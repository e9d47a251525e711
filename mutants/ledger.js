/** The ledger where it runs: beside others, restarted, far behind, with several proofs of one claim about (docs/simulation.md, "The ledger in it"). */
import { simulation } from './lib/mutant.js'

const LEDGER = 'packages/ledger/src/ledger.ts'
const FINALISED = 'packages/ledger/src/finalised.ts'
const STATE = 'packages/ledger/src/state.ts'
const STORED_STATE = 'packages/ledger/src/stored-state.ts'

const LEDGER_SEEDS = simulation('--application ledger --validators 4')

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const ledger = [
  {
    id: 'claims-of-dropped-blocks',
    traps: ['K5'],
    bug: 'a claim is final for whoever has executed a block that holds it, also if that block was dropped: others refuse what cites it',
    edits: [
      {
        file: FINALISED,
        before: 'if (below !== undefined) this.#lineages.set(child,',
        after:
          'for (const [key, claim] of added) this.#remember(key, { claim, since: this.#first })\n    if (below !== undefined) this.#lineages.set(child,',
      },
    ],
    hunt: LEDGER_SEEDS,
  },
  {
    id: 'claim-twice-in-one-block',
    traps: ['S8', 'B12'],
    bug: 'two transactions of one block may both make the same claim final',
    edits: [
      { file: STATE, before: 'return this.#claims.has(key) || super.isFinalised(key, at)', after: 'return super.isFinalised(key, at)' },
    ],
    hunt: simulation('--application ledger --validators 4 --byzantine 1:invalid-proposer --duration 3 --think 30'),
  },
  {
    id: 'statements-not-written',
    traps: ['K5'],
    bug: 'what the theorems of a block say is not written with it: after a restart the state is another, or none',
    edits: [{ file: STORED_STATE, before: 'puts: [...entries.puts, ...statements.puts].map(', after: 'puts: [...entries.puts].map(' }],
    hunt: LEDGER_SEEDS,
  },
  {
    id: 'restored-without-statements',
    traps: ['K5'],
    bug: 'a state that was read back, or taken over, lacks the statements of its theorems, which are not under its root: what cites them is refused there',
    edits: [
      {
        file: STORED_STATE,
        before: 'statements: genesis.statements.update(statements), libraries',
        after: 'statements: genesis.statements, libraries',
      },
    ],
    hunt: LEDGER_SEEDS,
  },
  {
    id: 'gas-on-record-is-the-limit',
    traps: ['S12'],
    bug: 'the record of a claim says what its sender would have paid, not what its proof cost; all validators agree on it',
    edits: [
      {
        file: LEDGER,
        before: '        gas,\n        height: height(context.height),',
        after: '        gas: transaction.gasLimit,\n        height: height(context.height),',
      },
    ],
    hunt: LEDGER_SEEDS,
  },
  {
    id: 'model-of-all-clauses-but-one',
    traps: ['S13'],
    bug: 'the first clause may be false under a model, at every validator alike: what has none may get one',
    edits: [{ file: 'packages/proofs/src/sat-model/verifier.ts', before: 'if (holds === 0) {', after: 'if (holds === 0 && clause > 1) {' }],
    hunt: LEDGER_SEEDS,
  },
  {
    id: 'exclusive-or-includes-both',
    traps: ['S13'],
    bug: 'the circuit of a script takes exclusive or for or, at every validator and every client alike: scripts that can be satisfied are refuted',
    edits: [
      {
        file: 'packages/proofs/src/bvlrat/encode.ts',
        before: 'three(a ^ 1, b ^ 1, o ^ 1)',
        after: 'three(a ^ 1, b ^ 1, o)',
      },
    ],
    hunt: LEDGER_SEEDS,
  },
]

/** What a block does: verdicts, state, money, records (docs/protocol.md §4 step 5; docs/ledger.md). */
import { simulation, tests } from './lib/mutant.js'

const VALIDATIONS = 'packages/replica/src/validations.ts'
const ADMISSION = 'packages/replica/src/admission.ts'
const CHAIN = 'packages/consensus/src/chain.ts'
const LEDGER = 'packages/ledger/src/ledger.ts'
const METER = 'packages/proofs/src/meter.ts'
const LRAT_VERIFIER = 'packages/proofs/src/lrat/verifier.ts'
const GATES = 'packages/proofs/src/bvlrat/gates.ts'

/** @type {readonly import('./lib/mutant.js').Mutant[]} */
export const execution = [
  {
    id: 'invalid-proof-admitted',
    traps: ['E7'],
    bug: 'a transaction whose proof does not verify enters the mempool',
    edits: [
      {
        file: ADMISSION,
        before: '        return this.#drop(pending, { code: outcome.code, message: outcome.message })\n      case',
        after: '        return this.#admit(pending, outcome.gas)\n      case',
      },
    ],
    hunt: simulation('--validators 4'),
  },
  {
    id: 'verdict-ignored-in-blocks',
    traps: ['E7', 'S13'],
    bug: 'a replica votes for a block whatever the verdict on its proofs is',
    edits: [
      {
        file: VALIDATIONS,
        before: "        if (refuted >= 0) return { status: 'invalid', code: outcome.code, message, refuted }",
        after: '        if (refuted >= 0) validation.gas.set(key, outcome.gas)',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'state-root-not-compared',
    traps: ['K5', 'S8'],
    bug: 'a replica votes for a block whatever state root its header claims',
    edits: [
      {
        file: VALIDATIONS,
        before: 'if (!equalBytes(executed.value.stateRoot, header.stateRoot)) {',
        after: 'if (header.stateRoot.length === 0) {',
      },
    ],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'total-difficulty-not-compared',
    traps: ['S12'],
    bug: 'a leader may claim any total difficulty',
    edits: [{ file: VALIDATIONS, before: 'if (totalDifficulty !== header.totalDifficulty) {', after: 'if (totalDifficulty < 0n) {' }],
    hunt: simulation('--validators 4 --byzantine 1:invalid-proposer'),
  },
  {
    id: 'block-without-limits',
    traps: ['E6'],
    bug: 'a leader may make blocks of any gas',
    edits: [
      {
        file: VALIDATIONS,
        before: 'if (block.header.totalDifficulty > BigInt(limits.gas)) {',
        after: 'if (block.header.totalDifficulty < 0n) {',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'aborted-verification-is-a-verdict',
    traps: ['G4', 'E7'],
    bug: 'a verification that was stopped counts as "invalid", for its sender and for the leader',
    edits: [
      {
        file: VALIDATIONS,
        before: "      case 'aborted':\n        return { status: 'aborted', reason: outcome.reason }",
        after: "      case 'aborted':\n        return { status: 'invalid', code: 'aborted', message: outcome.reason }",
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'asked-again-and-cancelled',
    traps: ['G4'],
    bug: 'a proof that the mempool lets go and a block asks for in the same step is never verified',
    edits: [
      {
        file: 'packages/replica/src/verifications.ts',
        before: "effects.push({ kind: 'cancel-verification', keys: this.#abandoned })",
        after: "effects.push({ kind: 'verify', jobs: this.#jobs.splice(0) }, { kind: 'cancel-verification', keys: this.#abandoned })",
      },
    ],
    hunt: tests('packages/replica/src/verifications.test.ts'),
  },
  {
    id: 'stale-certificate-in-block',
    traps: ['K2', 'S11'],
    bug: 'the certificate inside a block may be of a block that is no ancestor',
    edits: [
      {
        file: CHAIN,
        before: 'return ancestor !== undefined && equalBytes(ancestor, certificate.blockHash)',
        after: 'return ancestor !== undefined',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'nonce-used-twice',
    traps: ['S8', 'B12'],
    bug: 'an account may use a nonce again',
    edits: [{ file: LEDGER, before: '    if (transaction.nonce < nonce)\n', after: '    if (transaction.nonce < 0)\n' }],
    hunt: tests('packages/ledger/src/ledger.test.ts'),
  },
  {
    id: 'committed-is-forgotten-until-told',
    traps: ['B12'],
    bug: 'a transaction sent again while it is being committed is refused for the nonce that it uses itself, and its sender signs another',
    edits: [
      {
        file: 'packages/node/src/http-transactions.ts',
        before: '  return driver.isBeingCommitted(id) ? null : refusedOrUnseen(',
        after: '  return refusedOrUnseen(',
      },
    ],
    hunt: tests('packages/node/src/http-transactions.test.ts'),
  },
  {
    id: 'refusal-tells-of-what-nobody-can-read',
    traps: ['C1'],
    bug: 'who is told that a claim is final already finds no receipt of it, for its block is still being written',
    edits: [
      {
        file: 'packages/node/src/driver.ts',
        before:
          '          this.#finality.told(this.#options.replica.committed.height) // of a claim or a nonce, perhaps, of the newest block\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/driver.test.ts'),
  },
  {
    id: 'nonce-in-a-gap-is-a-rival',
    traps: ['B12'],
    bug: 'a validator that took over a state calls a nonce used by another transaction, and its sender does its work twice',
    edits: [
      {
        file: 'packages/node/src/http-transactions.ts',
        before: "code !== 'nonce-used' || !driver.lacksBlocks",
        after: "code !== ''",
      },
    ],
    hunt: tests('packages/node/src/http-transactions.test.ts'),
  },
  {
    id: 'claim-finalised-twice',
    traps: ['S8', 'B12'],
    bug: 'a claim may be finalised again',
    edits: [
      {
        file: LEDGER,
        before: 'if (this.#axioms.has(transaction.claimKey) || view.isFinalised(transaction.claimKey, claimAt)) {',
        after: 'if (this.#axioms.has(transaction.claimKey)) {',
      },
    ],
    hunt: tests('packages/ledger/src/ledger.test.ts'),
  },
  {
    id: 'gas-limit-not-kept',
    traps: ['S12', 'E6'],
    bug: 'a proof may use more gas than its sender allows',
    edits: [{ file: LEDGER, before: '  if (gas <= transaction.gasLimit) return null\n', after: '  if (gas >= 0) return null\n' }],
    hunt: tests('packages/ledger/src/ledger.test.ts'),
  },
  {
    id: 'gas-beyond-its-limit',
    traps: ['S12'],
    bug: 'an exhausted meter reports what the proof wanted, which differs with the order of work, not the limit',
    edits: [{ file: METER, before: '        gas = limits.gas\n', after: '' }],
    hunt: tests('packages/proofs/src/meter.test.ts'),
  },
  {
    id: 'gas-by-the-clock',
    traps: ['S12'],
    bug: 'what a proof costs depends on when it is checked',
    edits: [{ file: METER, before: '      gas += amount\n', after: '      gas += Math.round(amount * (1 + (performance.now() % 1)))\n' }],
    hunt: tests('packages/proofs/src/meter.test.ts'),
  },
  {
    id: 'gas-in-fractions',
    traps: ['S12'],
    bug: 'half a unit of gas, which no block can hold, is a verdict, and whoever proposes the proof stops at it',
    edits: [{ file: METER, before: 'if (!Number.isSafeInteger(amount) || amount < 0) throw', after: 'if (amount !== amount) throw' }],
    hunt: tests('packages/proofs/src/meter.test.ts'),
  },
  {
    id: 'limit-where-a-piece-ends',
    traps: ['S12'],
    bug: 'how much of a proof beyond its limit is read, and paid for, depends on how it is cut into pieces',
    edits: [{ file: LRAT_VERIFIER, before: 'const within = goesOn ? piece?.subarray(0, left) : piece', after: 'const within = piece' }],
    hunt: tests('packages/proofs/src/lrat/pieces.test.ts'),
  },
  {
    id: 'last-gates-unpaid',
    traps: ['S12'],
    bug: 'a circuit of too many gates is refused before what it owes is on the meter: how much that is depends on how charges are collected',
    edits: [
      { file: GATES, before: '    this.settle()\n    if (this.inputs + room', after: '    if (this.inputs + room' },
      { file: GATES, before: 'SLOTS_PER_GATE * room\n', after: 'SLOTS_PER_GATE * room\n    this.settle()\n' },
    ],
    hunt: tests('packages/proofs/src/bvlrat/verifier.test.ts'),
  },
  {
    id: 'far-places-are-free',
    traps: ['S12'],
    bug: 'a look-up in a table of millions of gates costs what one in a small table costs, and takes forty times as long',
    edits: [{ file: GATES, before: '    if (this.#farPrice > 0) this.#payDistance(slot)\n', after: '' }],
    hunt: tests('packages/proofs/src/bvlrat/verifier.test.ts'),
  },
  {
    id: 'verdict-for-another-proof',
    traps: ['G4'],
    bug: 'a verdict counts for whatever block waits, also if it comes late and the block does not wait for it',
    edits: [
      {
        file: VALIDATIONS,
        before: 'if (this.#underWay.get(name) !== validation || !validation.awaited.delete(key)) continue',
        after: 'validation.awaited.delete(key)\n      if (this.#underWay.get(name) !== validation) continue',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'no-certificate-at-any-height',
    traps: ['K2', 'S11'],
    bug: 'a block may leave out the ancestor certificate at any height: its leader chooses that nobody is rewarded',
    edits: [
      {
        file: CHAIN,
        before: 'return block.header.height <= MAX_CERTIFICATE_AGE\n',
        after: 'return true\n',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'certificate-one-too-old',
    traps: ['K2', 'S11'],
    bug: 'the certificate inside a block may be older by one than what every replica still knows',
    edits: [
      {
        file: CHAIN,
        before: 'if (block.header.height - certificate.height > MAX_CERTIFICATE_AGE) return false',
        after: 'if (block.header.height - certificate.height > MAX_CERTIFICATE_AGE + 1) return false',
      },
    ],
    hunt: tests('packages/consensus/src/normal-case.test.ts'),
  },
  {
    id: 'validators-named-in-mid-epoch',
    traps: ['J1'],
    bug: 'a header in the middle of an epoch may name other validators for the next block',
    edits: [
      {
        file: CHAIN,
        before: 'if (header.height < state.lastHeight && !equalBytes(header.nextValidatorsHash, header.validatorsHash)) {',
        after: 'if (header.height < 0) {',
      },
    ],
    hunt: tests('packages/replica/src/epochs.test.ts'),
  },
  {
    id: 'blocks-of-any-bytes',
    traps: ['E6'],
    bug: 'a block of more bytes than the chain allows is decoded, and voted for',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: 'if (count > limits.transactions || bytes > limits.bytes) {',
        after: 'if (count > limits.transactions) {',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'blobs-of-any-bytes',
    traps: ['E6'],
    bug: 'the blobs of a block may have any number of bytes together: a leader makes everybody fetch gigabytes',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '    if (tooLarge !== null) return tooLarge\n',
        after: '    void tooLarge\n',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'refuted-is-always-the-first',
    traps: ['K1'],
    bug: 'whichever proof of a block is known to be false, its first is named, which may be true: who voted for it gets away',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: 'message: `transaction ${position}: ${verdict.message}`, refuted: position }',
        after: 'message: `transaction ${position}: ${verdict.message}`, refuted: 0 }',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'one-block-per-verdict',
    traps: ['B9'],
    bug: 'of several blocks that wait for the same proof one is told of the verdict: the others wait for ever',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '      this.#underWay.delete(name)\n      conclude(validation.block.hash, result)\n',
        after: '      this.#underWay.delete(name)\n      return conclude(validation.block.hash, result)\n',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'one-block-per-blob',
    traps: ['B9'],
    bug: 'of several blocks that wait for the same blob one is told that it is here',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '      this.#underWay.delete(name)\n      conclude(validation.block.hash, missing ??',
        after: '      this.#underWay.delete(name)\n      return conclude(validation.block.hash, missing ??',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'true-proofs-accuse',
    traps: ['K1'],
    bug: 'evidence of a false proof is good although the proof turns out to be true while it is checked',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '        if (validation.accused.has(key)) return FALSE_ACCUSATION\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'evidence-is-not-waited-for',
    traps: ['K1'],
    bug: 'a vote for a block with evidence of a false proof does not wait for the check of that proof',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '      if (verdict !== undefined) continue\n      validation.awaited.add(keyOf(work.key))\n',
        after: '      if (verdict !== undefined) continue\n',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'abandoned-blocks-stay',
    traps: ['E1'],
    bug: 'a block that consensus has let go is kept until its proofs are checked, and perhaps for ever',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '    this.#underWay.delete(keyOf(hash))\n',
        after: '    void hash\n',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'validations-outlive-their-epoch',
    traps: ['J1'],
    bug: 'blocks that were being validated when their epoch ended are validated in the next',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '    this.#underWay.clear()\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'starved-block-given-up-again',
    traps: ['B10'],
    bug: 'a block whose blobs cannot be had is given up at every tick, also while it is tried again',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: '      this.#underWay.delete(name)\n      const reason',
        after: '      const reason',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'blobs-of-one-block',
    traps: ['E7'],
    bug: 'of the blocks under way only one keeps the blobs that it refers to: those of the others are not fetched any more',
    edits: [
      {
        file: 'packages/replica/src/validations.ts',
        before: 'if (blobsOf(transactions).some((each) => blobKey(each) === blob)) return true\n    return false',
        after: 'return blobsOf(transactions).some((each) => blobKey(each) === blob)\n    return false',
      },
    ],
    hunt: tests('packages/replica/src/validations.test.ts'),
  },
  {
    id: 'more-gas-than-a-block',
    traps: ['E1'],
    bug: 'a proof that takes more gas than any block may have takes its place in the mempool for ever',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'Math.min(pending.transaction.gasLimit, this.#context.block.gas)',
        after: 'pending.transaction.gasLimit',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'larger-than-a-block',
    traps: ['E1'],
    bug: 'a transaction that is larger than any block takes its place in the mempool for ever',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'if (transaction.bytes.length > this.#context.block.bytes) {',
        after: 'if (transaction.bytes.length < 0) {',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'answered-although-let-go',
    traps: ['B10'],
    bug: 'a verdict that comes when a transaction has been let go already is answered to its client again',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: 'if (this.#isOpen(pending)) this.#conclude(pending, outcome)',
        after: 'this.#conclude(pending, outcome)',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'evicted-is-proposed',
    traps: ['B10'],
    bug: 'what was evicted from a full mempool is proposed all the same, and final after its client heard that it is gone',
    edits: [
      {
        file: 'packages/replica/src/admission.ts',
        before: '    this.#context.scheduler.drop(victim)\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/replica.test.ts'),
  },
  {
    id: 'dropped-heir-is-woken',
    traps: ['B12'],
    bug: 'what was dropped while it waited for a citation is proposed when the citation comes',
    edits: [
      {
        file: 'packages/replica/src/scheduler.ts',
        before: '    this.#suspects.delete(item)\n    for (const key of item.transaction.work?.cites ?? []) {',
        after: '    this.#suspects.delete(item)\n    for (const key of ([] as string[])) {',
      },
    ],
    hunt: tests('packages/replica/src/scheduler.test.ts'),
  },
  {
    id: 'stopped-proof-never-run-again',
    traps: ['E7'],
    bug: 'a proof whose check was stopped stays "running": it is not run when it is asked for again, and its block waits for ever',
    edits: [
      {
        file: 'packages/node/src/proof-pool.ts',
        before: '    for (const { key } of unanswered) this.#running.delete(key)\n',
        after: '',
      },
    ],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'no-patience-with-large-blobs',
    traps: ['D9'],
    bug: 'a blob whose check takes longer than a minute is given up, however large it is: its block is never voted for',
    edits: [
      {
        file: 'packages/node/src/proof-pool.ts',
        before: 'return this.#stuckMs * (1 + Math.ceil(bytes / PATIENT_BYTES))',
        after: 'return this.#stuckMs + bytes - bytes',
      },
    ],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'block-runs-a-proof-again',
    traps: ['E1'],
    bug: 'a proof that a block needs while a thread is at it is checked twice',
    edits: [
      {
        file: 'packages/node/src/proof-pool.ts',
        before: 'if (!this.#running.has(key)) this.#queue.add(key, job)',
        after: "if (!this.#running.has(key) || job.priority === 'block') this.#queue.add(key, job)",
      },
    ],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'vote-on-a-lost-blob',
    traps: ['E7'],
    bug: 'a blob that is found damaged while a block that refers to it is checked does not hold up the vote',
    edits: [
      {
        file: 'packages/replica/src/replica.ts',
        before: '    this.#validations.onBlobLost(key, (hash, result) => this.#conclude(hash, result))\n',
        after: '',
      },
    ],
    hunt: tests('packages/replica/src/blobs.test.ts'),
  },
  {
    id: 'rechecked-alone',
    traps: ['S9'],
    bug: 'a theorem checked again stands on others whose proofs are not: its database may say anything of them',
    edits: [{ file: 'packages/cli/src/commands/verify.ts', before: 'of theorems.slice(0, -1)) {', after: 'of theorems.slice(0, 0)) {' }],
    hunt: tests('packages/cli/test/recheck.test.ts'),
  },
  {
    id: 'recheck-believes-the-axioms',
    traps: ['S9'],
    bug: 'of a theorem checked again nobody adds up what it rests on: dishonest validators leave an axiom out',
    edits: [
      { file: 'packages/cli/src/commands/verify.ts', before: 'filter((axiom) => !onRecord.has(axiom))', after: 'filter(() => false)' },
    ],
    hunt: tests('packages/cli/test/recheck.test.ts'),
  },
  {
    id: 'axioms-lost-in-a-union',
    traps: ['K5'],
    bug: 'of 32 axioms that claims rest on the last is lost where they are united',
    edits: [{ file: 'packages/ledger/src/axiom-set.ts', before: '1 << (position & 31)', after: '1 << (position & 30)' }],
    hunt: tests('packages/ledger/src/axiom-set.test.ts'),
  },
  {
    id: 'no-thread-no-validator',
    traps: ['E1'],
    bug: 'a system that gives no more threads ends the validator that wants one to check proofs with',
    edits: [
      {
        file: 'packages/node/src/proof-pool.ts',
        before: '      this.#fillLater()\n      this.#options.onWorkerLost(`no thread',
        after: '      if (error !== null) throw error\n      this.#options.onWorkerLost(`no thread',
      },
    ],
    hunt: tests('packages/node/src/proof-pool.test.ts'),
  },
  {
    id: 'axioms-of-any-library',
    traps: ['S9'],
    bug: 'axioms that a theorem must not rest on are looked for in whatever library it is of, by the same numbers',
    edits: [
      {
        file: 'packages/receipts/src/verify.ts',
        before: 'if (library === null || !equalBytes(library.digest, withoutAxioms.library))',
        after: 'if (library === null)',
      },
    ],
    hunt: tests('packages/receipts/src/vectors.test.ts'),
  },
]

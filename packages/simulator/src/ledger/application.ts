/**
 * The ledger as the application of a run: the one that the node runs, with the real kernels, which check each proof within virtual time.
 * A replica that starts reads its state back from what was written, as a node does. Committed blocks are judged by other means: a ledger that
 * has seen nothing else executes them again, books are kept by hand (books.ts), and receipts are made and checked (receipts.ts).
 */
import { assert, equalBytes, type Hash, keyOf } from '@aethel/codec'
import { type BlobRef, isBoundary, type VerifySignature } from '@aethel/consensus'
import { chainIdOf, createLedger, createRegistry, decodeTransaction, type Genesis, type LedgerState, restoreLedger } from '@aethel/ledger'
import { claimIdOf, runMetered, runStreamed } from '@aethel/proofs'
import type { Application, StateWrites, VerificationJob, VerificationOutcome } from '@aethel/replica'
import type { Author, Commit, Judge, SimulatedApplication, State, StoredState, Verifiers } from '../application.js'
import type { Build, LedgerCode, Running } from '../builds/build.js'
import { incompatible } from '../builds/passage.js'
import type { Coverage } from '../coverage.js'
import type { SimulatedEpochs } from '../epochs.js'
import type { Knobs } from '../knobs.js'
import { randomStream } from '../random.js'
import { type SignatureScheme, verifiersOf } from '../signatures.js'
import { demand } from '../violation.js'
import { LedgerAuthor } from './author.js'
import { Books } from './books.js'
import { freshRegistry, genesisOf, type LedgerGround, must } from './chain.js'
import { Claims } from './claims.js'
import { Governor } from './governor.js'
import { LedgerLiar } from './liar.js'
import { LIBRARY } from './library.js'
import { Pen } from './pen.js'
import { ProofDrawer } from './proofs.js'
import { ReceiptChecks } from './receipts.js'

export interface LedgerApplicationOptions {
  readonly seed: number
  readonly validators: number
  readonly knobs: Knobs
  readonly signatures: SignatureScheme
  readonly epochs: SimulatedEpochs
  isFaulty(node: number): boolean
  readonly coverage: Coverage
  /** What some of the validators run instead; null: there is one build. */
  readonly other: Build | null
}

type Ledger = Application<LedgerState>

export function ledgerChainId(ground: LedgerGround): Hash {
  return chainIdOf(genesisOf(ground))
}

export function createLedgerApplication(options: LedgerApplicationOptions): SimulatedApplication {
  const { signatures } = options
  const genesis = genesisOf(options)
  const chainId = chainIdOf(genesis)
  const registry = freshRegistry(genesis)
  let other: LedgerCode | null = null
  const codeOf = (runs: Running): LedgerCode => {
    if (runs === 'current' || options.other === null) return CURRENT
    other ??= codeFor(options.other, genesis)
    return other
  }
  const newLedger = (): Ledger => createLedger(genesis, registry, { verifySignature: signatures.verify })
  const ledger = newLedger()
  const claims = new Claims(genesis, signatures)
  const pen = new Pen(chainId, signatures)
  const liar = liarOf(options, { claims, pen, ledger })
  return {
    chainId,
    genesis: ledger.initial,
    open: (stored, runs) => openLedger(codeOf(runs), genesis, signatures.verify, stored),
    decode: (bytes) => ledger.decode(bytes),
    createVerifiers: (runs) => createKernels(codeOf(runs), genesis, options.coverage),
    judge: createJudge(options, { genesis, newLedger, claims, liar }),
    liar,
    author: authorOf(options, { chainId, claims, pen }),
    blobIn(transaction) {
      const ref = blobOf(transaction)
      return ref === undefined ? undefined : { ref, content: () => claims.contentOf(ref) ?? new Uint8Array(ref.bytes) }
    },
  }
}

function liarOf({ seed, knobs }: LedgerApplicationOptions, shared: { claims: Claims; pen: Pen; ledger: Ledger }): LedgerLiar {
  const random = randomStream(seed, 'ledger liar')
  const drawer = new ProofDrawer({ random, claims: shared.claims, hasBlobs: knobs.blobs !== null, labels: 'lie' })
  return new LedgerLiar({ ...shared, random, drawer })
}

function authorOf(options: LedgerApplicationOptions, shared: { chainId: Hash; claims: Claims; pen: Pen }): Author {
  const { seed, validators, knobs, epochs, signatures, isFaulty, coverage } = options
  const random = randomStream(seed, 'ledger clients')
  const drawer = new ProofDrawer({ random, claims: shared.claims, hasBlobs: knobs.blobs !== null, labels: 't' })
  const governorRandom = randomStream(seed, 'governor')
  const governor =
    knobs.epochLength === 0
      ? null
      : new Governor({ chainId: shared.chainId, nodes: validators, random: governorRandom, epochs, signatures, isFaulty })
  return new LedgerAuthor({ ...shared, random, drawer, governor, coverage })
}

/** Of this build. */
const CURRENT: LedgerCode = { chainIdOf, createRegistry, restoreLedger, runMetered, runStreamed }

/** It must take the chain's genesis, and call it by the same name. */
function codeFor({ ledger, name }: Build, genesis: Genesis): LedgerCode {
  const registry = ledger.createRegistry(genesis, [LIBRARY])
  if (!registry.ok) throw incompatible(`${name} does not run this chain: ${registry.error.code}, ${registry.error.message}`)
  if (!equalBytes(ledger.chainIdOf(genesis), chainIdOf(genesis))) throw incompatible(`${name} makes another chain of the same genesis`)
  return ledger
}

/** As at the start of a node: from what the store holds, whose root must be that of the newest block. */
function openLedger(
  code: LedgerCode,
  genesis: Genesis,
  verifySignature: VerifySignature,
  { state, writes }: StoredState,
): Application<State> {
  const entries = new Map<string, StateWrites['puts'][number]>()
  for (const { puts, deletes } of writes) {
    for (const put of puts) entries.set(keyOf(put[0]), put)
    for (const path of deletes) entries.delete(keyOf(path))
  }
  const restored = code.restoreLedger(genesis, must(code.createRegistry(genesis, [LIBRARY])), entries.values(), { verifySignature })
  demand('restored-state', restored.ok, () => `what was written is no state: ${restored.ok ? '' : restored.error.message}`)
  const { initial } = restored.value
  if (code !== CURRENT && !equalBytes(initial.stateRoot, (state as LedgerState).entries.root))
    throw incompatible('the other build makes another state root of what the ledger has written')
  demand('restored-state', isSameLedger(initial.state, state as LedgerState), () => 'what was written is another state than was committed')
  return restored.value
}

/** In every part: what the root covers, and what lies beside it. */
function isSameLedger(one: LedgerState, other: LedgerState): boolean {
  if (!equalBytes(one.entries.root, other.entries.root) || !equalBytes(one.statements.root, other.statements.root)) return false
  if (one.libraries.size !== other.libraries.size) return false
  return [...one.libraries].every(([name, library]) => {
    const same = other.libraries.get(name)
    return same !== undefined && same.theorems === library.theorems && equalBytes(same.labels.root, library.labels.root)
  })
}

function blobOf(transaction: Uint8Array): BlobRef | undefined {
  const decoded = decodeTransaction(transaction)
  return decoded.ok && decoded.value.action.type === 'submit-proof' ? decoded.value.action.blob : undefined
}

/** Of one validator: what they remember is from its own checks alone. */
function createKernels({ createRegistry, runMetered, runStreamed }: LedgerCode, genesis: Genesis, coverage: Coverage): Verifiers {
  const { kinds } = must(createRegistry(genesis, [LIBRARY]))
  return {
    verify({ work, cited }: VerificationJob, blob): VerificationOutcome {
      const verifier = kinds.find((each) => each.verifier.kind === work.kind)?.verifier
      const parsed = verifier?.parseClaim(work.claim)
      if (verifier === undefined || parsed?.ok !== true) return { status: 'aborted', reason: 'the ledger lets no such claim through' }
      if (work.blob !== undefined && blob === null) return { status: 'aborted', reason: 'the blob is not whole' }
      const statements = new Map(cited.map(({ key, statement }) => [key, statement]))
      const pieces = blob === null ? [] : [blob]
      const { claim } = parsed.value
      const verdict =
        verifier.streamed !== undefined && work.blob !== undefined
          ? runStreamed(verifier.streamed, claim, { next: () => pieces.shift() })
          : runMetered(verifier, claim, work.proof, { statementOf: (id) => statements.get(keyOf(id)) })
      if (verdict.status === 'valid') return { status: 'valid', gas: verdict.gas }
      coverage.hit(`ledger: invalid ${work.kind}: ${verdict.code}`)
      return verdict
    },
  }
}

interface Bench {
  readonly genesis: Genesis
  /** One that has seen nothing. */
  newLedger(): Ledger
  readonly claims: Claims
  readonly liar: LedgerLiar
}

function createJudge(
  { epochs, signatures, knobs, coverage }: LedgerApplicationOptions,
  { genesis, newLedger, claims, liar }: Bench,
): Judge {
  const validatorsOf = (epoch: number) => epochs.validatorsOf(epoch)
  const gasOf = (transaction: Uint8Array): number => claims.judge(transaction).gas
  const books = new Books({ genesis, validatorsOf, gasOf })
  const trust = { chainId: chainIdOf(genesis), validators: epochs.first.validators, epochLength: knobs.epochLength }
  const receipts = new ReceiptChecks({ trust, ...verifiersOf(signatures), validatorsOf, coverage })
  return {
    isAcceptable: (transaction) => claims.judge(transaction).isGood,
    gasOf,
    execute(before, { block, offences }: Commit) {
      const { height, timestampMs, proposer } = block.header
      const ledger = newLedger()
      const inputs = []
      for (const bytes of block.body.transactions) {
        const decoded = ledger.decode(bytes)
        if (!decoded.ok) return decoded
        inputs.push({ transaction: decoded.value, difficulty: gasOf(bytes) })
      }
      return ledger.execute(before as LedgerState, { height, timestampMs, proposer }, inputs, offences)
    },
    restore({ target, puts }) {
      const { snapshots } = newLedger()
      assert(snapshots !== undefined, 'the ledger hands over its states')
      return snapshots.restore(target.header.stateRoot, puts)
    },
    isSame: (one, other) => isSameLedger(one as LedgerState, other as LedgerState),
    onFirstCommit(block, certificate, after) {
      const state = after as LedgerState
      books.enter(block)
      demand('state-root', equalBytes(books.statementsRoot, state.statements.root), () => 'other statements than were claimed are kept')
      liar.learn(block.header.stateRoot, state)
      if (isBoundary(knobs.epochLength, block.header.height)) receipts.link(block, certificate)
      const claimed = block.body.transactions.flatMap(claimIn).at(-1)
      if (claimed !== undefined) receipts.check(block, certificate, state, claimed)
      for (const bytes of block.body.transactions) coverage.hit(`ledger: final ${nameOf(bytes)}`)
    },
  }
}

function claimIn(transaction: Uint8Array): { readonly id: Hash; readonly bytes: Uint8Array }[] {
  const decoded = decodeTransaction(transaction)
  if (!decoded.ok || decoded.value.action.type !== 'submit-proof') return []
  const { kind, claim } = decoded.value.action
  return [{ id: claimIdOf(kind, claim), bytes: claim }]
}

/** What became final, for coverage. */
function nameOf(transaction: Uint8Array): string {
  const decoded = decodeTransaction(transaction)
  if (!decoded.ok) return 'nothing'
  const { action } = decoded.value
  if (action.type !== 'submit-proof') return action.type
  return action.blob === undefined ? action.kind : `${action.kind} as a blob`
}

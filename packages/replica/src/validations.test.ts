/** What stands between a block and a vote for it: bounds, verdicts, blobs, and that each block which waits is told. */
import { EMPTY_BYTES, epoch, type Hash, height, keyOf, ok, utf8, validatorIndex, view, ZERO_HASH } from '@aethel/codec'
import {
  BLOCK_VERSION,
  type BlobRef,
  type Block,
  blobKey,
  blobRefOf,
  createBlock,
  evidenceRootOf,
  lastCertificateHashOf,
  transactionsRootOf,
  type ValidationResult,
} from '@aethel/consensus'
import { hashTagged } from '@aethel/crypto'
import { describe, expect, it } from 'vitest'
import { CHAIN_ID, validatorSetOf } from '../test/cluster.js'
import type { Accusations } from './accusations.js'
import { type Application, type Transaction, transactionIdOf, type VerificationWork } from './application.js'
import type { ReplicaBlobs } from './blobs.js'
import { Ground } from './ground.js'
import type { BlockLimits, VerificationJob } from './interface.js'
import { Validations, type ValidationsHost } from './validations.js'
import { type Verdict, VerdictCache } from './verdicts.js'
import { Verifications } from './verifications.js'

type State = number
const LIMITS: BlockLimits = { transactions: 4, bytes: 40, gas: 1_000, blobBytes: 100 }
const GAS = 10
const rootOf = (state: State): Hash => hashTagged('test/validations', Uint8Array.of(state))

const blobOf = (name: string, bytes: number): BlobRef => blobRefOf(new Uint8Array(bytes).fill(name.charCodeAt(0)))

function workOf(name: string, blobBytes = 0): VerificationWork {
  const claim = utf8(name)
  const key = hashTagged('test/work', claim)
  const blob = blobBytes === 0 ? {} : { blob: blobOf(name, blobBytes) }
  return { key, kind: 'test/1', claim, proof: EMPTY_BYTES, ...blob, claimId: key, cites: [] }
}

/** `name`, or `name/bytes` of its blob; what is behind `#` tells apart transactions with the same proof. */
function decoded(bytes: Uint8Array): Transaction {
  const [named = ''] = new TextDecoder().decode(bytes).split('#')
  const [name = '', blobBytes = '0'] = named.split('/')
  const id = transactionIdOf(bytes)
  return { id, idKey: keyOf(id), bytes, sender: name, nonce: 0, gasLimit: 1_000, work: workOf(name, Number(blobBytes)) }
}

class Bench {
  readonly state = { decoded: 0, starved: false }
  readonly held = new Set<string>()
  readonly verdicts = new VerdictCache(64)
  readonly #verifications = new Verifications()
  readonly concluded: (readonly [string, ValidationResult])[] = []
  readonly validations: Validations<State>
  /** Proofs that the block's evidence says are false. */
  accused: VerificationWork[] = []
  nextValidators: ReturnType<ValidationsHost<State>['nextValidators']> = null

  constructor() {
    const application: Application<State> = {
      initial: { state: 0, stateRoot: rootOf(0) },
      decode: (bytes) => {
        this.state.decoded++
        return ok(decoded(bytes))
      },
      readiness: () => ({ status: 'ready' }),
      statementOf: () => undefined,
      offenceRefusal: () => null,
      execute: (parent, _context, { length }) => ok({ state: parent + length, stateRoot: rootOf(parent + length) }),
      writes: () => ({ puts: [], deletes: [] }),
    }
    this.validations = new Validations<State>({
      application,
      ground: new Ground(0, { height: height(0), hash: CHAIN_ID, timestampMs: 0 }),
      limits: LIMITS,
      trustCertificates: false,
      verdicts: this.verdicts,
      verifications: this.#verifications,
      accusations: { ofBlock: () => ({ offences: [], accused: this.accused }) } as unknown as Accusations<State>,
      blobs: {
        isHeld: (blob: BlobRef) => this.held.has(blobKey(blob)),
        want: () => true,
        isStarved: () => this.state.starved,
      } as unknown as ReplicaBlobs,
      known: () => undefined,
      pooledGas: () => undefined,
      nextValidators: () => this.nextValidators,
      peerOf: () => null,
      push: () => undefined,
    })
  }

  block(transactions: readonly string[], salt = 0): Block {
    const body = { transactions: transactions.map(utf8), evidence: [], lastCertificate: null }
    const { hash: validatorsHash } = validatorSetOf(4)
    return createBlock(
      {
        version: BLOCK_VERSION,
        chainId: CHAIN_ID,
        epoch: epoch(0),
        height: height(1),
        parent: CHAIN_ID,
        view: view(0),
        proposer: validatorIndex(0),
        timestampMs: 1_000 + salt,
        transactionsRoot: transactionsRootOf(body.transactions),
        evidenceRoot: evidenceRootOf([]),
        lastCertificateHash: lastCertificateHashOf(null),
        stateRoot: rootOf(transactions.length),
        validatorsHash,
        nextValidatorsHash: validatorsHash,
        totalDifficulty: BigInt(GAS * transactions.length),
      },
      body,
    )
  }

  begin(block: Block): ValidationResult | null {
    return this.validations.begin({ kind: 'validate', block, certifiedGas: null })
  }

  readonly #conclude = (hash: Hash, result: ValidationResult): void => {
    this.concluded.push([keyOf(hash), result])
  }

  /** What the workers have been asked for since the last time. */
  asked(): VerificationJob[] {
    const effects: Parameters<Verifications['leave']>[0] = []
    this.#verifications.leave(effects)
    return effects.flatMap((effect) => (effect.kind === 'verify' ? effect.jobs : []))
  }

  verified(work: VerificationWork, verdict: Verdict = { status: 'valid', gas: GAS }): void {
    this.#verifications.end(work.key)
    this.verdicts.set(work.key, verdict)
    this.validations.onVerified(keyOf(work.key), verdict, this.#conclude)
  }

  blobHeld(blob: BlobRef): void {
    this.held.add(blobKey(blob))
    this.validations.onBlobHeld(blobKey(blob), this.#conclude)
  }

  giveUpStarved(): void {
    this.validations.giveUpStarved(this.#conclude)
  }
}

const INVALID: Verdict = { status: 'invalid', code: 'wrong-step', message: 'step 1 does not follow', gas: 1 }
const valid = (...blocks: readonly Block[]) => blocks.map(({ hash }) => [keyOf(hash), { status: 'valid' }])

describe('bounds of a block', () => {
  it('block-limits: more transactions, or more bytes, than a block may have are refused before one is decoded', () => {
    const bench = new Bench()
    expect(bench.begin(bench.block(['a', 'b', 'c', 'd', 'e']))).toMatchObject({ status: 'invalid', code: 'block-limits' })
    expect(bench.begin(bench.block(['a'.padEnd(20, '#'), 'b'.padEnd(21, '#')]))).toMatchObject({ status: 'invalid', code: 'block-limits' })
    expect(bench.state.decoded).toBe(0)
    expect(bench.begin(bench.block(['a'.padEnd(20, '#'), 'b'.padEnd(20, '#')]))).toBeNull()
  })

  it('block-limits: blobs of more bytes together than a block may have are neither fetched nor voted for', () => {
    const bench = new Bench()
    const block = bench.block(['a/50', 'b/51'])
    expect(bench.begin(block)).toMatchObject({ status: 'invalid', code: 'block-limits' })
    expect(bench.validations.refersTo(blobKey(blobOf('a', 50)))).toBe(false)
    expect(bench.begin(bench.block(['a/50', 'b/50']))).toBeNull()
  })
})

describe('verdicts', () => {
  it('two blocks that wait for the same proof are both told, each once', () => {
    const bench = new Bench()
    const blocks = [bench.block(['a']), bench.block(['a', 'b'], 1), bench.block(['a'], 2)] as const
    for (const block of blocks) expect(bench.begin(block)).toBeNull()
    expect(bench.asked().map(({ work }) => work.key)).toEqual([workOf('a').key, workOf('b').key])
    bench.verified(workOf('a'))
    expect(bench.concluded).toEqual(valid(blocks[0], blocks[2]))
    bench.verified(workOf('b'))
    bench.verified(workOf('a'))
    expect(bench.concluded).toEqual(valid(blocks[0], blocks[2], blocks[1]))
  })

  it('names which transaction is refuted, whether the verdict was known before or comes now', () => {
    const bench = new Bench()
    const block = bench.block(['a', 'b'])
    expect(bench.begin(block)).toBeNull()
    bench.verified(workOf('b'), INVALID)
    expect(bench.concluded).toEqual([[keyOf(block.hash), expect.objectContaining({ status: 'invalid', refuted: 1 })]])
    expect(bench.begin(block)).toMatchObject({ status: 'invalid', code: 'wrong-step', refuted: 1 })
  })

  it('a block that was abandoned, or is of an epoch that is over, is told nothing', () => {
    const bench = new Bench()
    const blocks = [bench.block(['a']), bench.block(['a'], 1)] as const
    for (const block of blocks) bench.begin(block)
    bench.validations.abandon(blocks[0].hash)
    bench.verified(workOf('a'))
    expect(bench.concluded).toEqual(valid(blocks[1]))
    bench.begin(bench.block(['b']))
    bench.validations.clear()
    bench.verified(workOf('b'))
    expect(bench.concluded).toEqual(valid(blocks[1]))
  })

  it('the validators that a last block names are those that its execution gives', () => {
    const bench = new Bench()
    bench.verdicts.set(workOf('a').key, { status: 'valid', gas: GAS })
    bench.nextValidators = { validators: { ...validatorSetOf(4), hash: ZERO_HASH }, refusal: null }
    expect(bench.begin(bench.block(['a']))).toMatchObject({ status: 'invalid', code: 'next-validators' })
    bench.nextValidators = { validators: validatorSetOf(4), refusal: null }
    expect(bench.begin(bench.block(['a']))).toEqual({ status: 'valid' })
  })
})

describe('evidence of a false proof in a block', () => {
  it('K1: is judged by what this validator itself finds about the proof, and no vote is given before', () => {
    const bench = new Bench()
    bench.accused = [workOf('x')]
    const block = bench.block([])
    expect(bench.begin(block)).toBeNull()
    expect(bench.asked().map(({ work }) => work.key)).toEqual([workOf('x').key])
    bench.verified(workOf('x'), INVALID)
    expect(bench.concluded).toEqual(valid(block))
  })

  it('K1: is no evidence if the proof verifies', () => {
    const bench = new Bench()
    bench.accused = [workOf('x')]
    const block = bench.block([])
    expect(bench.begin(block)).toBeNull()
    bench.verified(workOf('x'))
    expect(bench.concluded).toEqual([[keyOf(block.hash), expect.objectContaining({ status: 'invalid', code: 'evidence-proof' })]])
    expect(bench.begin(block)).toMatchObject({ status: 'invalid', code: 'evidence-proof' })
  })
})

describe('blobs of blocks', () => {
  const blob = blobOf('a', 50)

  it('every block that waits for a blob is told, once it has all of its blobs', () => {
    const bench = new Bench()
    for (const name of ['a', 'b']) bench.verdicts.set(workOf(name).key, { status: 'valid', gas: GAS })
    const blocks = [bench.block(['a/50']), bench.block(['a/50', 'b/50'], 1), bench.block(['a/50'], 2)] as const
    for (const block of blocks) expect(bench.begin(block)).toBeNull()
    bench.blobHeld(blob)
    expect(bench.concluded).toEqual(valid(blocks[0], blocks[2]))
    bench.blobHeld(blobOf('b', 50))
    expect(bench.concluded).toEqual(valid(blocks[0], blocks[2], blocks[1]))
  })

  it('any block under way keeps the blobs that it refers to, as long as it is under way', () => {
    const bench = new Bench()
    const blocks = [bench.block(['b/50']), bench.block(['a/50'], 1)] as const
    for (const block of blocks) bench.begin(block)
    expect(bench.validations.refersTo(blobKey(blob))).toBe(true)
    bench.validations.abandon(blocks[1].hash)
    expect(bench.validations.refersTo(blobKey(blob))).toBe(false)
  })

  it('a block whose blobs cannot be had is given up once', () => {
    const bench = new Bench()
    const block = bench.block(['a/50'])
    bench.begin(block)
    bench.giveUpStarved()
    expect(bench.concluded).toEqual([])
    bench.state.starved = true
    bench.giveUpStarved()
    bench.giveUpStarved()
    expect(bench.concluded).toEqual([[keyOf(block.hash), expect.objectContaining({ status: 'aborted' })]])
  })
})

import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  type BlsPublicKey,
  type BlsSignature,
  bitmapOf,
  epoch,
  equalBytes,
  type Hash,
  height,
  type PublicKey,
  type Signature,
  utf8,
  validatorIndex,
  view,
  ZERO_HASH,
} from '@aethel/codec'
import {
  BLOCK_VERSION,
  type Block,
  type Certificate,
  createBlock,
  createValidatorSet,
  encodeBlock,
  encodeEvidence,
  equivocationOf,
  evidenceRootOf,
  lastCertificateHashOf,
  type Offence,
  RECENT_HASHES,
  transactionsRootOf,
  type Vote,
} from '@aethel/consensus'
import { sha256 } from '@aethel/crypto'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore, type Store, StoreError, type StoreRecord } from './index.js'
import { damageInLog } from './log-check.js'
import { readManifest } from './manifest.js'

const CHAIN = sha256(utf8('chain'))
const GENESIS = { height: height(0), hash: CHAIN, timestampMs: 1_000 }
const SIGNATURE = new Uint8Array(64).fill(7) as Signature

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'aethel-store-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function blockAt(at: number, parent: Hash, note: string = 'tx'): Block {
  const transactions = [utf8(`${note} ${at}`)]
  const header = {
    version: BLOCK_VERSION,
    chainId: CHAIN,
    epoch: epoch(0),
    height: height(at),
    parent,
    view: view(0),
    proposer: validatorIndex(0),
    timestampMs: 1_000 + at,
    transactionsRoot: transactionsRootOf(transactions),
    evidenceRoot: evidenceRootOf([]),
    lastCertificateHash: lastCertificateHashOf(null),
    stateRoot: ZERO_HASH,
    validatorsHash: ZERO_HASH,
    nextValidatorsHash: ZERO_HASH,
    totalDifficulty: 0n,
  }
  return createBlock(header, { transactions, evidence: [], lastCertificate: null })
}

function certificateOf(block: Block, kind: 'prepare' | 'commit', inView: number = 0): Certificate {
  return {
    kind,
    epoch: epoch(0),
    view: view(inView),
    height: block.header.height,
    blockHash: block.hash,
    scheme: 'ed25519',
    signers: bitmapOf(4, [0, 1, 2]),
    signatures: [SIGNATURE, SIGNATURE, SIGNATURE],
  }
}

function voteFor(block: Block, kind: 'prepare' | 'commit', inView: number = 0): Vote {
  return {
    kind,
    epoch: epoch(0),
    view: view(inView),
    height: block.header.height,
    blockHash: block.hash,
    sender: validatorIndex(0),
    signature: SIGNATURE,
  }
}

function commitOf(block: Block, certificate: Certificate = certificateOf(block, 'commit')): StoreRecord {
  const writes = { puts: [[utf8(`k${block.header.height}`), utf8('v')]] as const, deletes: [utf8(`k${block.header.height - 1}`)] }
  return { kind: 'commit', block, certificate, writes, transactionIds: [sha256(block.body.transactions[0] as Uint8Array)] }
}

const first = blockAt(1, CHAIN)
const second = blockAt(2, first.hash)

async function fresh(path: string = join(directory, 'store')): Promise<Store> {
  const store = await openStore(path, { chainId: CHAIN })
  await store.loadDurable(GENESIS)
  return store
}

/** A store in the middle of height 2 of view 1, one block committed. */
async function filled(path: string): Promise<void> {
  const store = await fresh(path)
  const append = (records: readonly StoreRecord[]): void => store.append(records, () => {})
  append([
    { kind: 'block', block: first },
    { kind: 'vote', vote: voteFor(first, 'prepare') },
  ])
  append([
    { kind: 'highest', certificate: certificateOf(first, 'prepare') },
    { kind: 'vote', vote: voteFor(first, 'commit') },
  ])
  append([commitOf(first)])
  await store.flushed()
  append([{ kind: 'view', view: view(1), phase: 'active', newView: null, viewChange: null }])
  append([
    { kind: 'block', block: second },
    { kind: 'vote', vote: voteFor(second, 'prepare', 1) },
  ])
  await store.flushed()
  append([
    { kind: 'highest', certificate: certificateOf(second, 'prepare', 1) },
    { kind: 'vote', vote: voteFor(second, 'commit', 1) },
  ])
  await store.close()
}

describe('durability', () => {
  test('callbacks run in the order of appending, and what they announce is there after reopening', async () => {
    const store = await fresh()
    const order: number[] = []
    for (let i = 0; i < 50; i++) store.append(i === 20 ? [{ kind: 'block', block: first }] : [], () => order.push(i))
    await store.flushed()
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i))
    await store.close()
    const reopened = await openStore(join(directory, 'store'), { chainId: CHAIN })
    expect((await reopened.loadDurable(GENESIS)).blocks.map((block) => block.hash)).toEqual([first.hash])
    await reopened.close()
  })

  test('everything queued while a batch is in flight goes into one next batch', async () => {
    const batches: number[] = []
    const store = await openStore(join(directory, 'store'), { chainId: CHAIN, onBatch: (batch) => batches.push(batch.groups) })
    await store.loadDurable(GENESIS)
    for (let i = 0; i < 10; i++) store.append([{ kind: 'highest', certificate: certificateOf(first, 'prepare', i) }], () => {})
    await store.flushed()
    expect(batches).toEqual([1, 9])
    await store.close()
  })

  test('whoever asks in a callback whether all is durable waits for what was appended meanwhile as well', async () => {
    const store = await fresh()
    const order: string[] = []
    const asked = new Promise<void>((resolve, reject) => {
      store.append([], () => {
        store.flushed().then(() => {
          order.push('flushed')
          resolve()
        }, reject)
      })
    })
    store.append([{ kind: 'block', block: first }], () => order.push('durable'))
    await asked
    expect(order).toEqual(['durable', 'flushed'])
    await store.close()
  })

  test('a store that is closed in a callback writes what was appended, and tells who waits for it, first', async () => {
    const path = join(directory, 'store')
    const store = await fresh(path)
    const order: string[] = []
    const closed = new Promise<void>((resolve, reject) => {
      store.append([], () => {
        store.close().then(() => {
          order.push('closed')
          resolve()
        }, reject)
      })
    })
    store.append([{ kind: 'block', block: first }], () => order.push('durable'))
    await closed
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(order).toEqual(['durable', 'closed'])
    const reopened = await openStore(path, { chainId: CHAIN })
    expect((await reopened.loadDurable(GENESIS)).blocks).toHaveLength(1)
    await reopened.close()
  })

  test('what is staged is written with what is appended next, in one batch and before it, and not by itself', async () => {
    const batches: number[] = []
    const path = join(directory, 'store')
    const store = await openStore(path, { chainId: CHAIN, onBatch: (batch) => batches.push(batch.operations) })
    await store.loadDurable(GENESIS)
    store.stage([commitOf(first)])
    await store.flushed()
    expect(batches).toEqual([])
    expect(store.committedBlock(height(1))).toBeUndefined()
    store.append([{ kind: 'vote', vote: voteFor(second, 'prepare') }], () => {})
    store.stage([{ kind: 'vote', vote: voteFor(second, 'commit') }]) // nobody waits for it: it is lost with a crash
    await store.flushed()
    expect(batches.length).toBe(1)
    expect(store.committedBlock(height(1))?.hash).toEqual(first.hash)
    await store.close()
    const reopened = await openStore(path, { chainId: CHAIN })
    const durable = await reopened.loadDurable(GENESIS)
    expect(durable.committed.height).toBe(1)
    expect(durable.votes.map((vote) => vote.kind)).toEqual(['prepare'])
    await reopened.close()
  })

  test('votes of the views that it has left are gone with the write of the next', async () => {
    const path = join(directory, 'store')
    const store = await fresh(path)
    const votes = [0, 1].map((inView) => ({ kind: 'vote' as const, vote: voteFor(first, 'prepare', inView) }))
    store.append([...votes.slice(0, 1), { kind: 'view', view: view(1), phase: 'active', newView: null, viewChange: null }], () => {})
    store.append(votes.slice(1), () => {})
    await store.flushed()
    await store.close()
    const reopened = await openStore(path, { chainId: CHAIN })
    expect((await reopened.loadDurable(GENESIS)).votes.map((vote) => vote.view)).toEqual([1])
    await reopened.close()
  })

  test('a block that comes with a certificate of its own does not take back the newer one that an ancestor came with', async () => {
    const path = join(directory, 'store')
    const store = await fresh(path)
    const third = certificateOf(blockAt(3, second.hash), 'commit')
    store.append([commitOf(first, third), commitOf(second)], () => {})
    await store.flushed()
    await store.close()
    const reopened = await openStore(path, { chainId: CHAIN })
    expect((await reopened.loadDurable(GENESIS)).lastCommit?.height).toBe(3)
    await reopened.close()
  })

  test('C6: a store made in place of a lost one says so from its first write on, and remembers when that is over', async () => {
    const path = join(directory, 'store')
    await expect(openStore(path, { chainId: CHAIN, whenMissing: 'refuse' })).rejects.toMatchObject({ code: 'store-missing' })
    await (await openStore(path, { chainId: CHAIN, whenMissing: 'recover' })).close()
    const store = await openStore(path, { chainId: CHAIN, whenMissing: 'refuse' })
    expect((await store.loadDurable(GENESIS)).recovery).toEqual({ status: 'asking' })
    const recovery = { status: 'released' as const, forgottenUpTo: epoch(1), epoch: epoch(0), view: view(7) }
    store.append([{ kind: 'recovery', recovery }], () => undefined)
    await store.flushed()
    await store.close()
    const again = await openStore(path, { chainId: CHAIN, whenMissing: 'recover' })
    expect((await again.loadDurable(GENESIS)).recovery).toEqual(recovery)
    await again.close()
  })

  test('a fresh store starts from genesis', async () => {
    const store = await openStore(join(directory, 'store'), { chainId: CHAIN })
    expect(await store.loadDurable(GENESIS)).toEqual({
      view: 0,
      phase: 'active',
      newView: null,
      viewChange: null,
      votes: [],
      blocks: [],
      recovery: null,
      highest: null,
      lastCommit: null,
      committed: GENESIS,
      recent: [{ height: 0, hash: CHAIN }],
    })
    await store.close()
  })

  test('reopening gives exactly the durable state: votes of the view, open blocks, certificates, tip, recent hashes', async () => {
    await filled(join(directory, 'store'))
    const store = await openStore(join(directory, 'store'), { chainId: CHAIN })
    expect(await store.loadDurable(GENESIS)).toEqual({
      view: 1,
      phase: 'active',
      newView: null,
      viewChange: null,
      votes: [voteFor(second, 'prepare', 1), voteFor(second, 'commit', 1)],
      blocks: [second],
      recovery: null,
      highest: certificateOf(second, 'prepare', 1),
      lastCommit: certificateOf(first, 'commit'),
      committed: { height: 1, hash: first.hash, timestampMs: 1_001 },
      recent: [
        { height: 0, hash: CHAIN },
        { height: 1, hash: first.hash },
      ],
    })
    expect(await store.loadState()).toEqual([[utf8('k1'), utf8('v')]])
    await store.close()
  })

  test('a commit makes block, indexes and certificate readable, and forgets votes and rivals at its height', async () => {
    const store = await fresh()
    const rival = blockAt(1, CHAIN, 'rival')
    store.append(
      [
        { kind: 'block', block: first },
        { kind: 'block', block: rival },
        { kind: 'vote', vote: voteFor(first, 'prepare') },
      ],
      () => {},
    )
    const tipCertificate = certificateOf(second, 'commit')
    store.append([commitOf(first, tipCertificate), commitOf(second, tipCertificate)], () => {})
    await store.flushed()
    expect(encodeBlock(store.committedBlock(height(1)) as Block)).toEqual(encodeBlock(first))
    expect(store.certificateFrom(height(1))).toEqual(tipCertificate)
    expect(store.transactionPlace(sha256(utf8('tx 2')))).toEqual({ height: 2, index: 0 })
    expect(store.committedBlock(height(3))).toBeUndefined()
    await store.close()
    const reopened = await openStore(join(directory, 'store'), { chainId: CHAIN })
    const durable = await reopened.loadDurable(GENESIS)
    expect([durable.votes, durable.blocks]).toEqual([[], []])
    expect(await reopened.loadState()).toEqual([[utf8('k2'), utf8('v')]])
    await reopened.close()
  })

  test('evidence is kept until it is forgotten', async () => {
    const store = await fresh()
    const pair = equivocationOf(voteFor(first, 'prepare'), voteFor(blockAt(1, CHAIN, 'rival'), 'prepare'))
    const { epoch, view, height: at, kind, sender } = pair.first
    const offence: Offence = { type: pair.type, offender: sender, publicKey: new Uint8Array(32) as never, epoch, view, height: at, kind }
    const bytes = encodeEvidence(CHAIN, pair)
    store.append([{ kind: 'evidence', offence, bytes }], () => {})
    await store.flushed()
    expect(await store.evidence()).toEqual([bytes])
    store.append([{ kind: 'forget-evidence', offence }], () => {})
    await store.flushed()
    expect(await store.evidence()).toEqual([])
    await store.close()
  })
})

describe('verdicts', () => {
  test('are kept over a restart until they are forgotten, each as it was', async () => {
    const store = await fresh()
    const key = (name: string): Hash => sha256(utf8(name))
    const valid = { status: 'valid', gas: 1_234 } as const
    const invalid = { status: 'invalid', code: 'missing-hint', message: `not this one: \u{1F600} ${'x'.repeat(5_000)}`, gas: 7 } as const
    store.append(
      [
        { kind: 'verdict', key: key('a'), verdict: valid },
        { kind: 'verdict', key: key('b'), verdict: invalid },
      ],
      () => {},
    )
    store.append(
      [
        { kind: 'verdict', key: key('c'), verdict: valid },
        { kind: 'forget-verdict', key: key('c') },
      ],
      () => {},
    )
    await store.flushed()
    const stored = await store.verdicts()
    expect(stored).toHaveLength(2)
    const verdictOf = (name: string): unknown => stored.find(({ key: at }) => equalBytes(at, key(name)))?.verdict
    expect(verdictOf('a')).toEqual(valid)
    expect(verdictOf('b')).toEqual({ ...invalid, message: expect.stringMatching(/^not this one/) })
    await store.close()
  })
})

describe('refusals', () => {
  test('C7: a second, different vote for one view, height and kind never reaches the disk', async () => {
    const store = await fresh()
    store.append([{ kind: 'vote', vote: voteFor(first, 'prepare') }], () => {})
    store.append([{ kind: 'vote', vote: voteFor(first, 'prepare') }], () => {})
    const conflicting = voteFor(blockAt(1, CHAIN, 'rival'), 'prepare')
    expect(() => store.append([{ kind: 'vote', vote: conflicting }], () => {})).toThrow(/two different prepare votes/)
    await store.close()
  })

  test('C6, C7: the guard on votes survives a restart', async () => {
    await filled(join(directory, 'store'))
    const store = await fresh()
    expect(() => store.append([{ kind: 'vote', vote: voteFor(blockAt(2, first.hash, 'rival'), 'prepare', 1) }], () => {})).toThrow(
      /two different/,
    )
    await store.close()
  })

  test('a store in use is refused to a second opener', async () => {
    const store = await fresh()
    await expect(openStore(join(directory, 'store'), { chainId: CHAIN })).rejects.toMatchObject({ code: 'store-locked' })
    await store.close()
  })

  test('a store of another chain, of an unknown format, and a file in its place are refused, each with its code', async () => {
    await filled(join(directory, 'store'))
    await expect(openStore(join(directory, 'store'), { chainId: sha256(utf8('other')) })).rejects.toMatchObject({ code: 'store-chain' })
    const level = new ClassicLevel<Uint8Array, Uint8Array>(join(directory, 'store'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
      compression: false,
    })
    await level.put(Uint8Array.of(0x21), Uint8Array.of(0, 9, 1, 2, 3))
    await level.close()
    await expect(openStore(join(directory, 'store'), { chainId: CHAIN })).rejects.toMatchObject({ code: 'store-format' })
    writeFileSync(join(directory, 'file'), 'not a store')
    await expect(openStore(join(directory, 'file'), { chainId: CHAIN })).rejects.toMatchObject({ code: 'store-unreadable' })
  })

  test('C3: a failed write poisons the store: it tells once, and nothing after it is announced', async () => {
    const failures: StoreError[] = []
    const store = await openStore(join(directory, 'store'), { chainId: CHAIN, onFailure: (error) => failures.push(error) })
    await store.loadDurable(GENESIS)
    // Without its directory the database cannot start a new log file, which enough bytes make it do.
    rmSync(join(directory, 'store'), { recursive: true })
    const announced: number[] = []
    const big = new Uint8Array(3 * 1024 * 1024).map((_, i) => (i * i * 31) >> 7)
    for (let i = 0; i < 8; i++) {
      const block = blockAt(i + 1, i === 0 ? CHAIN : first.hash)
      store.append(
        [{ ...(commitOf(block) as Extract<StoreRecord, { kind: 'commit' }>), writes: { puts: [[utf8('k'), big]], deletes: [] } }],
        () => announced.push(i),
      )
      await store.flushed().catch(() => {})
    }
    expect(failures.map((error) => error.code)).toEqual(['store-write'])
    expect(announced.length).toBeLessThan(8)
    expect(announced).toEqual(announced.map((_, i) => i))
    await expect(store.flushed()).rejects.toBe(failures[0])
    await store.close()
  })
})

describe('damage', () => {
  const loaded = async (path: string): Promise<unknown> => {
    const store = await openStore(path, { chainId: CHAIN })
    try {
      return [await store.loadDurable(GENESIS), await store.loadState()]
    } finally {
      await store.close()
    }
  }

  /** A filled store whose records lie in tables, not in the log. */
  const compacted = async (): Promise<string> => {
    const path = join(directory, 'store')
    await filled(path)
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
    await level.compactRange(Uint8Array.of(0), Uint8Array.of(255))
    await level.close()
    return path
  }

  test('C5: every flipped byte of the write-ahead log is found, and a log cut short anywhere is not called damaged', async () => {
    const path = join(directory, 'store')
    await filled(path)
    const name = readdirSync(path).find((file) => file.endsWith('.log')) as string
    const log = readFileSync(join(path, name))
    expect(log.length).toBeGreaterThan(1000)
    expect(damageInLog(log)).toBeUndefined()
    for (let at = 0; at < log.length; at++) {
      const copy = Uint8Array.from(log)
      copy[at] = (copy[at] as number) ^ (1 << (at % 8))
      expect(damageInLog(copy), `byte ${at}`).toBeDefined()
    }
    for (let length = 0; length < log.length; length++) expect(damageInLog(log.subarray(0, length)), `length ${length}`).toBeUndefined()
    const copy = Uint8Array.from(log)
    copy[500] = (copy[500] as number) ^ 1
    writeFileSync(join(path, name), copy)
    await expect(loaded(path)).rejects.toMatchObject({ code: 'store-damaged' })
  })

  test('C5: a flipped byte in a table is found, or changes nothing', async () => {
    const path = await compacted()
    const sound = await loaded(path)
    const name = readdirSync(path).find((file) => file.endsWith('.ldb')) as string
    const table = readFileSync(join(path, name))
    let found = 0
    for (let at = 0; at < table.length; at += 5) {
      const copy = join(directory, `copy${at}`)
      cpSync(path, copy, { recursive: true })
      const bytes = Uint8Array.from(table)
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
      writeFileSync(join(copy, name), bytes)
      const result = await loaded(copy).catch((error: unknown) => error)
      if (result instanceof StoreError) found++
      else expect(result, `byte ${at}`).toEqual(sound)
      rmSync(copy, { recursive: true })
    }
    expect(found).toBeGreaterThan(table.length / 5 / 3)
  })

  test('C5: a flipped byte in a block that only the committed chain lies in is found at the start; in a large store, when it is read', async () => {
    const path = join(directory, 'store')
    const store = await fresh(path)
    let parent = CHAIN
    for (let at = 1; at <= RECENT_HASHES + 60; at++) {
      const block = blockAt(at, parent)
      store.append([commitOf(block)], () => {})
      parent = block.hash
    }
    await store.flushed()
    await store.close()
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
    await level.compactRange(Uint8Array.of(0), Uint8Array.of(255))
    await level.close()
    const name = readdirSync(path).find((file) => file.endsWith('.ldb')) as string
    const table = readFileSync(join(path, name))
    const note = table.indexOf('tx 30')
    expect(note).toBeGreaterThan(0)
    table[note] = 0x78
    writeFileSync(join(path, name), table)
    await expect(loaded(path)).rejects.toMatchObject({ code: 'store-damaged', message: expect.stringContaining('checksum') })
    const large = await openStore(path, { chainId: CHAIN, checkedWholeBytes: 0 })
    await large.loadDurable(GENESIS)
    expect(large.committedBlock(height(29))).toBeDefined()
    expect(() => large.committedBlock(height(30))).toThrow('committed block 30')
    await large.close()
  })

  test('C2, C5: a table that a killed process was still writing is no damage; a live one cut short is', async () => {
    const path = await compacted()
    const sound = await loaded(path)
    const live = readdirSync(path).find((file) => file.endsWith('.ldb')) as string
    const table = readFileSync(join(path, live))
    const manifest = readFileSync(join(path, readdirSync(path).find((file) => file.startsWith('MANIFEST')) as string))
    expect([...(readManifest(manifest)?.tables ?? [])]).toContain(Number.parseInt(live, 10))
    for (let length = 0; length < manifest.length; length++) readManifest(manifest.subarray(0, length)) // never throws
    writeFileSync(join(path, '009999.ldb'), table.subarray(0, table.length / 2))
    expect(await loaded(path)).toEqual(sound)
    writeFileSync(join(path, live), table.subarray(0, table.length / 2))
    await expect(loaded(path)).rejects.toMatchObject({ code: 'store-damaged' })
  })

  /** What comes of a stopped store without one of its files, for each of them. */
  const withoutEach = async (path: string): Promise<Map<string, unknown>> => {
    const outcomes = new Map<string, unknown>()
    for (const name of readdirSync(path)) {
      const copy = join(directory, 'without')
      cpSync(path, copy, { recursive: true })
      rmSync(join(copy, name))
      outcomes.set(name, await loaded(copy).catch((error: unknown) => error))
      rmSync(copy, { recursive: true })
    }
    return outcomes
  }

  /** LevelDB makes these anew; nothing is in them. */
  const isEmptyOfPromises = (name: string): boolean => /^(LOCK|LOG|LOG\.old)$/.test(name)

  test('C5, C6: any one file of a stopped store taken away: the start is refused in words, or nothing was in it', async () => {
    for (const make of [() => filled(join(directory, 'store')), compacted]) {
      await make()
      const path = join(directory, 'store')
      const sound = await loaded(path)
      const outcomes = await withoutEach(path)
      expect([...outcomes.keys()].filter((name) => !isEmptyOfPromises(name)).length).toBeGreaterThanOrEqual(3) // CURRENT, MANIFEST, a log
      for (const [name, outcome] of outcomes) {
        if (isEmptyOfPromises(name)) expect(outcome, name).toEqual(sound)
        else expect(outcome, name).toMatchObject({ code: 'store-damaged', message: expect.stringContaining('missing') })
      }
      rmSync(path, { recursive: true })
    }
  })

  test('C5, C6: any one file of a killed store taken away: refused, or nothing was in it', async () => {
    const path = join(directory, 'store')
    const killed = join(directory, 'killed')
    const store = await fresh(path)
    store.append(
      [
        { kind: 'block', block: first },
        { kind: 'vote', vote: voteFor(first, 'prepare') },
      ],
      () => undefined,
    )
    await store.flushed()
    cpSync(path, killed, { recursive: true }) // what kill -9 leaves
    await store.close()
    const outcomes = await withoutEach(killed)
    const sound = await loaded(killed)
    for (const [name, outcome] of outcomes) {
      if (isEmptyOfPromises(name)) expect(outcome, name).toEqual(sound)
      else expect(outcome, name).toMatchObject({ code: 'store-damaged', message: expect.stringContaining('missing') })
    }
  })

  describe('a process killed while LevelDB makes a table of its full memory: two logs, of which the MANIFEST names the older', () => {
    const large = (at: number): Block => {
      const transactions = [new Uint8Array(200_000).fill(at)]
      const { header } = blockAt(9, first.hash)
      return createBlock(
        { ...header, transactionsRoot: transactionsRootOf(transactions) },
        { transactions, evidence: [], lastCertificate: null },
      )
    }
    const logsIn = (path: string): string[] =>
      readdirSync(path)
        .filter((name) => name.endsWith('.log'))
        .toSorted()

    /** Such a store: what was there before the second log began, and then the older log as it was in the end, and the newer one. */
    async function killedInBetween(): Promise<{ path: string; newer: string; notedBytes: number }> {
      const live = join(directory, 'store')
      const path = join(directory, 'killed')
      await filled(live)
      const store = await fresh(live)
      mkdirSync(path)
      for (const name of readdirSync(live)) if (!name.endsWith('.log') && name !== 'LOCK') cpSync(join(live, name), join(path, name))
      const [older] = logsIn(live) as [string]
      linkSync(join(live, older), join(path, older)) // LevelDB goes on writing to it, and removes its own name of it
      for (let at = 0; logsIn(live).at(-1) === older; at++) {
        store.append([{ kind: 'block', block: large(at) }], () => undefined)
        await store.flushed()
      }
      const newer = logsIn(live).at(-1) as string
      const notedBytes = Number(readFileSync(join(live, 'NEWEST'), 'latin1').split(' ')[1])
      store.append([{ kind: 'vote', vote: voteFor(second, 'commit', 1) }], () => undefined)
      await store.flushed()
      for (const name of [newer, 'NEWEST']) cpSync(join(live, name), join(path, name))
      await store.close()
      return { path, newer, notedBytes }
    }

    const spoiled = async (path: string, spoil: (copy: string) => void): Promise<unknown> => {
      const copy = join(directory, 'spoiled')
      cpSync(path, copy, { recursive: true })
      spoil(copy)
      const outcome = await loaded(copy).catch((error: unknown) => error)
      rmSync(copy, { recursive: true })
      return outcome
    }

    test('C2, C5, C6: with both it is read whole, newest votes included; without the newer log, or with less of it than was on disk, it is refused', async () => {
      const { path, newer, notedBytes } = await killedInBetween()
      const sound = (await spoiled(path, () => {})) as [{ votes: readonly Vote[] }]
      expect(sound[0].votes.map(({ kind, height: at }) => [kind, at])).toContainEqual(['commit', 2])
      const refused = { code: 'store-damaged', message: expect.stringContaining('newest votes') }
      expect(await spoiled(path, (copy) => rmSync(join(copy, newer)))).toMatchObject(refused)
      const whole = readFileSync(join(path, newer))
      expect(notedBytes).toBeGreaterThan(200_000)
      for (const length of [0, 1, 6, 7, 32_768, notedBytes / 2, notedBytes - 1].map(Math.floor))
        expect(await spoiled(path, (copy) => writeFileSync(join(copy, newer), whole.subarray(0, length))), `${length} bytes`).toMatchObject(
          refused,
        )
    })

    test('C5: what says which log is the newest may be lost alone; changed in any bit it is noticed, or harmless', async () => {
      const { path } = await killedInBetween()
      const sound = await spoiled(path, () => {})
      expect(isDeepStrictEqual(await spoiled(path, (copy) => rmSync(join(copy, 'NEWEST'))), sound)).toBe(true)
      const noted = readFileSync(join(path, 'NEWEST'))
      for (let bit = 0; bit < 8 * noted.length; bit += 3) {
        const changed = Uint8Array.from(noted)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const outcome = await spoiled(path, (copy) => writeFileSync(join(copy, 'NEWEST'), changed))
        expect(outcome, `bit ${bit}`).toMatchObject({ code: 'store-damaged', message: expect.stringContaining('NEWEST') })
      }
    })

    test('after the next start the MANIFEST names the log, and what was noted before is no longer asked for', async () => {
      const { path } = await killedInBetween()
      const sound = await loaded(path)
      expect(isDeepStrictEqual(await loaded(path), sound)).toBe(true) // megabytes, with which toEqual takes its time
      expect(readdirSync(path)).toContain('NEWEST')
    })
  })

  test('C6: a safety record that vanished is missed', async () => {
    const path = join(directory, 'store')
    await filled(path)
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
    const votes = await level.keys({ gte: Uint8Array.of(0x11), lt: Uint8Array.of(0x12) }).all()
    await level.del(votes[1] as Uint8Array)
    await level.close()
    await expect(loaded(path)).rejects.toMatchObject({ code: 'store-damaged', message: expect.stringContaining('missing') })
  })
})

describe('damage that is found when the place is read', () => {
  const raw = async (path: string, work: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> => {
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view', compression: false })
    await level.open()
    await work(level)
    await level.close()
  }
  /** More than a start looks at, so that block 1 is read by nobody until somebody asks. */
  const tall = async (path: string, blocks: number): Promise<void> => {
    const store = await fresh(path)
    let parent = CHAIN
    for (let at = 1; at <= blocks; at++) {
      const block = blockAt(at, parent)
      store.append([commitOf(block)], () => {})
      parent = block.hash
    }
    await store.flushed()
    await store.close()
  }

  test('C5: the index never tells a height that was not written', async () => {
    const path = join(directory, 'store')
    await filled(path)
    const id = sha256(first.body.transactions[0] as Uint8Array)
    await raw(path, async (level) => {
      const key = Uint8Array.of(0x32, ...id)
      const value = Uint8Array.from((await level.get(key)) as Uint8Array)
      value[7] = 9
      await level.put(key, value)
    })
    const store = await fresh(path)
    expect(() => store.transactionPlace(id)).toThrow('index of transactions')
    await store.close()
  })

  test('C5: a committed block whose record is gone is called missing, not unknown', async () => {
    const path = join(directory, 'store')
    await tall(path, RECENT_HASHES + 3)
    await raw(path, (level) => level.del(Uint8Array.of(0x30, 0, 0, 0, 0, 0, 0, 0, 2)))
    const store = await fresh(path)
    expect(store.committedBlock(height(1))).toBeDefined()
    expect(() => store.committedBlock(height(2))).toThrow('block 2 is missing')
    expect(store.committedBlock(height(RECENT_HASHES + 4))).toBeUndefined()
    await store.close()
    await raw(path, (level) => level.del(Uint8Array.of(0x30, 0, 0, 0, 0, 0, 0, 0, 1)))
    await expect(fresh(path)).rejects.toMatchObject({ code: 'store-damaged', message: expect.stringContaining('begin at genesis') })
  })
})

test('votes with shares, certificates that are sums and epochs with BLS keys come back from the disk as they were', async () => {
  const path = join(directory, 'store')
  const store = await fresh(path)
  const bytesOf = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
  const validators = createValidatorSet(
    epoch(1),
    [7, 5].map((byte) => ({ publicKey: bytesOf(32, byte) as PublicKey, power: BigInt(byte), blsKey: bytesOf(48, byte) as BlsPublicKey })),
  )
  if (!validators.ok) throw new Error(validators.error.message)
  const { signatures: _, ...signed } = certificateOf(first, 'commit') as Extract<Certificate, { scheme: 'ed25519' }>
  const certificate: Certificate = { ...signed, scheme: 'bls12-381', aggregate: bytesOf(96, 9) as BlsSignature }
  const origin = { height: height(1), hash: first.hash }
  const vote: Vote = { ...voteFor(second, 'prepare'), share: bytesOf(96, 8) as BlsSignature }
  const commit = commitOf(first) as Extract<StoreRecord, { kind: 'commit' }>
  store.append([{ ...commit, certificate, nextEpoch: { validators: validators.value, previousValidators: null, origin } }], () => {})
  await store.flushed()
  await store.close()
  const again = await openStore(path, { chainId: CHAIN })
  await again.loadDurable(GENESIS)
  expect(again.epoch(epoch(1))).toEqual({ validators: validators.value, origin })
  expect(again.certificateFrom(height(1))).toEqual(certificate)
  again.append([{ kind: 'vote', vote }], () => {})
  await again.flushed()
  await again.close()
  const third = await openStore(path, { chainId: CHAIN })
  const durable = await third.loadDurable(GENESIS)
  expect(durable.votes).toEqual([vote])
  expect(durable.lastCommit).toEqual(certificate)
  await third.close()
})

test('an epoch is stored with the block that ends the one before, and found again', async () => {
  const path = join(directory, 'store')
  const store = await fresh(path)
  const key = (byte: number): PublicKey => new Uint8Array(32).fill(byte) as PublicKey
  const validators = createValidatorSet(epoch(1), [
    { publicKey: key(7), power: 3n },
    { publicKey: key(5), power: 1n << 90n },
  ])
  if (!validators.ok) throw new Error(validators.error.message)
  const origin = { height: height(1), hash: first.hash }
  const nextEpoch = { validators: validators.value, previousValidators: null, origin }
  expect(store.epoch(epoch(1))).toBe(undefined)
  store.append([{ ...(commitOf(first) as Extract<StoreRecord, { kind: 'commit' }>), nextEpoch }], () => {})
  await store.flushed()
  await store.close()
  const again = await openStore(path, { chainId: CHAIN })
  await again.loadDurable(GENESIS)
  expect(again.epoch(epoch(1))).toEqual({ validators: validators.value, origin })
  expect(again.epoch(epoch(0))).toBe(undefined)
  expect(again.epoch(epoch(2))).toBe(undefined)
  await again.close()
})

/** Changes one byte of a store after the other, each in a fresh copy, and says what came of reading it. One message per change. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { epoch, height } from '@aethel/codec'
import { genesisTip } from '@aethel/ledger'
import { transactionIdOf } from '@aethel/replica'
import { openStore, StoreError } from '@aethel/storage'
import { openHome } from '../packages/node/dist/home.js'

const [homePath, original, work] = /** @type {[string, string, string]} */ (process.argv.slice(2))
const home = openHome(homePath)
const files = readdirSync(original).filter((name) => name !== 'LOCK')
const contents = new Map(files.map((name) => [name, readFileSync(join(original, name))]))

/** What a validator reads at its start, before it signs anything: what it must not forget first. */
async function readAtStart() {
  const store = await openStore(work, { chainId: home.chainId, whenMissing: 'refuse' })
  try {
    const durable = await store.loadDurable(genesisTip(home.genesis))
    return { store, first: { durable, state: await store.loadState(), evidence: await store.evidence(), tip: store.tip } }
  } catch (error) {
    await store.close()
    throw error
  }
}

/**
 * What is read when somebody asks: blocks, certificates, the gas of proofs, the index of transactions.
 *
 * @param {import('@aethel/storage').Store} store
 * @param {number} last
 */
function readLater(store, last) {
  const blocks = []
  const certificates = []
  const places = []
  const gas = []
  const headers = []
  for (let at = 1; at <= last; at++) {
    const block = store.committedBlock(height(at))
    blocks.push(block)
    certificates.push(store.certificateFrom(height(at)))
    gas.push(store.gasOf(height(at)))
    headers.push(store.header(height(at)))
    for (const bytes of block?.body.transactions ?? []) places.push(store.transactionPlace(transactionIdOf(bytes)))
  }
  return {
    blocks,
    certificates,
    places,
    gas,
    headers: [...headers, ...store.recentHeaders],
    gaps: store.gaps,
    epoch: store.epoch(epoch(1)),
  }
}

/** @param {{ file: string, at: number } | null} change */
function lay(change) {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  for (const [name, bytes] of contents) {
    if (name !== change?.file) {
      writeFileSync(join(work, name), bytes)
      continue
    }
    const changed = Buffer.from(bytes)
    // Which bit depends on the place: all eight come up, and one wrong bit is the least there is to be seen.
    changed.writeUInt8(changed.readUInt8(change.at) ^ (1 << (change.at % 8)), change.at)
    writeFileSync(join(work, name), changed)
  }
}

/** @param {unknown} error @param {string} outcome */
function inWords(error, outcome) {
  return error instanceof StoreError && error.message !== '' && error.hint !== ''
    ? outcome
    : `not in words: ${error instanceof Error ? error.stack : error}`
}

lay(null)
const whole = await readAtStart()
const last = whole.first.tip?.height ?? 0
if (last === 0) throw new Error('expected a store with blocks')
const later = readLater(whole.store, last)
await whole.store.close()

/** @param {{ file: string, at: number }} change */
async function outcomeOf(change) {
  lay(change)
  let read
  try {
    read = await readAtStart()
  } catch (error) {
    return inWords(error, 'refused')
  }
  try {
    if (!isDeepStrictEqual(read.first, whole.first)) return 'what is read at the start is not what was written'
    return compared(readLater(read.store, last))
  } catch (error) {
    return inWords(error, 'late')
  } finally {
    await read.store.close()
  }
}

/**
 * A certificate, an entry of the index or gas that is not there any more is no lie: other certificates prove the same block, the chain has
 * the transaction, and proofs can be checked again.
 *
 * @param {typeof later} read
 */
function compared(read) {
  if (isDeepStrictEqual(read, later)) return 'unharmed'
  if (!isDeepStrictEqual(read.blocks, later.blocks)) return 'a block is not what was written'
  if (!isDeepStrictEqual([read.headers, read.gaps], [later.headers, later.gaps])) return 'a header is not what was written'
  if (!read.gas.every((each, i) => each === undefined || isDeepStrictEqual(each, later.gas[i]))) return 'gas is not what was written'
  const placesHold = read.places.every((place, i) => place === undefined || isDeepStrictEqual(place, later.places[i]))
  if (!placesHold) return 'the index of transactions is not what was written'
  const known = later.certificates
  const certificatesHold = read.certificates.every(
    (one, i) => one === undefined || (one.height > i && known.some((other) => isDeepStrictEqual(one, other))),
  )
  return certificatesHold && isDeepStrictEqual(read.epoch, later.epoch) ? 'gone' : 'a certificate is not what was written'
}

process.once('message', async (changes) => {
  for (const change of /** @type {{ file: string, at: number }[]} */ (changes)) {
    const outcome = await outcomeOf(change)
    await new Promise((resolve) => process.send?.(outcome, resolve))
  }
  rmSync(work, { recursive: true, force: true })
  process.exit(0)
})

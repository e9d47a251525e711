/**
 * The worst inputs that are known, at sizes that fuzzing does not come to: what a decoder makes of them stays within four times the input and
 * 64 KiB, and it takes them in time. Other tests run beside, so time is judged with room: nothing here may be tried anew from each byte.
 */
import { isDeepStrictEqual } from 'node:util'
import { byteStrings, decode, encode } from '@aethel/codec'
import { AuthenticatedMap, checkRange, decodeGenesis, encodeGenesis, mapKey, writeRange } from '@aethel/ledger'
import { parseDatabase, parseScript } from '@aethel/proofs'
import { describe, expect, it } from 'vitest'
import { examineMemory } from './lib/properties.js'
import { transactionList, WORST_DATABASES, WORST_INPUTS, WORST_SCRIPTS } from './lib/worst-inputs.js'
import { genesisBinary } from './targets/files.js'
import { targetNamed } from './targets/index.js'

/** @typedef {import('./lib/properties.js').Target} Target */

const KIB = 1024
const SIZES = [4 * KIB, 64 * KIB, KIB * KIB, 4 * KIB * KIB]
/** Of processor time, for each mebibyte or part of one: the whole process's. */
const MS_PER_MEBIBYTE = 1000

/** @param {Target['decode']} read @param {Uint8Array} input */
function expectBounded(read, input) {
  const before = process.cpuUsage()
  expect(read(input)).toMatchObject({ ok: true })
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1000).toBeLessThan(MS_PER_MEBIBYTE * Math.ceil((input.length + 1) / KIB / KIB))
  expect(examineMemory({ name: 'bounds', what: '', seeds: () => [], decode: read }, input).finding).toBeNull()
}

describe('E6: within four times the input and 64 KiB', () => {
  it.each(WORST_INPUTS.map((worst) => [worst.target, worst.what, worst.input]))('%s: %s', (name, _, inputOf) => {
    const target = /** @type {Target} */ (targetNamed(name))
    expect(target.memoryBytes).toBeUndefined()
    let before = 0
    for (const size of SIZES) {
      const input = inputOf(size)
      if (input.length > before) expectBounded(target.decode, input)
      before = input.length
    }
  })

  it.each(WORST_SCRIPTS)('claims of bvlrat/1: %s', (_, scriptOf) => {
    for (const size of SIZES) expectBounded(parseScript, scriptOf(size))
  })

  it.each(WORST_DATABASES)('Metamath databases: %s', (_, databaseOf) => {
    let before = -1
    for (const size of SIZES) {
      const text = databaseOf(size)
      if (text.length > before) expectBounded(parseDatabase, text)
      before = text.length
    }
  })

  it('transactions of gossip and of clients', () => {
    for (const length of [0, 1, 4, 30, 60, 64, 65])
      expectBounded((bytes) => decode(bytes, (reader) => reader.longList(4096, byteStrings(KIB))), transactionList(4096, length))
  })

  it('entries of a state, whose root is known only behind the last', () => {
    const range = { low: /** @type {any} */ (new Uint8Array(32)), high: /** @type {any} */ (new Uint8Array(32).fill(255)) }
    for (const count of [500, 5000, 20_000]) {
      const paths = Array.from({ length: count }, (_, nth) => Uint8Array.of(nth, nth >> 8))
      const map = AuthenticatedMap.empty.update(paths.map((path) => ({ key: mapKey(path), path, value: new Uint8Array(0) })))
      const part = encode((writer) => void writeRange(writer, map, range, Number.MAX_SAFE_INTEGER))
      expectBounded((bytes) => checkRange(bytes, map.root, range, mapKey), part)
      const checked = checkRange(part, map.root, range, mapKey)
      const told = checked.ok ? checked.value.entries.map(({ key, path, value }) => [key, path, value]) : []
      const held = [...map.entries()].map(({ key, path, value }) => [key, path, value])
      expect(isDeepStrictEqual(told, held)).toBe(true) // of twenty thousand, toEqual takes seconds
    }
  })

  it('validators of genesis', () => {
    const seed = decodeGenesis(/** @type {Uint8Array} */ (genesisBinary.seeds()[0]))
    if (!seed.ok) throw new Error(seed.error.message)
    const validators = Array.from({ length: 4000 }, (_, nth) => ({
      publicKey: /** @type {any} */ (Uint8Array.from({ length: 32 }, (__, at) => (at < 2 ? (nth >> (8 * at)) & 255 : at + 7))),
      power: (1n << 80n) + BigInt(nth),
    }))
    expectBounded(decodeGenesis, encodeGenesis({ ...seed.value, validators }))
  })
})

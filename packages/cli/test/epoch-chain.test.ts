/** The epoch chain as a file: what is fetched of it can be read again. */
import { readFileSync } from 'node:fs'
import { utf8 } from '@aethel/codec'
import { decodeEpochs, encodeEpochs, MAX_EPOCHS_BYTES } from '@aethel/receipts'
import { expect, test } from 'vitest'
import { epochLinks } from '../src/commands/validators.js'

const file = new URL('../../receipts/vectors/epochs.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: { newest?: string; epochs: string }[] }
const texts = vectors.flatMap(({ newest, epochs }) => (newest === undefined ? [] : [epochs]))
const text = texts.reduce((longest, each) => (each.length > longest.length ? each : longest))

test('links beyond the size of a file are left for another: of many validators, fewer than the most links fill it', async () => {
  // As long as one of thousands of validators, in blanks.
  const part = Buffer.concat([utf8(text), Buffer.alloc(20 * 1024 * 1024, ' ')])
  const decoded = decodeEpochs(part)
  if (!decoded.ok) throw new Error(decoded.error.message)
  const asked: number[] = []
  const epochs = async (from: number): Promise<Uint8Array> => {
    asked.push(from)
    return part
  }
  const links = await epochLinks({ url: 'http://localhost', epochs }, 7)
  const each = decoded.value.length
  expect(asked.slice(0, 3)).toEqual([7, 7 + each, 7 + 2 * each])
  expect(links.length * (part.length / each)).toBeLessThanOrEqual(MAX_EPOCHS_BYTES)
  expect(links.length).toBe(3 * each)
  expect(decodeEpochs(utf8(encodeEpochs(links.slice(0, each))))).toMatchObject({ ok: true })
}, 30_000)

/**
 * Large proofs with real processes (docs/blobs.md): uploaded to one of four validators, fetched by the others, final, checked again from
 * the receipt; one validator is killed in the middle of its fetch and goes on where it was.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex } from '@aethel/codec'
import { BLOB_CHUNK_BYTES, blobTreeOf } from '@aethel/consensus'
import { pigeonhole, pigeonholeCertificate, toBinaryLrat, toDimacs } from '@aethel/proofs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aethel, aethelAsync, BIN, temporaryFolder } from './aethel.js'

/** Seven megabytes: 28 chunks. */
const HOLES = 32
const folder = temporaryFolder()
const running = new Map<number, ChildProcess>()
let network: { readonly homes: readonly string[]; readonly urls: readonly string[]; readonly trustFile: string }
const cnf = folder.file('php.cnf')
const lrat = folder.file('php.lrat')
const receipt = folder.file('receipt.json')
const proof = toBinaryLrat(pigeonholeCertificate(HOLES))
const blob = blobTreeOf(proof)
const root = toHex(blob.root)

interface Status {
  readonly height: number
  readonly verifications: { readonly performed: number }
  readonly blobs: { readonly held: number; readonly fetching: readonly { readonly missing: number; readonly chunks: number }[] }
}

async function status(index: number): Promise<Status | undefined> {
  return await fetch(`${network.urls[index]}/v1/status`).then(
    (response) => response.json() as Promise<Status>,
    () => undefined,
  )
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>, everyMs = 50): Promise<T> {
  for (const endMs = Date.now() + 60_000; Date.now() < endMs; await sleep(everyMs)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`not within a minute: ${what}`)
}

async function start(index: number): Promise<void> {
  const home = network.homes[index] ?? ''
  const child = spawn(process.execPath, [BIN, 'start', '--home', home, '--exit-with-parent'], { stdio: ['pipe', 'ignore', 'inherit'] })
  running.set(index, child)
  await until(`validator ${index} answers`, () => status(index))
}

async function end(index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const child = running.get(index)
  running.delete(index)
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

const key = (): string => {
  const file = folder.file('key.json')
  writeFileSync(file, JSON.stringify({ format: 'aethel-account/1', seed: '08'.repeat(32) }))
  return file
}

beforeAll(async () => {
  writeFileSync(cnf, toDimacs(pigeonhole(HOLES + 1, HOLES)))
  writeFileSync(lrat, proof)
  network = JSON.parse(aethel('testnet', '--validators', '4', '--output', folder.file('network'), '--base-port', '0', '--json').stdout)
  await Promise.all([0, 1, 2, 3].map(start))
}, 120_000)

afterAll(async () => {
  await Promise.all([0, 1, 2, 3].map((index) => end(index, 'SIGTERM')))
  folder.remove()
})

describe('a proof of seven megabytes', () => {
  it('an upload that was broken off is resumed; final on all four, checked once by each, downloadable from each', {
    timeout: 180_000,
  }, async () => {
    await end(3, 'SIGKILL')
    // A first attempt that came no further than its first chunk.
    const url = `${network.urls[0]}/v1/blobs/${root}`
    expect((await fetch(`${url}?bytes=${blob.bytes}`, { method: 'POST' })).status).toBe(200)
    const body = Buffer.concat([...blob.path(5), proof.subarray(5 * BLOB_CHUNK_BYTES, 6 * BLOB_CHUNK_BYTES)])
    const put = await fetch(`${url}/5?bytes=${blob.bytes}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body,
    })
    expect([put.status, (await put.json()) as unknown]).toMatchObject([
      200,
      {
        missing: [
          [0, 4],
          [6, 27],
        ],
      },
    ])

    const outcome = await aethelAsync(
      'submit',
      cnf,
      '--proof',
      lrat,
      '--url',
      network.urls[0] ?? '',
      '--key',
      key(),
      '-o',
      receipt,
      '--json',
    )
    expect([outcome.code, outcome.stderr.includes('Error')]).toEqual([0, false])
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'final', proof: `${receipt}.proof` })
    expect(Buffer.compare(readFileSync(`${receipt}.proof`), proof)).toBe(0)

    // The fourth comes back behind, and is killed in the middle of its fetch.
    await start(3)
    const home = join(network.homes[3] ?? '', 'blobs')
    const begun = await until(
      'validator 3 has some of the blob',
      async () => {
        const files = readdirSync(home).filter((name) => name.startsWith(root) && name.endsWith('.part'))
        if (readdirSync(home).some((name) => name.endsWith('.blob')))
          throw new Error('the whole blob was there before the validator could be killed')
        return files.length > 0 && statSync(join(home, files[0] ?? '')).size > BLOB_CHUNK_BYTES
      },
      1,
    )
    expect(begun).toBe(true)
    await end(3, 'SIGKILL')
    const left = readdirSync(home).filter((name) => name.startsWith(root))
    await start(3)
    await until('all four have the block', async () => {
      const heights = await Promise.all([0, 1, 2, 3].map(async (index) => (await status(index))?.height ?? 0))
      return heights.every((height) => height >= 1)
    })
    expect(left.length).toBeGreaterThan(0)
    for (const index of [0, 1, 2, 3]) {
      const download = await fetch(`${network.urls[index]}/v1/blobs/${root}`)
      expect([index, download.status, Buffer.compare(Buffer.from(await download.arrayBuffer()), proof)]).toEqual([index, 200, 0])
      expect([index, (await status(index))?.verifications.performed]).toEqual([index, 1])
    }
  })

  it('the receipt verifies, also with the proof checked again in pieces; another proof is another', { timeout: 60_000 }, () => {
    const verified = aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', lrat)
    expect(verified.code).toBe(0)
    expect(verified.stdout).toContain('the checker finds the proof valid here too')
    const other = folder.file('other.lrat')
    writeFileSync(other, Buffer.concat([proof, Buffer.from([0x64, 0])]))
    expect(aethel('verify', receipt, '--trust', network.trustFile, '--recheck', '--proof', other).code).toBe(3)
    const claim = JSON.parse(readFileSync(receipt, 'utf8')) as { claimId: string; proofHash: string }
    expect(claim.proofHash).toBe(root)
    const page = JSON.parse(aethel('claims', claim.claimId, '--url', network.urls[2] ?? '', '--json').stdout)
    expect(page.blob).toMatchObject({ root, bytes: blob.bytes, held: true })
  })
})

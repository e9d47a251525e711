/**
 * What this machine can do at best, measured beside the figures that rest on it: durable writes, signature checks, and a
 * round trip over loopback.
 */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signingKey, verifySignature } from '@aethel/crypto'
import { median, timed } from './statistics.js'

const RECORD_BYTES = 256
const SYNCS = 400
const SIGNATURES = 3_000
const ROUND_TRIPS = 2_000
const BODIES = 2_000

/** Appends of one record, each made durable, per second; on the file system that temporary folders are on. */
export function syncsPerSecond() {
  const folder = mkdtempSync(join(tmpdir(), 'aethel-floor-'))
  const file = openSync(join(folder, 'log'), 'a')
  const record = randomBytes(RECORD_BYTES)
  const started = performance.now()
  for (let i = 0; i < SYNCS; i++) {
    writeSync(file, record)
    fdatasyncSync(file)
  }
  const elapsed = performance.now() - started
  closeSync(file)
  rmSync(folder, { recursive: true })
  return (SYNCS * 1000) / elapsed
}

/** Ed25519 signatures of 120-byte messages checked per second on one core. */
export function signatureChecksPerSecond() {
  const key = signingKey(randomBytes(32))
  const message = randomBytes(120)
  const signature = key.sign(message)
  const started = performance.now()
  for (let i = 0; i < SIGNATURES; i++) {
    if (!verifySignature(key.publicKey, message, signature)) throw new Error('a good signature was refused')
  }
  return (SIGNATURES * 1000) / (performance.now() - started)
}

/**
 * Median milliseconds of what nobody can leave out who takes part in ordering a transaction of so many bytes and `validators - 1` others: one
 * check of its signature, one SHA-256, AES-GCM when it comes and for its share of those who pass it on, and one write, not synced.
 *
 * @param {number} bytes
 * @param {number} validators
 */
export async function leastPerTransactionMs(bytes, validators) {
  const body = randomBytes(bytes)
  const [key, nonce] = [randomBytes(32), randomBytes(12)]
  const folder = mkdtempSync(join(tmpdir(), 'aethel-floor-'))
  const file = openSync(join(folder, 'bodies'), 'a')
  const encrypt = () => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.update(body)
    cipher.final()
  }
  const each = {
    signature: 1000 / signatureChecksPerSecond(),
    hash: median(await timed(BODIES, () => void createHash('sha256').update(body).digest())),
    encryption: median(await timed(BODIES, encrypt)) * (1 + (validators - 1) / validators),
    write: median(await timed(BODIES, () => void writeSync(file, body))),
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  return { ...each, together: each.signature + each.hash + each.encryption + each.write }
}

/** Median milliseconds for 200 bytes there and back over TCP on loopback, in one process. */
export async function loopbackRoundTripMs() {
  const server = createServer((socket) => socket.setNoDelay(true).pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the echo server has no port')
  const socket = connect(address.port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  const message = randomBytes(200)
  const samples = []
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const started = performance.now()
    socket.write(message)
    let received = 0
    while (received < message.length) {
      const [part] = await once(socket, 'data')
      received += part.length
    }
    samples.push(performance.now() - started)
  }
  socket.destroy()
  server.close()
  return median(samples)
}

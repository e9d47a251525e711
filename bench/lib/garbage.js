/**
 * A validator that has gone bad, as a process of its own: `node garbage.js KIND HOME URL`. With the keys of that home it holds real connections
 * to all the others and sends on each, as fast as it is read, one kind of garbage; when it is cut off it comes back at once. Every
 * second it prints how much it has got rid of, as one JSON line.
 */
import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import { compareBytes, encode, epoch, hash, height, signature, validatorIndex, view } from '@aethel/codec'
import { ballotBytes, encodeMessage, statusBytes } from '@aethel/consensus'
import { createTlsIdentity, PROTOCOL_VERSION } from '@aethel/network'
import { FRAME, frameOf } from '../../packages/network/dist/frames.js'
import { openHome } from '../../packages/node/dist/home.js'

/** Written at a time; made once, so that making it costs nothing afterwards. */
const PIECE_BYTES = 256 * 1024
const RECONNECT_MS = 5

const [kind, homePath] = process.argv.slice(2)
const home = openHome(String(homePath))
const self = home.self ?? 0
const key = home.consensusKeys[0]
const otherChain = hash(randomBytes(32))
let sent = 0
let connections = 0

/** @param {Uint8Array} payload @param {number} [as] */
const framed = (payload, as = FRAME.message) => frameOf(/** @type {any} */ (as), payload)

/**
 * @param {number} at
 * @param {{ chainId?: import('@aethel/codec').Hash, forged?: boolean }} how
 */
function vote(at, { chainId = home.chainId, forged = false }) {
  const ballot = {
    kind: /** @type {const} */ ('prepare'),
    epoch: epoch(0),
    view: view(current.view),
    height: height(at),
    blockHash: hash(randomBytes(32)),
  }
  const signed = forged ? signature(randomBytes(64)) : key.sign(ballotBytes(chainId, ballot))
  return framed(encodeMessage({ kind: 'vote', vote: { ...ballot, sender: validatorIndex(self), signature: signed } }))
}

/** What is signed as it should be and helps nobody: old votes, new words about nothing, questions, pings. */
function useless() {
  const status = {
    kind: /** @type {const} */ ('status'),
    epoch: epoch(0),
    view: view(current.view),
    phase: /** @type {const} */ ('active'),
    committedHeight: height(Math.floor(Math.random() * (current.height + 1))),
    slots: [],
    complaint: null,
    sender: validatorIndex(self),
  }
  const roll = Math.random()
  if (roll < 0.4) return vote(1 + Math.floor(Math.random() * Math.max(1, current.height)), {})
  if (roll < 0.7) return framed(encodeMessage({ ...status, signature: key.sign(statusBytes(home.chainId, status)) }))
  if (roll < 0.8) return framed(encodeMessage({ kind: 'fetch', want: 'committed', from: height(1) }))
  if (roll < 0.9) return framed(encodeMessage({ kind: 'fetch', want: 'block', hash: hash(randomBytes(32)) }))
  return framed(randomBytes(4), FRAME.ping)
}

/** @returns {Uint8Array} */
function piece() {
  if (kind === 'random-bytes') return randomBytes(PIECE_BYTES)
  const frames = []
  for (let bytes = 0; bytes < PIECE_BYTES; ) {
    const ahead = current.height + 1 + Math.floor(Math.random() * 16)
    const frame =
      kind === 'bad-signatures' ? vote(ahead, { forged: true }) : kind === 'other-chain' ? vote(ahead, { chainId: otherChain }) : useless()
    frames.push(frame)
    bytes += frame.length
  }
  return Buffer.concat(frames)
}

const current = { view: 0, height: 0 }
const statusUrl = String(process.argv[4])
async function look() {
  const answer = await fetch(`${statusUrl}/v1/status`).catch(() => null)
  if (answer !== null) Object.assign(current, await answer.json())
}
await look()
let garbage = piece()
setInterval(async () => {
  await look()
  garbage = piece()
  const { user, system } = process.cpuUsage()
  console.log(JSON.stringify({ sent, connections, cpuMs: (user + system) / 1000 }))
}, 1_000)

const identity = createTlsIdentity(home.networkSeed)
const tls = /** @type {const} */ ({
  cert: identity.certificate,
  key: identity.privateKey,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  rejectUnauthorized: false,
  ALPNProtocols: ['aethel/1'],
})
const hello = framed(
  encode((writer) => writer.u16(PROTOCOL_VERSION).raw(home.chainId)),
  FRAME.hello,
)

/** @param {import('node:tls').TLSSocket} socket */
function flood(socket) {
  connections++
  socket.on('error', () => undefined)
  socket.resume()
  socket.write(hello)
  const pour = () => {
    while (!socket.destroyed) {
      sent += garbage.length
      if (!socket.write(garbage)) return
    }
  }
  socket.on('drain', pour)
  pour()
}

createServer({ ...tls, requestCert: true }, flood)
  .on('tlsClientError', () => undefined)
  .listen(home.config.mesh)
for (const peer of home.config.peers) {
  if (compareBytes(identity.publicKey, peer.networkKey) > 0) continue
  const dial = () => {
    const socket = connect({ ...tls, host: peer.host, port: peer.port })
    socket.once('secureConnect', () => flood(socket))
    socket.on('error', () => undefined)
    socket.once('close', () => setTimeout(dial, RECONNECT_MS))
  }
  dial()
}

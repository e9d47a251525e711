/**
 * The door: where connections come in. It bounds how many handshakes strangers can make us compute (handshakes.ts) and how many of them may
 * wait for one (lobby.ts), and hands on whoever has done a TLS 1.3 handshake; whose key that proved is for the mesh to say.
 */
import { type AddressInfo, createServer as createListener, type Server as Listener, type Socket } from 'node:net'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import type { ValidatorIndex } from '@aethel/codec'
import { NetworkError } from './errors.js'
import { burstFor, HANDSHAKE_MS, HandshakeLimit } from './handshakes.js'
import { Lobby } from './lobby.js'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface DoorHandlers {
  /** Somebody has done a handshake, with a certificate or without one. */
  onSecure(socket: TLSSocket): void
  onStranger(address: string | undefined, code: string, message: string): void
}

export class Door {
  readonly #listener: Listener = createListener()
  /** Does handshakes for the connections that the listener hands it. */
  readonly #server: Server
  readonly #handlers: DoorHandlers
  readonly #handshakes: HandshakeLimit
  /** Accepted and not closed. */
  readonly #sockets = new Set<Socket>()
  /** Of these, not yet authenticated. */
  readonly #lobby = new Lobby()

  /** @param peers how many validators there are beside this one */
  constructor(tls: TlsOptions, peers: number, handlers: DoorHandlers) {
    this.#server = createServer({ ...tls, requestCert: true, handshakeTimeout: HANDSHAKE_MS })
    this.#handlers = handlers
    this.#lobby.expect(burstFor(peers))
    this.#handshakes = new HandshakeLimit(peers, performance.now())
  }

  /** There are so many validators beside this one now. */
  expect(peers: number): void {
    this.#lobby.expect(burstFor(peers))
    this.#handshakes.expect(peers)
  }

  /** This validator has shown its key from there. */
  recognise(validator: ValidatorIndex, address: string | undefined): void {
    this.#handshakes.recognise(validator, address ?? '')
  }

  forget(validator: ValidatorIndex): void {
    this.#handshakes.forget(validator)
  }

  /** Listens; resolves to where that is, rejects with a `NetworkError`. */
  async open({ host, port }: Endpoint): Promise<Endpoint> {
    const listener = this.#listener
    listener.on('connection', (socket) => this.#onConnection(socket))
    this.#server.on('secureConnection', (socket) => {
      this.#lobby.leave(nameOf(socket))
      this.#handlers.onSecure(socket)
    })
    this.#server.on('tlsClientError', (error, socket) => {
      const message = `expected a TLS 1.3 handshake with a client certificate, got ${error.message}`
      this.#handlers.onStranger(socket.remoteAddress, 'handshake', message)
      socket.destroy()
    })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error: NodeJS.ErrnoException) => reject(listenError(host, port, error)))
      listener.listen({ host, port }, resolve)
    })
    listener.removeAllListeners('error')
    listener.on('error', () => {}) // accept failures (out of descriptors) pass; peers dial again
    return { host, port: (listener.address() as AddressInfo).port }
  }

  #onConnection(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    const address = socket.remoteAddress ?? ''
    if (!this.#handshakes.admit(address, performance.now())) {
      const message = 'expected fewer connections of this address, or of all strangers'
      this.#handlers.onStranger(socket.remoteAddress, 'too-many-handshakes', message)
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    const name = nameOf(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#lobby.leave(name)
    })
    this.#lobby.enter(this.#handshakes.knownNetwork(address), name, socket)
    this.#server.emit('connection', socket)
  }

  /** Closes it and every connection that came in by it. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => {
      this.#listener.close(() => resolve())
    })
  }
}

/** Of an open connection, at both its layers. */
function nameOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

function listenError(host: string, port: number, error: NodeJS.ErrnoException): NetworkError {
  if (error.code === 'EADDRINUSE') {
    return new NetworkError(
      'port-in-use',
      `port ${port} on ${host} is in use`,
      'stop the program that uses it, or choose another port in config.json',
      error,
    )
  }
  return new NetworkError(
    'listen-failed',
    `cannot listen on ${host}:${port}: ${error.message}`,
    'check host and port in config.json',
    error,
  )
}

/**
 * The wire between two validators: a TCP proxy that delays, stalls, throttles and cuts. TCP hides loss, so a lost packet
 * is what it looks like from above: everything behind it waits for the retransmission.
 */
import { connect, createServer } from 'node:net'

/** How long the rest of a stream waits for a lost packet: Linux's shortest retransmission timeout. */
const RETRANSMISSION_MS = 200
/** Beyond this much under way in one direction the sender is made to wait, as a full socket buffer would. */
const IN_FLIGHT_BYTES = 1 << 20

/**
 * @typedef {object} Weather what becomes of the bytes of one direction
 * @property {number} delayMs
 * @property {number} loss probability that a packet has to be sent again
 * @property {boolean} stalled nothing passes, and nobody is told
 */

/** @type {Weather} */
const FAIR = { delayMs: 0, loss: 0, stalled: false }

export class Link {
  /**
   * @param {() => number} unit randomness, in [0, 1)
   * @param {{ host: string, port: number }} target
   */
  constructor(unit, target) {
    this.unit = unit
    this.target = target
    this.cut = false
    /** From the side that dials, and towards it. */
    this.weather = [FAIR, FAIR]
    /** @type {Set<import('node:net').Socket>} */
    this.sockets = new Set()
    /** @type {Set<() => void>} */
    this.pumps = new Set()
    this.server = createServer((socket) => this.#accept(socket))
  }

  /** @returns {Promise<number>} the port to dial instead of the target's */
  listen() {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host: '127.0.0.1', port: 0 }, () => {
        const address = this.server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  /** @param {boolean} cut connections break, and new ones are refused */
  setCut(cut) {
    this.cut = cut
    if (cut) for (const socket of this.sockets) socket.destroy()
  }

  /**
   * @param {0 | 1} direction
   * @param {Partial<Weather>} weather
   */
  setWeather(direction, weather) {
    this.weather[direction] = { ...FAIR, ...weather }
    for (const pump of this.pumps) pump()
  }

  close() {
    this.setCut(true)
    this.server.close()
  }

  /** @param {import('node:net').Socket} near */
  #accept(near) {
    if (this.cut) return void near.destroy()
    const far = connect(this.target)
    for (const socket of [near, far]) {
      this.sockets.add(socket)
      socket.setNoDelay(true)
      // Either end may die at any moment, which is the point; the other learns of it by 'close'.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    this.#forward(near, far, 0)
    this.#forward(far, near, 1)
  }

  /**
   * @param {import('node:net').Socket} from
   * @param {import('node:net').Socket} to
   * @param {0 | 1} direction
   */
  #forward(from, to, direction) {
    /** @type {{ bytes: Buffer, dueMs: number }[]} */
    const queue = []
    let queued = 0
    let lastDueMs = 0
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const pump = () => {
      clearTimeout(timer)
      while (queue[0] !== undefined && !this.weather[direction]?.stalled) {
        const wait = queue[0].dueMs - performance.now()
        if (wait > 0) {
          timer = setTimeout(pump, Math.ceil(wait))
          break
        }
        queued -= queue[0].bytes.length
        to.write(queue[0].bytes)
        queue.shift()
      }
      if (queued < IN_FLIGHT_BYTES && to.writableLength < IN_FLIGHT_BYTES) from.resume()
    }
    this.pumps.add(pump)
    to.on('drain', pump)
    from.on('close', () => {
      clearTimeout(timer)
      this.pumps.delete(pump)
    })
    from.on('data', (bytes) => {
      const { delayMs, loss } = this.weather[direction] ?? FAIR
      const extra = loss > 0 && this.unit() < loss ? RETRANSMISSION_MS : 0
      // A stream keeps its order whatever happens to one packet.
      lastDueMs = Math.max(lastDueMs, performance.now() + delayMs + extra)
      queue.push({ bytes, dueMs: lastDueMs })
      queued += bytes.length
      if (queued >= IN_FLIGHT_BYTES) from.pause()
      pump()
    })
  }
}

/**
 * Connections that wait for their handshake. Who has connected and says nothing costs a socket for ten seconds, and nobody knows who it is; so
 * those of all addresses from which no validator has come share a bound, and each address from which one has come has its own. Who comes
 * when it is full takes the place of the one that has waited longest: an honest handshake takes a round trip, and
 * how many may begin in a second is bounded (handshakes.ts), so that a flood of silent ones gives each at least two seconds.
 */

/** Of all addresses from which no validator has come: two and a half seconds of what is let in. */
export const MAX_STRANGERS = 256

interface Connection {
  destroy(): void
}

export class Lobby {
  #most = 0
  /** By network, null: of all strangers; by name of the connection, oldest first. */
  readonly #waiting = new Map<string | null, Map<string, Connection>>()

  /** Of each network from which a validator has come, so many may wait. */
  expect(most: number): void {
    this.#most = most
  }

  /** `network`: null for a stranger's. The one that has waited longest is closed if there are too many. */
  enter(network: string | null, name: string, connection: Connection): void {
    const waiting = this.#waiting.get(network) ?? new Map<string, Connection>()
    this.#waiting.set(network, waiting)
    waiting.set(name, connection)
    if (waiting.size <= (network === null ? Math.max(MAX_STRANGERS, this.#most) : this.#most)) return
    const [oldest] = waiting
    if (oldest === undefined) return
    this.leave(oldest[0])
    oldest[1].destroy()
  }

  /** It is closed, or has shown its key. */
  leave(name: string): void {
    for (const [network, waiting] of this.#waiting) if (waiting.delete(name) && waiting.size === 0) this.#waiting.delete(network)
  }
}

/**
 * How many TLS handshakes others can make us compute. Who connects has shown nothing yet, and a handshake costs about a millisecond, so
 * it is the address that is counted: each has a bucket, and all addresses from which no validator has come share one more. Beyond that a
 * connection is closed before the handshake, for a fifth of its price. Peers dial again, at growing intervals.
 *
 * The buckets hold what a restart of all validators at one address needs (a testnet, a translated network): each of them twice, and 32.
 * An IPv6 address counts as its /64: whoever has one of them has them all.
 */

/** One takes no longer, or the connection is closed. */
export const HANDSHAKE_MS = 10_000
/** Of one address; with more validators than that, one for each of them. */
const PER_SECOND = 20
/** Of all addresses from which no validator has come: a tenth of a core. */
const STRANGERS_PER_SECOND = 100

interface Bucket {
  tokens: number
  filledAtMs: number
}

export class HandshakeLimit {
  #burst = 0
  #perMs = 0
  /** Of networks that were let in lately, in the order of their latest attempt; those that are full again are forgotten. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #strangers: Bucket
  /** From where each validator has come last. */
  readonly #known = new Map<number, string>()

  constructor(peers: number, nowMs: number) {
    this.expect(peers)
    this.#strangers = { tokens: this.#burst, filledAtMs: nowMs }
  }

  /** There are so many validators beside this one. */
  expect(peers: number): void {
    this.#burst = burstFor(peers)
    this.#perMs = Math.max(PER_SECOND, peers) / 1_000
  }

  /** Whether this connection is worth a handshake. */
  admit(address: string, nowMs: number): boolean {
    const network = networkOf(address)
    const isKnown = [...this.#known.values()].includes(network)
    if (!isKnown && !hasToken(this.#strangers, { burst: this.#burst, perMs: STRANGERS_PER_SECOND / 1_000 }, nowMs)) return false
    const rate = { burst: this.#burst, perMs: this.#perMs }
    const bucket = this.#buckets.get(network) ?? { tokens: this.#burst, filledAtMs: nowMs }
    if (!hasToken(bucket, rate, nowMs)) return false
    bucket.tokens--
    if (!isKnown) this.#strangers.tokens--
    this.#buckets.delete(network)
    this.#buckets.set(network, bucket)
    for (const [oldest, { filledAtMs }] of this.#buckets) {
      if (nowMs - filledAtMs < this.#burst / this.#perMs) break
      this.#buckets.delete(oldest)
    }
    return true
  }

  /** This validator has shown its key from there: strangers cannot use up its handshakes. */
  recognise(validator: number, address: string): void {
    this.#known.set(validator, networkOf(address))
  }

  /** Of this address, if a validator has come from there; null: a stranger's. */
  knownNetwork(address: string): string | null {
    const network = networkOf(address)
    return [...this.#known.values()].includes(network) ? network : null
  }

  forget(validator: number): void {
    this.#known.delete(validator)
  }

  /** Networks remembered. */
  get size(): number {
    return this.#buckets.size
  }
}

/** What may come at once from one address. */
export function burstFor(peers: number): number {
  return 2 * peers + 32
}

function hasToken(bucket: Bucket, { burst, perMs }: { readonly burst: number; readonly perMs: number }, nowMs: number): boolean {
  bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.filledAtMs) * perMs)
  bucket.filledAtMs = nowMs
  return bucket.tokens >= 1
}

/** An IPv4 address, also where it is written as IPv6; the first four groups of another IPv6 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const front = groupsOf(head)
  const back = tail === undefined ? [] : groupsOf(tail)
  const zeros = new Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0')
  return [...front, ...zeros, ...back].slice(0, 4).join(':')
}

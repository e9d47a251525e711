/**
 * All wires of a network on loopback. Of two validators the one with the lower network key dials, so its home names the port of a proxy
 * instead of the other's own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Link } from './link.js'

export class Wires {
  /** @param {Map<string, Link>} links by who dials and who is dialled */
  constructor(links) {
    this.kind = 'TCP proxies'
    this.links = links
  }

  /**
   * Puts a proxy on every connection; the homes must not be running.
   *
   * @param {readonly string[]} homes
   * @param {() => number} unit
   */
  static async install(homes, unit) {
    const links = new Map()
    const files = homes.map((home) => join(home, 'config.json'))
    const configs = files.map((file) => JSON.parse(readFileSync(file, 'utf8')))
    /** @type {Map<number, string>} */
    const keys = new Map(configs.flatMap(({ peers }) => peers.map((/** @type {any} */ peer) => [peer.index, peer.networkKey])))
    for (const [from, config] of configs.entries()) {
      for (const peer of config.peers) {
        if (peer.networkKey < (keys.get(from) ?? '')) continue
        const link = new Link(unit, { host: peer.host, port: peer.port })
        peer.port = await link.listen()
        links.set(`${from}-${peer.index}`, link)
      }
      writeFileSync(/** @type {string} */ (files[from]), `${JSON.stringify(config, null, 2)}\n`)
    }
    return new Wires(links)
  }

  /**
   * Validators of different sides cannot talk.
   *
   * @param {ReadonlySet<number>} side
   */
  partition(side) {
    for (const [from, to, link] of this.#all()) if (side.has(from) !== side.has(to)) link.setCut(true)
  }

  /**
   * What `from` says does not reach `to`; what `to` says reaches `from`.
   *
   * @param {number} from
   * @param {number} to
   */
  muffle(from, to) {
    this.links.get(`${from}-${to}`)?.setWeather(0, { stalled: true })
    this.links.get(`${to}-${from}`)?.setWeather(1, { stalled: true })
  }

  /**
   * Slow, lossy wires at one validator, in both directions.
   *
   * @param {number} validator
   * @param {{ delayMs: number, loss: number }} weather
   */
  disturb(validator, weather) {
    for (const [from, to, link] of this.#all()) {
      if (from !== validator && to !== validator) continue
      link.setWeather(0, weather)
      link.setWeather(1, weather)
    }
  }

  heal() {
    for (const link of this.links.values()) {
      link.setCut(false)
      link.setWeather(0, {})
      link.setWeather(1, {})
    }
  }

  close() {
    for (const link of this.links.values()) link.close()
  }

  /** @returns {Generator<[number, number, Link]>} */
  *#all() {
    for (const [name, link] of this.links) {
      const [from, to] = name.split('-').map(Number)
      yield [/** @type {number} */ (from), /** @type {number} */ (to), link]
    }
  }
}

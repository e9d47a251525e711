import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { program, whyNoNamespaces } from './namespaces.js'

const PROBE = fileURLToPath(new URL('namespaces-probe.js', import.meta.url))

it('a filter drops packets from whom it shall, lets the hub through, and everything that is not IPv4', () => {
  const steps = program({ addressAt: 26, blocked: ['10.77.0.11'], loss: 0 })
    .replaceAll('"', '')
    .split(',')
    .slice(1)
  const run = (/** @type {{ type: number, source: number, random?: number }} */ packet) => {
    let loaded = 0
    for (let at = 0; ; at++) {
      const [op, yes, no, k] = /** @type {[number, number, number, number]} */ ((steps[at] ?? '').split(' ').map(Number))
      if (op === 6) return k === 2 ? 'drop' : 'pass'
      if (op === 21) at += loaded === k ? yes : no
      else if (op === 53) at += loaded >= k ? yes : no
      else loaded = k === 12 ? packet.type : k === 26 ? packet.source : (packet.random ?? 0)
    }
  }
  const address = (/** @type {number} */ last) => ((10 * 256 + 77) * 256 + 0) * 256 + last
  expect(run({ type: 0x0800, source: address(11) })).toBe('drop')
  expect(run({ type: 0x0800, source: address(12) })).toBe('pass')
  expect(run({ type: 0x0800, source: address(1) })).toBe('pass')
  expect(run({ type: 0x0806, source: address(11) })).toBe('pass')
})

it.skipIf(whyNoNamespaces() !== null)('wires in the kernel lose, part, muffle and heal, and nothing is left of them', () => {
  const run = spawnSync('unshare', ['--net', '--mount', process.execPath, PROBE], { encoding: 'utf8', timeout: 100_000 })
  expect(run.stderr).toBe('')
  const found = JSON.parse(run.stdout)
  for (const name of ['fair', 'besideLossy', 'healed', 'together', 'heardByOther']) expect([name, found[name]]).toEqual([name, 1])
  for (const name of ['apart', 'unheard']) expect([name, found[name]]).toEqual([name, 0])
  // 0.7 there and 0.7 back.
  expect(found.lossy).toBeGreaterThan(0.3)
  expect(found.lossy).toBeLessThan(0.7)
})

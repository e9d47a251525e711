/**
 * Keys under which signatures mean nothing: the encodings of the eight points of small order on edwards25519 (the points
 * are computed anew in the tests). Strict verification refuses them one signature at a time; a validator set refuses them at
 * registration, whatever verifier a chain is run with (trap F1).
 */
import type { PublicKey } from '@aethel/codec'

/** y in little-endian hex without the sign of x: 0 and 1 and their non-canonical twins p and p + 1, p - 1, and the two of order 8. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** The first and the last byte of each, less the sign of x: few other keys begin and end like that, and only those are written out. */
const SMALL_ORDER_ENDS: ReadonlySet<number> = new Set(
  [...SMALL_ORDER_Y].map((y) => endsOf(parseInt(y.slice(0, 2), 16), parseInt(y.slice(62), 16))),
)

function endsOf(first: number, last: number): number {
  return (first << 8) | (last & 0x7f)
}

export function hasSmallOrder(key: PublicKey): boolean {
  if (!SMALL_ORDER_ENDS.has(endsOf(key[0] as number, key[31] as number))) return false
  let text = ''
  for (const [position, byte] of key.entries()) text += (position === 31 ? byte & 0x7f : byte).toString(16).padStart(2, '0')
  return SMALL_ORDER_Y.has(text)
}

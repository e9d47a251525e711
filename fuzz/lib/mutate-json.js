/**
 * Changes to a JSON document as what it is: a value replaced, copied, left out or spoilt. A change of bytes hardly ever leaves JSON, and what is
 * none says nothing about what lies behind the parser.
 */

const VALUES = [null, true, 0, -1, 1.5, 2 ** 53, '', '0', '1', '00', '9007199254740993', '-1', '0x1', [], {}]

/** @typedef {import('../../packages/simulator/dist/random.js').Random} Random */

/**
 * @param {Uint8Array} input
 * @param {Random} random
 * @returns {Uint8Array | null} null: it is no JSON
 */
export function mutateJson(input, random) {
  /** @type {unknown} */
  let document
  try {
    document = JSON.parse(Buffer.from(input).toString('utf8'))
  } catch {
    return null
  }
  const root = { document }
  for (let i = random.between(1, 2); i > 0; i--) change(root, random)
  return new TextEncoder().encode(`${JSON.stringify(root.document, null, 2)}\n`)
}

/** @param {object} root @param {Random} random */
function change(root, random) {
  const places = placesIn(root)
  const { holder, key } = random.pick(places)
  const value = holder[key]
  const way = random.below(6)
  if (way === 0 && places.length > 1 && holder !== root) {
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else delete holder[key]
  } else if (way === 1 && Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(random.pick(holder)))
  else if (way === 2) {
    const other = random.pick(places)
    holder[key] = structuredClone(other.holder[other.key])
  } else if (way === 3) holder[key] = random.pick(VALUES)
  else if (typeof value === 'string') holder[key] = spoilt(value, random)
  else if (typeof value === 'number') holder[key] = value + random.pick([-1, 1, 0.5, 2 ** 32])
}

/** Of most strings here each letter is a digit: it becomes another one. @param {string} text @param {Random} random */
function spoilt(text, random) {
  const at = random.below(text.length + 1)
  const digit = random.below(16).toString(16)
  return text.slice(0, at) + (random.chance(0.8) ? digit : random.pick(['', 'G', '\u0000', digit + digit])) + text.slice(at + 1)
}

/** @param {object} root @returns {{ holder: any, key: string }[]} */
function placesIn(root) {
  return Object.entries(root).flatMap(([key, value]) => [
    { holder: root, key },
    ...(typeof value === 'object' && value !== null ? placesIn(value) : []),
  ])
}

/** Whether two parsed claims say the same, as far as can be seen from outside. */
import { equalBytes } from '@aethel/codec'

/**
 * Structure by structure, without recursion: claims may be nested as deep as their bytes allow. What hides a part of itself (an object of a
 * class, a function) is like itself alone: nobody shall be told that two claims are one because they cannot be seen into.
 */
export function areAlike(one: unknown, other: unknown): boolean {
  const pairs: [unknown, unknown][] = [[one, other]]
  const met = new Map<object, object>()
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [a, b] = pair
    if (Object.is(a, b)) continue
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    if (met.get(a) === b) continue
    met.set(a, b)
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
    if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) {
      if (!equalBytes(bytesOf(a), bytesOf(b))) return false
      continue
    }
    const [parts, others] = [partsOf(a), partsOf(b)]
    if (parts === null || others === null || parts.length !== others.length) return false
    for (let i = 0; i < parts.length; i++) pairs.push([parts[i], others[i]])
  }
  return true
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** Null: there may be more to it than can be seen. */
function partsOf(value: object): readonly unknown[] | null {
  if (Array.isArray(value)) return value
  const parts: unknown[] = []
  if (value instanceof Map) for (const [key, each] of value) parts.push(key, each)
  else if (value instanceof Set) for (const each of value) parts.push(each)
  else {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return null
    for (const [key, each] of Object.entries(value)) parts.push(key, each)
  }
  return parts
}

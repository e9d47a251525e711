/**
 * What a verifier must not look at: clocks, chance, the process. While a run is watched, each of these is replaced by something that
 * works and tells; afterwards everything is as before. A verifier that kept a reference from before (`const now = Date.now`) escapes
 * here, and is left to the comparison of runs.
 */

type Globals = Record<string, unknown>

const CLOCKS_AND_CHANCE: readonly (readonly [object: string, member: string])[] = [
  ['Math', 'random'],
  ['Date', 'now'],
  ['performance', 'now'],
  ['crypto', 'getRandomValues'],
  ['crypto', 'randomUUID'],
  ['process', 'hrtime'],
  ['process', 'cpuUsage'],
  ['process', 'memoryUsage'],
]
const CALLS: readonly string[] = ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']

/** Runs `body` and answers what it used, by name. */
export function watchAmbient(body: () => void): ReadonlySet<string> {
  const used = new Set<string>()
  const undo: (() => void)[] = []
  const globals = globalThis as unknown as Globals
  const replace = (object: Globals, member: string, name: string): void => {
    const before = Object.getOwnPropertyDescriptor(object, member)
    const original = object[member]
    if (typeof original !== 'function') return
    const watched = (...args: unknown[]): unknown => {
      used.add(name)
      return Reflect.apply(original, object, args) as unknown
    }
    if (before?.configurable === false) return
    Object.defineProperty(object, member, { value: watched, configurable: true, writable: true })
    undo.push(() => {
      if (before === undefined) delete object[member]
      else Object.defineProperty(object, member, before)
    })
  }
  for (const [name, member] of CLOCKS_AND_CHANCE) {
    const object = globals[name] as Globals | undefined
    if (object !== undefined && object !== null) replace(object, member, `${name}.${member}`)
  }
  for (const name of CALLS) replace(globals, name, name)
  const undoDate = watchDate(globals, used)
  try {
    body()
  } finally {
    undoDate()
    for (const step of undo.toReversed()) step()
  }
  return used
}

/** `new Date()` without arguments reads the clock. */
function watchDate(globals: Globals, used: Set<string>): () => void {
  const original = globals['Date'] as (new (...args: unknown[]) => unknown) | undefined
  if (original === undefined) return () => undefined
  globals['Date'] = new Proxy(original, {
    construct(target, args) {
      if (args.length === 0) used.add('new Date')
      return Reflect.construct(target, args) as object
    },
  })
  return () => {
    globals['Date'] = original
  }
}

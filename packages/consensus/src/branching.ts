/**
 * A core that can be copied and compared, for exploring many schedules that begin alike (docs/twins.md). Two cores with one
 * fingerprint hold equal states, byte for byte and in the same order, so whatever they are told next they do the same.
 */
import { assert, type Hash, keyOf } from '@aethel/codec'
import { type Consensus, ConsensusCore } from './consensus.js'
import { type EssenceContext, essenceOf, isSpent, namedIn } from './essence.js'
import type { ConsensusConfig, DurableState } from './interface.js'
import { createState, type State } from './state.js'
import { VoteKeeper } from './vote-keeper.js'

export interface ForkableConsensus extends Consensus {
  /** An independent copy: what either is told from now on, the other does not notice. */
  fork(): ForkableConsensus
  /** All of the state but the configuration. */
  fingerprint(): string
  /** What of it can still be read (essence.ts). */
  essence(context: EssenceContext): string
  /** It will sign nothing more in its view. */
  readonly isSpent: boolean
  /** Blocks that it may yet ask for or speak of. */
  named(): Hash[]
}

export function createForkableConsensus(config: ConsensusConfig, durable: DurableState): ForkableConsensus {
  return new ForkableCore(createState(config, durable), durable.lastCommit)
}

class ForkableCore extends ConsensusCore implements ForkableConsensus {
  fork(): ForkableConsensus {
    return new ForkableCore(copyState(this.state), this.lastCommit)
  }

  fingerprint(): string {
    return describe(this.state)
  }

  get isSpent(): boolean {
    return isSpent(this.state)
  }

  named(): Hash[] {
    return namedIn(this.state)
  }

  essence(context: EssenceContext): string {
    return essenceOf(this.state, context, describe)
  }
}

/** Spread, not put together from entries: V8 would make a dictionary of those, and every later look at a field a search. */
function copyState(state: State): State {
  const copied: Record<string, unknown> = { ...state }
  for (const name in copied) if (name !== 'config') copied[name] = copy(copied[name])
  return copied as unknown as State
}

/**
 * Containers are copied, whatever they are called; bytes, blocks, certificates and everything signed never change and are
 * shared. A class this function does not know stops the process: it must be taught how.
 */
function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copy)
  if (value instanceof Map) {
    const copied = new Map<unknown, unknown>()
    for (const [key, item] of value) copied.set(key, copy(item))
    return copied
  }
  if (value instanceof Set) return new Set(value)
  if (isShared(value)) return value
  if (value instanceof VoteKeeper) return value.copy((slot) => copy(slot) as typeof slot)
  assertPlain(value)
  const copied: Record<string, unknown> = { ...value }
  for (const name in copied) copied[name] = copy(copied[name])
  return copied
}

function isShared(value: object): boolean {
  return value instanceof Uint8Array || 'signature' in value || 'signers' in value || 'header' in value || 'entry' in value
}

function assertPlain(value: object): void {
  assert(Object.getPrototypeOf(value) === Object.prototype, () => `a state holds a ${value.constructor.name}, which cannot be copied yet`)
}

/** Kept NEW-VIEWs only ever go into a proof: two states that differ in nothing else behave alike. Injective up to collisions of hashes and signatures: every value stands between its own delimiters. */
function describe(value: unknown): string {
  if (typeof value === 'string') return value.length > 16 ? idOfKey(value) : value
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint8Array) return idOf(value)
  if (isShared(value)) return describeShared(value as Record<string, unknown>)
  if (Array.isArray(value)) return `[${value.map((item) => describe(item)).join()}]`
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${describe(key)}=${describe(item)}`).join()}}`
  if (value instanceof Set) return `<${[...value].map((item) => describe(item)).join()}>`
  if (value instanceof VoteKeeper) return `votes${describe([...value.slots()])}`
  assertPlain(value)
  let text = '('
  for (const [field, item] of Object.entries(value)) if (field !== 'config' && field !== 'newViews') text += `${field}:${describe(item)},`
  return `${text})`
}

const described = new WeakMap<object, string>()

/** A block by its hash; what is signed by its signature, which binds the rest, and by the certificate it carries. */
function describeShared(value: Record<string, unknown>): string {
  const known = described.get(value)
  if (known !== undefined) return known
  let text = ''
  for (const [field, item] of Object.entries(value)) {
    if (field === 'header' || field === 'body') continue
    if (item instanceof Uint8Array) text += `${field}:${idOf(item)},`
    else if (typeof item === 'object' && item !== null) text += `${field}:${describeNested(item)},`
    else text += `${field}:${String(item)},`
  }
  described.set(value, text)
  return text
}

function describeNested(item: object): string {
  if (isShared(item)) return describeShared(item as Record<string, unknown>)
  return describe(item)
}

/** A number for each content met, so that fingerprints stay short; numbers are never reused. */
const numbers = new Map<string, string>()
const numbered = new WeakMap<Uint8Array, string>()

function idOf(bytes: Uint8Array): string {
  let id = numbered.get(bytes)
  if (id === undefined) {
    id = idOfKey(keyOf(bytes))
    numbered.set(bytes, id)
  }
  return id
}

/** Long strings in a state are keys of hashes; the short ones are words. */
function idOfKey(key: string): string {
  let id = numbers.get(key)
  if (id === undefined) {
    id = `#${numbers.size}`
    numbers.set(key, id)
  }
  return id
}

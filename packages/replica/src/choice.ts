/**
 * What of the transactions chosen for a block goes into it: all of them, or, if the application refuses them as a whole, what it takes. A
 * leader with thousands of transactions, some of them bad, must not need thousands of executions.
 */
import type { Refusal } from '@aethel/codec'
import type { Offence } from '@aethel/consensus'
import type { Application, BlockContext, Executed, ExecutionInput } from './application.js'
import type { Pooled } from './mempool.js'

export interface Parent<State> {
  readonly state: State
  /** Of the block to be built on it. */
  readonly context: BlockContext
}

export interface Choice<State> {
  readonly items: readonly Pooled[]
  /** Stays in the mempool. */
  readonly leftOut: readonly Pooled[]
  /** The application refuses it as such, whatever stands before it. */
  readonly refused: readonly Refused[]
  /** Null: nothing can be executed. */
  readonly executed: Executed<State> | null
}

export interface Refused {
  readonly item: Pooled
  readonly refusal: Refusal
}

/** Executes the choice; if the application refuses it as a whole, leaves out what it refuses. */
export function executable<State>(
  application: Application<State>,
  { state, context }: Parent<State>,
  chosen: readonly Pooled[],
  offences: readonly Offence[],
): Choice<State> {
  if (chosen.length === 0) return { items: [], leftOut: [], refused: [], executed: null }
  const whole = application.execute(state, context, chosen.map(toExecution), offences)
  if (whole.ok) return { items: chosen, leftOut: [], refused: [], executed: whole.value }
  const { items, leftOut, refused } = acceptedOneByOne(application, { state, context }, chosen)
  for (let most = items.length; most > 0; most >>= 1) {
    const kept = items.slice(0, most)
    const together = application.execute(state, context, kept.map(toExecution), offences)
    if (together.ok) return { items: kept, leftOut: [...leftOut, ...items.slice(most)], refused, executed: together.value }
    if (most === 1) refused.push({ item: items[0] as Pooled, refusal: together.error })
  }
  return { items: [], leftOut: [...leftOut, ...items.slice(1)], refused, executed: null }
}

/** Halves until the refused ones stand alone: k of n cost about 2n + k log n executions, where one by one is n * n. */
function acceptedOneByOne<State>(
  application: Application<State>,
  parent: Parent<State>,
  chosen: readonly Pooled[],
): { items: Pooled[]; leftOut: Pooled[]; refused: Refused[] } {
  const items: Pooled[] = []
  const leftOut: Pooled[] = []
  const refused: Refused[] = []
  const { context } = parent
  let { state } = parent
  const parts: (readonly Pooled[])[] = halvesOf(chosen)
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const [only] = part
    const attempt = application.execute(state, context, part.map(toExecution))
    if (attempt.ok) {
      items.push(...part)
      state = attempt.value.state
    } else if (part.length > 1) parts.push(...halvesOf(part))
    else if (only !== undefined) {
      // Refused for what others did (a nonce or a citation is missing now, a name is taken): another state may see it otherwise.
      const isRefusedAsSuch = application.readiness(state, only.transaction, context).status === 'ready'
      if (isRefusedAsSuch) refused.push({ item: only, refusal: attempt.error })
      else leftOut.push(only)
    }
  }
  return { items, leftOut, refused }
}

export function toExecution({ transaction, difficulty }: Pooled): ExecutionInput {
  return { transaction, difficulty }
}

function halvesOf(items: readonly Pooled[]): (readonly Pooled[])[] {
  const half = items.length >> 1
  return half === 0 ? [items] : [items.slice(half), items.slice(0, half)] // popped from the end: the first half first
}

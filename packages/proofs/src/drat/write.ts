/**
 * Found steps as binary LRAT: only those the empty clause leans on, numbered without gaps, each clause deleted after its last
 * use. A RAT step leans on every clause that holds the negation of its pivot, so all of them are kept, and clauses of the
 * formula are deleted as well, because the kernel counts what is live.
 */
import type { FoundSteps } from './elaborate.js'
import { GrowingBytes } from './growing.js'

const LETTER_A = 97
const LETTER_D = 100

export function writeLrat(found: FoundSteps): { readonly lrat: Uint8Array; readonly steps: number; readonly hints: number } {
  const { formulaClauses, emptyId } = found
  const needed = markNeeded(found)
  const numbers = new Int32Array(emptyId + 1)
  let steps = 0
  let rat = false
  for (let id = 1; id <= emptyId; id++) {
    if (id <= formulaClauses) numbers[id] = id
    else if (needed[id] === 1) {
      numbers[id] = formulaClauses + ++steps
      if (found.pivots.has(id)) rat = true
    }
  }
  const deletions = lastUses(found, needed, rat)
  const out = new GrowingBytes()
  const number = (value: number): void => {
    let rest = value
    for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128)
    out.push(rest)
  }
  let hints = 0
  const unused = deletions.unused
  if (unused.length > 0) {
    out.push(LETTER_D)
    for (const id of unused) number(2 * id)
    out.push(0)
  }
  for (let id = formulaClauses + 1; id <= emptyId; id++) {
    if (needed[id] === 0) continue
    out.push(LETTER_A)
    number(2 * (numbers[id] as number))
    const pivot = found.pivots.get(id)
    if (pivot !== undefined) number(pivot)
    const start = found.starts.words[id] as number
    const end = start + (found.counts.words[id] as number)
    for (let at = start; at < end; at++) {
      const literal = found.literals.words[at] as number
      if (literal !== pivot) number(literal)
    }
    out.push(0)
    const [from, to] = hintsOf(found, id)
    for (let at = from; at < to; at++) {
      const hint = found.hints.words[at] as number
      number(hint > 0 ? 2 * (numbers[hint] as number) : 2 * (numbers[-hint] as number) + 1)
    }
    hints += to - from
    out.push(0)
    if (deletions.first[id] !== 0 && id !== emptyId) {
      out.push(LETTER_D)
      for (let dead = deletions.first[id] as number; dead !== 0; dead = deletions.next[dead] as number)
        number(2 * (numbers[dead] as number))
      out.push(0)
    }
  }
  return { lrat: out.finish(), steps, hints }
}

function hintsOf(found: FoundSteps, id: number): readonly [number, number] {
  const index = id - found.formulaClauses - 1
  const from = found.hintStarts.words[index] as number
  return [from, index + 1 < found.hintStarts.length ? (found.hintStarts.words[index + 1] as number) : found.hints.length]
}

function markNeeded(found: FoundSteps): Uint8Array {
  const needed = new Uint8Array(found.emptyId + 1)
  needed[found.emptyId] = 1
  for (let id = found.emptyId; id > found.formulaClauses; id--) {
    if (needed[id] === 0) continue
    const [from, to] = hintsOf(found, id)
    for (let at = from; at < to; at++) needed[Math.abs(found.hints.words[at] as number)] = 1
  }
  return needed
}

/** By step: the first clause to delete behind it, and by clause the next one; 0 ends. `unused`: before the first step. */
function lastUses(found: FoundSteps, needed: Uint8Array, rat: boolean) {
  const { formulaClauses, emptyId } = found
  const first = new Int32Array(emptyId + 1)
  const next = new Int32Array(emptyId + 1)
  const done = new Uint8Array(emptyId + 1)
  const unused: number[] = []
  for (let id = emptyId; id > formulaClauses; id--) {
    if (needed[id] === 0) continue
    const [from, to] = hintsOf(found, id)
    for (let at = from; at < to; at++) {
      const used = Math.abs(found.hints.words[at] as number)
      if (done[used] === 1 || (used <= formulaClauses && !rat)) continue
      done[used] = 1
      next[used] = first[id] as number
      first[id] = used
    }
  }
  if (rat) for (let id = 1; id <= formulaClauses; id++) if (done[id] === 0) unused.push(id)
  return { first, next, unused }
}

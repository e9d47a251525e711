/** What frames add up to bounds a database: it has to be the same number whether their records are kept or not. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Database, FLOATING } from './database.js'
import { parseDatabase } from './database-reader.js'
import { FrameBuilder } from './frame-builder.js'
import { IntVector } from './integers.js'
import { ascii } from './tokens.js'

const VARIABLES = 40

/** All active: variables with their `$f`, `$d`s, `$e`s, and one axiom at the end. */
function databaseOf(disjoint: readonly (readonly number[])[], essentials: readonly (readonly number[])[]): Database {
  const names = Array.from({ length: VARIABLES }, (_, index) => `v${index}`)
  const words = (of: readonly number[]): string => of.map((index) => names[index]).join(' ')
  const text = [
    `$c w $. $v ${names.join(' ')} $.`,
    ...names.map((name) => `f${name} $f w ${name} $.`),
    ...disjoint.map((group) => `$d ${words(group)} $.`),
    ...essentials.map((of, index) => `e${index} $e w ${words(of)} $.`),
    'last $a w $.',
  ].join('\n')
  const parsed = parseDatabase(ascii(text))
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}

class Told {
  words = 0
  readonly frames: FrameBuilder
  constructor(database: Database) {
    this.frames = new FrameBuilder(database, database.tokens.count, (words) => {
      this.words += words
    })
    for (let statement = 0; statement < database.statementCount; statement++)
      if (database.kindOf(statement) === FLOATING) this.frames.floats[database.variableOf(statement)] = statement + 1
  }
}

function vectorOf(numbers: readonly number[]): IntVector {
  const vector = new IntVector(4)
  for (const number of numbers) vector.push(number)
  return vector
}

const someVariables = fc.array(fc.nat(VARIABLES - 1), { maxLength: 12 })
const group = fc.uniqueArray(fc.nat(VARIABLES - 1), { minLength: 2, maxLength: VARIABLES })

describe('a frame that is measured', () => {
  it('has as many hypotheses, and as much work, as one that is laid out: assertions one after the other, while $e come and go', () => {
    fc.assert(
      fc.property(
        fc.array(group, { maxLength: 5 }),
        fc.array(someVariables, { maxLength: 6 }),
        fc.array(fc.tuple(someVariables, fc.nat(6)), { minLength: 1, maxLength: 8 }),
        (disjoint, essentials, assertions) => {
          const database = databaseOf(disjoint, essentials)
          const head = database.contents.at(database.statementCount - 1)
          const variables = Array.from({ length: VARIABLES }, (_, index) => database.variableOf(index))
          const first = database.statementCount - 1 - essentials.length
          const [laid, measured] = [new Told(database), new Told(database)]
          for (const [symbols, active] of assertions) {
            const tokens = vectorOf(symbols.map((index) => variables[index] as number))
            const essentialStatements = vectorOf(Array.from({ length: Math.min(active, essentials.length) }, (_, index) => first + index))
            const hypotheses = laid.frames.collect(tokens, essentialStatements)
            laid.frames.lay(tokens, head)
            expect(measured.frames.measure(tokens, essentialStatements)).toBe(hypotheses)
            measured.frames.skip(head)
            expect(measured.words).toBe(laid.words)
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})

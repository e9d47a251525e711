// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkDatabase, concludeChunks, proofLimits } from './check.js'
import { type ChunkVerdict, chunkChecker, DatabaseMirror, parseInSlices } from './slices.js'
import { ascii } from './tokens.js'

const LIBRARY = new Uint8Array(readFileSync(new URL('../../library/propositional.mm', import.meta.url)))
const BASE = '$c wff |- ( ) -> $. $v p q $. wp $f wff p $. wq $f wff q $. wi $a wff ( p -> q ) $. ax1 $a |- ( p -> ( q -> p ) ) $.\n'

/** The verdict that a mirror reaches which checks each slice as soon as it has it. */
function bySlices(bytes: Uint8Array, everyTheorems: number): ReturnType<typeof checkDatabase> {
  const mirror = new DatabaseMirror(bytes, proofLimits({}))
  const chunks: ChunkVerdict[] = []
  let checked = 0
  const parsed = parseInSlices(bytes, everyTheorems, (slice) => {
    mirror.append(structuredClone(slice))
    chunks.push(mirror.check(checked, mirror.theorems))
    checked = mirror.theorems
  })
  if (!parsed.ok) return { status: 'invalid', ...parsed.error, theorems: 0, gas: 4 * bytes.length }
  return concludeChunks(bytes.length, checked, chunks, chunkChecker(parsed.value, proofLimits({})))
}

describe('a database in slices', () => {
  it.each([1, 2, 7, 100, 1000])('has the verdict of the whole, %i theorems at a time', (everyTheorems) => {
    expect(bySlices(LIBRARY, everyTheorems)).toEqual(checkDatabase(LIBRARY))
  })

  it('what is refused is refused for the same reason, at the same place, for the same gas', () => {
    const valid = 't0 $p |- ( p -> ( q -> p ) ) $= ( ax1 ) ABC $.\n'
    const theorem = (i: number, proof: string): string => `\${ h${i} $e |- p $. t${i} $p |- ( p -> ( q -> p ) ) $= ${proof} $. $}\n`
    const faults = [
      '( ax1 ) ABD',
      '( t9 ) ABD',
      '( h1 ax1 ) ABE',
      '( nowhere ) ABC',
      '( ax1 ) ABCZZ',
      '( $( open ) ABC',
      'wp wq ax1',
      '?',
      '',
    ]
    for (const fault of faults) {
      for (const at of [1, 2, 5, 8]) {
        let text = BASE + valid
        for (let i = 1; i < 10; i++) text += theorem(i, i === at ? fault : '( ax1 ) ABD')
        const bytes = ascii(text)
        for (const every of [1, 3]) expect(bySlices(bytes, every)).toEqual(checkDatabase(bytes))
      }
    }
  })

  it('a hypothesis of a closed block stays out of reach in the mirror', () => {
    const bytes = ascii(`${BASE}\${ h $e |- p $. a $p |- p $= h $. $} b $p |- p $= h $.`)
    expect(bySlices(bytes, 1)).toMatchObject({ status: 'invalid', code: 'inactive-hypothesis', label: 'b' })
  })

  it('a database that is one block is one slice', () => {
    const bytes = ascii(`\${ $v x $. ${' '.repeat(3)} $} ${BASE} \${ ${'u $p wff p $= wp $. '} $}`)
    let slices = 0
    expect(parseInSlices(bytes, 1, () => slices++).ok).toBe(true)
    expect(slices).toBeGreaterThan(0)
    expect(bySlices(bytes, 1)).toEqual(checkDatabase(bytes))
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: "${" opens a block in Metamath
/** `check metamath --jobs N`: the verdict of one thread, whatever the number of threads. */
import { writeFileSync } from 'node:fs'
import { checkDatabase } from '@aethel/proofs'
import { afterAll, describe, expect, it } from 'vitest'
// The built one: its worker is a file beside it.
import { checkDatabaseInParallel } from '../dist/metamath-jobs/check.js'
import { aethel, temporaryFolder } from './aethel.js'

const folder = temporaryFolder()
afterAll(folder.remove)

const BASE = '$c wff |- ( ) -> $. $v p q $. wp $f wff p $. wq $f wff q $. wi $a wff ( p -> q ) $. ax1 $a |- ( p -> ( q -> p ) ) $.\n'

/** Many theorems, each of which cites the one before; `faults` by number of the theorem. */
function database(theorems: number, faults: ReadonlyMap<number, string> = new Map(), end = ''): Uint8Array {
  let text = BASE
  for (let i = 0; i < theorems; i++) {
    const proof = faults.get(i) ?? (i % 3 === 0 ? '( ax1 ) ABD' : `( t${i - 1} ) ABCD`)
    text += `\${ h${i} $e |- ( p -> ( q -> p ) ) $. t${i} $p |- ( p -> ( q -> p ) ) $= ${proof} $. $}\n`
  }
  return new TextEncoder().encode(text + end)
}

describe('check metamath --jobs', () => {
  it.each([2, 3, 5])('%i threads say what one says of a valid database, gas included', async (jobs) => {
    const bytes = database(3_000)
    const alone = checkDatabase(bytes)
    expect(alone).toMatchObject({ status: 'valid', theorems: 3_000 })
    expect(await checkDatabaseInParallel(bytes, jobs)).toEqual(alone)
  })

  it.each([
    ['the first refusal counts', [700, 100, 2_900]],
    ['the last theorem', [2_999]],
    ['the first theorem', [0, 1, 2]],
  ])('%s, whoever finds another one first', async (_name, at) => {
    const bytes = database(3_000, new Map(at.map((theorem) => [theorem, '( ax1 ) AAD'])))
    const alone = checkDatabase(bytes)
    expect(alone).toMatchObject({ status: 'invalid', code: 'wrong-conclusion', label: `t${Math.min(...at)}` })
    expect(await checkDatabaseInParallel(bytes, 3)).toEqual(alone)
  })

  it('a label that comes later is said to come later, even by a thread that has not read it yet', async () => {
    const bytes = database(3_000, new Map([[10, '( t2900 ) ABCD']]))
    const alone = checkDatabase(bytes)
    expect(alone).toMatchObject({ code: 'later-reference' })
    expect(await checkDatabaseInParallel(bytes, 2)).toEqual(alone)
  })

  it('a file that cannot be read to its end has no proofs to speak of', async () => {
    const bytes = database(2_000, new Map([[5, '( ax1 ) AAD']]), '${ $v unclosed $.')
    expect(await checkDatabaseInParallel(bytes, 2)).toEqual(checkDatabase(bytes))
  })

  it('the program takes the option', () => {
    writeFileSync(folder.file('many.mm'), database(1_000))
    const outcome = aethel('check', 'metamath', folder.file('many.mm'), '--jobs', '2', '--json')
    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'valid', theorems: 1_000 })
    expect(aethel('check', 'metamath', folder.file('many.mm'), '--jobs', '0').code).toBe(2)
  })

  it('one theorem is checked on one thread: more are refused, not passed over', () => {
    writeFileSync(folder.file('few.mm'), database(3))
    const check = ['check', 'metamath', folder.file('few.mm'), '--label', 't1', '--json']
    expect(JSON.parse(aethel(...check, '--jobs', '1').stdout)).toMatchObject({ status: 'valid', theorems: 1 })
    const outcome = aethel(...check, '--jobs', '2')
    expect(outcome.code).toBe(2)
    expect(`${outcome.stdout}${outcome.stderr}`).toContain('expected --label or --jobs')
  })
})

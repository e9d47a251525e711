/** What is printed to be pasted into a shell does there what it says. */
import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { shellWord } from './terminal.js'

it.each(['plain.cnf', 'a b.cnf', "it's.cnf", '$HOME`x`.cnf', 'é.cnf', '--proof', '-x y.cnf', ''])(
  '%j is one word of a shell, and no option',
  (path) => {
    const word = execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(path)}`]).toString()
    expect(word).toBe(path.startsWith('-') ? `./${path}` : path)
  },
)

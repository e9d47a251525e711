/** `--mutant ID`: the same run with a known bug planted. Mutants are patches of the sources, so this needs a checkout. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EXIT, type ExitCode, usageError } from './exit.js'
import { note } from './ui/terminal.js'

interface PlantedModule {
  runPlanted(id: string, words: readonly string[], note: (line: string) => void): Promise<number>
}

const EXIT_CODES: readonly number[] = Object.values(EXIT)

/** The command that replays a run, in a process in which a bug is planted (mutants/planted.js says so): with the bug. */
export function replayOf(command: string): string {
  const id = process.env['AETHEL_PLANTED']
  return id === undefined ? command : `${command} --mutant ${id}`
}

/** `words`: what followed the name of the command. */
export async function simulatePlanted(id: string, words: readonly string[]): Promise<ExitCode> {
  const tool = new URL('../../../mutants/planted.js', import.meta.url)
  if (!existsSync(fileURLToPath(tool))) {
    throw usageError(
      'mutant',
      'expected a checkout of the repository, because mutants are patches of its sources; run `npx aethel simulate` in one',
    )
  }
  const { runPlanted } = (await import(tool.href)) as PlantedModule
  try {
    const code = await runPlanted(id, withoutMutant(words), note)
    return (EXIT_CODES.includes(code) ? code : EXIT.internal) as ExitCode
  } catch (error) {
    throw usageError('mutant', error instanceof Error ? error.message : String(error))
  }
}

function withoutMutant(words: readonly string[]): string[] {
  return words.filter((word, position) => !word.startsWith('--mutant') && words[position - 1] !== '--mutant')
}

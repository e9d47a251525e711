/** Before any test: what tests load is what is compiled here (vitest.config.js). */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export function setup() {
  const { status, stdout } = spawnSync('npx', ['tsc', '-b'], { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' })
  if (status !== 0) throw new Error(`expected the packages to compile before their tests run, but tsc says:\n${stdout}`)
}

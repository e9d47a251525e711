/**
 * A copy of the built packages in a temporary folder, in which one mutant at a time is planted: the source is patched and
 * transpiled there, and whatever runs from the copy runs with the bug in it. The checkout itself is never touched.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url))

const READ_BY_TESTS = ['docs', 'examples', 'spec']
const LEFT_OUT = new Set(['node_modules', 'tsconfig.tsbuildinfo'])

/**
 * @typedef {object} Workspace
 * @property {string} root
 * @property {(mutant: import('./mutant.js').Mutant) => void} plant Replaces whatever was planted before.
 * @property {() => void} remove
 */

/** @returns {Workspace} */
export function createWorkspace() {
  const root = mkdtempSync(join(tmpdir(), 'aethel-mutant-'))
  const packages = readdirSync(join(CHECKOUT, 'packages'))
  cpSync(join(CHECKOUT, 'packages'), join(root, 'packages'), { recursive: true, filter: isWanted })
  // Tests read these, too: one that fails in every copy would catch every mutant.
  for (const name of readdirSync(CHECKOUT)) {
    if (/\.(json|js)$/.test(name) || READ_BY_TESTS.includes(name)) cpSync(join(CHECKOUT, name), join(root, name), { recursive: true })
  }
  linkDependencies(root, packages)
  const remove = () => rmSync(root, { recursive: true, force: true })
  process.once('exit', remove)
  /** @type {string[]} */
  let planted = []
  return {
    root,
    plant: (mutant) => {
      for (const file of planted) restore(root, file)
      planted = [...new Set(mutant.edits.map((edit) => edit.file))]
      for (const file of planted) writeFileSync(join(root, file), patched(mutant, file))
      for (const file of planted) transpile(root, file)
    },
    remove: () => {
      process.off('exit', remove)
      remove()
    },
  }
}

/** @param {string} path */
function isWanted(path) {
  return !LEFT_OUT.has(basename(path)) && !path.endsWith('.map') && !path.endsWith('.d.ts')
}

/**
 * Other people's packages are shared with the checkout, ours are the copy's.
 * @param {string} root
 * @param {readonly string[]} packages
 */
function linkDependencies(root, packages) {
  const modules = join(root, 'node_modules')
  mkdirSync(join(modules, '@aethel'), { recursive: true })
  for (const name of packages) symlinkSync(join(root, 'packages', name), join(modules, '@aethel', name))
  for (const name of readdirSync(join(CHECKOUT, 'node_modules'))) {
    if (name !== '@aethel' && !name.startsWith('.')) symlinkSync(join(CHECKOUT, 'node_modules', name), join(modules, name))
  }
}

/**
 * The source with all of a mutant's edits of it. Each place must exist exactly once: a mutant that no longer fits the source is
 * an error, never a run without the bug.
 * @param {import('./mutant.js').Mutant} mutant
 * @param {string} file
 */
export function patched(mutant, file) {
  const path = join(CHECKOUT, file)
  if (!existsSync(path)) throw new Error(`mutant ${mutant.id}: expected the file ${file}, found none; mend its "file"`)
  let source = readFileSync(path, 'utf8')
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue
    const found = source.split(edit.before).length - 1
    if (found !== 1) {
      throw new Error(
        `mutant ${mutant.id}: expected its "before" exactly once in ${file}, found it ${found} times; adapt it to the source:\n${edit.before}`,
      )
    }
    source = source.replace(edit.before, () => edit.after)
  }
  return source
}

/**
 * @param {string} root
 * @param {string} file
 */
function restore(root, file) {
  cpSync(join(CHECKOUT, file), join(root, file))
  const built = builtFrom(file)
  cpSync(join(CHECKOUT, built), join(root, built))
}

/** @param {string} file `packages/x/src/y.ts` */
function builtFrom(file) {
  return file.replace('/src/', '/dist/').replace(/\.ts$/, '.js')
}

/**
 * Types are erased, not checked: what a mutant may break is behaviour.
 * @param {string} root
 * @param {string} file
 */
function transpile(root, file) {
  const compiler = join(CHECKOUT, 'node_modules/typescript/bin/tsc')
  const options = ['--ignoreConfig', '--noCheck', '--noResolve', '--isolatedModules', '--verbatimModuleSyntax', '--types', '']
  const target = ['--target', 'es2023', '--module', 'nodenext', '--outDir', dirname(builtFrom(file))]
  const result = spawnSync(process.execPath, [compiler, ...options, ...target, file], { cwd: root, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`${file} does not compile with the mutant in it: ${result.stdout}${result.stderr}`)
}

/** What `npm pack` makes of each package is enough for somebody who has none of this repository: built files, types, and whatever they read at run time. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'aethel-packed-'))
const scope = join(folder, 'node_modules', '@aethel')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** As `npm install` of the tarballs would put them; what they depend on is taken from here, so that nothing is downloaded. */
beforeAll(() => {
  mkdirSync(scope, { recursive: true })
  const npm = ['pack', '--workspaces', '--json', '--offline', '--ignore-scripts', '--pack-destination', folder]
  /** @type {{ name: string, filename: string }[]} */
  const packed = JSON.parse(execFileSync('npm', npm, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  for (const { name, filename } of packed) {
    const target = join(folder, 'node_modules', name)
    mkdirSync(target)
    execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components', '1'])
  }
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@aethel') symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
})

/** @param {readonly string[]} args */
function node(...args) {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
}

/** @param {string} name @returns {{ bin?: Record<string, string>, exports: Record<string, Record<string, string>> }} */
const manifestOf = (name) => JSON.parse(readFileSync(join(scope, name, 'package.json'), 'utf8'))

it('every file that a package exports or runs is in it, and no test is', () => {
  const names = readdirSync(scope)
  expect(names.sort()).toEqual(readdirSync(join(root, 'packages')).sort())
  for (const name of names) {
    const { bin = {}, exports } = manifestOf(name)
    const named = [...Object.values(bin), ...Object.values(exports).flatMap((targets) => Object.values(targets))]
    expect(named.filter((file) => !existsSync(join(scope, name, file)))).toEqual([])
    const files = readdirSync(join(scope, name), { recursive: true, encoding: 'utf8' })
    expect(files.filter((file) => file.includes('.test.'))).toEqual([])
  }
})

it('every export can be imported', () => {
  const libraries = readdirSync(scope).filter((name) => name !== 'cli') // whose import is its run
  const modules = libraries.flatMap((name) => Object.keys(manifestOf(name).exports).map((path) => join('@aethel', name, path)))
  const script = `const all = await Promise.all(${JSON.stringify(modules)}.map((name) => import(name))); console.log(all.length)`
  expect(node('--input-type=module', '-e', script)).toBe(`${modules.length}\n`)
})

it('the program writes a network, whose library is the bundled one', () => {
  node(join(scope, 'cli', 'bin', 'aethel.js'), 'testnet', '--validators', '1', '--base-port', '0', '--output', 'testnet')
  expect(readdirSync(join(folder, 'testnet', 'node0'))).toContain('library-propositional.mm.bin')
})

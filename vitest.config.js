import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Nothing in these touches a process, a file or a clock, so their tests may share what they load: a third of their time is loading. */
const PURE = 'packages/{codec,crypto,consensus,ledger,proofs,receipts,replica}/{src,test}/**/*.test.ts'
const SIMULATOR = 'packages/simulator/src/**/*.test.ts'
/** But for those that load another module in the place of one: only vitest's own loader can do that. */
const REPLACES_MODULES = [
  'packages/consensus/src/body-hashing.test.ts',
  'packages/node/src/{first-start,newcomer}.test.ts',
  'packages/receipts/src/browser.test.ts',
  'packages/storage/src/{blob-files,failing-files,newest-log}.test.ts',
]
/** A copy with a mutant in it (mutants/lib/workspace.js) has no tools: it is built already, and need not pass the type checker. */
const BUILD_FIRST = 'tools/build-first.js'
/** Also what property tests draw: the same in every run. */
const COMMON = { testTimeout: 120_000, hookTimeout: 120_000, setupFiles: ['vitest.setup.js'] }

/** `./x.js` beside a test is the compiled file that a node runs, loaded by Node itself, once: what vitest has rewritten is slower by a fifth. */
const compiled = {
  name: 'compiled',
  enforce: /** @type {const} */ ('pre'),
  /** @param {string} id @param {string | undefined} importer */
  resolveId(id, importer) {
    if (importer === undefined || !id.startsWith('.') || !id.endsWith('.js')) return null
    const [, folder, name] = /^(.*\/packages\/[^/]+)\/src\/(.*)$/.exec(resolve(dirname(importer), id)) ?? []
    const built = `${folder}/dist/${name}`
    return name !== undefined && existsSync(built) ? built : null
  },
}
const LOADED_BY_NODE = { deps: { external: [/\/packages\/[^/]+\/dist\//] } }

export default defineConfig({
  test: {
    maxWorkers: 3, // on two cores: tests of processes wait about as long as they compute
    globalSetup: existsSync(BUILD_FIRST) ? [BUILD_FIRST] : [],
    projects: [
      {
        plugins: [compiled],
        test: { ...COMMON, name: 'pure', include: [PURE], exclude: REPLACES_MODULES, server: LOADED_BY_NODE, isolate: false },
      },
      {
        plugins: [compiled],
        test: {
          ...COMMON,
          name: 'simulator',
          include: [SIMULATOR],
          server: LOADED_BY_NODE,
          isolate: false,
          execArgv: ['--max-semi-space-size=64'], // most of what a seed allocates dies young
        },
      },
      {
        plugins: [compiled],
        test: {
          ...COMMON,
          name: 'process',
          include: [
            'packages/{cli,network,node,storage}/{src,test}/**/*.test.ts',
            'mutants/*.test.js',
            'fuzz/*.test.js',
            'chaos/*.test.js',
            'differential/*.test.js',
            'tools/*.test.js',
            'examples/*/*.test.js',
          ],
          exclude: REPLACES_MODULES,
          server: LOADED_BY_NODE,
        },
      },
      { test: { ...COMMON, name: 'replaced', include: REPLACES_MODULES } },
    ],
  },
})

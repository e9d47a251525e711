import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Nothing in these touches a process, a file or a clock, so their tests may share what they load: a third of their time is loading. */
const PURE = 'packages/{codec,crypto,consensus,ledger,proofs,receipts,replica,simulator}/{src,test}/**/*.test.ts'
/** But for those that load another module in the place of one, which only modules can see that vitest has loaded. */
const REPLACES_MODULES = [
  'packages/consensus/src/body-hashing.test.ts',
  'packages/node/src/first-start.test.ts',
  'packages/receipts/src/browser.test.ts',
  'packages/storage/src/{blob-files,failing-files}.test.ts',
]

/** `./x.js` beside a test is the compiled file that a node runs: one instance of each module, loaded by Node itself. */
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

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        plugins: [compiled],
        test: {
          name: 'pure',
          include: [PURE],
          exclude: REPLACES_MODULES,
          isolate: false,
          // What a seed leaves behind dies young: a tenth less time in collections.
          execArgv: ['--max-semi-space-size=64'],
          server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
        },
      },
      {
        extends: true,
        plugins: [compiled],
        test: {
          name: 'process',
          include: [
            'packages/{cli,network,node,storage}/{src,test}/**/*.test.ts',
            'mutants/*.test.js',
            'fuzz/*.test.js',
            'chaos/*.test.js',
            'differential/*.test.js',
            'tools/*.test.js',
          ],
          exclude: REPLACES_MODULES,
          server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
        },
      },
      { extends: true, test: { name: 'replaced', include: REPLACES_MODULES } },
    ],
  },
})

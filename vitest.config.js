import { defineConfig } from 'vitest/config'

/** Nothing in these touches a process, a file or a clock, so their tests may share what they load: a third of their time is loading. */
const PURE = 'packages/{codec,crypto,consensus,ledger,proofs,receipts,replica,simulator}/{src,test}/**/*.test.ts'
/** But for those that load another module in the place of one. */
const REPLACES_MODULES = ['packages/consensus/src/body-hashing.test.ts', 'packages/receipts/src/browser.test.ts']

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'pure', include: [PURE], exclude: REPLACES_MODULES, isolate: false } },
      {
        extends: true,
        test: {
          name: 'process',
          include: [
            'packages/{cli,network,node,storage}/{src,test}/**/*.test.ts',
            'mutants/*.test.js',
            'fuzz/*.test.js',
            'chaos/*.test.js',
            'differential/*.test.js',
            'tools/*.test.js',
            ...REPLACES_MODULES,
          ],
        },
      },
    ],
  },
})

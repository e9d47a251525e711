import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'mutants/*.test.js',
      'fuzz/*.test.js',
      'chaos/*.test.js',
      'differential/*.test.js',
      'tools/*.test.js',
    ],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
})

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url))
/** Examples import the package by its name, as those do who copy them. */
const resolve = {
  alias: [
    { find: /^opencode-runtime$/, replacement: source('index.ts') },
    { find: /^opencode-runtime\/gateway$/, replacement: source('gateway/index.ts') },
    { find: /^opencode-runtime\/cluster$/, replacement: source('cluster/index.ts') },
    { find: /^opencode-runtime\/testing$/, replacement: source('testing/index.ts') },
  ],
}

export default defineConfig({
  test: {
    // Two files at a time at least, because most tests with processes wait: vitest leaves one core free, and so would
    // run one file at a time on two cores. The limit of a project, as that of `real`, comes first.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    globalSetup: ['test/support/build-folder.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 20_000 } },
      {
        resolve,
        test: {
          name: 'processes',
          include: ['test/processes/**/*.test.ts', 'examples/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          // One opencode server takes 600 MB and most of two cores while it starts: one file at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      { test: { name: 'bundlers', include: ['test/bundlers/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'runtimes',
          include: ['test/runtimes/**/*.test.ts'],
          globalSetup: ['test/runtimes/setup.ts'],
          testTimeout: 150_000,
        },
      },
      {
        test: {
          name: 'litellm',
          include: ['test/litellm/**/*.test.ts'],
          globalSetup: ['test/litellm/setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'openapi',
          include: ['test/openapi/**/*.test.ts'],
          globalSetup: ['test/openapi/setup.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
        },
      },
      {
        resolve,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/setup.ts'],
          fileParallelism: false,
          // After the tests of other projects: the leases of hosts have limits of time.
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
        },
      },
      {
        resolve,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/browser/setup.ts'],
          // The files share one browser, and two cores.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/model/**/*.test.ts'] } },
      { test: { name: 'processes', include: ['test/processes/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          // One opencode server takes 600 MB and most of two cores while it starts: one file at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
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
    ],
  },
})

// Runs the tests that a mutant must not pass: in one thread, in the order of MUTANT_TESTS, up to the first
// failing test. Prints the file of that test.
import { defineConfig } from 'vitest/config'

const tests = JSON.parse(process.env.MUTANT_TESTS ?? '[]')
const mutant = process.env.MUTANT === undefined ? undefined : JSON.parse(process.env.MUTANT)
const isMutated = (id) => mutant !== undefined && id.endsWith(`/${mutant.file}`)
const placeOf = ({ moduleId }) => tests.findIndex((path) => moduleId.includes(path))

export default defineConfig({
  plugins: [
    {
      name: 'mutant',
      enforce: 'pre',
      transform: (code, id) =>
        isMutated(id) ? code.slice(0, mutant.start) + mutant.text + code.slice(mutant.end) : undefined,
      configureVitest: ({ experimental_defineCacheKeyGenerator: define }) =>
        define(({ id }) => (isMutated(id) ? false : undefined)),
    },
  ],
  test: {
    include: tests.map((path) => (path.endsWith('.ts') ? path : `${path}*.test.ts`)),
    isolate: false,
    pool: 'threads',
    maxWorkers: 1,
    fileParallelism: false,
    bail: 1,
    cache: false,
    testTimeout: 20_000,
    reporters: [{ onTestModuleEnd: (module) => module.ok() || console.log(module.relativeModuleId) }],
    setupFiles: ['scripts/mutants/seed.mjs'],
    experimental: { fsModuleCache: true },
    sequence: {
      sequencer: class {
        shard = (specifications) => specifications
        sort = (specifications) => [...specifications].sort((a, b) => placeOf(a) - placeOf(b))
      },
    },
  },
})

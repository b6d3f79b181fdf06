// Modules of the tests that runs of the bench share: TypeScript, which Node does not load.
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const project = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Loads a module of `test/support`.
 * @param {string} name name of the module, without its ending
 */
export async function testSupport(name) {
  const outfile = `${project}build/bench/${name}.mjs`
  await build({
    entryPoints: [`${project}test/support/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    define: { 'import.meta.dirname': JSON.stringify(`${project}test/support`) },
    logLevel: 'error',
  })
  return import(outfile)
}

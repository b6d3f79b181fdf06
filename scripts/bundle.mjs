// The published code: the modules that tsc made, in a few files. A file loads many times faster than a hundred, and with
// zod comes only what is used of it: all of it takes longer to load than all the rest.
// node scripts/bundle.mjs [the folder of `build` and `dist`; by default the project]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const project = fileURLToPath(new URL('..', import.meta.url))
const root = process.argv[2] ?? project
const moduleOf = (name) => join(root, 'build', name)
const entries = ['index.js', 'cli.js', 'testing/index.js', 'testing/fake-opencode/main.mjs']

/** What a module loads by static imports, itself included. */
function graphOf(id, bundle, seen = new Set()) {
  if (seen.has(id)) return seen
  seen.add(id)
  for (const imported of bundle.getModuleInfo(id)?.importedIds ?? []) graphOf(imported, bundle, seen)
  return seen
}

/** What importing the package loads is one file, and what the command line needs of it another. */
function chunkOf(id, bundle) {
  const isLoadedBy = (name) => graphOf(moduleOf(name), bundle).has(id)
  if (!isLoadedBy('index.js')) return null
  return isLoadedBy('cli.js') || isLoadedBy('cli/program.js') ? 'base' : 'core'
}

const licences = {
  name: 'licences',
  generateBundle() {
    const source = readFileSync(join(project, 'node_modules/zod/LICENSE'), 'utf8')
    this.emitFile({ type: 'asset', fileName: 'zod.LICENSE.txt', source })
  },
}

await build({
  input: Object.fromEntries(entries.map((file) => [file.replace(/\.\w+$/, ''), moduleOf(file)])),
  // All that is named as a package stays one, but for zod.
  external: /^(?!\.|\/|[a-z]:|zod$|zod\/)/i,
  platform: 'node',
  plugins: [licences],
  output: {
    dir: join(root, 'dist'),
    entryFileNames: ({ facadeModuleId }) => (facadeModuleId?.endsWith('.mjs') ? '[name].mjs' : '[name].js'),
    // Beside the entries: what is found from a file's own place is found from any of them.
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: ['base', 'core'].map((name, i) => ({
        debugName: name,
        name: (id, bundle) => (chunkOf(id, bundle) === name ? name : null),
        priority: 2 - i,
      })),
    },
  },
})

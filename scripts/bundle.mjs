// Bundles the modules that tsc made into a few files for publication. One file loads many times faster than a
// hundred. Only the used part of zod is bundled, because all of zod takes longer to load than all the rest.
// node scripts/bundle.mjs [folder of `build` and `dist`; the project by default]
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const project = fileURLToPath(new URL('..', import.meta.url))
const root = process.argv[2] ?? project
const moduleOf = (name) => join(root, 'build', name)
const entries = [
  'index.js',
  'cli.js',
  'testing/index.js',
  'testing/fake-opencode/main.mjs',
  'gateway/index.js',
  'cluster/index.js',
]

/** Returns the modules that a module loads by static imports, including itself. */
function graphOf(id, bundle, seen = new Set()) {
  if (seen.has(id)) return seen
  seen.add(id)
  for (const imported of bundle.getModuleInfo(id)?.importedIds ?? []) graphOf(imported, bundle, seen)
  return seen
}

/**
 * Returns the file of a module that the package loads: `base` if the command line needs the module too, else
 * `core`. Returns `null` for any other module.
 */
function chunkOf(id, bundle) {
  const isLoadedBy = (name) => graphOf(moduleOf(name), bundle).has(id)
  if (!isLoadedBy('index.js')) return null
  return isLoadedBy('cli.js') || isLoadedBy('cli/program.js') ? 'base' : 'core'
}

/** Packages that become part of the bundle, and the files of their licences. */
const bundled = {
  zod: 'LICENSE',
  leven: 'license',
  'sorted-btree': 'LICENSE',
  hono: 'LICENSE',
  '@hono/node-server': 'LICENSE',
  yaml: 'LICENSE',
}

const licences = {
  name: 'licences',
  generateBundle() {
    for (const [name, file] of Object.entries(bundled)) {
      const source = readFileSync(join(project, 'node_modules', name, file), 'utf8')
      this.emitFile({ type: 'asset', fileName: `${name.replace('/', '-')}.LICENSE.txt`, source })
    }
  },
}

await build({
  input: Object.fromEntries(entries.map((file) => [file.replace(/\.\w+$/, ''), moduleOf(file)])),
  // Everything named as a package stays external, except the bundled packages.
  external: new RegExp(String.raw`^(?!\.|/|[a-z]:|(${Object.keys(bundled).join('|')})(/|$))`, 'i'),
  platform: 'node',
  // The build of yaml in ES modules: with a second package in CommonJS, the main entry would load a file of helpers more.
  resolve: { alias: { yaml: join(project, 'node_modules/yaml/browser/index.js') } },
  plugins: [licences],
  output: {
    dir: join(root, 'dist'),
    entryFileNames: ({ facadeModuleId }) => (facadeModuleId?.endsWith('.mjs') ? '[name].mjs' : '[name].js'),
    // Chunks lie beside the entries, so that paths relative to a file are the same in every file.
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

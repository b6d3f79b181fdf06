import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import * as esbuild from 'esbuild'
import * as rolldown from 'rolldown'
import { rollup, type Plugin } from 'rollup'
import { build as viteBuild } from 'vite'

/** Bundle to build. */
export interface BundleRequest {
  /** Folder of the program `app.mjs`. */
  folder: string
  format: 'esm' | 'cjs'
  /** True if the package is marked as external, as the docs advise. */
  isExternal: boolean
}

/** Builds a bundle, and returns the file to run. */
export type Bundler = (request: BundleRequest) => Promise<string>

// The plugin's types describe its CommonJS form.
const commonjs = createRequire(import.meta.url)('@rollup/plugin-commonjs') as () => Plugin

const ownName = 'opencode-runtime'

/** Returns the input, the empty output folder, the ending of files and the external packages of a request. */
async function partsOf(name: string, { folder, format, isExternal }: BundleRequest) {
  const dir = join(folder, name)
  await rm(dir, { recursive: true, force: true })
  const ending = format === 'cjs' ? 'cjs' : 'mjs'
  const names = { entryFileNames: `app.${ending}`, chunkFileNames: `[name].${ending}` }
  const external = isExternal ? [ownName] : []
  return { dir, input: join(folder, 'app.mjs'), file: join(dir, `app.${ending}`), names, external }
}

const withEsbuild: Bundler = async (request) => {
  const { input, file, external } = await partsOf('esbuild', request)
  const { format } = request
  const entryPoints = [input]
  await esbuild.build({ entryPoints, outfile: file, format, external, bundle: true, platform: 'node' })
  return file
}

const withRollup: Bundler = async (request) => {
  const { dir, input, file, names, external } = await partsOf('rollup', request)
  const plugins = [nodeResolve({ exportConditions: ['node'], preferBuiltins: true }), commonjs()]
  const bundle = await rollup({ input, external, plugins, onwarn: () => undefined })
  await bundle.write({ dir, format: request.format, ...names })
  await bundle.close()
  return file
}

const withRolldown: Bundler = async (request) => {
  const { dir, input, file, names, external } = await partsOf('rolldown', request)
  const output = { dir, format: request.format, ...names }
  await rolldown.build({ input, external, platform: 'node', logLevel: 'silent', output })
  return file
}

const withViteSSR: Bundler = async (request) => {
  const { dir, input, file, names } = await partsOf('vite', request)
  const { folder: root, isExternal } = request
  await viteBuild({
    root,
    configFile: false,
    logLevel: 'silent',
    build: { ssr: input, outDir: dir, rolldownOptions: { output: { format: request.format, ...names } } },
    // Packages of node_modules are external by default.
    ssr: isExternal ? {} : { noExternal: true },
  })
  return file
}

export const bundlers = {
  esbuild: withEsbuild,
  rollup: withRollup,
  rolldown: withRolldown,
  'Vite SSR': withViteSSR,
}

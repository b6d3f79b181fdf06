// Builds the view into the package: dist/gateway/view. node scripts/view.mjs [folder of `dist`; the project by default]
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

// A test that builds would else get a build for tests.
process.env.NODE_ENV = 'production'

const project = fileURLToPath(new URL('..', import.meta.url))

await build({
  configFile: join(project, 'web/vite.config.ts'),
  logLevel: 'warn',
  build: { outDir: join(process.argv[2] ?? project, 'dist/gateway/view') },
})

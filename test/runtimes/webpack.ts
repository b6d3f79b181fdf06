import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

/** Script that builds `app.mjs`. Arguments: the module of webpack, and the output folder. */
const script = `
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
const [from, path] = process.argv.slice(2)
const webpack = createRequire(from)('webpack')
const output = { path: resolve(path), filename: 'app.cjs', chunkFilename: '[name].cjs' }
webpack({ mode: 'production', target: 'node20', entry: './app.mjs', output }, (error, stats) => {
  if (error) throw error
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true })
  console.log(JSON.stringify([...errors, ...warnings].map(({ message }) => message)))
})
`

/** Builds a bundle with webpack. Returns the file to run, and the errors and warnings. */
export async function webpackBundle(folder: string, runtimes: string) {
  const file = join(folder, 'webpack.mjs')
  await writeFile(file, script)
  const args = [file, join(runtimes, 'package.json'), 'webpack']
  const { stdout } = await execa(process.execPath, args, { cwd: folder })
  return { file: join(folder, 'webpack/app.cjs'), messages: JSON.parse(stdout) as string[] }
}

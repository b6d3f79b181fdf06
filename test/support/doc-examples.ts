import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execa } from 'execa'

/** Returns the JavaScript blocks of a document of `docs`, in order. */
export function examplesOf(document: string): string[] {
  const text = readFileSync(new URL(`../../docs/${document}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code)
}

/** Runs an example under plain node against the built package in `dist`. Rejects if the example fails. */
export async function runExample(code: string, dist: string): Promise<void> {
  const file = join(dirname(dist), 'example.mjs')
  await writeFile(file, code)
  // Temporary files are removed with the package.
  const env = { PATH: process.env['PATH'] ?? '', TMPDIR: dirname(dist) }
  await execa(process.execPath, ['--test', file], {
    cwd: dirname(dist),
    env,
    extendEnv: false,
    timeout: 120_000,
  })
}

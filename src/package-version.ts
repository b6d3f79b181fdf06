import { readFileSync } from 'node:fs'

/** This package's version; `undefined` where its `package.json` is not beside it, as in a bundle. */
export function packageVersion(): string | undefined {
  try {
    const file = new URL('../package.json', import.meta.url)
    return (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version
  } catch {
    return undefined
  }
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { namesIn, shortNames, withShortNames } from './short-names.ts'

/**
 * Returns the plugin of vite that shortens the names of classes and of custom properties in the built view, because
 * names are a fifth of its styles.
 *
 * @param folder - folder of the sources
 * @param keep - names that stay, because tests look for them
 */
export function shortened(folder: string, keep: readonly string[]): Plugin {
  let names: ReadonlyMap<string, string> = new Map()
  return {
    name: 'short-names',
    apply: 'build',
    enforce: 'pre',
    buildStart() {
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      const read = (ending: RegExp): string =>
        files
          .filter((file) => ending.test(file))
          .map((file) => readFileSync(join(folder, file), 'utf8'))
          .join('\n')
      names = shortNames(namesIn(read(/\.css$/), read(/\.tsx?$/)), keep)
    },
    transform(code, id) {
      if (!id.startsWith(folder) || !/\.(css|tsx?)$/.test(id)) return undefined
      return { code: withShortNames(code, names), map: null }
    },
  }
}

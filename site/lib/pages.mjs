// Which file of the repository is which page of the site. The repository's Markdown stays as it is.
import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the repository, without a slash at the end. */
export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '')

/** Files of the repository that are no page: everything but docs, the API's pages and what `places` names. */
export const notPages = ['README.md', '!(docs|site|bench|examples|*.md)/**', 'site/!(api|index.md)/**']

/** File → page, by the first pattern that matches. */
const places = [
  [/^docs\/(.+)$/, (match) => match[1]],
  [/^site\/index\.md$/, () => 'index.md'],
  [/^site\/api\/opencode-runtime\/(.+)$/, (match) => `reference/api/${match[1]}`],
  [/^site\/api\/index\.md$/, () => 'reference/api/modules.md'],
  [/^examples\/([^/]+)\/README\.md$/, (match) => `examples/${match[1]}.md`],
  [/^(?:bench\/)?([^/]+\.md)$/, (match) => `project/${match[1].toLowerCase()}`],
]

/** Returns the page of a file; both are paths, the file's from the root of the repository. */
export function pageOf(file) {
  for (const [pattern, page] of places) {
    const match = pattern.exec(file)
    if (match) return page(match)
  }
  return file
}

/** Returns the address on the site of what a link of a file leads to; `undefined` if the site has no such page. */
export function addressOf(link, from) {
  const [path = '', hash] = link.split('#')
  let target = relative(repository, join(dirname(from), decodeURI(path))).replaceAll('\\', '/')
  if (target === 'README.md') return '/'
  if (existsSync(join(repository, target)) && statSync(join(repository, target)).isDirectory())
    target = `${target}/README.md`
  // A folder without a page.
  if (target.endsWith('/README.md') && !existsSync(join(repository, target))) return undefined
  if (!target.endsWith('.md')) return existsSync(join(repository, target)) ? undefined : link
  return `/${pageOf(target)}${hash === undefined ? '' : `#${hash}`}`
}

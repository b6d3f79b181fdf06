import { readdirSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename } from 'node:path'
import { workingDirectory } from '../../io/host/directories.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { isWithin } from './turn-rules.ts'

/** Folders at the root of the usual systems, in addition to those of this host. */
const usualRoots = [
  'etc',
  'home',
  'mnt',
  'opt',
  'private',
  'root',
  'run',
  'srv',
  'tmp',
  'usr',
  'var',
  'Users',
]

/** Hides paths of the host in texts. A path of the API (`/v1/agents`) and the path of a URL are not paths of the host. */
export class HostPaths {
  readonly #pattern: RegExp

  /** @param folders - folders whose names may hold spaces: known as a whole, in addition to those of this process */
  constructor(folders: readonly string[]) {
    const known = [...folders, workingDirectory(), ignoreErrors(homedir), tmpdir()].filter(
      (folder) => folder !== undefined && folder.length > 1,
    ) as string[]
    const real = known.map((folder) => ignoreErrors(() => realpathSync(folder)) ?? folder)
    const wholes = [...new Set([...known, ...real])].sort((a, b) => b.length - a.length).map(escaped)
    const roots = new Set([...usualRoots, ...(ignoreErrors(() => readdirSync('/')) ?? [])])
    const starts = [...wholes, ...[...roots].map((name) => `/${escaped(name)}(?![\\w.-])`)]
    // A path begins a word. The path of a URL follows its host, and that of a file URL follows file://.
    this.#pattern = new RegExp(`(?<=^|file://|[^\\w/.~-])(?:${starts.join('|')})(?:/${segment})*/?`, 'g')
  }

  /**
   * Returns a text in which of each path of the host only the last part is left: `…/opencode`.
   *
   * @param directory - directory whose paths stay
   */
  mask(text: string, directory?: string): string {
    return text.replace(this.#pattern, (path) => {
      const { plain, rest } = withoutPunctuation(path)
      const stays = directory !== undefined && isWithin(directory, plain)
      return stays ? path : `…/${basename(plain)}${rest}`
    })
  }
}

/** Pattern of a part of a path. */
const segment = '[^\\s/"\'`<>|;,:(){}[\\]]+'

/** Returns a path without the full stop that ends a sentence. */
function withoutPunctuation(path: string): { plain: string; rest: string } {
  const rest = /[.!?…]*$/.exec(path)?.[0] ?? ''
  return { plain: path.slice(0, path.length - rest.length), rest }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Returns a value of JSON with every text in it changed. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapTexts(inner, change)]))
}

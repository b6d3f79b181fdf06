import { cruise } from 'dependency-cruiser'

/**
 * Returns the imports between the files of a folder; `isType` marks an import that is erased at run time.
 *
 * @param {string} folder path of the folder, relative to `baseDir`
 * @param {string} [baseDir]
 * @returns {Promise<{ from: string, to: string, isType: boolean }[]>}
 */
export async function importsOf(folder, baseDir = process.cwd()) {
  const { output } = await cruise([folder], {
    baseDir,
    includeOnly: `^${folder}/`,
    tsPreCompilationDeps: 'specify',
  })
  if (typeof output === 'string')
    throw new TypeError('dependency-cruiser returned a report instead of modules')
  return output.modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved, dependencyTypes }) => ({
      from: source,
      to: resolved,
      isType: dependencyTypes.includes('type-only'),
    })),
  )
}

/**
 * Returns circles of imports: the shortest circle of each file, each circle once.
 *
 * @param {readonly { from: string, to: string }[]} imports
 * @returns {string[][]} the files of each circle, in the order of the imports
 */
export function circlesOf(imports) {
  /** @type {Map<string, string[]>} */
  const next = new Map()
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to])
  const circles = new Map()
  for (const file of next.keys()) {
    const circle = shortestCircle(file, next)
    if (circle) circles.set([...circle].sort().join(), fromFirst(circle))
  }
  return [...circles.values()]
}

/**
 * Returns a circle from the first of its files in the alphabet on.
 *
 * @param {string[]} files
 */
function fromFirst(files) {
  const first = files.indexOf(files.toSorted()[0] ?? '')
  return [...files.slice(first), ...files.slice(0, first)]
}

/**
 * @param {string} start
 * @param {ReadonlyMap<string, readonly string[]>} next
 */
function shortestCircle(start, next) {
  const paths = [[start]]
  const seen = new Set()
  for (const path of paths) {
    for (const to of next.get(path.at(-1) ?? start) ?? []) {
      if (to === start) return path
      if (!seen.has(to)) paths.push([...path, to])
      seen.add(to)
    }
  }
  return undefined
}

/**
 * Returns what is wrong with the imports of a folder, one line for each fault: circles of values, circles of types
 * that no known import closes, and known imports that close no circle.
 *
 * @param {readonly { from: string, to: string, isType: boolean }[]} imports
 * @param {readonly { from: string, to: string }[]} known imports of types that may close a circle
 */
export function faultsOf(imports, known) {
  const values = imports.filter(({ isType }) => !isType)
  const others = imports.filter((each) => !each.isType || !known.some((one) => isSame(one, each)))
  const ofValues = circlesOf(values).map((files) => `circle of imports: ${shown(files)}`)
  if (ofValues.length > 0) return ofValues
  return [
    ...circlesOf(others).map((files) => `circle of type imports: ${shown(files)}`),
    ...known
      .filter(
        (each) => !imports.some((one) => isSame(one, each)) || circlesOf([...others, each]).length === 0,
      )
      .map(({ from, to }) => `listed in scripts/cycles/known.mjs, but closes no circle: ${from} → ${to}`),
  ]
}

/**
 * @param {{ from: string, to: string }} a
 * @param {{ from: string, to: string }} b
 */
const isSame = (a, b) => a.from === b.from && a.to === b.to

/** @param {readonly string[]} files */
const shown = (files) => [...files, files[0]].join(' → ')

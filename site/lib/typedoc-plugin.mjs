// A plugin of typedoc: names, types and pages as a reader wants them.
import { Converter, ReflectionKind } from 'typedoc'
import { MarkdownPageEvent } from 'typedoc-plugin-markdown'

/** Entries of the package: typedoc names them by their files, callers by their imports. */
const entries = { index: 'opencode-runtime', testing: 'opencode-runtime/testing' }

/** Functions of a file whose types alone are exported, by `export type *`: typedoc takes them for exports too. */
const notExported = ['addUsage', 'noUsage']

/** Number of type parameters of a `StateMachine` that are shown: context and event. The rest is two pages long. */
const shownParameters = 2

/** Returns the types that belong to a reflection directly. */
const typesOf = (reflection) => [reflection.type, ...(reflection.type?.typeArguments ?? [])]

/** Removes the type parameters of a machine after the first two. */
function shortenMachine(reflection) {
  for (const type of typesOf(reflection))
    if (type?.name === 'StateMachine') type.typeArguments = type.typeArguments?.slice(0, shownParameters)
}

/** Replaces `undefined` in the column "Default value": a required property has no default. */
function clearDefaults(page) {
  let column = -1
  return page
    .split('\n')
    .map((line) => {
      if (!line.startsWith('|')) column = -1
      const cells = line.split(/(?<!\\)\|/)
      if (column < 0) column = cells.findIndex((cell) => cell.trim() === 'Default value')
      if (column >= 0 && cells[column]?.trim() === '`undefined`') cells[column] = ' - '
      return cells.join('|')
    })
    .join('\n')
}

/** Merges the sections "Throws" of a function: typedoc writes one for each `@throws`. */
const mergeThrows = (page) =>
  page.replace(/^(#+ Throws)\n(?:(?!^#)[^\n]*\n)+?(?:\1\n(?:(?!^#)[^\n]*\n)*)+/gm, (sections, heading) => {
    const [first = '', ...rest] = sections.split(`${heading}\n`).slice(1)
    return [heading, first.trimEnd(), ...rest.map((text) => text.trimEnd())].join('\n') + '\n\n'
  })

/** Registers the changes. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module))
      reflection.name = entries[reflection.name] ?? reflection.name
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    // `instanceof` calls the method; callers do not.
    for (const reflection of project.getReflectionsByKind(ReflectionKind.Method))
      if (reflection.name === '[hasInstance]') project.removeReflection(reflection)
    for (const reflection of project.getReflectionsByKind(ReflectionKind.Function))
      if (notExported.includes(reflection.name)) project.removeReflection(reflection)
    Object.values(project.reflections).forEach(shortenMachine)
  })
  app.renderer.on(MarkdownPageEvent.END, (page) => {
    page.contents = mergeThrows(clearDefaults(page.contents ?? ''))
  })
}

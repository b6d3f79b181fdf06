import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { blocksOf, type Block } from './doc-blocks.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Program in a page of the docs, or in the docstrings of a source file. */
export interface Example {
  /** Path of the page, relative to the project. */
  page: string
  /** Line of the page on which the program begins. */
  line: number
  /** Path of the program's file beside the other programs of the page. */
  file: string
  /** Code of the program, each line on the line that it has in the page. */
  code: string
}

/** Returns the programs of all pages and of all docstrings. */
export function allExamples(): Example[] {
  const below = (folder: string, ending: string): string[] =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending) && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`)
  const pages = [
    'README.md',
    ...below('docs', '.md'),
    ...below('examples', 'README.md'),
    ...below('src', '.ts'),
  ]
  return pages.sort().flatMap((page) => examplesOf(page, readFileSync(join(project, page), 'utf8')))
}

/**
 * Returns the programs of a page. A block with an import begins a program; a block without imports continues the
 * program before it.
 */
export function examplesOf(page: string, text: string): Example[] {
  const programs: Block[][] = []
  for (const block of blocksOf(page, text)) {
    const last = programs.at(-1)
    if (!last || block.lines.some((line) => /^import\b/.test(line))) programs.push([block])
    else last.push(block)
  }
  return programs.map((blocks) => exampleOf(page, blocks))
}

function exampleOf(page: string, blocks: readonly Block[]): Example {
  const [{ line, language, lines: first } = { line: 0, language: 'ts', lines: [] }] = blocks
  const code: string[] = []
  for (const block of blocks) {
    while (code.length < block.line - 1) code.push('')
    code.push(...block.lines)
  }
  // A page with several files names each in its first line: `// app/server.ts`.
  const named = /^\/\/ ([\w./@[\]()-]+\.(?:tsx?|m?js))\b/.exec(first[0] ?? '')?.[1]
  return { page, line, file: named ?? `${line}.${language}`, code: code.join('\n') }
}

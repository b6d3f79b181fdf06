/** Block of TypeScript or JavaScript in a page. */
export interface Block {
  language: string
  /** Line of the page on which the code begins; the first line of a page is 1. */
  line: number
  lines: string[]
}

/** File extensions of the languages that are checked, by the name that follows a fence. */
const extensions: Record<string, string> = {
  ts: 'ts',
  typescript: 'ts',
  tsx: 'tsx',
  js: 'js',
  javascript: 'js',
  mjs: 'js',
}

/** Returns the blocks of a page in order: fenced blocks of Markdown, or `@example` tags of a source file. */
export const blocksOf = (page: string, text: string): Block[] =>
  page.endsWith('.md') ? fencedBlocks(text) : taggedBlocks(text)

function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = []
  for (const fence of text.matchAll(/^( *)```(\w*).*\n([^]*?)^ *```$/gm)) {
    const [, indent = '', name = '', code = ''] = fence
    const language = extensions[name]
    const lines = code.split('\n').map((line) => line.replace(indent, ''))
    if (language) blocks.push({ language, line: lineAt(text, fence.index) + 1, lines })
  }
  return blocks
}

function taggedBlocks(text: string): Block[] {
  const blocks: Block[] = []
  for (const comment of text.matchAll(/\/\*\*[^]*?\*\//g)) {
    const lines = comment[0].split('\n').map((line) => line.replace(/^ *\*(?:\/| ?)/, ''))
    lines.forEach((tag, i) => {
      if (!tag.startsWith('@example')) return
      const end = lines.findIndex((line, j) => j > i && line.startsWith('@'))
      const code = lines.slice(i + 1, end < 0 ? undefined : end)
      blocks.push({ language: 'ts', line: lineAt(text, comment.index) + i + 1, lines: code })
    })
  }
  return blocks
}

/** Returns the number of the line of a position. */
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

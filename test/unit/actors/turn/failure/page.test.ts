import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../../../../src/actors/turn/failure/codes.ts'
import type { Wording } from '../../../../../src/actors/turn/failure/row.ts'
import { rateLimitedRetry, wordings } from '../../../../../src/actors/turn/failure/wordings/table.ts'

const page = fileURLToPath(new URL('../../../../../docs/reference/provider-failures.md', import.meta.url))

const tableOf = (rows: readonly (readonly string[])[]) =>
  rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('')

/** Returns a source as a link if its form tells the address. */
function linkOf(source: string): string {
  if (source.startsWith('https://')) return `<${source}>`
  const [, repository = '', number = ''] = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(source) ?? []
  return number === '' ? source : `[${source}](https://github.com/${repository}/issues/${number})`
}

const words = (rows: readonly Wording[]) =>
  tableOf([
    ['provider', 'words', 'code', 'source'],
    ['---', '---', '---', '---'],
    ...rows.map(({ provider, pattern, code, source, status }) => [
      provider,
      `\`\`${String(pattern)}\`\`${status === undefined ? '' : ` with ${status}`}`,
      `\`${code}\``,
      linkOf(source),
    ]),
  ])
const tables: Readonly<Record<string, string>> = {
  codes: tableOf([
    ['provider', 'values', 'code', 'source'],
    ['---', '---', '---', '---'],
    ...errorCodes.map(({ provider, values, code, source }) => [
      provider,
      values.map((value) => `\`${value}\``).join(', '),
      `\`${code}\``,
      linkOf(source),
    ]),
  ]),
  words: words(wordings),
  retries: words(rateLimitedRetry),
}

describe('docs/reference/provider-failures.md', () => {
  // `vitest -u` writes the page's tables.
  it('has the rows of the tables in the source', async () => {
    const shown = readFileSync(page, 'utf8')
    expect(shown.match(/<!-- table: \w+ -->/g)).toHaveLength(Object.keys(tables).length)
    const filled = shown.replace(
      /(<!-- table: (\w+) -->\n)(?:\n(?:\|.*\n)+)?/g,
      (_all, comment: string, name: string) => `${comment}\n${tables[name] ?? ''}`,
    )
    await expect(filled).toMatchFileSnapshot(page)
  })
})

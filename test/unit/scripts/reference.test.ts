import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { unionOf } from '../../../scripts/reference/source.mjs'
import { filled, optionsOf, pages } from '../../../scripts/reference/tables.mjs'
import { agentLimits } from '../../../src/config/agent-options.ts'
import { tenantOptions } from '../../../src/config/compiled-fleet.ts'
import { compileFleetOptions, compileOptions } from '../../../src/config/options.ts'

const text = (page: string) => readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8')

/** Codes in the first or second column of a page's tables. */
const codesIn = (page: string) => codesOf(text(page))

const codesOf = (markdown: string) =>
  [...markdown.matchAll(/^\|.*$/gm)].flatMap(([row]) =>
    row
      .split('|')
      .slice(1, 3)
      .flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)),
  )

describe('the tables of docs/reference', () => {
  it.each(pages.map((page) => [page.pathname.replace(/.*\//, ''), page] as const))(
    'say in %s what the docstrings say',
    (_name, page) => {
      const shown = readFileSync(page, 'utf8')
      expect(shown).toContain('<!-- table: ')
      expect(shown, 'run: npm run reference').toBe(filled(shown))
    },
  )

  it('are written where a comment asks for one, whatever stands there', () => {
    const fresh = filled('Before.\n\n<!-- table: ProxyOptions -->\n\nAfter.\n')
    const stale = filled('Before.\n\n<!-- table: ProxyOptions -->\n\n| an old row |\n\nAfter.\n')
    expect(fresh).toContain('| `apiKey` | required | Key of the endpoint')
    expect(fresh).toMatch(/^Before\.\n\n<!-- .* -->\n\n(\|.*\|\n)+\nAfter\.\n$/)
    expect(stale).toBe(fresh)
  })

  it('name every code of an error, and no other', () => {
    const [errors = ''] = text('reference/errors').split('## Codes of the gateway')
    const codes = codesOf(errors).filter((code) => code.startsWith('ERR_'))
    expect(codes.sort()).toEqual(unionOf('errors.ts', 'OpenCodeErrorCode').sort())
  })

  it('name every code of the gateway, and no other', () => {
    const folder = new URL('../../../src/gateway/', import.meta.url)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const source = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
    const [, section = ''] = text('reference/errors').split('## Codes of the gateway')
    const own = (markdown: string) => new Set(markdown.match(/ERR_OPENCODE_[A-Z_]+/g))
    const ofLibrary = new Set(unionOf('errors.ts', 'OpenCodeErrorCode'))
    const named = [...own(section)].filter((code) => !ofLibrary.has(code))
    expect(named.sort()).toEqual([...own(source)].filter((code) => !ofLibrary.has(code)).sort())
  })

  it.each(['reference/replies', 'guides/troubleshooting'])(
    'name every code of a turn that failed: %s',
    (page) => {
      expect(codesIn(page)).toEqual(expect.arrayContaining(unionOf('replies.ts', 'TurnErrorCode')))
    },
  )
})

describe('the defaults that docstrings name', () => {
  const proxy = { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'key' }
  const used: Record<string, unknown> = {
    ...compileOptions({ home: '/srv/agents/a1', proxy, models: ['gpt-4o'] }).values,
  }
  const namedBy = (declaration: string) =>
    optionsOf(declaration).flatMap(({ name, tags }) => {
      const value = /^(?:[\d_]+|true|false)(?= \(|$)/.exec(tags['defaultValue'] ?? '')?.[0]
      return value === undefined ? [] : [[name, JSON.parse(value.replaceAll('_', '')) as unknown] as const]
    })
  const named = namedBy('OpenCodeServerOptions')

  it('are many', () => expect(named.length).toBeGreaterThan(20))
  it.each(named)('are those in use: %s', (name, value) => {
    expect(used[name]).toBe(value)
  })

  const fleet = compileFleetOptions({ dataDir: '/srv/agents' })
  it.each<[string, object, number]>([
    ['FleetLimits', fleet.values.limits, 4],
    ['TenantOptions', tenantOptions(fleet, 'acme'), 1],
    ['AgentSpec', agentLimits(fleet, { id: 'a1' }), 1],
  ])('are those in use by a fleet: %s', (declaration, limits, count) => {
    const defaults = namedBy(declaration)
    expect(defaults).toHaveLength(count)
    expect(limits).toMatchObject(Object.fromEntries(defaults))
  })
})

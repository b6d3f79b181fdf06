import { describe, expect, it } from 'vitest'
import { namesIn, shortNames, withShortNames } from '../../../../web/names/short-names.ts'

const styles = `
.page-head > .muted { color: var(--color-muted); --color-muted: red }
.badge-ok:hover, .card-body { margin: -0.5px }
`
const scripts = 'const badge = <i class={`badge-${tone}`} />'

describe('namesIn', () => {
  it('finds classes of several words and properties, and no class that a script puts together', () => {
    expect(namesIn(styles, scripts)).toEqual(['page-head', '--color-muted', 'card-body'])
  })
})

describe('withShortNames', () => {
  const names = shortNames(['page-head', '--color-muted', 'kept-name'], ['kept-name'])

  it('shortens the names in styles', () => {
    expect(
      withShortNames('.page-head.muted:is(a) > .page-head-text { color: var(--color-muted) }', names),
    ).toBe('._0.muted:is(a) > .page-head-text { color: var(--_1) }')
  })

  it('shortens the names in the strings of scripts, and nothing else', () => {
    expect(withShortNames('class="muted page-head kept-name"', names)).toBe('class="muted _0 kept-name"')
    expect(withShortNames("`${x} page-head`, '.page-head'", names)).toBe("`${x} _0`, '._0'")
    expect(withShortNames("import './page-head.css'", names)).toBe("import './page-head.css'")
    expect(withShortNames('a page-head="b"', names)).toBe('a page-head="b"')
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { argued, isArgued } from '../../../scripts/mutants/argued.mjs'
import { mutantsOf } from '../../../scripts/mutants/list.mjs'
import { subjects } from '../../../scripts/mutants/subjects.mjs'

/** Returns the source of each mutant. */
const changed = (source: string) =>
  mutantsOf('a.ts', source).map(({ start, end, text }) => source.slice(0, start) + text + source.slice(end))

describe('mutantsOf', () => {
  it.each([
    ['a condition', 'if (a) b()', ['if (true) b()', 'if (false) b()', 'if (a) ;']],
    ['each of several conditions', 'c = a && b && d', [';', 'c = a && b', 'c = a && d', 'c = (b) && d']],
    ['a limit', 'const a = b < 1', ['const a = b <= 1']],
    ['a number', 'const a = 5', ['const a = 10']],
    ['a sum', 'const a = b + c', ['const a = b - c']],
    ['a filter', 'const a = b.filter(c)', ['const a = b']],
    ['an element', 'const a = [b, ...c]', ['const a = [...c]', 'const a = [b]']],
  ])('changes %s', (_what, source, expected) => {
    expect(changed(source).sort()).toEqual([...expected].sort())
  })

  it('leaves out a guard, a target, an action and a transition of a machine', () => {
    const source = `state({ on: { go: { guard: 'may', target: 'there', actions: ['a', 'b'] } } })`
    const names = mutantsOf('a.ts', source).map(({ name }) => name)
    expect(names).toEqual([
      `without state({ on: { go: { guard: 'may', target: 'there', actions: ['a', 'b'] } } })`,
      `on › without go: { guard: 'may', target: 'there', actions: ['a', 'b'] }`,
      `on › go › without guard: 'may'`,
      `on › go › without target: 'there'`,
      `on › go › actions › without 'a'`,
      `on › go › actions › without 'b'`,
    ])
  })

  it('skips prose, names and types, and gives each mutant a unique name', () => {
    const source = `interface A { b: 1 }\nconst c = { description: 'b', type: 'c' } as { d: 2 }\nf(1)\nf(1)`
    const mutants = mutantsOf('a.ts', source)
    expect(mutants.map(({ line, name }) => [line, name])).toEqual([
      [3, 'without f(1)'],
      [3, '1 → 2'],
      [4, 'without f(1) (2)'],
      [4, '1 → 2 (2)'],
    ])
  })
})

describe('argued', () => {
  const mutants = subjects.flatMap(({ file }) => mutantsOf(file, readFileSync(file, 'utf8')))

  it('has only entries that match a mutant', () => {
    const idle = argued.filter(
      ({ file, names }) => !mutants.some((mutant) => mutant.file.includes(file) && names.test(mutant.name)),
    )
    expect(idle).toEqual([])
  })

  it('has no entry for checks of the event type in the reducer, which gets any event', () => {
    const tellsApart = /event\.type === '[\w.]+' → (true|false)$/
    const here = mutants.filter(({ file, name }) => tellsApart.test(name) && /reducer|turns/.test(file))
    expect(here.length).toBeGreaterThan(10)
    expect(here.filter(isArgued)).toEqual([])
  })
})

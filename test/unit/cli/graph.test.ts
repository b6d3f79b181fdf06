import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { mermaid } from '../../../src/cli/mermaid.ts'
import { serverMachine } from '../../../src/machines/server-machine.ts'

const page = readFileSync(new URL('../../../docs/reference/lifecycle.md', import.meta.url), 'utf8')

describe('mermaid', () => {
  it('returns the diagram of docs/reference/lifecycle.md for the server machine', () => {
    const [, shown] = /```mermaid\n(.*?)```/s.exec(page) ?? []
    expect(shown, 'run: npm run graph').toBe(mermaid(serverMachine.root, 1))
  })

  it('names the top-level states, or all states', () => {
    const names = (depth: number) => mermaid(serverMachine.root, depth).match(/as \w+/g)
    expect(names(1)).toEqual(Object.keys(serverMachine.states).map((name) => `as ${name}`))
    expect(names(Infinity)?.length).toBeGreaterThan(30)
  })

  const machine = createMachine({
    initial: 'a',
    on: { everywhere: {} },
    states: {
      a: {
        on: {
          go: [{ guard: 'isReady', target: 'b' }, { target: 'c' }],
          again: { target: 'a', reenter: true },
          stay: {},
        },
        after: { patience: 'c' },
        invoke: { id: 'x.y', src: 'work', onDone: 'b', onError: 'c' },
      },
      b: {
        initial: 'one',
        states: { one: { on: { next: 'two' } }, two: { always: { guard: 'isOver', target: '#out' } } },
        on: { reset: '.one' },
      },
      c: { id: 'out', type: 'parallel', states: { left: {}, right: { on: { leave: '#out.left' } } } },
    },
  })

  it('draws each transition once, with its cause, from the outermost state that it leaves', () => {
    expect(mermaid(machine.root, 1).split('\n').slice(5)).toEqual([
      '  a --> b: go [isReady]',
      '  a --> c: go',
      '  a --> a: again',
      '  a --> b: work done',
      '  a --> c: work failed',
      '  a --> c: after patience',
      '  b --> c: [isOver]',
      '',
    ])
  })

  it('shows states down to the given depth', () => {
    const lines = mermaid(machine.root, 2)
      .split('\n')
      .map((line) => line.trim())
    expect(lines).toEqual(
      expect.arrayContaining([
        'state "b" as b {',
        '[*] --> b_one',
        '--',
        'b_one --> b_two: next',
        'b --> b_one: reset',
      ]),
    )
  })
})

import { describe, expect, it } from 'vitest'
import type { AnyStateNode } from 'xstate'
import { fleetMachine } from '../../../../src/machines/fleet/fleet-machine.ts'
import { lifecycleTransitions } from '../../../../src/machines/lifecycle.ts'
import { serverMachine } from '../../../../src/machines/server-machine.ts'
import { drawCharts } from '../../../../web/chart/charts.ts'
import type { Chart, ChartState } from '../../../../web/src/parts/statechart/chart.ts'

const { server, insides, fleet } = drawCharts()
const healthy = insides['healthy'] ?? server
const charts = { server, fleet, ...insides }

const statesOf = (node: AnyStateNode): string[] =>
  Object.values(node.states).flatMap((child) => [child.path.join('.'), ...statesOf(child)])
const idsOf = ({ states }: Chart): string[] => states.map(({ id }) => id)
const boxOf = (chart: Chart, id: string): ChartState => {
  const found = chart.states.find((state) => state.id === id)
  if (!found) throw new Error(`The chart has no state ${id}`)
  return found
}
const arrowsOf = ({ arrows }: Chart): string[] => arrows.map(({ from, to }) => `${from} → ${to}`)
const isWithin = (inner: ChartState, outer: ChartState): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height
const overlap = (a: ChartState, b: ChartState): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

describe('drawCharts', () => {
  it('draws every state of the machines, each once', () => {
    const drawn = [server, ...Object.values(insides)].flatMap(idsOf)
    expect(drawn.sort()).toEqual(statesOf(serverMachine.root).sort())
    expect(idsOf(fleet).sort()).toEqual(statesOf(fleetMachine.root).sort())
    expect(idsOf(server)).toEqual(Object.keys(serverMachine.states))
  })

  it('draws an arrow for every transition of the lifecycle, so that each can be lit', () => {
    const expected = Object.entries(lifecycleTransitions).flatMap(([from, all]) =>
      all.map((to) => `${from} → ${to}`),
    )
    expect(arrowsOf(server)).toEqual(expect.arrayContaining(expected))
  })

  it('draws the regions of a parallel state, and the states in them', () => {
    const regions = healthy.states.filter(({ kind }) => kind === 'region').map(({ name }) => name)
    expect(regions).toEqual(Object.keys(serverMachine.states.healthy?.states ?? {}))
    expect(boxOf(healthy, 'healthy.stream.reading').kind).toBe('nested')
    expect(boxOf(fleet, 'closed').kind).toBe('final')
  })

  it('draws ways out of a part of a machine', () => {
    const exits = insides['probing']?.exits.map(({ to }) => to)
    expect(exits?.sort()).toEqual(['healthy', 'reaping'])
  })

  it.each(Object.entries(charts))(
    'keeps each state of %s within its frame, apart from its neighbours',
    (_, chart) => {
      for (const state of chart.states) {
        const parent = state.id.split('.').slice(0, -1).join('.')
        const frame = chart.states.find(({ id }) => id === parent)
        if (frame) expect(isWithin(state, frame), state.id).toBe(true)
        const siblings = chart.states.filter(
          ({ id }) => id !== state.id && id.split('.').slice(0, -1).join('.') === parent,
        )
        expect(
          siblings.filter((other) => overlap(state, other)).map(({ id }) => id),
          state.id,
        ).toEqual([])
      }
    },
  )

  it.each(Object.entries(charts))('keeps all of %s within its size', (_, chart) => {
    const whole = {
      id: '',
      name: '',
      kind: 'nested',
      x: 0,
      y: 0,
      width: chart.width,
      height: chart.height,
    } as const
    expect(chart.states.filter((state) => !isWithin(state, whole))).toEqual([])
  })
})

describe('labels', () => {
  const labelsOf = (chart: Chart, from: string, to: string): string[] =>
    (chart.arrows.find((arrow) => arrow.from === from && arrow.to === to)?.labels ?? []).map(
      ({ text, guard, source }) => `${source ? `${source}: ` : ''}${text}${guard ? ` [${guard}]` : ''}`,
    )

  it('name the event and the guard of each transition', () => {
    expect(labelsOf(server, 'idle', 'configuring')).toEqual([' [isWanted]'])
    expect(labelsOf(server, 'healthy', 'reaping')).toEqual(
      expect.arrayContaining([
        'process.exited',
        'silence done [isWedged]',
        'after the idle time [hasIdleTimeout]',
      ]),
    )
  })

  it('name the state in the frame from which an arrow of the frame comes', () => {
    const labels = labelsOf(healthy, 'healthy.healthCheck.checking', 'healthy.healthCheck.judging')
    expect(labels).toContain('overdue: inputRead failed')
  })

  it('tell fixed delays in seconds, and conditions without a name by the description of the transition', () => {
    const { reaping = server, configuring = server } = insides
    expect(labelsOf(healthy, 'healthy.stream.reading', 'healthy.stream.pausing')).toContain(
      'opening: after 30 s',
    )
    expect(labelsOf(reaping, 'reaping.sweeping', 'reaping.swept')).toContain(
      'sweep done [no process is left]',
    )
    expect(labelsOf(configuring, 'configuring.permitting', 'configuring.preparing')).toContain(
      ' [not isAgent]',
    )
  })
})

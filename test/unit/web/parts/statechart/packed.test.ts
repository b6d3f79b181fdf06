import { describe, expect, it } from 'vitest'
import { drawCharts } from '../../../../../web/chart/charts.ts'
import { packed, unpacked } from '../../../../../web/src/parts/statechart/packed.ts'

const { server, insides, fleet } = drawCharts()

describe('unpacked', () => {
  it('returns the chart that was packed, also the inside of a state', () => {
    expect(unpacked(packed(server))).toEqual(server)
    expect(unpacked(packed(fleet))).toEqual(fleet)
    for (const [name, chart] of Object.entries(insides))
      expect(unpacked(packed(chart), `${name}.`), name).toEqual(chart)
  })

  it('comes from a form that is a third shorter', () => {
    expect(JSON.stringify(packed(server)).length).toBeLessThan(JSON.stringify(server).length * 0.65)
  })
})

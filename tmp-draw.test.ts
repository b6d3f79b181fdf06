import { gzipSync } from 'node:zlib'
import { it, expect } from 'vitest'
import { drawCharts } from './web/chart/charts.ts'
import { packed, unpacked } from './web/src/parts/statechart/packed.ts'
it('x', () => {
  const { server, insides, fleet } = drawCharts()
  const p = { server: packed(server), insides: Object.fromEntries(Object.entries(insides).map(([k, c]) => [k, packed(c)])), fleet: packed(fleet) }
  const s = JSON.stringify(p)
  console.log(s.length, gzipSync(s, { level: 9 }).length, JSON.stringify(p.server).slice(0, 1800))
  for (const [k, c] of Object.entries(insides)) expect(unpacked(packed(c), k + '.')).toEqual(c)
  expect(unpacked(packed(server))).toEqual(server)
})

import type { Plugin } from 'vite'
import { packed } from '../src/parts/statechart/packed.ts'
import { drawCharts } from './charts.ts'

const name = 'virtual:charts'
const resolved = `\0${name}`

/** Returns the plugin of vite that draws the machines as the module `virtual:charts`. */
export const charts = (): Plugin => ({
  name: 'charts',
  resolveId: (id) => (id === name ? resolved : undefined),
  load(id) {
    if (id !== resolved) return undefined
    const { server, insides, fleet } = drawCharts()
    const all = {
      server: packed(server),
      insides: Object.fromEntries(Object.entries(insides).map(([state, chart]) => [state, packed(chart)])),
      fleet: packed(fleet),
    }
    return Object.entries(all)
      .map(([key, value]) => `export const ${key} = ${JSON.stringify(value)}`)
      .join('\n')
  },
})

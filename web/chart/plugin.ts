import type { Plugin } from 'vite'
import { drawCharts } from './charts.ts'

const name = 'virtual:charts'
const resolved = `\0${name}`

/** Returns the plugin of vite that draws the machines as the module `virtual:charts`. */
export const charts = (): Plugin => ({
  name: 'charts',
  resolveId: (id) => (id === name ? resolved : undefined),
  load(id) {
    if (id !== resolved) return undefined
    return Object.entries(drawCharts())
      .map(([chart, drawn]) => `export const ${chart} = JSON.parse(${JSON.stringify(JSON.stringify(drawn))})`)
      .join('\n')
  },
})

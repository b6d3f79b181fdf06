import { nameWidth } from '../src/parts/statechart/box-size.ts'
import type { ChartLabel } from '../src/parts/statechart/chart.ts'
import { heightOf, linesOf, widthOf } from '../src/parts/statechart/label-lines.ts'

/** Measures of the drawing, in the units of the chart, which are CSS pixels at natural size. Fonts: statechart.css. */
export const measure = {
  /** Height of the name of a frame. */
  frameHead: 30,
  framePadding: 14,
  regionGap: 10,
  dot: 9,
} as const

interface Size {
  width: number
  height: number
}

/** Returns the size of a way out to a state. */
export const exitSize = (to: string): Size => ({ width: nameWidth(to) + 32, height: 22 })

/** Returns the size of the labels of an arrow, with a little room around them. */
export function labelsSize(labels: readonly ChartLabel[]): Size {
  const lines = linesOf(labels)
  return { width: Math.max(0, ...lines.map(widthOf)) + 8, height: heightOf(lines) + 4 }
}

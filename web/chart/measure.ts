import type { ChartLabel } from '../src/parts/statechart/chart.ts'

/** Measures of the drawing, in the units of the chart, which are CSS pixels at natural size. Fonts: statechart.css. */
export const measure = {
  /** Width of a character of a state's name, 13 px and semibold, at the widest usual font. */
  nameCharacter: 7.6,
  /** Width of a character of a label, 11 px and monospaced. */
  labelCharacter: 6.7,
  labelLine: 15,
  boxHeight: 32,
  boxPadding: 14,
  leastBoxWidth: 74,
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

/** Returns the size of the box of a state without children. */
export const boxSize = (name: string): Size => ({
  width: Math.max(measure.leastBoxWidth, nameWidth(name) + 2 * measure.boxPadding),
  height: measure.boxHeight,
})

/** Returns the width of a state's name. */
export const nameWidth = (name: string): number => Math.ceil(name.length * measure.nameCharacter)

/** Returns the size of the labels of an arrow, one below the other, with a little room beside them. */
export const labelsSize = (labels: readonly ChartLabel[]): Size => ({
  width: Math.ceil(Math.max(...labels.map((label) => lineOf(label).length)) * measure.labelCharacter) + 8,
  height: labels.length * measure.labelLine + 4,
})

/** Returns a label as one line of text, as the view draws it. */
const lineOf = ({ text, guard, source }: ChartLabel): string =>
  [source && `${source}:`, text, guard && `[${guard}]`].filter(Boolean).join(' ')

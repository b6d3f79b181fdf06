import { boxSize } from './box-size.ts'
import type { Chart, ChartArrow, ChartDot, ChartLabel, ChartState } from './chart.ts'

const kinds: readonly ChartState['kind'][] = ['plain', 'nested', 'parallel', 'region', 'final']
const dotKinds: readonly ChartDot['kind'][] = ['initial', 'any']

/** State: index of its frame (-1 without one), name, place in its frame; what does not follow from the name. */
type PackedState = [
  frame: number,
  name: string,
  x: number,
  y: number,
  kind?: number,
  width?: number,
  height?: number,
]
/** Arrow: indexes of its ends (-1 for none), its labels, the index of the point that has them, steps between points. */
type PackedArrow = [from: number, to: number, labels: string, point: number, ...steps: number[]]

/**
 * Chart in little room, because the view is small. Coordinates are halved, because they are on a grid of two units, and
 * are steps from other places.
 */
export type PackedChart = [
  width: number,
  height: number,
  states: PackedState[],
  arrows: PackedArrow[],
  dots: [kind: number, x: number, y: number][],
  exits: [to: string, x: number, y: number][],
]

/** Returns a chart in little room. */
export function packed({ width, height, states, arrows, dots, exits }: Chart): PackedChart {
  const indexOf = (id: string): number => states.findIndex((state) => state.id === id)
  return [
    width / 2,
    height / 2,
    states.map(({ id, name, kind, ...box }) => {
      const index = indexOf(id.slice(0, -name.length - 1))
      const { x, y } = states[index] ?? { x: 0, y: 0 }
      const state: PackedState = [index, name, (box.x - x) / 2, (box.y - y) / 2]
      if (kind !== 'plain') state.push(kinds.indexOf(kind), box.width / 2, box.height / 2)
      return state
    }),
    arrows.map((arrow) => [
      indexOf(arrow.from),
      indexOf(arrow.to),
      arrow.labels.map(packedLabel).join(';'),
      ...stepsOf(arrow),
    ]),
    dots.map(({ kind, x, y }) => [dotKinds.indexOf(kind), x / 2, y / 2]),
    exits.map(({ to, x, y }) => [to, x / 2, y / 2]),
  ]
}

const packedLabel = ({ text, guard = '', source = '' }: ChartLabel): string =>
  [text, guard, source].join('|').replace(/\|+$/, '')

/** Returns the index of the point of an arrow's labels, and its points; a place apart from all points comes last. */
function stepsOf({ points, x, y }: ChartArrow): [point: number, ...steps: number[]] {
  const found = points.findIndex((value, i) => i % 2 === 0 && value === x && points[i + 1] === y)
  const all = found < 0 ? [...points, x, y] : points
  return [found < 0 ? -1 : found / 2, ...all.map((value, i) => (value - (all[i - 2] ?? 0)) / 2)]
}

/**
 * Returns a chart from its packed form.
 *
 * @param prefix - path of the state whose inside is drawn, with a dot at its end
 */
export function unpacked([width, height, boxes, lines, dots, exits]: PackedChart, prefix = ''): Chart {
  const states: ChartState[] = []
  for (const [frame, name, x, y, kind = 0, halfWidth, halfHeight] of boxes) {
    const outer = states[frame]
    states.push({
      id: outer ? `${outer.id}.${name}` : prefix + name,
      name,
      kind: kinds[kind] ?? 'plain',
      x: 2 * x + (outer?.x ?? 0),
      y: 2 * y + (outer?.y ?? 0),
      ...(halfWidth !== undefined && halfHeight !== undefined
        ? { width: 2 * halfWidth, height: 2 * halfHeight }
        : boxSize(name)),
    })
  }
  const idOf = (index: number): string => states[index]?.id ?? ''
  return {
    width: 2 * width,
    height: 2 * height,
    states,
    arrows: lines.map(([from, to, labels, point, ...steps]) => ({
      from: idOf(from),
      to: idOf(to),
      labels: labels === '' ? [] : labels.split(';').map(labelOf),
      ...placeOf(steps, point),
    })),
    dots: dots.map(([kind, x, y]) => ({ kind: dotKinds[kind] ?? 'initial', x: 2 * x, y: 2 * y })),
    exits: exits.map(([to, x, y]) => ({ to, x: 2 * x, y: 2 * y })),
  }
}

function placeOf(steps: readonly number[], point: number): Pick<ChartArrow, 'points' | 'x' | 'y'> {
  const points: number[] = []
  for (const step of steps) points.push(2 * step + (points.at(-2) ?? 0))
  const [x = 0, y = 0] = point < 0 ? points.splice(-2) : points.slice(2 * point, 2 * point + 2)
  return { points, x, y }
}

function labelOf(label: string): ChartLabel {
  const [text = '', guard, source] = label.split('|')
  return { text, ...(guard && { guard }), ...(source && { source }) }
}

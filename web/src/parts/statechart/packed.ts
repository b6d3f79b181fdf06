import type { Chart, ChartDot, ChartLabel, ChartState } from './chart.ts'

const kinds: readonly ChartState['kind'][] = ['plain', 'nested', 'parallel', 'region', 'final']
const dotKinds: readonly ChartDot['kind'][] = ['initial', 'any']

/** State: index of its frame (-1 without one), name, index of its kind, place in its frame, size, description. */
type PackedState = [number, string, number, number, number, number, number, string?]
/** Arrow: indexes of its ends (-1 for none), place of its labels, steps from point to point, labels. */
type PackedArrow = [number, number, number, number, number[], string[]]

/** Chart in little room, because the view is small: places are steps from other places. */
export type PackedChart = [
  width: number,
  height: number,
  states: PackedState[],
  arrows: PackedArrow[],
  dots: [number, number, number][],
  exits: [string, number, number][],
]

/** Returns a chart in little room. */
export function packed({ width, height, states, arrows, dots, exits }: Chart): PackedChart {
  const indexOf = (id: string): number => states.findIndex((state) => state.id === id)
  return [
    width,
    height,
    states.map(({ id, name, kind, description, ...box }) => {
      const frame = indexOf(id.slice(0, -name.length - 1))
      const { x, y } = states[frame] ?? { x: 0, y: 0 }
      const place: [number, number, number, number] = [box.x - x, box.y - y, box.width, box.height]
      const state: PackedState = [frame, name, kinds.indexOf(kind), ...place]
      return description === undefined ? state : [...state, description]
    }),
    arrows.map(({ from, to, x, y, points, labels }) => {
      const steps = points.map((value, i) => value - (points[i - 2] ?? (i === 0 ? x : y)))
      return [indexOf(from), indexOf(to), x, y, steps, labels.map(packedLabel)]
    }),
    dots.map(({ kind, x, y }) => [dotKinds.indexOf(kind), x, y]),
    exits.map(({ to, x, y }) => [to, x, y]),
  ]
}

const packedLabel = ({ text, guard = '', source = '' }: ChartLabel): string => [text, guard, source].join('|')

/**
 * Returns a chart from its packed form.
 *
 * @param prefix - path of the state whose inside is drawn, with a dot at its end
 */
export function unpacked(
  [width, height, packedStates, packedArrows, dots, exits]: PackedChart,
  prefix = '',
): Chart {
  const states: ChartState[] = []
  for (const [frame, name, kind, x, y, ...rest] of packedStates) {
    const [boxWidth, boxHeight, description] = rest
    const outer = states[frame]
    states.push({
      id: outer ? `${outer.id}.${name}` : prefix + name,
      name,
      kind: kinds[kind] ?? 'plain',
      x: x + (outer?.x ?? 0),
      y: y + (outer?.y ?? 0),
      width: boxWidth,
      height: boxHeight,
      ...(description !== undefined && { description }),
    })
  }
  const idOf = (index: number): string => states[index]?.id ?? ''
  return {
    width,
    height,
    states,
    arrows: packedArrows.map(([from, to, x, y, steps, labels]) => ({
      from: idOf(from),
      to: idOf(to),
      x,
      y,
      points: pointsOf(steps, x, y),
      labels: labels.map(labelOf),
    })),
    dots: dots.map(([kind, x, y]) => ({ kind: dotKinds[kind] ?? 'initial', x, y })),
    exits: exits.map(([to, x, y]) => ({ to, x, y })),
  }
}

function pointsOf(steps: readonly number[], x: number, y: number): number[] {
  const points: number[] = []
  steps.forEach((step, i) => points.push(step + (points[i - 2] ?? (i === 0 ? x : y))))
  return points
}

function labelOf(packedText: string): ChartLabel {
  const [text = '', guard, source] = packedText.split('|')
  return { text, ...(guard && { guard }), ...(source && { source }) }
}

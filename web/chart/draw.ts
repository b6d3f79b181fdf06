import type { AnyStateMachine } from 'xstate'
import type { Chart, ChartArrow, ChartDot, ChartState } from '../src/parts/statechart/chart.ts'
import { boxSize, labelsSize, measure, nameWidth } from './measure.ts'
import { headPath, round, smoothPath } from './path.ts'
import { place, type Direction, type Node, type Placed, type Point } from './place.ts'
import { readMachine, type ReadArrow, type ReadState } from './read.ts'
import { packRegions } from './regions.ts'

/** Id of the dot from which the first state of a frame is entered. */
const begin = '(begin)'
/** Id of the dot of transitions that any state of a frame takes. */
const any = '(any)'

/** Choices of a drawing. */
export interface DrawOptions {
  /** Number of levels of states that are drawn; all by default. */
  depth?: number
  /** Direction of the outermost level. */
  direction: Direction
}

/** Draws a machine: places all its states and transitions. */
export function drawMachine(machine: AnyStateMachine, { depth, direction }: DrawOptions): Chart {
  const root = readMachine(machine, depth)
  const { width, height, draw } = frameOf(root, direction)
  const chart: Mutable = { states: [], arrows: [], dots: [] }
  draw(chart, { x: 0, y: 0 })
  return { width: Math.ceil(width), height: Math.ceil(height), ...chart }
}

interface Mutable {
  states: ChartState[]
  arrows: ChartArrow[]
  dots: ChartDot[]
}

/** Part of a drawing that has its size, and is drawn when its place is known. */
interface Sized {
  width: number
  height: number
  draw: (chart: Mutable, at: Point) => void
}

/** Returns the box of a state, with all that is in it. */
function boxOf(state: ReadState, isRegion: boolean): Sized {
  const { id, name, type, description, children } = state
  const inner = children.length > 0 ? contentOf(state) : undefined
  const { width, height } = inner ? framed(inner, name) : boxSize(name)
  const kind = inner ? (isRegion ? 'region' : type === 'parallel' ? 'parallel' : 'frame') : type === 'final' ? 'final' : 'plain'
  return {
    width,
    height,
    draw(chart, at) {
      const box = { x: round(at.x), y: round(at.y), width: round(width), height: round(height) }
      chart.states.push({ id, name, kind, ...box, ...(description !== undefined && { description }) })
      inner?.draw(chart, { x: at.x + (width - inner.width) / 2, y: at.y + measure.frameHead })
    },
  }
}

const framed = ({ width, height }: Sized, name: string) => ({
  width: Math.max(width, nameWidth(name)) + 2 * measure.framePadding,
  height: height + measure.frameHead + measure.framePadding,
})

/** Returns the content of a frame, in the direction that takes less room. */
function contentOf(state: ReadState): Sized {
  if (state.type === 'parallel') return packRegions(state.children.map((child) => boxOf(child, true)))
  const [down, right] = [frameOf(state, 'TB'), frameOf(state, 'LR')]
  return roomOf(down) <= roomOf(right) ? down : right
}

/** Returns the room that a frame takes; a wide one counts more, because it makes the drawing wide. */
const roomOf = ({ width, height }: Sized): number => width * 1.5 + height

/** Returns the children of a frame with the arrows between them. */
function frameOf({ id, initial, children, arrows }: ReadState, direction: Direction): Sized {
  const boxes = new Map(children.map((child) => [child.id, boxOf(child, false)]))
  const shown = arrows.map((arrow) => ({ ...arrow, from: arrow.from === id && id !== '' ? any : arrow.from }))
  const dots = [...(initial === undefined ? [] : [begin]), ...(shown.some(({ from }) => from === any) ? [any] : [])]
  const nodes: Node[] = [
    ...dots.map((dot) => ({ id: dot, width: measure.dot, height: measure.dot })),
    ...[...boxes].map(([child, { width, height }]) => ({ id: child, width, height })),
  ]
  const first = initial === undefined ? [] : [{ from: begin, to: initial, labels: [] }]
  const lines: ReadArrow[] = [...first, ...shown]
  const placed = place(
    nodes,
    lines.map(({ from, to, labels }) => ({ from, to, ...(labels.length > 0 ? labelsSize(labels) : noSize) })),
    direction,
  )
  return {
    ...placed,
    draw: (chart, at) => drawFrame(chart, at, { placed, boxes, lines, id }),
  }
}

const noSize = { width: 0, height: 0 }

interface Frame {
  placed: Placed
  boxes: ReadonlyMap<string, Sized>
  lines: readonly ReadArrow[]
  id: string
}

function drawFrame(chart: Mutable, at: Point, { placed, boxes, lines, id }: Frame): void {
  const moved = ({ x, y }: Point): Point => ({ x: x + at.x, y: y + at.y })
  for (const node of placed.nodes) {
    const box = boxes.get(node.id)
    if (box) box.draw(chart, moved(node))
    else chart.dots.push(dotAt(node.id === any ? 'any' : 'initial', moved(node)))
  }
  placed.edges.forEach(({ points: local, label }, i) => {
    const line = lines[i]
    if (!line) return
    const points = local.map(moved)
    const { x, y } = moved(label)
    chart.arrows.push({
      from: line.from === any ? id : line.from === begin ? '' : line.from,
      to: line.to,
      path: smoothPath(points),
      head: headPath(points),
      labels: line.labels,
      x: round(x),
      y: round(y),
    })
  })
}

const dotAt = (kind: ChartDot['kind'], { x, y }: Point): ChartDot => ({
  kind,
  x: round(x + measure.dot / 2),
  y: round(y + measure.dot / 2),
})

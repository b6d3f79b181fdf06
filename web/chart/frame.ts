import { exitSize, labelsSize, measure } from './measure.ts'
import type { ChartExit } from '../src/parts/statechart/chart.ts'
import {
  place,
  type Direction,
  type Edge,
  type Layering,
  type Node,
  type Placed,
  type Point,
} from './place.ts'
import { exit, type ReadArrow, type ReadState } from './read.ts'
import { onGrid, type Drawing, type Sized } from './sized.ts'

/** Id of the dot from which the first state of a frame is entered. */
const begin = '(begin)'
/** Id of the dot of transitions that any state of a frame takes. */
const any = '(any)'

const rankers: readonly Layering['ranker'][] = ['network-simplex', 'tight-tree', 'longest-path']

interface Content {
  frame: ReadState
  boxes: ReadonlyMap<string, Sized>
  /** Arrows between the boxes; the first one may lead from the dot of the begin. */
  arrows: readonly ReadArrow[]
}

/** Returns the children of a frame with the arrows between them, in all ways in which they can be placed. */
export function frameOf(
  frame: ReadState,
  directions: readonly Direction[],
  boxOf: (state: ReadState) => Sized,
): Sized[] {
  const content = contentOf(frame, boxOf)
  const nodes = nodesOf(content)
  const edges = edgesOf(content)
  return directions.flatMap((direction) =>
    rankers.map((ranker) => {
      const placed = place(nodes, edges, { direction, ranker })
      const { width, height } = placed
      return { width, height, draw: (drawing, at) => draw(drawing, at, { content, placed }) }
    }),
  )
}

function contentOf(frame: ReadState, boxOf: (state: ReadState) => Sized): Content {
  const { id, initial, children, arrows } = frame
  const first = initial === undefined ? [] : [{ from: begin, to: initial, labels: [] }]
  const between = arrows.map((arrow) => (arrow.from === id ? { ...arrow, from: any } : arrow))
  return {
    frame,
    boxes: new Map(children.map((child) => [child.id, boxOf(child)])),
    arrows: [...first, ...between],
  }
}

function nodesOf({ boxes, arrows }: Content): Node[] {
  const dots = [begin, any].filter((dot) => arrows.some(({ from }) => from === dot))
  const exits = new Set(arrows.map(({ to }) => to).filter((to) => to.startsWith(exit)))
  return [
    ...dots.map((id) => ({ id, width: measure.dot, height: measure.dot })),
    ...[...exits].map((id) => ({ id, ...exitSize(id.slice(exit.length)) })),
    ...[...boxes].map(([id, { width, height }]) => ({ id, width, height })),
  ]
}

function edgesOf({ frame, arrows }: Content): Edge[] {
  const order = frame.children.map(({ id }) => id)
  return arrows.map(({ from, to, labels }) => {
    const isNext = from === begin || order.indexOf(to) === order.indexOf(from) + 1
    const size = labels.length > 0 ? labelsSize(labels) : { width: 0, height: 0 }
    // The way through the states in the order of the machine is to be straight.
    return { from, to, ...size, weight: isNext ? 8 : 1 }
  })
}

function draw(drawing: Drawing, at: Point, { content, placed }: { content: Content; placed: Placed }): void {
  const { boxes, arrows } = content
  const moved = ({ x, y }: Point): Point => ({ x: x + at.x, y: y + at.y })
  for (const node of placed.nodes) {
    const box = boxes.get(node.id)
    if (box) box.draw(drawing, moved(node))
    else if (node.id.startsWith(exit)) drawing.exits.push(exitAt(node, moved(node)))
    else drawing.dots.push({ kind: node.id === any ? 'any' : 'initial', ...dotAt(moved(node)) })
  }
  placed.edges.forEach(({ points: local, label, to }, i) => {
    const points = local.map(moved)
    const { x, y } = moved(label)
    const { from = begin, labels = [] } = arrows[i] ?? {}
    drawing.arrows.push({
      from: boxes.has(from) ? from : '',
      to: to.startsWith(exit) ? '' : to,
      points: points.flatMap(({ x, y }) => [onGrid(x), onGrid(y)]),
      labels,
      x: onGrid(x),
      y: onGrid(y),
    })
  })
}

const dotAt = ({ x, y }: Point): Point => ({
  x: onGrid(x + measure.dot / 2),
  y: onGrid(y + measure.dot / 2),
})

const exitAt = ({ id, width, height }: Node, { x, y }: Point): ChartExit => ({
  to: id.slice(exit.length),
  x: onGrid(x + width / 2),
  y: onGrid(y + height / 2),
})

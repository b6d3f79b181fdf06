import type { Edge, Node, PlacedEdge, Point } from './place.ts'

/** Reach of a loop to the right of its box, half its height, and the gap to its labels. */
const loop = { reach: 26, half: 9, gap: 4 }

/** Returns whether an arrow leads from a box to itself. */
export const isLoop = ({ from, to }: Edge): boolean => from === to

/** Returns the room of a box with its loop and the labels of the loop, with the middle of the box in its middle. */
export function withLoop({ width, height }: Node, edge: Edge | undefined): { width: number; height: number } {
  if (!edge) return { width, height }
  const beside = loop.reach + loop.gap + edge.width
  return { width: width + 2 * beside, height: Math.max(height, edge.height) }
}

/** Returns a loop on the right side of its box. */
export function loopOf(edge: Edge, { x, y, width, height }: Node & Point): PlacedEdge {
  const [right, middle] = [x + width, y + height / 2]
  const far = right + loop.reach
  return {
    ...edge,
    points: [
      { x: right, y: middle - loop.half },
      { x: far, y: middle - loop.half },
      { x: far, y: middle + loop.half },
      { x: right, y: middle + loop.half },
    ],
    label: { x: far + loop.gap + edge.width / 2 - 8, y: middle },
  }
}

/** Returns the points of an arrow whose ends are on the edges of its boxes, also of boxes that were placed wider. */
export function clipped(points: readonly Point[], from: Node & Point, to: Node & Point): Point[] {
  const inner = points.slice(1, -1)
  const [first = middleOf(to), last = middleOf(from)] = [inner[0], inner.at(-1)]
  return [edgeOf(from, first), ...inner, edgeOf(to, last)]
}

const middleOf = ({ x, y, width, height }: Node & Point): Point => ({ x: x + width / 2, y: y + height / 2 })

/** Returns the point where the line from a point to the middle of a box meets the edge of the box. */
function edgeOf(box: Node & Point, { x, y }: Point): Point {
  const middle = middleOf(box)
  const [dx, dy] = [x - middle.x, y - middle.y]
  const scale = Math.min(box.width / 2 / Math.abs(dx), box.height / 2 / Math.abs(dy), 1)
  return { x: middle.x + dx * scale, y: middle.y + dy * scale }
}

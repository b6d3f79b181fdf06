import { Graph, layout } from '@dagrejs/dagre'
import { clipped, isLoop, loopOf, withLoop } from './loops.ts'

/** Direction in which the arrows lead: downwards, or to the right. */
export type Direction = 'TB' | 'LR'

/** Point of a drawing. */
export interface Point {
  x: number
  y: number
}

/** Box to be placed. */
export interface Node {
  id: string
  width: number
  height: number
}

/** Arrow to be placed, with the size of its labels. */
export interface Edge {
  from: string
  to: string
  width: number
  height: number
  /** Higher for an arrow that is to be short and straight. */
  weight: number
}

/** Boxes (by their top left corners) and arrows of one frame, in its coordinates. */
export interface Placed {
  width: number
  height: number
  nodes: (Node & Point)[]
  /** Arrows, in the order in which they were given. */
  edges: PlacedEdge[]
}

/** Arrow with its points, and the middle of its labels. */
export interface PlacedEdge extends Edge {
  points: Point[]
  label: Point
}

/** Way to place boxes: the direction, and the rule by which dagre chooses the layer of a box. */
export interface Layering {
  direction: Direction
  ranker: 'network-simplex' | 'tight-tree' | 'longest-path'
}

/** Places the boxes of one frame in layers, so that few arrows cross. */
export function place(
  nodes: readonly Node[],
  edges: readonly Edge[],
  { direction, ranker }: Layering,
): Placed {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({
    rankdir: direction,
    ranker,
    nodesep: 24,
    edgesep: 14,
    ranksep: 30,
    marginx: 2,
    marginy: 2,
  })
  const loops = edges.filter(isLoop)
  for (const node of nodes)
    graph.setNode(
      node.id,
      withLoop(
        node,
        loops.find(({ from }) => from === node.id),
      ),
    )
  edges.forEach(({ from, to, width, height, weight }, i) => {
    if (from !== to) graph.setEdge(from, to, { width, height, weight, labelpos: 'c' }, String(i))
  })
  layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  const placed = new Map(nodes.map((node) => [node.id, cornerOf(node, graph.node(node.id))]))
  return {
    width,
    height,
    nodes: [...placed.values()],
    edges: edges.map((edge, i) => {
      const [from, to] = [placed.get(edge.from), placed.get(edge.to)]
      if (!from || !to) throw new Error(`The arrow from ${edge.from} to ${edge.to} has no box`)
      if (from === to) return loopOf(edge, from)
      const { points, x = from.x, y = from.y } = graph.edge(edge.from, edge.to, String(i))
      return { ...edge, points: clipped(points, from, to), label: { x, y } }
    }),
  }
}

const cornerOf = (node: Node, { x, y }: Point): Node & Point => ({
  ...node,
  x: x - node.width / 2,
  y: y - node.height / 2,
})

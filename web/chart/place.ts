import dagre from '@dagrejs/dagre'

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
}

/** Boxes (by their top left corners) and arrows of one frame, in its coordinates. */
export interface Placed {
  width: number
  height: number
  nodes: (Node & Point)[]
  /** Points of the arrows, and the middles of their labels, in the order of the arrows. */
  edges: (Edge & { points: Point[]; label: Point })[]
}

/** Places the boxes of one frame in layers, so that few arrows cross. */
export function place(nodes: readonly Node[], edges: readonly Edge[], direction: Direction): Placed {
  const graph = new dagre.graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: direction, nodesep: 28, edgesep: 18, ranksep: 34, marginx: 2, marginy: 2 })
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height })
  edges.forEach(({ from, to, width, height }, i) =>
    graph.setEdge(from, to, { width, height, labelpos: 'c' }, String(i)),
  )
  dagre.layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  return {
    width,
    height,
    nodes: nodes.map((node) => cornerOf(node, graph.node(node.id))),
    edges: edges.map((edge, i) => {
      const { points, x, y } = graph.edge(edge.from, edge.to, String(i))
      return { ...edge, points, label: { x, y } }
    }),
  }
}

const cornerOf = (node: Node, { x, y }: Point): Node & Point => ({
  ...node,
  x: x - node.width / 2,
  y: y - node.height / 2,
})

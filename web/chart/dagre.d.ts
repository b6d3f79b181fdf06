/**
 * Types of dagre, as far as they are used here. Its own types import files without their endings, which Node's
 * resolution of modules does not find.
 */
declare module '@dagrejs/dagre' {
  interface Point {
    x: number
    y: number
  }

  interface GraphSettings {
    rankdir: 'TB' | 'LR'
    ranker: 'network-simplex' | 'tight-tree' | 'longest-path'
    /** Gaps between boxes of a layer, between arrows, and between layers. */
    nodesep: number
    edgesep: number
    ranksep: number
    marginx: number
    marginy: number
  }

  interface EdgeSettings {
    /** Size of the labels. */
    width: number
    height: number
    weight: number
    labelpos: 'c' | 'l' | 'r'
  }

  export class Graph {
    constructor(options: { multigraph: boolean })
    setGraph(settings: GraphSettings): void
    setNode(id: string, size: { width: number; height: number }): void
    setEdge(from: string, to: string, settings: EdgeSettings, name: string): void
    /** After the layout: the size of the whole. */
    graph(): { width?: number; height?: number }
    /** After the layout: the middle of a box. */
    node(id: string): Point
    /** After the layout: the points of an arrow, and the middle of its labels, if it has any. */
    edge(from: string, to: string, name: string): Partial<Point> & { points: Point[] }
  }

  /** Places all boxes and arrows of a graph. */
  export function layout(graph: Graph): void
}

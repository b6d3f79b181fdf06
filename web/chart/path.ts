import type { Point } from './place.ts'

/** Length and half the width of the head of an arrow. */
const head = { length: 7, half: 3.5 }

/** Returns the path of a line that bends softly at the points between its ends. */
export function smoothPath(points: readonly Point[]): string {
  const [first, ...rest] = points
  const last = rest.at(-1)
  if (!first || !last) return ''
  const bends = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1] ?? last
    const isLast = i === rest.length - 2
    return `Q${at(point)} ${at(isLast ? last : middle(point, next))}`
  })
  return [`M${at(first)}`, ...(bends.length > 0 ? bends : [`L${at(last)}`])].join('')
}

/** Returns the path of the head of an arrow that ends as a line of these points does. */
export function headPath(points: readonly Point[]): string {
  const [before, tip] = points.slice(-2)
  if (!before || !tip) return ''
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1
  const [x, y] = [(tip.x - before.x) / length, (tip.y - before.y) / length]
  const base = { x: tip.x - x * head.length, y: tip.y - y * head.length }
  const left = { x: base.x - y * head.half, y: base.y + x * head.half }
  const right = { x: base.x + y * head.half, y: base.y - x * head.half }
  return `M${at(tip)}L${at(left)}L${at(right)}Z`
}

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

const at = ({ x, y }: Point): string => `${round(x)},${round(y)}`

/** Returns a coordinate with one decimal place, which is enough to be drawn. */
export const round = (value: number): number => Math.round(value * 10) / 10

/** Length of the head of an arrow, and half its width. */
const head = { length: 7, half: 3.5 }

interface Point {
  x: number
  y: number
}

/** Returns the path of a line that bends softly at the points between its ends; x and y take turns in the list. */
export function linePath(coordinates: readonly number[]): string {
  const points = pointsOf(coordinates)
  const [first, ...rest] = points
  const last = rest.at(-1)
  if (!first || !last) return ''
  const bends = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1] ?? last
    return `Q${at(point)} ${at(next === last ? last : middle(point, next))}`
  })
  return `M${at(first)}${bends.length > 0 ? bends.join('') : `L${at(last)}`}`
}

/** Returns the path of the head of an arrow at the end of a line. */
export function headPath(coordinates: readonly number[]): string {
  const [before, tip] = pointsOf(coordinates).slice(-2)
  if (!before || !tip) return ''
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1
  const [x, y] = [(tip.x - before.x) / length, (tip.y - before.y) / length]
  const base = { x: tip.x - x * head.length, y: tip.y - y * head.length }
  const left = { x: base.x - y * head.half, y: base.y + x * head.half }
  const right = { x: base.x + y * head.half, y: base.y - x * head.half }
  return `M${at(tip)}L${at(left)}L${at(right)}Z`
}

function pointsOf(coordinates: readonly number[]): Point[] {
  const points: Point[] = []
  for (let i = 1; i < coordinates.length; i += 2)
    points.push({ x: coordinates[i - 1] ?? 0, y: coordinates[i] ?? 0 })
  return points
}

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

const at = ({ x, y }: Point): string => `${rounded(x)},${rounded(y)}`

const rounded = (value: number): number => Math.round(value * 10) / 10

import { measure } from './measure.ts'
import type { Point } from './place.ts'

/** Region with its size, which is drawn when its place is known. */
interface Region<Drawing> {
  width: number
  height: number
  draw: (drawing: Drawing, at: Point) => void
}

/** Ratio of width to height that a parallel state comes near. */
const ratio = 1.3

/** Returns the regions of a parallel state, beside and below each other, in the order of the machine. */
export function packRegions<Drawing>(regions: readonly Region<Drawing>[]): Region<Drawing> {
  const packings = rowsOf(regions).map(packed)
  const [first, ...rest] = packings
  if (!first) throw new Error('A parallel state has no regions')
  return rest.reduce((best, other) => (costOf(other) < costOf(best) ? other : best), first)
}

/** Returns a number that is lower for a smaller packing, and for one whose form is nearer to the wanted one. */
const costOf = ({ width, height }: { width: number; height: number }): number => Math.max(width / ratio, height)

/** Returns all ways to divide a list into rows, in order. */
function rowsOf<T>(items: readonly T[]): T[][][] {
  const [first, ...rest] = items
  if (first === undefined) return [[]]
  return rowsOf(rest).flatMap((rows) => {
    const [row, ...others] = rows
    return row ? [[[first, ...row], ...others], [[first], ...rows]] : [[[first]]]
  })
}

function packed<Drawing>(rows: readonly (readonly Region<Drawing>[])[]): Region<Drawing> {
  const { regionGap: gap } = measure
  const widths = rows.map((row) => sum(row.map(({ width }) => width)) + gap * (row.length - 1))
  const heights = rows.map((row) => Math.max(...row.map(({ height }) => height)))
  return {
    width: Math.max(...widths),
    height: sum(heights) + gap * (rows.length - 1),
    draw(drawing, at) {
      rows.forEach((row, r) => {
        const y = at.y + sum(heights.slice(0, r)) + gap * r
        row.forEach((region, i) => {
          const x = at.x + sum(row.slice(0, i).map(({ width }) => width)) + gap * i
          region.draw(drawing, { x, y })
        })
      })
    },
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

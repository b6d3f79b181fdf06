import { measure } from './measure.ts'
import type { Point } from './place.ts'
import type { Drawing } from './sized.ts'

interface Size {
  width: number
  height: number
}

/** Part of a drawing that fills the size that it gets, which is at least its own. */
export interface Region extends Size {
  draw: (drawing: Drawing, at: Point, size: Size) => void
}

/** Ratio of width to height that a parallel state comes near. */
const ratio = 0.9

/** Returns the regions of a parallel state beside and below each other, so that they take little room. */
export function packRegions(regions: readonly Region[]): Region {
  const [first, ...rest] = regions
  if (!first) throw new Error('A parallel state has no regions')
  if (rest.length === 0) return first
  const packings = subsetsOf(rest).flatMap((others) => {
    const left = packRegions([first, ...others])
    const right = packRegions(rest.filter((region) => !others.includes(region)))
    return [joined(left, right, 'width', 'height'), joined(left, right, 'height', 'width')]
  })
  return packings.reduce((best, other) => (costOf(other) < costOf(best) ? other : best))
}

/** Returns a number that is lower for a smaller packing, and for one whose form is nearer to the wanted one. */
const costOf = ({ width, height }: Size): number => Math.max(width / ratio, height)

/** Returns the subsets of a list, without the whole list. */
function subsetsOf<T>(items: readonly T[]): T[][] {
  const subsets = items.reduce<T[][]>((all, item) => [...all, ...all.map((set) => [...set, item])], [[]])
  return subsets.filter(({ length }) => length < items.length)
}

/** Returns two parts as one: one after the other along an axis, of one length across the axis. */
function joined(one: Region, other: Region, along: keyof Size, across: keyof Size): Region {
  const { regionGap: gap } = measure
  const size = { [along]: one[along] + gap + other[along], [across]: Math.max(one[across], other[across]) }
  return {
    ...(size as unknown as Size),
    draw(drawing, at, given) {
      const half = (given[along] - one[along] - gap - other[along]) / 2
      const begin = one[along] + half + gap
      const next = along === 'width' ? { x: at.x + begin, y: at.y } : { x: at.x, y: at.y + begin }
      one.draw(drawing, at, { ...given, [along]: one[along] + half })
      other.draw(drawing, next, { ...given, [along]: other[along] + half })
    },
  }
}

import type { ChartArrow, ChartDot, ChartExit, ChartState } from '../src/parts/statechart/chart.ts'
import type { Point } from './place.ts'

/** Drawing while it is made. */
export interface Drawing {
  states: ChartState[]
  arrows: ChartArrow[]
  dots: ChartDot[]
  exits: ChartExit[]
}

/** Part of a drawing that has its size, and is drawn when its place is known. */
export interface Sized {
  width: number
  height: number
  draw: (drawing: Drawing, at: Point) => void
}

/** Returns the part that takes the least room; a wide one counts more, because it makes the whole drawing wide. */
export function smallest<Part extends Pick<Sized, 'width' | 'height'>>(parts: readonly Part[]): Part {
  const [first, ...rest] = parts
  if (!first) throw new Error('There is nothing to choose from')
  return rest.reduce((best, part) => (roomOf(part) < roomOf(best) ? part : best), first)
}

const roomOf = ({ width, height }: Pick<Sized, 'width' | 'height'>): number => width * 1.5 + height

/** Returns a coordinate on a grid of two units: the numbers of a chart take room in the view. */
export const onGrid = (value: number): number => 2 * Math.round(value / 2)

import type { AnyStateMachine } from 'xstate'
import { boxSize, nameWidth } from '../src/parts/statechart/box-size.ts'
import type { Chart, ChartState } from '../src/parts/statechart/chart.ts'
import { frameOf } from './frame.ts'
import { measure } from './measure.ts'
import type { Direction } from './place.ts'
import { readMachine, type Part, type ReadState } from './read.ts'
import { packRegions, type Region } from './regions.ts'
import { onGrid, smallest, type Drawing, type Sized } from './sized.ts'

/**
 * Draws a machine, or a part of it: places its states and transitions.
 *
 * @param direction - direction of the outermost level; the one that takes less room by default
 */
export function drawMachine(machine: AnyStateMachine, part: Part = {}, direction?: Direction): Chart {
  const root = readMachine(machine, part)
  const content = contentOf(root, direction)
  const drawing: Drawing = { states: [], arrows: [], dots: [], exits: [] }
  content.draw(drawing, { x: 0, y: 0 })
  return { width: onGrid(content.width + 1), height: onGrid(content.height + 1), ...drawing }
}

/** Returns the box of a state, with all that is in it. */
function boxOf(state: ReadState): Sized {
  const { id, name, children } = state
  const inner = children.length > 0 ? contentOf(state) : undefined
  const { width, height } = inner ? framed(inner, name) : boxSize(name)
  const kind = kindOf(state)
  return {
    width,
    height,
    draw(drawing, at) {
      const box = {
        x: onGrid(at.x),
        y: onGrid(at.y),
        width: onGrid(width),
        height: onGrid(height),
      }
      drawing.states.push({ id, name, kind, ...box })
      inner?.draw(drawing, { x: at.x + (width - inner.width) / 2, y: at.y + measure.frameHead })
    },
  }
}

function kindOf({ type, children }: ReadState): ChartState['kind'] {
  if (type === 'final' || type === 'parallel') return type
  return children.length > 0 ? 'nested' : 'plain'
}

const framed = ({ width, height }: Sized, name: string) => ({
  width: Math.max(width, nameWidth(name)) + 2 * measure.framePadding,
  height: height + measure.frameHead + measure.framePadding,
})

/** Returns the content of a frame, placed so that it takes the least room. */
const contentOf = (state: ReadState, direction?: Direction): Sized =>
  state.type === 'parallel'
    ? filled(packRegions(state.children.map((child) => regionOf(boxOf(child)))))
    : smallest(frameOf(state, direction ? [direction] : ['TB', 'LR'], boxOf))

const filled = (region: Region): Sized => ({
  ...region,
  draw: (drawing, at) => region.draw(drawing, at, region),
})

/** Returns a box that is drawn as a region of a parallel state; the region fills the size that it gets. */
const regionOf = (box: Sized): Region => ({
  ...box,
  draw(drawing, at, { width, height }) {
    const index = drawing.states.length
    box.draw(drawing, { x: at.x + (width - box.width) / 2, y: at.y })
    const state = drawing.states[index]
    if (!state) return
    const size = { x: onGrid(at.x), width: onGrid(width), height: onGrid(height) }
    drawing.states[index] = { ...state, ...size, kind: 'region' }
  },
})

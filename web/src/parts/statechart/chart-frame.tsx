import { useEffect, useRef } from 'preact/hooks'
import type { Chart } from './chart.ts'
import { Statechart, type LitTransition } from './statechart.tsx'

interface ChartFrameProps {
  chart: Chart
  /** Name of the drawing, in a sentence: `the server`. */
  of: string
  /** Id of the present state, if it is known and drawn. */
  present?: string | undefined
  lit?: readonly LitTransition[]
}

/** Frame in which a chart grows with the page, and is scrolled where the page is too narrow for its text. */
export function ChartFrame({ chart, of, present, lit }: ChartFrameProps) {
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => showPresent(frame.current), [chart, present])
  return (
    <div
      ref={frame}
      class="statechart-frame"
      tabIndex={0}
      role="region"
      aria-label={`Statechart of ${of}`}
      style={{ '--chart-width': `${chart.width + 12}px` }}
    >
      <Statechart chart={chart} of={of} present={present} {...(lit && { lit })} />
    </div>
  )
}

/** Scrolls a frame sideways to the present state. */
function showPresent(frame: HTMLElement | null): void {
  const box = frame?.querySelector('[aria-current="true"] > rect')?.getBoundingClientRect()
  if (!frame || !box) return
  const { left, width } = frame.getBoundingClientRect()
  frame.scrollBy({ left: box.left + box.width / 2 - left - width / 2 })
}

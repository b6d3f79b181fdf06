import type { ChartArrow } from './chart.ts'
import { heightOf, labelLine, linesOf, widthOf } from './label-lines.ts'
import { headPath, linePath } from './path.ts'

interface ArrowProps {
  arrow: ChartArrow
  /** Place among the last transitions, 0 for the newest one; -1 if the arrow is none of them. */
  recency: number
}

/** Line of an arrow, with its head. */
export const Arrow = ({ arrow: { points }, recency }: ArrowProps) => (
  <g class="statechart-arrow" {...(recency >= 0 && { 'data-recency': recency })}>
    <path class="statechart-line" d={linePath(points)} />
    <path class="statechart-head" d={headPath(points)} />
  </g>
)

/** Labels of an arrow, before the lines of all arrows. */
export function Labels({ arrow: { labels, x, y }, recency }: ArrowProps) {
  const lines = linesOf(labels)
  const first = y - heightOf(lines) / 2
  return (
    <g class="statechart-labels" {...(recency >= 0 && { 'data-recency': recency })}>
      {lines.map((line) => (
        <rect
          key={line.top}
          class="statechart-paper"
          x={x - widthOf(line) / 2 - 2}
          y={first + line.top}
          width={widthOf(line) + 4}
          height={labelLine}
        />
      ))}
      <text class="statechart-label" text-anchor="middle">
        {lines.map(({ pieces, top }) => (
          <tspan key={top} x={x} y={first + top + 10.5}>
            {pieces.map(({ kind, text }, i) => (
              <tspan key={i} data-kind={kind}>
                {i > 0 && ' '}
                {text}
              </tspan>
            ))}
          </tspan>
        ))}
      </text>
    </g>
  )
}

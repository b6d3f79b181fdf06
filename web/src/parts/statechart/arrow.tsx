import type { ChartArrow } from './chart.ts'

/** Height of a line of a label, as web/chart/measure.ts has it. */
const line = 15

/**
 * Arrow with its labels.
 *
 * @param recency - place among the last transitions, 0 for the newest one; -1 if it is none of them
 */
export function Arrow({ arrow, recency }: { arrow: ChartArrow; recency: number }) {
  const { path, head, labels, x, y } = arrow
  const top = y - ((labels.length - 1) * line) / 2 + 4
  return (
    <g class="statechart-arrow" {...(recency >= 0 && { 'data-recency': recency })}>
      <path class="statechart-line" d={path} />
      <path class="statechart-head" d={head} />
      <text class="statechart-label" text-anchor="middle">
        {labels.map(({ text, guard, source }, i) => (
          <tspan key={i} x={x} y={top + i * line}>
            {source !== undefined && <tspan class="statechart-source">{source}: </tspan>}
            {text}
            {guard !== undefined && <tspan class="statechart-guard">{text === '' ? '' : ' '}[{guard}]</tspan>}
          </tspan>
        ))}
      </text>
    </g>
  )
}

import type { UsageRow } from '../../api/types.ts'
import { cost, tokens } from '../../words/format.ts'
import { measured, measureOf } from './usage-rows.ts'

/** Height of the picture, and width of a day, in its units. */
const height = 100
const dayWidth = 10

/** Bars of the cost, or the tokens, of each day. The table by day has the same figures as text. */
export function DayChart({ days }: { days: readonly UsageRow[] }) {
  const measure = measureOf(days)
  const values = days.map((day) => measured(day, measure))
  const most = Math.max(...values)
  // A chart without bars says nothing.
  if (most === 0) return null
  const write = measure === 'cost' ? cost : tokens
  const name = measure === 'cost' ? 'Cost by day' : 'Tokens by day'
  const [first, last] = [days[0]?.key ?? '', days.at(-1)?.key ?? '']
  return (
    <figure class="usage-chart">
      <figcaption class="usage-chart-title">
        {name}
        <span class="usage-chart-most">most in a day: {write(most)}</span>
      </figcaption>
      <svg
        class="usage-chart-bars"
        viewBox={`0 0 ${days.length * dayWidth} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${name}, from ${first} to ${last}; at most ${write(most)} in a day`}
      >
        {days.map((day, i) => {
          const value = values[i] ?? 0
          const size = most > 0 ? (value / most) * height : 0
          return (
            <g key={day.key} class="usage-day">
              <title>{`${day.key}: ${write(value)}, ${day.turns} turns`}</title>
              <rect class="usage-day-space" x={i * dayWidth} width={dayWidth} height={height} />
              <rect
                class="usage-day-bar"
                x={i * dayWidth + 2}
                y={height - size}
                width={dayWidth - 4}
                height={size}
              />
            </g>
          )
        })}
      </svg>
      <div class="usage-chart-axis" aria-hidden="true">
        <span>{first}</span>
        <span>{last}</span>
      </div>
    </figure>
  )
}

import type { Chart, ChartArrow } from './chart.ts'
import { Arrow, Labels } from './arrow.tsx'
import { StateBox } from './state-box.tsx'
import './statechart.css'

/** Transition that has happened: the newest one has recency 0. */
export interface LitTransition {
  /** Number that grows with each transition, so that the light of a repeated one begins anew. */
  key: number
  from: string
  to: string
}

/** Content of a statechart. */
export interface StatechartProps {
  chart: Chart
  /** Name of the machine, in a sentence: `the server`. */
  of: string
  /** Id of the present state; `undefined` if it is not known. */
  present: string | undefined
  /** Last transitions, the newest first. */
  lit?: readonly LitTransition[]
}

/** Drawing of a machine, with its present state and its last transitions lit. */
export function Statechart({ chart, of, present, lit = [] }: StatechartProps) {
  const { width, height, states, arrows, dots, exits } = chart
  const recencyOf = ({ from, to }: ChartArrow): number =>
    lit.findIndex((other) => other.from === from && other.to === to)
  return (
    <svg
      class="statechart"
      viewBox={`-6 -6 ${width + 12} ${height + 12}`}
      role="group"
      aria-label={`Statechart of ${of}`}
    >
      {states.map((state) => (
        <StateBox key={state.id} state={state} isPresent={state.id === present} />
      ))}
      <g aria-hidden="true">
        {dots.map(({ kind, x, y }) => (
          <circle key={`${x} ${y}`} class="statechart-dot" data-kind={kind} cx={x} cy={y} r={4} />
        ))}
        {arrows.map((arrow) => {
          const recency = recencyOf(arrow)
          // Another key begins the light of a repeated transition anew.
          const key = lit[recency]?.key ?? 0
          return <Arrow key={`${arrow.from} ${arrow.to} ${key}`} arrow={arrow} recency={recency} />
        })}
        {arrows.map((arrow) => (
          <Labels key={`${arrow.from} ${arrow.to}`} arrow={arrow} recency={recencyOf(arrow)} />
        ))}
        {exits.map(({ to, x, y }) => (
          <text key={`${x} ${y}`} class="statechart-exit" x={x} y={y + 4} text-anchor="middle">
            → {to}
          </text>
        ))}
      </g>
    </svg>
  )
}

import type { LifecycleState } from '../../api/types.ts'
import { Card } from '../../parts/layout.tsx'
import { ChartFrame } from '../../parts/statechart/chart-frame.tsx'
import { server } from '../../parts/statechart/charts.ts'
import { transitionsOf, type Entry } from './time-line.ts'

interface LifeChartProps {
  state: LifecycleState | undefined
  entries: readonly Entry[]
}

/** Outermost states of an agent's server, with the present state and the last transitions lit. */
export function LifeChart({ state, entries }: LifeChartProps) {
  const lit = transitionsOf(entries).map(({ seq: key, from, to }) => ({ key, from, to }))
  return (
    <Card title="Statechart">
      <ChartFrame chart={server} of="the server" present={state} lit={lit} />
      <p class="agent-legend">
        Blue: the last three transitions, the newest the strongest. Conditions are in <code>[ ]</code>
      </p>
    </Card>
  )
}

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { serverOverview, serverWhole } from 'virtual:charts'
import type { LifecycleState } from '../../api/types.ts'
import { Card } from '../../parts/card.tsx'
import { Statechart } from '../../parts/statechart/statechart.tsx'
import { transitionsOf, type Entry } from './time-line.ts'

/** Whether the nested states are drawn; the choice holds for all agents. */
const isWhole = signal(false)

/** Statechart of an agent's server, with the present state and the last transitions lit. */
export function LifeChart({ state, entries }: { state: LifecycleState | undefined; entries: readonly Entry[] }) {
  const chart = isWhole.value ? serverWhole : serverOverview
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => showPresent(frame.current), [state, chart])
  const lit = transitionsOf(entries).map(({ seq: key, from, to }) => ({ key, from, to }))
  return (
    <Card title="Statechart" actions={<LevelSwitch />}>
      <div
        ref={frame}
        class="agent-chart"
        tabIndex={0}
        role="region"
        aria-label="Statechart of the server"
        style={{ '--chart-width': `${chart.width + 12}px` }}
      >
        <Statechart chart={chart} of="the server" present={state} lit={lit} />
      </div>
    </Card>
  )
}

const LevelSwitch = () => (
  <label class="agent-switch">
    <input
      type="checkbox"
      checked={isWhole.value}
      onChange={({ currentTarget }) => (isWhole.value = currentTarget.checked)}
    />
    Nested states
  </label>
)

/** Scrolls a frame to the present state, if the drawing is wider or higher than the frame. */
function showPresent(frame: HTMLElement | null): void {
  const box = frame?.querySelector('[aria-current="true"] > rect')?.getBoundingClientRect()
  if (!frame || !box) return
  const { left, top, width, height } = frame.getBoundingClientRect()
  frame.scrollBy({
    left: box.left + Math.min(box.width, width) / 2 - left - width / 2,
    top: box.top + Math.min(box.height, height) / 2 - top - height / 2,
  })
}

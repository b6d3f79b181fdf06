import { useState } from 'preact/hooks'
import { insides, server } from 'virtual:charts'
import type { LifecycleState } from '../../api/types.ts'
import { Card } from '../../parts/layout.tsx'
import { ChartFrame } from '../../parts/statechart/chart-frame.tsx'

/** Nested states and parallel regions of the present state, or of one that a person chooses. */
export function InsideCard({ state }: { state: LifecycleState | undefined }) {
  const [chosen, setChosen] = useState('')
  const name = chosen === '' ? (state ?? 'healthy') : chosen
  const chart = insides[name]
  const description = server.states.find(({ id }) => id === name)?.description
  return (
    <Card
      title={`Inside ${name}`}
      actions={
        <label class="agent-inside">
          Show
          <select
            class="input"
            value={chosen}
            onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          >
            <option value="">the present state</option>
            {Object.keys(insides).map((other) => (
              <option key={other}>{other}</option>
            ))}
          </select>
        </label>
      }
    >
      {description !== undefined && <p class="agent-quiet">{sentence(description)}</p>}
      {chart ? (
        <ChartFrame chart={chart} of={`the inside of ${name}`} />
      ) : (
        <p class="agent-quiet">This state has no nested states.</p>
      )}
    </Card>
  )
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

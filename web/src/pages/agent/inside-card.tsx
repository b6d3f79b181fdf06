import { stateWords } from '../../words/reasons.ts'
import { useValue } from '../../live/use-value.ts'
import { useState } from 'preact/hooks'
import type { LifecycleState } from '../../api/types.ts'
import { connection } from '../../live/store.ts'
import { Card } from '../../parts/layout.tsx'
import { ChartFrame } from '../../parts/statechart/chart-frame.tsx'
import { fleet, insides } from '../../parts/statechart/charts.ts'

/** Value of the choice of the fleet's machine; no state has such a name. */
const ofFleet = 'the fleet'

/** Nested states and parallel regions of the present state, or of one that a person chooses; or the fleet's machine. */
export function InsideCard({ state }: { state: LifecycleState | undefined }) {
  const [chosen, setChosen] = useState('')
  const name = chosen === '' ? (state ?? 'healthy') : chosen
  const title = name === ofFleet ? 'Statechart of the fleet' : `Inside ${name}`
  return (
    <Card
      title={title}
      actions={
        <label class="agent-inside">
          Show
          <select
            class="input"
            value={chosen}
            onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          >
            <option value="">the present state</option>
            {[...insides.keys(), ofFleet].map((other) => (
              <option key={other}>{other}</option>
            ))}
          </select>
        </label>
      }
    >
      {name === ofFleet ? <FleetChart /> : <Inside name={name} />}
    </Card>
  )
}

function Inside({ name }: { name: string }) {
  const chart = insides.get(name)
  return (
    <>
      <p class="muted">{stateWords[name as LifecycleState]}.</p>
      {chart ? (
        <ChartFrame chart={chart} of={`the inside of ${name}`} />
      ) : (
        <p class="muted">This state has no nested states.</p>
      )}
    </>
  )
}

/** Machine of the fleet. It is open while its events come. */
const FleetChart = () => (
  <>
    <p class="muted">Decides which agents have a server, and which turns run.</p>
    <ChartFrame
      chart={fleet}
      of="the fleet"
      present={useValue(connection).state === 'live' ? 'open' : undefined}
    />
  </>
)

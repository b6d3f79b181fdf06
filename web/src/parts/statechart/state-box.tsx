import { serverStates, type Tone } from '../../words/states.ts'
import type { ChartState } from './chart.ts'

/** Box of a state. Only outermost states are told to screen readers, because no more is known of a server. */
export function StateBox({ state, isPresent }: { state: ChartState; isPresent: boolean }) {
  const { id, name, kind, x, y, width, height } = state
  const isInner = id.includes('.')
  const isFrame = kind !== 'plain' && kind !== 'final'
  return (
    <g
      class={`statechart-state${isPresent ? ` shape-${toneOf(id)}` : ''}`}
      data-kind={kind}
      data-state={id}
      {...(isPresent && { 'aria-current': 'true' as const })}
      {...(isInner
        ? { 'aria-hidden': 'true' as const }
        : { role: 'group', 'aria-label': spoken(name, isPresent) })}
    >
      <rect class="statechart-box" x={x} y={y} width={width} height={height} rx={isFrame ? 10 : 7} />
      {kind === 'final' && (
        <rect class="statechart-inner" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={5} />
      )}
      <text
        class="statechart-name"
        x={isFrame ? x + 14 : x + width / 2}
        y={isFrame ? y + 20 : y + height / 2 + 4.5}
        text-anchor={isFrame ? 'start' : 'middle'}
      >
        {name}
      </text>
      {isPresent && <Now x={x + width} y={y} />}
    </g>
  )
}

/** Returns the tone of a state of a server, or of a fleet, which is open while all is well. */
const toneOf = (id: string): Tone =>
  id in serverStates ? serverStates[id as keyof typeof serverStates].tone : id === 'open' ? 'ok' : 'warn'

/** Mark of the present state, at the top right corner of its box. */
const Now = ({ x, y }: { x: number; y: number }) => (
  <g aria-hidden="true">
    <rect class="statechart-now" x={x - 34} y={y - 8} width={30} height={16} rx={8} />
    <text class="statechart-now-word" x={x - 19} y={y + 3.5} text-anchor="middle">
      now
    </text>
  </g>
)

const spoken = (name: string, isPresent: boolean): string => (isPresent ? `${name}, present state` : name)

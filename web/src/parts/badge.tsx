import './badge.css'
import type { ComponentChildren, JSX } from 'preact'
import type { LifecycleState, Turn } from '../api/types.ts'
import { serverStates, turnStateOf, type Tone } from '../words/states.ts'

/** Shapes of the tones: a state can be told without its colour. */
const shapes: Readonly<Record<Tone, JSX.Element>> = {
  ok: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  busy: (
    <>
      <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" stroke-width="1" />
      <path d="M5 1.5a3.5 3.5 0 0 1 0 7z" fill="currentColor" />
    </>
  ),
  warn: <path d="M5 .8 9.4 9H.6z" fill="currentColor" />,
  bad: <path d="M1 1h8v8H1z" fill="currentColor" />,
  idle: <circle cx="5" cy="5" r="3.3" fill="none" stroke="currentColor" stroke-width="1.4" />,
}

/** Shape of a tone, in its colour. */
export function Shape({ tone }: { tone: Tone }) {
  return (
    <svg class={`shape shape-${tone}`} viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      {shapes[tone]}
    </svg>
  )
}

/** Word in the colours of a tone. */
export function Badge({
  tone,
  title,
  children,
}: {
  tone: Tone
  title?: string
  children: ComponentChildren
}) {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      <Shape tone={tone} />
      {children}
    </span>
  )
}

/** State of an agent's server. */
export function StateBadge({ state }: { state: LifecycleState }) {
  const { tone, word } = serverStates[state]
  return (
    <span class={`badge tone-${tone}`} data-state={state}>
      <Shape tone={tone} />
      {word}
    </span>
  )
}

/** State of a turn: how it has ended, if it has. */
export function TurnBadge({ turn: { state, reply } }: { turn: Pick<Turn, 'state' | 'reply'> }) {
  const { tone, word } = turnStateOf(state, reply)
  if (reply?.kind !== 'error') return <Badge tone={tone}>{word}</Badge>
  return (
    <Badge tone={tone} title={reply.error}>
      {tone === 'bad' ? reply.code.replaceAll('_', ' ') : word}
    </Badge>
  )
}

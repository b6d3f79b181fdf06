import { useNow } from '../../live/use-value.ts'
import type { ComponentChildren, VNode } from 'preact'
import { useState } from 'preact/hooks'
import { duration } from '../../words/format.ts'
import type { Tone } from '../../words/states.ts'
import { Shape } from '../badge.tsx'
import { InlineText } from '../text/inline-text.tsx'
import { PlainText } from '../text/plain-text.tsx'
import { digestOf } from './shown-input.ts'
import { ToolInput } from './tool-input.tsx'
import './tool-call.css'

/** Call of a tool, as far as it is known. */
export interface CallFacts {
  callId: string
  tool: string
  args: Readonly<Record<string, unknown>>
  status: 'running' | 'done' | 'failed' | 'unfinished'
  result?: string
  /** Times of the call and of its end in epoch ms, if the gateway has kept them. */
  startedAt?: number | undefined
  endedAt?: number | undefined
}

const states: Readonly<Record<CallFacts['status'] | 'asks', { tone: Tone; word: string }>> = {
  running: { tone: 'busy', word: 'Running' },
  done: { tone: 'ok', word: 'Done' },
  failed: { tone: 'bad', word: 'Failed' },
  unfinished: { tone: 'idle', word: 'Unfinished' },
  asks: { tone: 'warn', word: 'Asks' },
}

/** Shows a call of a tool: a line, and input and output when it is opened. A call that asks is open. */
export function ToolCall({ call, children }: { call: CallFacts; children?: ComponentChildren }): VNode {
  const isAsking = children !== undefined && children !== null
  const [isOpen, setOpen] = useState(false)
  const isShown = isOpen || isAsking
  const { tone, word } = states[isAsking ? 'asks' : call.status]
  return (
    <details
      class={isAsking ? 'tool-call is-asking' : 'tool-call'}
      data-status={call.status}
      data-call-id={call.callId}
      open={isShown}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary onClick={isAsking ? (event) => event.preventDefault() : undefined}>
        <span class="tool-status">
          <Shape tone={tone} />
          {word}
        </span>
        <span class="tool-name">
          <InlineText text={call.tool} max={60} />
        </span>
        <span class="tool-digest">
          <InlineText text={digestOf(call.args)} max={200} />
        </span>
        <Took call={call} />
      </summary>
      {isAsking && <div class="tool-body">{children}</div>}
      {isShown && !isAsking && <Body call={call} />}
    </details>
  )
}

/** Duration of a call. A call that runs reads the clock, so that only this text is drawn each second. */
function Took({ call: { status, startedAt, endedAt } }: { call: CallFacts }): VNode | null {
  const isRunning = status === 'running'
  const now = useNow(isRunning)
  const end = isRunning ? now : endedAt
  if (startedAt === undefined || end === undefined) return null
  return <span class="tool-time">{duration(Math.max(0, end - startedAt))}</span>
}

function Body({ call }: { call: CallFacts }): VNode {
  return (
    <div class="tool-body">
      <p class="tool-label">Input</p>
      <ToolInput args={call.args} />
      {call.result !== undefined && (
        <>
          <p class="tool-label">{call.status === 'failed' ? 'Error' : 'Output'}</p>
          {call.result === '' ? (
            <p class="tool-note">The tool returned no text.</p>
          ) : (
            <PlainText text={call.result} label={`Output of ${call.tool}`} lines={60} ansi />
          )}
        </>
      )}
    </div>
  )
}

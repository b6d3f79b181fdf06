import type { OpenCodeEvent } from '../../replies.ts'
import { isAborted, isAbortedCall } from '../../io/opencode/session-wire.ts'
import { isFields, partsOf } from '../../io/opencode/wire.ts'

type Part = Record<string, unknown>

/** End of a tool call that has begun. */
interface OpenCall {
  part: Part
  endedAt: number
}

/**
 * Returns the events that would have reported a stored message and its parts, in the order of the time.
 *
 * @remarks Observed in opencode: parts are stored in the order of their beginning. A part that begins while a tool runs
 * is reported before the end of the tool.
 */
export function storedEvents(entry: unknown): OpenCodeEvent[] {
  const info = isFields(entry) ? entry['info'] : undefined
  const events: OpenCodeEvent[] = [{ type: 'message.updated', properties: { info } }]
  const open: OpenCall[] = []
  const endCalls = (before: number): void => {
    const ended = open.filter(({ endedAt }) => endedAt < before).sort((a, b) => a.endedAt - b.endedAt)
    for (const call of ended) {
      open.splice(open.indexOf(call), 1)
      events.push(partEvent(call.part))
    }
  }
  for (const part of partsOf(entry).filter(isFields)) {
    const { startedAt, endedAt } = timesOf(part)
    if (isAborted(info) && isAbortedCall(part)) {
      // The turn has ended before the result, and also before a call without an input.
      if (hasInput(part)) events.push(partEvent(begunCall(part)))
      continue
    }
    endCalls(startedAt)
    if (endedAt === undefined) events.push(partEvent(part))
    else {
      events.push(partEvent(begunCall(part)))
      open.push({ part, endedAt })
    }
  }
  endCalls(Infinity)
  return events
}

const partEvent = (part: Part): OpenCodeEvent => ({ type: 'message.part.updated', properties: { part } })

/**
 * Returns when a part began, and when its tool call ended. A part without a time, such as the end of a step, begins
 * after all calls have ended.
 */
function timesOf(part: Part): { startedAt: number; endedAt: number | undefined } {
  const isTool = part['type'] === 'tool'
  const holder = isTool ? part['state'] : part
  const { start, end } = timeIn(holder)
  const isBegun = typeof start === 'number'
  return {
    startedAt: isBegun ? start : part['type'] === 'step-start' ? -Infinity : Infinity,
    endedAt: isTool && isBegun && typeof end === 'number' ? end : undefined,
  }
}

function timeIn(holder: unknown): Record<string, unknown> {
  const time = isFields(holder) ? holder['time'] : undefined
  return isFields(time) ? time : {}
}

/** Returns the part of a tool call as it was reported when the call began. */
function begunCall(part: Part): Part {
  const state = isFields(part['state']) ? part['state'] : {}
  return { ...part, state: { ...state, status: 'running' } }
}

function hasInput({ state }: Part): boolean {
  const input = isFields(state) ? state['input'] : undefined
  return isFields(input) && Object.keys(input).length > 0
}

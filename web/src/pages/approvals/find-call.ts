import { api, ApiError, failureOf } from '../../api/client.ts'
import type { Reply } from '../../api/types.ts'
import { messagesOf } from '../../live/sse.ts'
import type { AskingCall } from './asked.ts'

/** Number of replies before the last one in which a call is looked for: a call that asks is one of the last. */
const recent = 5_000

/**
 * Finds the tool call that asks, in the replies of its turn. The number of the last reply may be told late, so that the
 * search waits for a reply that is on its way, until the signal ends it.
 *
 * @returns `undefined` if the gateway has no such call: for a turn that was not started by the gateway, too
 */
export async function findCall(
  turnId: string,
  callId: string,
  signal: AbortSignal,
): Promise<AskingCall | undefined> {
  try {
    const { last_seq: last } = await api.turn(turnId, signal)
    return await callIn(turnId, callId, Math.max(0, last - recent), signal)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

async function callIn(
  turnId: string,
  callId: string,
  after: number,
  signal: AbortSignal,
): Promise<AskingCall | undefined> {
  const path = `/v1/turns/${encodeURIComponent(turnId)}/replies?after=${after}`
  const response = await fetch(path, { headers: { accept: 'text/event-stream' }, signal })
  if (!response.ok || !response.body) throw await failureOf(response)
  for await (const messages of messagesOf(response.body)) {
    for (const { event, data } of messages) {
      const reply = event === 'reply' ? (JSON.parse(data) as Reply) : undefined
      if (reply?.kind === 'tool_call' && reply.call_id === callId)
        return { tool: reply.tool, args: reply.args }
    }
  }
  return undefined
}

import { dirname } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import type { InputRequest, OpenCodeEvent, Reply, Turn, TurnStatus } from '../../src/index.ts'
import type { StoredMessage } from '../support/server-api.ts'
import { outside } from './script.ts'

/** Records the output of a turn, without ids, times and chunk sizes, which differ between runs. */
export async function recordOf(turn: Turn) {
  const statuses: TurnStatus[] = []
  const requests: InputRequest[] = []
  turn.status$.subscribe((status) => void statuses.push(status))
  turn.requests$.subscribe((request) => void requests.push(request))
  const replies = await firstValueFrom(turn.replies$.pipe(toArray()))
  return {
    replies: merged(replies),
    statuses: statuses.map(plainStatus),
    ...(requests.length > 0 && { requests: requests.map(plainRequest) }),
  }
}

/** Returns the replies with consecutive pieces of text merged, and consecutive results in the order of their calls. */
function merged(replies: readonly Reply[]): unknown[] {
  const all: Reply[] = []
  for (const reply of inOrderOfCalls(replies)) {
    const last = all.at(-1)
    const isPiece = reply.kind === 'delta' || reply.kind === 'reasoning'
    if (isPiece && last?.kind === reply.kind) last.content += reply.content
    else all.push({ ...reply })
  }
  return all
}

/** Returns the replies with consecutive results sorted: opencode runs the calls of one step at the same time, and any may end first. */
function inOrderOfCalls(replies: readonly Reply[]): readonly Reply[] {
  const calls = replies.flatMap((reply) => (reply.kind === 'tool_call' ? [reply.call_id] : []))
  const sorted = [...replies]
  const place = (reply: Reply | undefined) =>
    reply?.kind === 'tool_result' ? calls.indexOf(reply.call_id) : -1
  for (let at = 1; at < sorted.length; at += 1)
    for (let to = at; place(sorted[to]) >= 0 && place(sorted[to - 1]) > place(sorted[to]); to -= 1)
      sorted.splice(to - 1, 2, ...sorted.slice(to - 1, to + 1).reverse())
  return sorted
}

function plainStatus(status: TurnStatus): unknown {
  if (status.state !== 'retrying') return status.state
  return { state: status.state, attempt: status.attempt, message: status.message }
}

const plainRequest = ({ id: _, ...request }: InputRequest) => request

/** Returns the shape of stored messages: role, text and end of each. */
export const messagesRecord = (messages: readonly StoredMessage[]) =>
  messages.map(({ info, parts }) => ({
    role: info.role,
    completed: info.time.completed !== undefined,
    finish: info.finish,
    error: (info.error as { name?: string } | undefined)?.name,
    parts: parts.map((part) => {
      const { type, text, state } = part as { type: string; text?: string; state?: { status: string } }
      return { type, text, status: state?.status }
    }),
  }))

/** Returns the outputs of the tools in stored messages. */
export const outputsOf = (messages: readonly StoredMessage[]): unknown[] =>
  messages
    .flatMap(({ parts }) => parts)
    .flatMap((part) => (part as { state?: { output?: unknown } }).state?.output ?? [])

const ids = /\b(ses|msg|prt|call|per|que|evt)_[\w-]{6,}/g

/** Returns the value with ids numbered in order of appearance, and with names for paths. */
export function normal(value: unknown, home: string): unknown {
  const seen = new Map<string, string>()
  const number = (id: string, kind: string) => {
    if (!seen.has(id)) seen.set(id, `${kind}#${seen.size + 1}`)
    return seen.get(id) ?? id
  }
  let text = JSON.stringify(value)
  for (const [place, name] of Object.entries({
    [outside]: '<outside>',
    [dirname(outside)]: '<folder>',
    [home]: '<home>',
  }))
    text = text.replaceAll(place, name)
  return JSON.parse(text.replace(ids, number)) as unknown
}

/** Returns the record of a turn that ended in mid-text without the amount of its text, which depends on timing. */
export function shortened<T>(record: T): T {
  return JSON.parse(JSON.stringify(record).replace(/"0 1 2 [\d ]*"/g, '"0 1 2 …"')) as T
}

/** Events that the runtime reads. Other events depend on the machine, or are not imitated. */
const read = /^(message\.|session\.(status|idle|error)|permission\.|question\.)/

/** Returns the events of one turn, without repeats and chunk sizes. */
export function eventsRecord(events: readonly OpenCodeEvent[]): string[] {
  const lines: string[] = []
  const messages = new Set<unknown>()
  let status = ''
  for (const event of events.filter(({ type }) => read.test(type))) {
    const { id, role } = (event.properties['info'] ?? {}) as { id?: string; role?: string }
    // The event of a new message may come so late that it already shows later changes.
    const isNew = event.type === 'message.updated' && !messages.has(id)
    messages.add(id)
    const line = isNew ? `message.updated ${role}` : lineOf(event)
    if (line === status || line === lines.at(-1) || (line.endsWith(' user') && lines.includes(line))) continue
    if (event.type === 'session.status') status = line
    lines.push(line)
  }
  return lines
}

function lineOf({ type, properties }: OpenCodeEvent): string {
  const { info, part, status, error } = properties as Record<string, Fields | undefined>
  const { time, finish, role } = (info ?? {}) as {
    time?: { completed?: number }
    finish?: string
    role?: string
  }
  const { state, text } = (part ?? {}) as { state?: Fields; text?: string }
  const ended = [
    time?.completed && 'completed',
    finish,
    info?.['error'] && 'failed',
    info?.['structured'] && 'structured',
  ]
  const details = [role, part?.['type'], state?.['status'], text, status?.['type'], error?.['name'], ...ended]
  return [type, ...details.filter((detail) => detail !== undefined && detail !== '' && detail !== 0)].join(
    ' ',
  )
}

type Fields = Record<string, unknown>

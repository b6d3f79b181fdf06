import { firstValueFrom, toArray } from 'rxjs'
import type { InputRequest, Reply, Turn, TurnStatus } from '../../src/index.ts'
import type { StoredMessage } from '../support/server-api.ts'
import { outside } from './script.ts'

/** All that a caller of a turn sees of it, without what differs from run to run: ids, times, how text was cut. */
export async function recordOf(turn: Turn) {
  const statuses: TurnStatus[] = []
  const requests: InputRequest[] = []
  turn.status$.subscribe((status) => void statuses.push(status))
  turn.requests$.subscribe((request) => void requests.push(request))
  const replies = await firstValueFrom(turn.replies$.pipe(toArray()))
  return normal({
    replies: merged(replies),
    statuses: statuses.map(plainStatus),
    ...(requests.length > 0 && { requests: requests.map(plainRequest) }),
  })
}

/** Neighbouring pieces of text are one. */
function merged(replies: readonly Reply[]): unknown[] {
  const all: Reply[] = []
  for (const reply of replies) {
    const last = all.at(-1)
    const isPiece = reply.kind === 'delta' || reply.kind === 'reasoning'
    if (isPiece && last?.kind === reply.kind) last.content += reply.content
    else all.push({ ...reply })
  }
  return all
}

function plainStatus(status: TurnStatus): unknown {
  if (status.state !== 'retrying') return status.state
  return { state: status.state, attempt: status.attempt, message: status.message }
}

const plainRequest = ({ id: _, ...request }: InputRequest) => request

/** The shape of stored messages: who said what, with how it ended. */
export const messagesRecord = (messages: readonly StoredMessage[]) =>
  normal(
    messages.map(({ info, parts }) => ({
      role: info.role,
      completed: info.time.completed !== undefined,
      finish: info.finish,
      error: (info.error as { name?: string } | undefined)?.name,
      parts: parts.map((part) => {
        const { type, text, state } = part as { type: string; text?: string; state?: { status: string } }
        return { type, text, status: state?.status }
      }),
    })),
  )

const ids = /\b(ses|msg|prt|call|per|que|evt)_\w+/g

/** The same without ids and places: each id is numbered in the order in which it comes. */
export function normal<T>(value: T, places: Record<string, string> = {}): T {
  const seen = new Map<string, string>()
  const number = (id: string, kind: string) => {
    if (!seen.has(id)) seen.set(id, `${kind}#${seen.size + 1}`)
    return seen.get(id) ?? id
  }
  let text = JSON.stringify(value)
  for (const [place, name] of Object.entries({ [outside]: '<outside>', ...places }))
    text = text.replaceAll(place, name)
  text = text.replaceAll(outside.slice(0, outside.lastIndexOf('/')), '<folder>')
  return JSON.parse(text.replace(ids, number)) as T
}

/** A turn that is ended in mid-text: how much of it came is a matter of time. */
export function shortened<T>(record: T): T {
  return JSON.parse(JSON.stringify(record).replace(/"0 1 2 [\d ]*"/g, '"0 1 2 …"')) as T
}

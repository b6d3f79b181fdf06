import { readdirSync, readFileSync } from 'node:fs'
import { TurnReducer, type TurnSnapshot } from '../../src/actors/turn/reducer/reducer.ts'
import type { OpenCodeEvent, Reply, TurnOutput } from '../../src/replies.ts'

/** Recorded stream of the real server, with the expected outputs. */
export interface Recording {
  about: string
  sessionID: string
  userMessageID: string
  traceId: string
  events: OpenCodeEvent[]
  expected: {
    replies: Reply[]
    retries: { attempt: number; message: string }[]
    requests: { type: string; id: string; session: 'root' | 'child' }[]
  }
}

/** All recordings by name: those of the specification (`streams`) and of this package (`recorded`). */
export const recordings: ReadonlyMap<string, Recording> = new Map(
  ['streams', 'recorded'].flatMap((folder) => {
    const base = new URL(`../fixtures/${folder}/`, import.meta.url)
    const names = readdirSync(base).filter((name) => name.endsWith('.json'))
    return names.map((name) => {
      const recording = JSON.parse(readFileSync(new URL(name, base), 'utf8')) as Recording
      return [`${folder}/${name.replace('.json', '')}`, recording] as const
    })
  }),
)

export function recordingOf(name: string): Recording {
  const recording = recordings.get(name)
  if (!recording) throw new Error(`No recording ${name}`)
  return recording
}

export function reducerOf({ sessionID, userMessageID, traceId }: Recording): TurnReducer {
  return new TurnReducer({ sessionId: sessionID, messageId: userMessageID, traceId })
}

/** Returns the outputs of a reducer for events of a recording's turn. */
export function play(
  recording: Recording,
  events: readonly OpenCodeEvent[] = recording.events,
): TurnOutput[] {
  const reducer = reducerOf(recording)
  return events.flatMap((event) => [...reducer.push(event)])
}

export const repliesOf = (outputs: readonly TurnOutput[]): Reply[] =>
  outputs.flatMap((output) => (output.type === 'reply' ? [output.reply] : []))

export const retriesOf = (outputs: readonly TurnOutput[]) =>
  outputs.flatMap((output) =>
    output.type === 'retry' ? [{ attempt: output.attempt, message: output.message }] : [],
  )

export const requestsOf = (outputs: readonly TurnOutput[]) =>
  outputs.flatMap((output) => {
    if (output.type !== 'request') return []
    const { type, id, child } = output.request
    return [{ type, id, session: child ? ('child' as const) : ('root' as const) }]
  })

type Fields = Record<string, unknown>

interface StoredMessage {
  info: Fields
  parts: Map<string, Fields>
}

/** State of a server after it has sent some events, as its API answers it. */
export class ServerState {
  readonly #messages = new Map<string, StoredMessage>()
  readonly #status = new Map<string, unknown>()
  readonly #requests = new Map<string, Fields>()

  constructor(events: readonly OpenCodeEvent[]) {
    for (const event of events) this.#apply(event)
  }

  /** `GET /session/status`: idle sessions are absent. */
  get status(): unknown {
    return Object.fromEntries(this.#status)
  }

  /** Entries of `GET /permission` and `GET /question`. */
  get requests(): unknown {
    return [...this.#requests.values()]
  }

  /** `GET /session/{id}/message`: the text of a part is empty until it ends. */
  messages(sessionId: string): unknown {
    const own = [...this.#messages.values()].filter(({ info }) => info['sessionID'] === sessionId)
    return own.map(({ info, parts }) => ({ info, parts: [...parts.values()].map(asAnswered) }))
  }

  snapshot(sessionId: string): TurnSnapshot {
    return { status: this.status, messages: this.messages(sessionId), requests: this.requests }
  }

  #apply({ type, properties }: OpenCodeEvent): void {
    const { sessionID, info, part, status, requestID } = properties
    if (type === 'message.updated') this.#message(info as Fields)
    if (type === 'message.part.updated') this.#part(part as Fields)
    if (type === 'session.status') this.#setStatus(String(sessionID), status as Fields)
    if (type === 'session.idle') this.#status.delete(String(sessionID))
    if (/^(permission|question)\.asked$/.test(type)) this.#requests.set(String(properties['id']), properties)
    if (/^(permission|question)\.(replied|rejected)$/.test(type)) this.#requests.delete(String(requestID))
  }

  #message(info: Fields): void {
    const stored = this.#messages.get(String(info['id']))
    if (stored) stored.info = info
    else this.#messages.set(String(info['id']), { info, parts: new Map() })
  }

  #part(part: Fields): void {
    this.#messages.get(String(part['messageID']))?.parts.set(String(part['id']), part)
  }

  #setStatus(sessionId: string, status: Fields): void {
    if (status['type'] === 'idle') this.#status.delete(sessionId)
    else this.#status.set(sessionId, status)
  }
}

function asAnswered(part: Fields): Fields {
  const time = part['time'] as { end?: number } | undefined
  return typeof part['text'] === 'string' && time !== undefined && time.end === undefined
    ? { ...part, text: '' }
    : part
}

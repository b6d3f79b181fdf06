import type {
  Agent,
  Answer,
  Cluster,
  FleetEvent,
  HistoryTurn,
  List,
  PendingRequest,
  Problem,
  Turn,
  TurnBody,
  TurnState,
  UsageRow,
} from './types.ts'

/** Failure of a request. The message says what to do, and is safe to show. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** Status code; 0 if the gateway did not answer. */
  readonly status: number
  readonly code: string
  readonly problem: Problem | undefined

  constructor(status: number, message: string, problem?: Problem, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = problem?.code ?? ''
    this.problem = problem
  }
}

/** Calls of the view when the gateway refuses its login. */
const refused = new Set<() => void>()

/** Calls back when an answer says that the login is missing or has ended. Returns the end. */
export function onUnauthorized(listener: () => void): () => void {
  refused.add(listener)
  return () => refused.delete(listener)
}

/** Returns the failure that an answer tells. */
export async function failureOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const problem = problemIn(text)
  return new ApiError(response.status, problem?.detail ?? `The gateway answered ${response.status}`, problem)
}

function problemIn(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'detail' in value ? (value as Problem) : undefined
  } catch {
    return undefined
  }
}

type Query = Readonly<Record<string, string | number | undefined>>

interface Sent {
  query?: Query | undefined
  body?: unknown
  signal?: AbortSignal | undefined
}

async function send(method: string, path: string, { query = {}, body, signal }: Sent): Promise<unknown> {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
  const response = await fetch(`${path}${search}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'The gateway does not answer', undefined, { cause: error })
  })
  if (!response.ok) {
    const failure = await failureOf(response)
    if (failure.status === 401 && path !== loginPath) for (const tell of refused) tell()
    throw failure
  }
  return response.status === 204 ? undefined : response.json()
}

const get = (path: string, query?: Query, signal?: AbortSignal) => send('GET', path, { query, signal })

const loginPath = '/v1/login'
const agentPath = (id: string): string => `/v1/agents/${encodeURIComponent(id)}`
const turnPath = (id: string): string => `/v1/turns/${encodeURIComponent(id)}`
const sessionPath = (id: string): string => `/v1/sessions/${encodeURIComponent(id)}`

const itemsOf = async <T>(answer: Promise<unknown>): Promise<readonly T[]> =>
  ((await answer) as List<T>).items

/** Calls of the gateway. Each rejects with an {@link ApiError}, or with the reason of its signal. */
export const api = {
  login: (token: string, signal?: AbortSignal) =>
    send('POST', loginPath, { body: { token }, signal }) as Promise<undefined>,

  agent: (id: string, signal?: AbortSignal) => get(agentPath(id), {}, signal) as Promise<Agent>,

  startAgent: (id: string, signal?: AbortSignal) =>
    send('POST', `${agentPath(id)}/start`, { signal }) as Promise<Agent>,

  stopAgent: (id: string, drainMs?: number, signal?: AbortSignal) =>
    send('POST', `${agentPath(id)}/stop`, { query: { drain_ms: drainMs }, signal }) as Promise<Agent>,

  agentLog: (id: string, tail = 200, signal?: AbortSignal) =>
    itemsOf<string>(get(`${agentPath(id)}/log`, { tail }, signal)),

  agentEvents: (id: string, limit = 200, signal?: AbortSignal) =>
    itemsOf<FleetEvent>(get(`${agentPath(id)}/events`, { limit }, signal)),

  turns: (
    query: { agent?: string; state?: TurnState; limit?: number; before?: string } = {},
    signal?: AbortSignal,
  ) => get('/v1/turns', query, signal) as Promise<List<Turn>>,

  turn: (id: string, signal?: AbortSignal) => get(turnPath(id), {}, signal) as Promise<Turn>,

  startTurn: (agent: string, body: TurnBody, signal?: AbortSignal) =>
    send('POST', `${agentPath(agent)}/turns`, { body, signal }) as Promise<Turn>,

  cancelTurn: (id: string, signal?: AbortSignal) =>
    send('POST', `${turnPath(id)}/cancel`, { signal }) as Promise<Turn>,

  requests: (signal?: AbortSignal) => itemsOf<PendingRequest>(get('/v1/requests', {}, signal)),

  answer: (id: string, answer: Answer, signal?: AbortSignal) =>
    send('POST', `/v1/requests/${encodeURIComponent(id)}/answer`, {
      body: answer,
      signal,
    }) as Promise<undefined>,

  cluster: (signal?: AbortSignal) => get('/v1/cluster', {}, signal) as Promise<Cluster>,

  drainHost: (id: string, drainMs: number) =>
    send('POST', `/v1/cluster/hosts/${encodeURIComponent(id)}/drain`, {
      query: { drain_ms: drainMs },
    }) as Promise<Cluster>,

  usage: (by: 'agent' | 'tenant' | 'day' | 'model', since?: string, signal?: AbortSignal) =>
    itemsOf<UsageRow>(get('/v1/usage', { by, since }, signal)),

  history: (session: string, agent: string, signal?: AbortSignal) =>
    itemsOf<HistoryTurn>(get(`${sessionPath(session)}/history`, { agent }, signal)),
}

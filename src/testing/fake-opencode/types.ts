import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FakeFaults } from '../fake-faults.ts'
import type { PlayedRule } from '../fake-script.ts'
import type { FakeServer } from './server.mjs'
import type { Turn } from './turn.mjs'

/** What a fake's process is started with. */
export interface FakeConfig {
  /** The faults of each start; the last are those of all later ones. */
  faults?: readonly FakeFaults[]
  script?: readonly PlayedRule[]
  /** Files that get a JSON line for each start and each request. */
  startsFile?: string | undefined
  requestsFile?: string | undefined
  /** Where sessions outlive the process. Default: a folder in the user's data folder; `false`: nowhere. */
  store?: string | false
  /** A start waits while there is this file. */
  holdFile?: string | undefined
  /** The process ends when this file goes. */
  lifeline?: string | undefined
  /** The process ends after so long, whatever happens. Default: an hour. */
  maxLifeMs?: number
}

/** Code that bends a fake where no fault does. Only in a process of one's own: see `run`. */
export interface Behaviour {
  /** Runs before the port opens. */
  boot?: (server: FakeServer) => unknown
  /** Sees every accepted connection. */
  connection?: (socket: Socket, server: FakeServer) => void
  /** Sees every request before it is let in; `true`: dealt with, or left hanging. */
  intercept?: (call: Call) => boolean
  /** Takes the place of what a prompt asks for. */
  turn?: (turn: Turn) => unknown
}

/** A request. */
export interface Call {
  server: FakeServer
  req: IncomingMessage
  res: ServerResponse
  raw: string
  body: Body
  path: string
  query: URLSearchParams
  directory: string
  /** The id in its path. */
  id: string
}

/** A body, as far as it is read. */
export interface Body {
  title?: string
  parentID?: string
  messageID?: string
  model?: Model
  agent?: string
  noReply?: boolean
  parts?: Part[]
  reply?: string
  message?: string
  answers?: string[][]
}

export interface Model {
  providerID: string
  modelID: string
}

export interface SessionInfo {
  id: string
  slug: string
  projectID: string
  directory: string
  title: string
  parentID: string | undefined
  version: string
  time: { created: number; updated: number }
}

export type Status =
  { type: 'busy' } | { type: 'idle' } | { type: 'retry'; attempt: number; message: string; next: number }

/** A session: what is stored of it, and what it does now. */
export interface Session {
  info: SessionInfo
  messages: Message[]
  /** The message that the next prompt is put before. */
  revert?: string | undefined
  status?: Status
  turn?: Turn | undefined
  next?: Turn | undefined
}

export interface Message {
  info: MessageInfo
  parts: Part[]
}

export interface MessageInfo {
  id: string
  role: 'user' | 'assistant'
  sessionID: string
  parentID?: string
  agent: string
  model?: Model
  finish?: string
  error?: WireError
  tokens?: Tokens
  time: { created: number; completed?: number }
  [field: string]: unknown
}

export interface Part {
  id?: string
  messageID?: string | undefined
  sessionID?: string
  type: string
  text?: string
  time?: { start: number; end?: number }
  mime?: string
  url?: string
  [field: string]: unknown
}

/** A tool call that runs. */
export interface RunningTool {
  part: Part
  callID: string
  input: Record<string, unknown>
  /** In epoch ms. */
  start: number
}

export type ToolOutcome =
  { output: string; metadata?: Record<string, unknown>; title?: string } | { error: string }

export interface WireError {
  name: string
  data: Record<string, unknown> & { message: string }
}

export interface Tokens {
  total?: number
  input: number
  output: number
  reasoning: number
  cache: { read: number; write: number }
}

export interface WireEvent {
  id: string
  type: string
  properties: Record<string, unknown>
}

/** A permission or a question that waits for its answer. */
export interface Pending {
  kind: 'permission' | 'question'
  directory: string
  request: Record<string, unknown> & { id: string; sessionID: string }
  answer: (body: Body) => void
}

/** One open event stream; without a directory it is the global one. */
export interface Stream {
  res: ServerResponse
  directory: string | undefined
  send: (frame: unknown, sent?: () => void) => void
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FakeFaults } from '../fake-faults.ts'
import type { PlayedRule } from '../fake-script.ts'
import type { FakeServer } from './server.mjs'
import type { Turn } from './turn.mjs'

/** Config of a fake's process. */
export interface FakeConfig {
  /** Faults of each start. The last entry applies to all later starts. */
  faults?: readonly FakeFaults[]
  script?: readonly PlayedRule[]
  /** File that gets a JSON line for each start; `requestsFile` gets one for each request. */
  startsFile?: string | undefined
  requestsFile?: string | undefined
  /**
   * Folder for sessions, which outlive the process. `false`: sessions are not stored.
   *
   * @defaultValue a folder in the user's data folder
   */
  store?: string | false
  /** File that delays starts while it exists. */
  holdFile?: string | undefined
  /** File whose removal ends the process. */
  lifeline?: string | undefined
  /**
   * Maximum life of the process in ms.
   *
   * @defaultValue one hour
   */
  maxLifeMs?: number
}

/** Custom behaviour of a fake beyond faults, for a fake that runs in its own process: see `run`. */
export interface Behaviour {
  /** Hook that runs before the port opens. */
  boot?: (server: FakeServer) => unknown
  /** Hook for every accepted connection. */
  connection?: (socket: Socket, server: FakeServer) => void
  /**
   * Hook for every request before authorization. Returns `true` if the hook handled the request or leaves it
   * hanging.
   */
  intercept?: (call: Call) => boolean
  /** Replacement for the effects of a prompt. */
  turn?: (turn: Turn) => unknown
}

/** Request to the fake. */
export interface Call {
  server: FakeServer
  req: IncomingMessage
  res: ServerResponse
  raw: string
  body: Body
  path: string
  query: URLSearchParams
  directory: string
  /** Id in the request's path. */
  id: string
}

/** Fields of a request body that the fake reads. */
export interface Body {
  title?: string
  parentID?: string
  messageID?: string
  model?: Model
  agent?: string
  noReply?: boolean
  format?: Format
  parts?: Part[]
  reply?: string
  message?: string
  answers?: string[][]
  tools?: Record<string, boolean>
  providerID?: string
  modelID?: string
  auto?: boolean
}

/** Format of the answer that a prompt asks for. */
export interface Format {
  type: 'text' | 'json_schema'
  schema?: Record<string, unknown>
  retryCount?: number
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
  /** Message at which the next prompt cuts the history. */
  revert?: { messageID: string; snapshot?: string }
  /** Rules that the tools of a prompt left in the session. */
  permission?: Rule[]
}

/** Rule of a permission. The last rule that matches decides. */
export interface Rule {
  permission: string
  pattern: string
  action: 'allow' | 'deny' | 'ask'
}

/** Tool of a plugin. */
export interface PluginTool {
  execute: (args: Record<string, unknown>, context: PluginContext) => Promise<PluginResult>
}

export type PluginResult =
  string | { output: string; title?: string; metadata?: Record<string, unknown>; attachments?: unknown[] }

/** Context of a plugin's call. */
export interface PluginContext {
  sessionID: string
  messageID: string
  callID: string
  agent: string
  directory: string
  abort: AbortSignal
  metadata: () => void
  ask: (request: PluginRequest) => Promise<void>
}

/** Permission that a plugin asks for. */
export interface PluginRequest {
  permission: string
  patterns: string[]
  always: string[]
  metadata: Record<string, unknown>
}

export type Status =
  { type: 'busy' } | { type: 'idle' } | { type: 'retry'; attempt: number; message: string; next: number }

/** Session: its stored properties and its current state. */
export interface Session {
  info: SessionInfo
  messages: Message[]
  /** Todo list of the agent. */
  todos?: unknown[]
  /** Changes of files, inside git only. */
  changes?: StoredChange[]
  status?: Status
  turn?: Turn | undefined
  next?: Turn | undefined
}

/** Change of a file by a turn. */
export interface StoredChange {
  /** Id of the prompt. */
  messageID: string
  file: string
  /** Content before the change; `null`: no file. */
  before: string | null
  after: string
}

/** Change of a file, as the server reports it. */
export interface FileDiff {
  file: string
  patch: string
  additions: number
  deletions: number
  status: 'added' | 'modified'
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
  format?: Format | undefined
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

/** Running tool call. */
export interface RunningTool {
  part: Part
  callID: string
  input: Record<string, unknown>
  /** Start time in epoch ms. */
  start: number
}

export type ToolOutcome =
  | { output: string; metadata?: Record<string, unknown>; title?: string; attachments?: unknown[] }
  | { error: string }

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

/** Permission or question that waits for an answer. */
export interface Pending {
  kind: 'permission' | 'question'
  directory: string
  request: Record<string, unknown> & { id: string; sessionID: string }
  answer: (body: Body) => void
}

/** Open event stream. A stream without a directory is the global stream. */
export interface Stream {
  res: ServerResponse
  directory: string | undefined
  send: (frame: unknown, sent?: () => void) => void
}

// Types of the wire, as the schemas of the gateway declare them. Only types are imported, so that no code of the gateway
// becomes part of the view.
import type { z } from 'zod'
import type { agentSchema, statusSchema } from '../../../src/gateway/schemas/agent.ts'
import type { clusterSchema } from '../../../src/gateway/schemas/cluster.ts'
import type { problemSchema, usageSchema } from '../../../src/gateway/schemas/common.ts'
import type { WireEvent } from '../../../src/gateway/schemas/event.ts'
import type { pendingRequest } from '../../../src/gateway/schemas/request.ts'
import type { fleetStatus } from '../../../src/gateway/schemas/status.ts'
import type { numberedReply, terminalReply, turnSchema } from '../../../src/gateway/schemas/turn.ts'
import type { turnStatus } from '../../../src/gateway/schemas/turn-status.ts'

/** Value of a schema that is made on first use. */
type Wire<T extends () => z.ZodType> = z.output<ReturnType<T>>

export type AgentStatus = Wire<typeof statusSchema>
export type LifecycleState = AgentStatus['state']
/** Agent: its spec without secrets, and its status. */
export type Agent = Wire<typeof agentSchema> & { id: string; status: AgentStatus }
export type FleetStatus = Wire<typeof fleetStatus>
export type Load = FleetStatus['turns']

/** Event of the fleet. */
export type FleetEvent = WireEvent
/** Lifecycle of an agent's server at one moment. */
export type Lifecycle = Extract<FleetEvent, { lifecycle: unknown }>['lifecycle']

export type Usage = Wire<typeof usageSchema>
export type Turn = Wire<typeof turnSchema>
export type TurnState = Turn['state']
/** Reply of a turn, with its number. */
export type Reply = Wire<typeof numberedReply>
export type TerminalReply = Wire<typeof terminalReply>
/** Events of a turn beside its replies. */
export type TurnStatus = Wire<typeof turnStatus>

/** Request that waits for an answer. */
export type PendingRequest = Wire<typeof pendingRequest>
export type ClosedBy = 'answer' | 'timeout' | 'turn'

/** Hosts of the cluster, and where each agent lives. */
export type Cluster = Wire<typeof clusterSchema>
export type ClusterHost = Cluster['hosts'][number]

export type Problem = Wire<typeof problemSchema>

/** Page of a list. */
export interface List<T> {
  items: readonly T[]
  next_before: string | null
}

/** Sum of the usage of turns with a common key. */
export interface UsageRow {
  key: string
  turns: number
  usage: Usage
}

/** Turn of a conversation. */
export interface HistoryTurn {
  turn_id?: string
  message_id: string
  text: string
  attachments: readonly { mime: string; filename?: string }[]
  replies: readonly WithoutSeq<Reply>[]
  at: number
  usage: Usage
}

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never

/** File that goes with a turn, in base64. */
export interface Attachment {
  mime: string
  data: string
  filename?: string
}

/** Body of the request for a turn, as far as the view needs it. */
export interface TurnBody {
  text: string
  session_id?: string
  system?: string
  model?: string
  agent?: string
  attachments?: readonly Attachment[]
  on_permission?: 'reject' | 'once' | 'always' | 'ask'
  on_question?: 'reject' | 'ask'
}

/** Answer to a request. */
export type Answer =
  { reply: 'once' | 'always' | 'reject'; message?: string } | { answers: readonly (readonly string[])[] }

export { TurnReducer, type TurnReducerOptions, type TurnSnapshot } from './actors/turn/reducer/reducer.ts'
export {
  turnLogic,
  type TurnActorEmitted,
  type TurnActorEvent,
  type TurnActorInput,
  type TurnFact,
} from './actors/turn/turn.ts'
export type { Prepared } from './actors/server/prepare.ts'
export type { RuntimeHandle, ServerInput } from './actors/runtime.ts'
export type { FileChange } from './actors/session/changes.ts'
export type { HistoryTurn } from './actors/session/history.ts'
export type { SessionInfo } from './io/opencode/session-wire.ts'
export type { TurnStatus } from './actors/turn/turn-record.ts'
export { connect, driveTurn, type Connection, type DriveTurnOptions, type Sink } from './api/connect.ts'
export { ensureRunning, type EnsureRunningOptions } from './api/ensure-running.ts'
export {
  BinaryNotFoundError,
  HomeLockedError,
  HostFaultError,
  InvalidOptionsError,
  OpenCodeRuntimeError,
  PortInUseError,
  ReconfigureError,
  RequestClosedError,
  RestartLimitError,
  ServerExitedError,
  ServerWedgedError,
  SessionNotFoundError,
  StartTimeoutError,
  StoppedError,
  TurnError,
  UnknownAgentError,
  UnsupportedVersionError,
  type OpenCodeErrorCode,
  type ServerExit,
} from './errors.ts'
export { turn$ } from './api/cold-turn.ts'
export { listSessions, type ListSessionsOptions } from './api/list-sessions.ts'
export { lifecycle$ } from './api/lifecycle.ts'
export { lifecycleOf, type Lifecycle, type LifecycleState } from './machines/lifecycle.ts'
export type { ServerContext, ServerEvent } from './machines/context.ts'
export { serverMachine } from './api/server-machine.ts'
export type { ServerActorRef } from './machines/server-machine.ts'
export {
  compileFleetOptions,
  compileOptions,
  hostTool,
  type AgentLimits,
  type AgentSpec,
  type CompiledFleetOptions,
  type CompiledOptions,
  type ConnectOptions,
  type FleetDefaults,
  type FleetLimits,
  type FleetOptions,
  type FleetTelemetryOptions,
  type HostTool,
  type HostToolCall,
  type HostToolDefinition,
  type LifecycleOptions,
  type Logger,
  type Modality,
  type ModelOptions,
  type OpenCodeServerOptions,
  type PermissionPolicy,
  type ProxyOptions,
  type QuestionPolicy,
  type ReconfigureOptions,
  type ResolvedAgent,
  type SpawnWrapper,
  type TenantOptions,
  type TurnDefaults,
  type WebhookTool,
} from './config/options.ts'
export { orThrow } from './api/or-throw.ts'
export { Fleet, fleetOf, type ApplyOptions } from './api/fleet/fleet.ts'
export type { AgentPatch, FleetAgent } from './api/fleet/fleet-agent.ts'
export { fleetMachine } from './api/fleet/fleet-machine.ts'
export type { ApplyResult, RemoveOptions } from './api/fleet/declare.ts'
export type { AgentStatus, FleetEvent, FleetStatus, Load } from './api/fleet/types.ts'
export type { FleetActorRef } from './machines/fleet/fleet-machine.ts'
export type {
  InferOutput,
  JSONSchemaObject,
  ObjectSchema,
  StandardIssue,
  StandardResult,
  StandardSchema,
} from './config/schema-types.ts'
export { reconfigure } from './api/reconfigure.ts'
export type * from './replies.ts'
export { isTerminal } from './replies.ts'
export { OpenCodeServer, type ActorSystemOptions } from './api/server.ts'
export { openSession, type ForkOptions, type Session, type SessionOptions } from './api/session.ts'
export { stopServer, type StopOptions } from './api/stop-server.ts'
export { startTurn, type Turn } from './api/turn.ts'
export type { Attachment } from './api/attachments.ts'
export type { TurnInput } from './api/turn-input.ts'

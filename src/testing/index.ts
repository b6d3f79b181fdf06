/** Test kit: a scripted model for a real opencode server, and a fake of opencode itself. */
export { fakeOpenCode } from './fake-opencode.ts'
export type { FakeOpenCode, FakeOpenCodeOptions, FakeRequest, FakeStart } from './fake-opencode.ts'
export type { FakeFaults } from './fake-faults.ts'
export type { FakeReply, FakeRule } from './fake-script.ts'
export { startScriptedModel } from './scripted-model.ts'
export type { ScriptedModel, ScriptedModelOptions } from './scripted-model.ts'
export type {
  ModelMessage,
  ModelRequest,
  ModelRequestBody,
  ModelRequestKind,
  ModelTool,
} from './model-request.ts'
export type {
  ErrorReply,
  HangReply,
  ScriptedReply,
  ScriptedRule,
  ScriptedToolCall,
  ScriptedUsage,
  StreamReply,
} from './model-script.ts'

/**
 * Helpers for tests of code that uses a server: lifecycle, turns, time, and a model of what can happen to a
 * server.
 */
export { lifecycleTransitions } from '../machines/lifecycle.ts'
export { collectReplies, type CollectedTurn } from './collect-replies.ts'
export {
  expectLifecycle,
  type LifecycleExpectation,
  type LifecycleGoal,
  type LifecycleSource,
} from './expect-lifecycle.ts'
export type {
  Happening,
  HostHappening,
  LifecycleMeta,
  LifecycleModelContext,
  WorldHappening,
} from './happenings.ts'
export {
  createLifecycleModel,
  metaOf,
  type LifecycleModel,
  type LifecycleModelOptions,
} from './lifecycle-model.ts'
export { virtualTime, type VirtualTime } from './virtual-time.ts'

/** Fleets without processes: a simulated fleet, random walks of one, and a model of what can happen to a fleet. */
export {
  createFleetModel,
  fleetHappeningOf,
  fleetMomentOf,
  fleetStepsOf,
  possibleFleetEvents,
  type FleetModel,
  type FleetModelEvent,
  type FleetModelOptions,
  type FleetModelStep,
  type FleetMoment,
} from './fleet-model.ts'
export type { FleetHappening, ModelledAgent, ModelledFleet, ModelledStage } from './fleet-world.ts'
export {
  simulatedFleet,
  type SimulatedFleet,
  type SimulatedFleetOptions,
} from './simulated-fleet/simulated-fleet.ts'
export type {
  SimulatedBehaviour,
  SimulatedPrompt,
  SimulatedReply,
  SimulatedScript,
} from './simulated-fleet/script.ts'
export type { SimulatedServer } from './simulated-fleet/server.ts'
export { walkFleet, type FleetWalk, type FleetWalkOptions } from './simulated-fleet/walk-fleet.ts'

/** The test kit: a scripted model to put behind a real opencode server, and a fake of opencode itself. */
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

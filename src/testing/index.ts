/** The test kit: a scripted model to put behind a real opencode server. */
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

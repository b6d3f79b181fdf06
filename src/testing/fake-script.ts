import {
  callsOf,
  type ErrorReply,
  type HangReply,
  type ScriptedRule,
  type StreamReply,
} from './model-script.ts'

/** Reply of the model behind a fake opencode: same as for a scripted model, but never cut in mid-stream. */
export type FakeReply = Omit<StreamReply, 'cutAfter'> | ErrorReply | HangReply

/**
 * Rule of a fake's script: a {@link ScriptedRule} without functions, because another process plays the rule.
 * The same script can therefore serve a scripted model behind the real opencode and a fake opencode.
 */
export interface FakeRule extends Pick<ScriptedRule, 'times'> {
  /** Substring of the prompt, or a pattern for the prompt. */
  match: string | RegExp
  /** Reply for every request of a turn, or one reply per step. The last reply repeats. */
  reply: FakeReply | readonly FakeReply[]
}

/**
 * Rule in the form that the fake's process receives.
 *
 * @internal
 */
export interface PlayedRule {
  match: { text: string } | { source: string; flags: string }
  replies: readonly FakeReply[]
  times: number | null
}

/**
 * Converts a rule to a form that JSON can hold.
 *
 * @internal
 */
export function toPlayed({ match, reply, times }: FakeRule): PlayedRule {
  return {
    match: typeof match === 'string' ? { text: match } : { source: match.source, flags: match.flags },
    replies: [reply].flat().map(withCalls),
    times: times ?? null,
  }
}

/** Returns a reply whose `output` is a tool call. */
function withCalls(reply: FakeReply): FakeReply {
  if (!('output' in reply)) return reply
  const { output: _, ...rest } = reply
  return { ...rest, toolCalls: callsOf(reply) }
}

import type { ErrorReply, HangReply, ScriptedRule, StreamReply } from './model-script.ts'

/** What the model behind a fake opencode does with one request: as with a scripted model, but never cut in mid-stream. */
export type FakeReply = Omit<StreamReply, 'cutAfter'> | ErrorReply | HangReply

/**
 * One rule of a fake's script: a {@link ScriptedRule} without functions, because another process plays it. So a script
 * may serve both a scripted model behind the real opencode and a fake one.
 */
export interface FakeRule extends Pick<ScriptedRule, 'times'> {
  /** A part of the prompt, or a pattern for it. */
  match: string | RegExp
  /** One reply for every request of a turn, or one per step; the last repeats. */
  reply: FakeReply | readonly FakeReply[]
}

/** A rule as the fake's process gets it. */
export interface PlayedRule {
  match: { text: string } | { source: string; flags: string }
  replies: readonly FakeReply[]
  times: number | null
}

/** Makes a rule fit for JSON. */
export function toPlayed({ match, reply, times }: FakeRule): PlayedRule {
  return {
    match: typeof match === 'string' ? { text: match } : { source: match.source, flags: match.flags },
    replies: [reply].flat(),
    times: times ?? null,
  }
}

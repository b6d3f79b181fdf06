/**
 * Beginnings of the system prompts with which opencode asks the model for something other than an answer.
 * @remarks Observed in opencode 1.18.33: neither request offers tools. The title is requested in parallel
 *   with the first turn of a session, the summary when a session is compacted.
 */
export const helperPrompts = [
  { kind: 'title', prompt: /^You are a title generator\b/ },
  { kind: 'summary', prompt: /^You are a context summarization agent\b/ },
] as const

/**
 * Text of the user message that opencode sends after a tool result with an image.
 * @remarks Observed in opencode 1.18.33.
 */
export const toolMediaText = 'Attached media from tool result:'

/**
 * Header of a model request that names the session.
 * @remarks Observed in opencode 1.18.33.
 */
export const sessionHeader = 'x-session-id'

/** Failure of a turn in plain words. */
export interface ErrorWords {
  title: string
  /** Advice: what a person can do now. */
  advice: string
}

/** Title and advice of each code of a turn's error. */
const words: Readonly<Record<string, readonly [title: string, advice: string]>> = {
  auth: ['The model provider refused the key', 'Renew the key of the agent’s proxy.'],
  rate_limited: ['The model provider limits the number of requests', 'Ask again in some minutes.'],
  provider_error: ['The model provider refused the request', 'Check the model’s options.'],
  provider_unavailable: ['The model provider does not answer', 'Check that the proxy runs.'],
  model_not_found: ['The provider does not know the model', 'Correct the agent’s model.'],
  context_overflow: ['The session is too long for the model', 'Start a new session.'],
  content_filter: ['The provider’s content filter stopped the answer', 'Ask with other words.'],
  output_length: ['The answer reached the model’s length limit', 'Ask for a shorter answer.'],
  cancelled: ['The turn was cancelled', 'The text up to then is kept.'],
  deadline_exceeded: ['The turn took too long', 'Ask for a smaller step.'],
  stalled: ['The model stopped sending', 'Ask again.'],
  server_unavailable: ['The agent’s server could not start', 'The agent’s page tells the reason.'],
  server_died: ['The agent’s server ended during the turn', 'Ask again.'],
  session_not_found: ['The session no longer exists', 'Start a new session.'],
  rejected: ['The turn was rejected', 'Correct the input.'],
  overloaded: ['Too many turns are waiting', 'Ask again later.'],
  invalid_output: ['No answer had the form that was asked for', 'Simplify the schema.'],
  internal: ['The gateway failed', 'Its log has the reason.'],
}

/** Returns the words for a failure; a code that is not known gets general words. */
export function errorWords(code: string, isRetryable: boolean): ErrorWords {
  const known = Object.hasOwn(words, code) ? words[code] : undefined
  const [title, advice] = known ?? [
    'The turn failed',
    isRetryable ? 'Ask again later.' : 'Read the message below.',
  ]
  return { title, advice }
}

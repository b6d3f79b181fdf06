/** Failure of a turn in plain words. */
export interface ErrorWords {
  title: string
  /** Advice: what a person can do now. */
  advice: string
}

const again = 'Ask again later.'

/** Words of each code of a turn's error. */
const words: Readonly<Record<string, ErrorWords>> = {
  auth: {
    title: 'The model provider refused the key',
    advice: 'Renew the key of the agent’s proxy. Its sessions are kept.',
  },
  rate_limited: {
    title: 'The model provider limits the number of requests',
    advice:
      'Ask again in some minutes. If it happens often, raise the budget of the key or run fewer turns at once.',
  },
  provider_error: {
    title: 'The model provider refused the request',
    advice: 'Read the message below. Check the options of the model and the address of the proxy.',
  },
  provider_unavailable: {
    title: 'The model provider does not answer',
    advice: 'Check that the proxy runs. Then ask again.',
  },
  model_not_found: {
    title: 'The provider does not know the model',
    advice: 'Correct the name of the model in the agent’s settings.',
  },
  context_overflow: {
    title: 'The conversation is too long for the model',
    advice: 'Start a new conversation.',
  },
  content_filter: {
    title: 'The provider’s content filter stopped the answer',
    advice: 'Ask with other words.',
  },
  output_length: {
    title: 'The answer reached the model’s length limit',
    advice: 'Ask for a shorter answer, or for the rest of it.',
  },
  cancelled: { title: 'The turn was cancelled', advice: 'The text up to then is kept. Ask again to go on.' },
  deadline_exceeded: {
    title: 'The turn took longer than its time limit',
    advice: 'Ask for a smaller step, or raise the deadline of the agent’s turns.',
  },
  stalled: {
    title: 'The model stopped sending',
    advice: 'Ask again. Raise the stall limit for a slow model.',
  },
  server_unavailable: {
    title: 'The agent’s server could not start',
    advice: 'The agent’s page tells the reason. Then ask again.',
  },
  server_died: {
    title: 'The agent’s server ended during the turn',
    advice: 'It starts again with the next turn: ask again. The agent’s page shows its log.',
  },
  session_not_found: { title: 'The conversation no longer exists', advice: 'Start a new conversation.' },
  rejected: {
    title: 'The turn was rejected',
    advice: 'Read the message below, correct the input, and ask again.',
  },
  overloaded: { title: 'Too many turns are waiting', advice: again },
  invalid_output: {
    title: 'No answer had the form that was asked for',
    advice: 'Simplify the schema of the output, or use a model that calls tools well.',
  },
  internal: {
    title: 'The gateway failed',
    advice: 'Its log has the reason. Check that its disk is not full.',
  },
}

/** Returns the words for a failure; a code that is not known gets general words. */
export function errorWords(code: string, isRetryable: boolean): ErrorWords {
  const known = Object.hasOwn(words, code) ? words[code] : undefined
  return known ?? { title: 'The turn failed', advice: isRetryable ? again : 'Read the message below.' }
}

/**
 * Name of the tool with which the model gives a structured answer.
 * @remarks Observed in opencode 1.18.33: the server offers the tool if the prompt has a `format`, and requires
 *   a call. The input of the call becomes `structured` of the message, unchecked.
 */
export const structuredOutputTool = 'StructuredOutput'

/**
 * Returns the `format` of a prompt whose answer has a JSON Schema.
 * @remarks Observed in opencode 1.18.33: the server does not retry, whatever `retryCount` says. It is 0, because
 *   the runtime checks the answer and prompts again itself.
 */
export const structuredFormat = (schema: object) => ({ type: 'json_schema', schema, retryCount: 0 })

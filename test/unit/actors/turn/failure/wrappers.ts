type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** Returns a value as Python writes it. */
function python(value: Json): string {
  if (value === null) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, member]) => `${python(key)}: ${python(member)}`)
      .join(', ')}}`
  return typeof value === 'string' ? pythonText(value) : String(value)
}

function pythonText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`)
  return `${quote}${escaped}${quote}`
}

const wrapped = (message: string) => ({ error: { message, type: null, param: null, code: '400' } })

/** Forms in which proxies, clients and opencode pass a provider's message on. */
export const wrappers: Readonly<Record<string, (message: string) => string>> = {
  json: (message) => JSON.stringify(wrapped(message)),
  pretty: (message) => `Bad Request: ${JSON.stringify([wrapped(message)], null, 2)}`,
  escaped: (message) => JSON.stringify(JSON.stringify(wrapped(message))).slice(1, -1),
  python: (message) => `Error code: 400 - ${python(wrapped(message))}`,
  bytes: (message) =>
    `litellm.BadRequestError: VertexAIException BadRequestError - b${pythonText(`${JSON.stringify(wrapped(message), null, 2)}\n`)}`,
  frame: (message) => `data: ${JSON.stringify(wrapped(message))}\n\n`,
  litellm: (message) =>
    `litellm.BadRequestError: OpenAIException - ${JSON.stringify(wrapped(message))}\nReceived Model Group=gpt-4o\nAvailable Model Group Fallbacks=None`,
  validation: (message) =>
    `Type validation failed: Value: ${JSON.stringify(wrapped(message))}.\nError message: [{"code":"invalid_union"}]`,
  cut: (message) => JSON.stringify(wrapped(message)).slice(0, -4),
}

import type { HostTool } from '../../config/host-tool.ts'
import { hostToolName } from './host-tool-name.ts'

/**
 * Variables of the server's environment by which the generated plugin finds the endpoint of the host tools.
 * The plugin removes them from the environment, so that the agent's commands do not inherit them.
 */
export const endpointVariable = 'OPENCODE_RUNTIME_HOST_TOOLS_URL'
export const tokenVariable = 'OPENCODE_RUNTIME_HOST_TOOLS_TOKEN'

/** Content types of a call's answer: one JSON value per line. Empty lines keep the connection alive. */
export const answerType = 'application/x-ndjson'

/** Line of the answer to a call. The last line is a result or an error. */
export type AnswerLine =
  | { progress: string }
  | { output: string; attachments: readonly { type: 'file'; mime: string; url: string }[] }
  | { error: string }

/**
 * Returns the text of the plugin. It imports nothing, so that opencode installs no package for it.
 * @remarks Observed in opencode 1.18.33: `args` that are no zod schemas make every property of the input
 *   required, and the hook `tool.definition` replaces that schema. opencode checks no input of such a tool.
 *   Tools of plugins ask for no permission, unless their function does.
 */
export function hostPluginText(tools: Readonly<Record<string, HostTool>>): string {
  const entries = Object.entries(tools).map(([key, tool]) => ({
    name: hostToolName(key),
    tool: key,
    description: tool.description,
    schema: inputSchema(tool),
    ask: tool.ask,
  }))
  return `// Written by opencode-runtime for its option hostTools. Each start overwrites changes.
const tools = ${JSON.stringify(entries, null, 2)}
${program}`
}

/** Returns the schema that the model sees. Providers want the type of an object at the top. */
function inputSchema({ input }: HostTool): Record<string, unknown> {
  const { $schema: _draft, ...schema } = input.jsonSchema
  return { ...schema, type: 'object' }
}

const program = `// A second load of this file, as after a dispose, finds the endpoint here.
const { url, token } = (globalThis[Symbol.for('opencode-runtime.host-tools')] ??= {
  url: process.env.${endpointVariable},
  token: process.env.${tokenVariable},
})
delete process.env.${endpointVariable}
delete process.env.${tokenVariable}

export const OpencodeRuntimeHostTools = async () => {
  if (!url) return {}
  return {
    tool: Object.fromEntries(tools.map((tool) => [tool.name, definition(tool)])),
    'tool.definition': async ({ toolID }, output) => {
      const tool = tools.find(({ name }) => name === toolID)
      if (tool) output.jsonSchema = tool.schema
    },
  }
}

const definition = (tool) => ({
  description: tool.description,
  args: tool.schema.properties ?? {},
  execute: (args, context) => execute(tool, args ?? {}, context),
})

async function execute({ name, tool, ask }, args, context) {
  if (ask) {
    const asked = context.ask({ permission: name, patterns: ['*'], always: ['*'], metadata: { tool, input: args } })
    if (typeof asked?.then !== 'function') throw new Error('This version of opencode cannot ask for permission')
    await asked
  }
  const { sessionID, messageID, callID, abort } = context
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
    body: JSON.stringify({ sessionID, messageID, callID, tool, args }),
    signal: abort,
    timeout: false,
  })
  if (!response.ok || !response.body) throw new Error('The host refused the call: ' + response.status)
  for await (const line of linesOf(response.body)) {
    if ('progress' in line) context.metadata?.({ title: line.progress, metadata: {} })
    else if ('error' in line) throw new Error(line.error)
    else return { title: '', metadata: {}, ...line }
  }
  throw new Error('The host ended before the call')
}

async function* linesOf(body) {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\\n')
    rest = lines.pop()
    for (const line of lines) if (line !== '') yield JSON.parse(line)
  }
}
`

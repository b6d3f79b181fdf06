import type { HostTool } from '../../config/host-tool.ts'
import { hostToolName } from './host-tool-name.ts'

/**
 * Variables of the server's environment by which the generated plugin finds the endpoint of the host tools.
 * The plugin removes them from the environment, so that the agent's commands do not inherit them.
 */
export const portVariable = 'OPENCODE_RUNTIME_HOST_TOOLS_PORT'
export const tokenVariable = 'OPENCODE_RUNTIME_HOST_TOOLS_TOKEN'

/** Line of the answer to a call, beside the call's number. The last line is a result or an error. */
export type AnswerLine =
  | { progress: string }
  | { output: string; attachments?: readonly { type: 'file'; mime: string; url: string }[] }
  | { error: string }

/**
 * Returns the text of the plugin. It imports no package, so that opencode installs none for it.
 * @remarks Observed in opencode 1.18.33: `args` that are no zod schemas make every property of the input
 *   required, and the hook `tool.definition` replaces that schema. opencode checks no input of such a tool.
 *   Tools of plugins ask for no permission, unless their function does. `metadata` of the context has no
 *   effect; the title of the result is stored.
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
import { connect } from 'node:net'

const tools = ${JSON.stringify(entries, null, 2)}
${program}`
}

/** Returns the schema that the model sees. Providers want the type of an object at the top. */
function inputSchema({ input }: HostTool): Record<string, unknown> {
  const { $schema: _draft, ...schema } = input.jsonSchema
  return { ...schema, type: 'object' }
}

const program = `// A second load of this file, as after a dispose, finds the endpoint here.
const { port, token } = (globalThis[Symbol.for('opencode-runtime.host-tools')] ??= {
  port: Number(process.env.${portVariable}),
  token: process.env.${tokenVariable},
})
delete process.env.${portVariable}
delete process.env.${tokenVariable}

export const OpencodeRuntimeHostTools = async () => {
  if (!token) return {}
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
  execute: async (args, context) => {
    if (tool.ask) await ask(tool, args, context)
    const result = await call(tool.tool, args ?? {}, context)
    return { metadata: {}, ...result }
  },
})

async function ask({ name, tool }, input, context) {
  const asked = context.ask({ permission: name, patterns: ['*'], always: ['*'], metadata: { tool, input } })
  if (typeof asked?.then !== 'function') throw new Error('This version of opencode cannot ask for permission')
  await asked
}

const waiting = new Map()
let ids = 0
let connection

/** Sends a call, and resolves with its result. An abort of opencode is sent too. */
function call(tool, args, { sessionID, messageID, callID, abort, metadata }) {
  return new Promise((resolve, reject) => {
    const id = ++ids
    let title = ''
    const settle = (act, value) => {
      waiting.delete(id)
      abort?.removeEventListener('abort', cancel)
      act(value)
    }
    const cancel = () => {
      send({ id, abort: true })
      settle(reject, new Error('The call was aborted'))
    }
    waiting.set(id, ({ progress, error, ...result }) => {
      if (progress !== undefined) metadata?.({ title: (title = progress), metadata: {} })
      else if (error !== undefined) settle(reject, new Error(error))
      else settle(resolve, { title, ...result })
    })
    send({ id, sessionID, messageID, callID, tool, args })
    if (abort?.aborted) cancel()
    else abort?.addEventListener('abort', cancel, { once: true })
  })
}

function send(line) {
  connection ??= open()
  connection.write(JSON.stringify(line) + '\\n')
}

function open() {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setNoDelay(true)
  let rest = ''
  socket.on('data', (text) => {
    rest += text
    if (!text.includes('\\n')) return
    const lines = rest.split('\\n')
    rest = lines.pop()
    for (const { id, ...answer } of lines.map((line) => JSON.parse(line))) waiting.get(id)?.(answer)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    if (connection === socket) connection = undefined
    for (const receive of [...waiting.values()]) receive({ error: 'The host of this tool is gone' })
  })
  socket.write(token + '\\n')
  return socket
}
`

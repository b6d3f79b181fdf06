import type { ModelRequest, ScriptedReply, ScriptedRule } from 'opencode-runtime/testing'

const textOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content))

/** Returns the messages of the user in the model's view of the conversation. */
const said = ({ messages }: ModelRequest): string[] =>
  messages.filter(({ role }) => role === 'user').map(({ content }) => textOf(content))

function look({ messages }: ModelRequest): ScriptedReply {
  const isLastFromTool = messages.at(-1)?.role === 'tool'
  if (isLastFromTool) return { text: 'I have looked.' }
  return { toolCalls: [{ name: 'read', args: { filePath: '/etc/hostname' } }] }
}

/** Script of the model: it remembers what was said, and looks at a file outside the agent's folder. */
export const script: ScriptedRule[] = [
  { match: 'look outside', reply: look },
  { match: () => true, reply: (request) => ({ text: `You have said ${said(request).length} things.` }) },
]

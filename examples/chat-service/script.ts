import type { ScriptedRule } from 'opencode-runtime/testing'

const words = (text: string): string[] => text.split(/(?<=\s)/)

/**
 * Answers of the scripted model: enough to show a tool, a permission, a failure, and the memory of a room.
 */
export const script: ScriptedRule[] = [
  {
    match: 'list',
    reply: [
      { toolCalls: [{ name: 'bash', args: { command: 'ls -a', description: 'Lists files' } }] },
      { text: 'That is all.' },
    ],
  },
  {
    match: 'outside',
    reply: [
      { toolCalls: [{ name: 'read', args: { filePath: '/etc/hostname' } }] },
      { text: 'I have asked first.' },
    ],
  },
  { match: 'fail', reply: { error: { status: 401, message: 'Incorrect API key provided.' } } },
  {
    match: () => true,
    reply: ({ text, messages }) => {
      const said = messages.filter(({ role }) => role === 'user').length
      return { text: words(`You said “${text}”, and ${said - 1} things before that.`), chunkDelayMs: 60 }
    },
  },
]

import type { ScriptedRule } from '../testing/index.ts'

/**
 * Command that the scripted agent runs: harmless, the same on every Unix, and visibly run by a real shell.
 */
const command = 'uname -sm; date "+%H:%M:%S"; echo "a real shell, started by opencode"'

/**
 * Returns a script that answers any prompt as an agent does: thinks, calls a tool, reads the result, and
 * answers word by word.
 */
export function demoScript(prompt: string): ScriptedRule[] {
  const thought = `They ask: “${shorten(prompt)}” I am a script, so I do what an agent does: look first, then answer.`
  const answer =
    `You asked: “${shorten(prompt)}” I cannot know, I am scripted. ` +
    'The rest was real: opencode served over HTTP, its shell ran the command, ' +
    'and each of these words reached you as a delta of its own.'
  return [
    {
      match: () => true,
      reply: [
        {
          reasoning: words(thought),
          toolCalls: [{ name: 'bash', args: { command, description: 'Looks around' } }],
          usage: { inputTokens: 1200, outputTokens: 60, reasoningTokens: 30 },
          chunkDelayMs: 25,
        },
        {
          text: words(answer),
          usage: { inputTokens: 1300, outputTokens: 50, cachedTokens: 1200 },
          chunkDelayMs: 35,
        },
      ],
    },
  ]
}

const words = (text: string): string[] => text.split(/(?<=\s)/)

function shorten(prompt: string): string {
  const line = prompt.trim().replace(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 79)}…` : line
}

import type { ModelRequest, ScriptedReply, ScriptedRule } from '../../testing/index.ts'
import { demoScript } from '../demo-script.ts'

/** Texts of the turns that the demo starts by itself. */
export const questions = {
  permission: 'Remove the old build and compile the project again.',
  stream: ['What changed since the last release?', 'Why did the nightly build fail?'],
} as const

const command = 'uname -sm; date "+%H:%M:%S"; echo "a real shell, started by opencode"'

/** Turn of the script: what the model thinks and calls first, and what it answers after the result. */
interface Scene {
  thought: string
  command: string
  description: string
  answer: string
}

const scenes: Readonly<Record<string, Scene>> = {
  [questions.permission]: {
    thought: 'The build folder is stale. Removing it is final, so the command has to be allowed first.',
    command: 'rm -rf ./build && mkdir -p build && echo "compiled 214 modules"',
    description: 'Removes the build and compiles again',
    answer: 'The old build is gone, and the project is compiled again: **214 modules**, no warning.',
  },
  [questions.stream[0]]: {
    thought: 'They want the changes since the last release. I look at the machine first, then I sum up.',
    command,
    description: 'Looks around',
    answer: [
      '## Changes since the last release\n\n',
      'Three areas changed. The first one needs a migration.\n\n',
      '1. **Sessions** are kept for 30 days. Older ones are removed at night.\n',
      '2. **Retries** wait longer each time, up to a minute.\n',
      '3. **Logs** hide keys and tokens.\n\n',
      '| area | files | tests |\n| --- | ---: | ---: |\n',
      '| sessions | 12 | 31 |\n| retries | 4 | 18 |\n| logs | 7 | 22 |\n\n',
      'The migration is one command:\n\n',
      '```sh\nnpm run migrate -- --from 4 --to 5\n```\n\n',
      'It takes about a minute for a million rows, and can be stopped at any time. ',
      'A second run goes on where the first one has stopped. ',
      'Nothing is removed before the new table has every row.\n\n',
      '> The model of this demo is a script. The server, its shell and each of these words are real: ',
      'they came through the gateway as they were made.\n',
    ].join(''),
  },
  [questions.stream[1]]: {
    thought:
      'A nightly build fails for few reasons: a test, the network, or the disk. I check the host first.',
    command: 'df -h . | tail -1; uptime',
    description: 'Checks the disk and the load',
    answer: [
      'The disk and the load are fine, so the build itself failed.\n\n',
      '```ts\nexport function retryDelay(attempt: number): number {\n',
      '  return Math.min(500 * 2 ** attempt, 15_000)\n}\n```\n\n',
      'The test of this function expected a delay *below* 15 s at the sixth attempt, and the limit was lowered yesterday. ',
      'Two ways out:\n\n',
      '- raise the limit again, or\n- change the test to the new limit.\n\n',
      'I would change the test: the lower limit was intended.\n',
    ].join(''),
  },
}

/** Script of the model, for any prompt of any session. */
export const rules: ScriptedRule[] = [{ match: () => true, reply: replyTo }]

function replyTo(request: ModelRequest): ScriptedReply {
  const scene = Object.entries(scenes).find(([question]) => request.text.includes(question))?.[1]
  const hasResult = request.messages.at(-1)?.role === 'tool'
  const replies = scene ? repliesOf(scene) : scripted(request.text)
  return replies[hasResult ? 1 : 0] ?? { text: 'The script has no more replies.' }
}

const repliesOf = (scene: Scene): ScriptedReply[] => [
  {
    reasoning: words(scene.thought),
    toolCalls: [{ name: 'bash', args: { command: scene.command, description: scene.description } }],
    usage: { inputTokens: 4200, outputTokens: 90, reasoningTokens: 60 },
    chunkDelayMs: 40,
  },
  {
    text: words(scene.answer),
    usage: { inputTokens: 4400, outputTokens: 420, cachedTokens: 4200 },
    chunkDelayMs: 110,
  },
]

const scripted = (text: string): ScriptedReply[] =>
  demoScript(text).flatMap(({ reply }) => (typeof reply === 'function' ? [] : [reply].flat()))

const words = (text: string): string[] => text.split(/(?<=\s)/)

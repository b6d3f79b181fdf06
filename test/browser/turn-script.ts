import type { FakeRule } from '../../src/testing/fake-script.ts'

const answer = `## What I changed

The parser dropped the **last line** of a file without a line feed at its end. I fixed \`readLines\` and added a test.

| file | change | lines |
|:--|:--|--:|
| \`src/lines.ts\` | keeps the rest of the buffer | 4 |
| \`test/lines.test.ts\` | a file without a line feed | 12 |

1. Run the tests:
   \`\`\`sh
   npm test -- lines
   \`\`\`
2. Then look at the open points:
   - [x] the last line
   - [ ] lines that end with \`\\r\` only

> The format is described in the [specification](https://spec.example.com/lines#end).
`

/** Writes output as a test runner does, with colours and a line that is written over. */
const testRun = String.raw`printf '\033[1mlines\033[0m\n 10%%\r 60%%\r\033[32m✓\033[0m keeps the last line \033[2m(3 ms)\033[0m\n\033[31m✗\033[0m takes a lone return \033[33mskipped\033[0m\n'`

/** Turn with all that an agent usually does. */
export const tour: FakeRule = {
  match: 'Fix the last line',
  reply: [
    {
      reasoning: [
        'The user says that the last line is lost. ',
        'I look at `readLines` first, then at its tests.',
      ],
      text: 'I look at the reader first.',
      toolCalls: [
        {
          name: 'write',
          args: {
            filePath: 'lines.ts',
            content: 'const lines = text.split(feed)\nlines.pop()\nexport { lines }\n',
          },
        },
      ],
      usage: { inputTokens: 5_120, outputTokens: 84, reasoningTokens: 210, cachedTokens: 4_096 },
    },
    {
      text: 'The last part is dropped without a look at it.',
      toolCalls: [
        {
          name: 'edit',
          args: {
            filePath: 'lines.ts',
            oldString: 'const lines = text.split(feed)\nlines.pop()\n',
            newString: "const lines = text.split(feed)\nif (lines.at(-1) === '') lines.pop()\n",
          },
        },
        {
          name: 'todowrite',
          args: {
            todos: [
              { content: 'Keep the last line', status: 'completed', priority: 'high' },
              { content: 'Add a test', status: 'in_progress', priority: 'medium' },
              { content: 'Look at lone returns', status: 'pending', priority: 'low' },
            ],
          },
        },
      ],
    },
    { toolCalls: [{ name: 'bash', args: { command: testRun, description: 'Run the tests' } }] },
    {
      toolCalls: [
        { name: 'bash', args: { command: 'sleep 0.3; exit 3', description: 'Check the format' } },
        { name: 'read', args: { filePath: 'missing.ts' } },
      ],
    },
    { text: answer.match(/[^]{1,20}/g) ?? [], chunkDelayMs: 2 },
  ],
}

/** Text that tries all that a page must not do. */
const hostileText = `# <script>document.title='owned'</script>

<img src=x onerror="document.title='owned'"> <iframe src="https://evil.example"></iframe>

[click](javascript:document.title='owned') [data](data:text/html,<script>alert(1)</script>) [path](/v1/agents)

![pixel](https://evil.example/pixel.png) ![svg](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+) ![dot](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==)

[https://bank.example](https://evil.example/login) and https://x.example/a.

Run \`rm -rf \u202e/ safe\u202c\` now, pay\u200bpal.

<style>body{display:none}</style>

\`\`\`html
</div></div><script>document.title='owned'</script>
\`\`\`

${'> '.repeat(3_000)}deep
`

/** Turn with content that tries to do harm. */
export const hostile: FakeRule = {
  match: 'hostile',
  reply: [
    {
      text: hostileText,
      reasoning: '<img src=x onerror=alert(1)>\u202e',
      toolCalls: [
        {
          name: 'bash',
          args: {
            command: String.raw`printf '<b>bold</b>\033]0;owned\007\033[2J\033[31mred\033[0m \342\200\256evil\n'`,
            description: '<script>alert(1)</script>',
          },
        },
      ],
    },
    { text: 'The end.' },
  ],
}

/** Turn with a line of a megabyte, and output of 100,000 lines. */
export const giant: FakeRule = {
  match: 'giant',
  reply: [
    {
      text: `${'x'.repeat(1_000_000)}\n\n`,
      toolCalls: [
        { name: 'bash', args: { command: 'seq 1 100000', description: 'Count' } },
        {
          name: 'bash',
          args: { command: "head -c 1000000 /dev/zero | tr '\\0' y", description: 'One line' },
        },
      ],
    },
    { text: `${'- item\n'.repeat(100_000)}The end of the list.` },
  ],
}

/** Turn that writes for some seconds. */
export const slow: FakeRule = {
  match: 'slow',
  reply: {
    text: Array.from({ length: 400 }, (_, i) => (i % 10 === 9 ? `word${i}.\n\n` : `word${i} `)),
    chunkDelayMs: 10,
  },
}

/** Turn that the provider refuses. */
export const refused: FakeRule = {
  match: 'refused',
  reply: { error: { status: 401, message: 'Incorrect API key provided' } },
}

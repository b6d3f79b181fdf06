import { fileURLToPath } from 'node:url'
import type { FakeRule } from '../../src/testing/index.ts'

/** File outside of every workspace, so that reading it needs a permission. */
export const outside = fileURLToPath(new URL('outside.txt', import.meta.url))

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const bash = (command: string) => call('bash', { command, description: command })
const questions = ['one', 'two'].map((header) => ({
  question: `${header}?`,
  header,
  options: ['A', 'B'].map((label) => ({ label, description: label })),
}))
const todo = (content: string, status: string) => ({ content, status, priority: 'high' })
const done = { text: 'done' }
const failing = (status: number, headers?: Record<string, string>) => ({
  error: { status, message: `failed with ${status}`, ...(headers && { headers }) },
})

/** Files in one folder outside of every workspace, so that one permission covers both. */
const pair = ['one', 'two'].map((name) => fileURLToPath(new URL(`pair/${name}.txt`, import.meta.url)))
const readOf = (filePath: string) => ({ name: 'read', args: { filePath } })

/** Script of the model, for the real opencode and for the fake. */
export const script: readonly FakeRule[] = [
  { match: 'say hello', reply: { text: ['Hello', ' wörld 🐢'], usage: { inputTokens: 9, outputTokens: 4 } } },
  {
    match: 'think first',
    reply: {
      reasoning: ['let me ', 'see'],
      text: ['I ', 'see'],
      usage: { inputTokens: 100, outputTokens: 20, cachedTokens: 30, reasoningTokens: 6 },
    },
  },
  { match: 'go on too long', reply: { text: 'endless', finishReason: 'length' } },
  { match: 'run well', reply: [{ text: 'Now.', ...bash('printf ran; printf err >&2') }, done] },
  { match: 'run badly', reply: [bash('echo oops; exit 3'), done] },
  { match: 'say where', reply: [bash('pwd'), done] },
  { match: 'run silently', reply: [bash('true'), done] },
  { match: 'run in steps', reply: [bash('printf one'), { reasoning: 'hm', ...bash('printf two') }, done] },
  {
    match: 'plan the work',
    reply: [
      call('todowrite', { todos: [todo('one', 'in_progress'), todo('two', 'pending')] }),
      call('todowrite', { todos: [todo('one', 'completed'), todo('two', 'cancelled')] }),
      done,
    ],
  },
  { match: 'use what is not', reply: [call('frobnicate', { x: 1 }), done] },
  { match: 'read nothing', reply: [call('read', { filePath: 'missing.txt' }), done] },
  { match: 'read outside', reply: [call('read', { filePath: outside }), done] },
  { match: 'read a pair', reply: [{ toolCalls: pair.map((filePath) => readOf(filePath)) }, done] },
  { match: 'A permission was rejected', reply: done },
  { match: 'read beyond', reply: [call('read', { filePath: '/etc/hostname' }), done] },
  { match: 'ask much', reply: [call('question', { questions }), done] },
  { match: 'trickle', reply: { text: Array.from({ length: 400 }, (_, i) => `${i} `), chunkDelayMs: 50 } },
  { match: 'sleep long', reply: [bash('echo begun; sleep 300'), done] },
  { match: 'fail with 400', reply: failing(400) },
  { match: 'fail with 401', reply: failing(401) },
  { match: 'fail once', reply: [failing(429, { 'retry-after': '1' }), done] },
  { match: 'fail for ever', reply: failing(503) },
  { match: 'be slow', reply: { text: ['slow ', 'but ', 'sure'], chunkDelayMs: 300 } },
  { match: 'only give n', reply: { output: { n: 1 } } },
  {
    match: 'give n',
    reply: [
      { text: 'Let me see.', ...bash('printf seen') },
      { text: 'Here.', output: { n: 1 } },
    ],
  },
  { match: 'give a wrong n', reply: { reasoning: 'hm', output: { n: 'one' } } },
  { match: 'does not fit the schema', reply: { output: { n: 2 } } },
  { match: 'say n in words', reply: { text: 'It is one.' } },
  { match: 'answered in words', reply: { text: 'Still one.' } },
  { match: /^number (1|2|3)$/, reply: { text: 'one of three' } },
]

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import OpenAI from 'openai'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { buildCli } from '../support/built-cli.ts'
import { processesIn } from '../support/fleet.ts'
import { findPython } from '../support/python.ts'
import { Daemon } from '../support/serve.ts'

const python = await findPython()
let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 240_000)

it('`npm run serve` serves two agents on the real opencode, without a key, and leaves nothing', async () => {
  const child = spawn(process.execPath, [cli, 'serve', '--demo', '--listen', '127.0.0.1:0'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const daemon = new Daemon(child)
  await daemon.serves()
  const dataDir = /\(data in (.*)\)/.exec(daemon.stdout)?.[1] ?? ''
  expect(await daemon.agents()).toEqual(['alice', 'bob'])
  expect(daemon.stdout).toContain(`curl -sN ${daemon.url}/v1/requests`)

  // bob asks for the permission of each command.
  const turn = daemon.fetch('/v1/agents/bob/turns', {
    body: { text: 'Ask me first' },
    accept: 'application/x-ndjson',
  })
  const requests = async () => {
    const { items } = (await (await daemon.fetch('/v1/requests')).json()) as {
      items: { request: { id: string } }[]
    }
    return items.map(({ request }) => request.id)
  }
  await expect.poll(requests, { timeout: 60_000, interval: 100 }).toHaveLength(1)
  const [id = ''] = await requests()
  const answered = await daemon.fetch(`/v1/requests/${id}/answer`, { body: { reply: 'once' } })
  expect(answered.status).toBe(204)
  const lines = (await (await turn).text()).trim().split('\n')
  const replies = lines.map((line) => JSON.parse(line) as { seq: number; kind: string; success?: boolean })
  expect(replies.map(({ seq }) => seq)).toEqual(replies.map((_reply, i) => i + 1))
  expect(replies.filter(({ kind }) => kind === 'tool_result')).toMatchObject([{ success: true }])
  expect(replies.at(-1)).toMatchObject({ kind: 'final', finish_reason: 'stop' })

  // bob's server runs, and is asked once more: by the official openai package, with a session that is deleted.
  const openai = new OpenAI({ baseURL: `${daemon.url}/openai/v1`, apiKey: 'none', maxRetries: 0 })
  const sessions = async () =>
    ((await (await daemon.fetch('/v1/agents/bob/sessions')).json()) as { items: { id: string }[] }).items
  const before = await sessions()
  const messages = [
    { role: 'user', content: 'My name is Ada.' },
    { role: 'assistant', content: 'Hello Ada.' },
    { role: 'user', content: 'Say hello' },
  ] as const
  const asked = { model: 'bob', messages: [...messages], stream_options: { include_usage: true } }
  const stream = openai.chat.completions.stream(asked)
  const completion = stream.finalChatCompletion()
  await expect.poll(requests, { timeout: 60_000, interval: 100 }).toHaveLength(1)
  const [other = ''] = await requests()
  await daemon.fetch(`/v1/requests/${other}/answer`, { body: { reply: 'reject' } })
  const { choices, usage } = await completion
  expect(choices).toMatchObject([{ message: { role: 'assistant' }, finish_reason: 'stop' }])
  expect(usage?.total_tokens).toBeGreaterThan(0)
  expect(await sessions()).toEqual(before)

  // The programs of examples/python, on the server that runs and on one of their own.
  if (python !== undefined) {
    const program = (...args: string[]) =>
      execa(python, ['-B', ...args], {
        cwd: fileURLToPath(new URL('../../examples/python', import.meta.url)),
        env: { OPENCODE_GATEWAY_URL: daemon.url },
      })
    expect((await program('chat.py', 'bob', 'Ask me first')).stdout).toMatch(/\[allowed: bash [^]*tokens\]$/)
    await daemon.fetch('/v1/agents/bob/stop', { body: {} })
    const { stdout } = await program('host.py', 'alice')
    expect(stdout).toMatch(/'kind': 'tool_result', [^]*'success': True/)
    expect(stdout.split('\n').at(-1)).toMatch(/^\{'kind': 'final', 'trace_id': 'trace-1', /)
  }

  daemon.kill('SIGTERM')
  expect(await daemon.ended).toBe(0)
  expect(processesIn(dataDir)).toEqual([])
  expect(existsSync(dataDir)).toBe(false)
}, 180_000)

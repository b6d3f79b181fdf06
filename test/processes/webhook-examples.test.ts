import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { webhookSecrets } from '../../src/io/fleet/webhook-secrets.ts'
import { signedHeaders } from '../../src/io/webhook/signature.ts'
import { fakeFleet } from '../support/fleet.ts'
import { tempHome } from '../support/home.ts'

const guide = fileURLToPath(new URL('../../docs/guides/host-tools-webhooks.md', import.meta.url))

/** Returns the program of the guide in a language. */
function programOf(language: string): string {
  const [, code] =
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(readFileSync(guide, 'utf8')) ?? []
  if (code === undefined) throw new Error(`the guide has no block of ${language}`)
  return code
}

/** Runs a program of the guide, and resolves with the URL of its tools. It ends when the test finishes. */
async function runProgram(command: string, language: string, file: string, secret: string): Promise<string> {
  const path = join(tempHome(), file)
  writeFileSync(path, programOf(language))
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    PORT: '0',
    WEBHOOK_SECRET: secret,
  }
  const child = spawn(command, [path], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  let complaint = ''
  child.stderr.on('data', (text) => (complaint += String(text)))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  for await (const line of createInterface(child.stdout)) {
    const [, url] = /^tools at (http:\S+)$/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error(`the program in ${language} ended: ${complaint}`)
}

const call = {
  ...{ tool: 'lookup_order', args: { id: '7' }, context: { user_id: 'u7' } },
  ...{ turn_id: 't1', session_id: 'ses_1', call_id: 'call_1' },
}

const hasPython = spawnSync('python3', ['--version']).status === 0
if (!hasPython)
  console.warn('webhook-examples.test.ts: python3 is missing, so the program in Python is not run')

describe.each([
  ...(hasPython || process.env['CI'] ? [['Python', 'python3', 'python', 'tools.py'] as const] : []),
  ['Node', process.execPath, 'js', 'tools.mjs'] as const,
])('the program in %s of the guide', (_name, command, language, file) => {
  const inputSchema = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
  const lookUp = { toolCalls: [{ name: 'host_lookup_order', args: { id: '7' } }] }

  it('answers the calls of an agent, each for the user of its turn', async () => {
    const script = [{ match: 'order', reply: [lookUp, { text: 'done' }] }]
    const { fleet, dataDir } = await fakeFleet({ script })
    const [secret = ''] = await webhookSecrets(dataDir)
    const url = await runProgram(command, language, file, secret)
    const tool = { name: 'lookup_order', description: 'Finds an order.', inputSchema, url }
    await fleet.put({ id: 'shop', hostTools: [tool] })
    const resultFor = async (userId: string) => {
      const results: unknown[] = []
      const turn = fleet.turn('shop', { text: 'order', context: { user_id: userId } })
      for await (const reply of turn) if (reply.kind === 'tool_result') results.push(reply)
      expect(await turn.done).toMatchObject({ kind: 'final' })
      return results
    }
    const [own, other] = await Promise.all([resultFor('u7'), resultFor('u8')])
    expect(own).toMatchObject([{ success: true }])
    expect(JSON.parse((own[0] as { result: string }).result)).toEqual({ customer: 'u7', total: 20 })
    expect(other).toMatchObject([{ success: false, result: 'There is no order 7.' }])
  })

  it('refuses what is not signed, is older than five minutes, was changed, or came before', async () => {
    const secret = 'whsec_of_a_test_0123456789'
    const url = await runProgram(command, language, file, secret)
    const post = async (headers: Record<string, string>, body = JSON.stringify(call)) => {
      const answer = await fetch(url, { method: 'POST', headers, body })
      return { status: answer.status, ...((await answer.json()) as object) }
    }
    const signed = (by: string, agoMs = 0, body = JSON.stringify(call)) =>
      signedHeaders([by], body, Date.now() - agoMs)
    const refused = { status: 401, error: 'The signature is wrong or too old' }
    expect(await post({})).toEqual(refused)
    expect(await post(signed('another secret'))).toEqual(refused)
    expect(await post(signed(secret, 310_000))).toEqual(refused)
    expect(await post(signed(secret, -310_000))).toEqual(refused)
    expect(await post({ ...signed(secret), 'opencode-runtime-timestamp': '²' })).toEqual(refused)
    expect(await post(signed(secret), JSON.stringify({ ...call, args: { id: '8' } }))).toEqual(refused)
    const result = { status: 200, result: { customer: 'u7', total: 20 } }
    expect(await post(signed(secret))).toEqual(result)
    expect(await post(signed(secret))).toEqual({ status: 409, error: 'The call has come before' })
    // While the secret is being replaced, the new one signs first.
    const next = JSON.stringify({ ...call, call_id: 'call_2' })
    expect(await post(signedHeaders(['new', secret], next, Date.now()), next)).toEqual(result)
  })

  it('goes on after a request that was cut, and after a call that is no JSON', async () => {
    const secret = 'whsec_of_a_test_0123456789'
    const url = await runProgram(command, language, file, secret)
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.end('POST /tools HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"tool":').resume()
    await once(socket, 'close')
    const post = (body: string) =>
      fetch(url, { method: 'POST', headers: signedHeaders([secret], body, Date.now()), body })
    await post('no JSON').catch(() => undefined)
    expect((await post(JSON.stringify(call))).status).toBe(200)
  })
})

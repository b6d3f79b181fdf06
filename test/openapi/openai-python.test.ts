import { join } from 'node:path'
import { execa } from 'execa'
import { expect, inject, it } from 'vitest'
import { fakeGateway } from '../support/gateway.ts'

const python = inject('schemathesisPython') ?? ''

it.skipIf(python === '')(
  'the official openai SDK for Python lists agents, asks them, streams, and gets typed errors',
  async () => {
    const { fleet, url, all, client } = await fakeGateway()
    await fleet.apply([{ id: 'a1' }])
    const env = { BASE_URL: `${url}/openai/v1`, TOKEN: all.token, NO_PROXY: '127.0.0.1' }
    const program = join(import.meta.dirname, 'openai_client.py')
    const { stdout } = await execa(python, ['-B', program], { env, timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual({
      models: ['a1'],
      whole: ['done', 'why', null, 'stop'],
      whole_tokens: expect.any(Number) as number,
      streamed: 'x x x ',
      streamed_tokens: expect.any(Number) as number,
      progress: ['tool_call', 'tool_result'],
      helper: 'x x ',
      same_session: true,
      unauthorized: { code: 'invalid_api_key', param: null },
      not_found: { code: 'model_not_found', param: null },
      bad: { code: 'unsupported_value', param: 'n' },
      limited: { code: 'rate_limit_exceeded', param: null },
      cut: { code: 'auth', param: null },
    })
    const newest = async () => {
      const { body } = await client.call('GET', '/v1/turns?limit=1')
      return (body as { items: object[] }).items
    }
    await expect.poll(newest, { timeout: 10_000 }).toMatchObject([{ reply: { code: 'cancelled' } }])
  },
)

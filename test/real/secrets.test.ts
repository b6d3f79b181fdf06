import { afterAll, describe, expect, it } from 'vitest'
import { Hunt, newSecret } from '../support/hunt.ts'
import { apiKey, realServer } from '../support/real.ts'

describe('a real server', () => {
  const secrets = { apiKey, env: newSecret('env'), header: newSecret('header'), inModel: newSecret('model') }
  const hunt = new Hunt(secrets)
  const script = [
    { match: 'Say hello', reply: { text: ['Hello'] } },
    {
      match: 'wrong key',
      reply: { error: { status: 401, message: `Incorrect API key provided: ${apiKey}` } },
    },
  ]
  let close: (() => Promise<void>) | undefined
  afterAll(() => close?.())

  it('shows no secret in any of its outputs', async () => {
    const real = await realServer(script, {
      models: [{ id: 'gpt-4o', options: { apiKey: secrets.inModel } }],
      env: { MY_API_TOKEN: secrets.env },
      config: {
        mcp: {
          tools: {
            type: 'remote',
            url: 'http://127.0.0.1:9/mcp',
            headers: { Authorization: `Bearer ${secrets.header}` },
          },
        },
      },
      logger: hunt.logger,
    })
    const { server, home } = real
    close = real.close
    hunt.follow(server)
    await server.ensureRunning()
    hunt.know('password', server.password ?? '')
    const turn = server.turn('Say hello')
    await hunt.followTurn(turn)
    expect((await turn.done).kind).toBe('final')
    const failing = server.turn('wrong key')
    await hunt.followTurn(failing)
    expect(await failing.done).toMatchObject({ kind: 'error', code: 'auth' })
    hunt.note('server', server)
    hunt.look(home, /^\.config\/opencode\/serve\.log|^\.local\/state\/opencode-runtime/)
    await server.stop()
    hunt.look(home, /^\.config\/opencode\/serve\.log|^\.local\/state\/opencode-runtime/)
    expect(hunt.found()).toEqual([])
  })
})

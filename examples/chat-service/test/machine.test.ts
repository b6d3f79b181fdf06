import { compileOptions, serverMachine, type ServerInput } from 'opencode-runtime'
import { expectLifecycle, virtualTime } from 'opencode-runtime/testing'
import { expect, it } from 'vitest'
import { createActor, fromPromise } from 'xstate'
import { chatMachine } from '../machine.ts'

it('the machine restarts a failed server after every retryMs', async () => {
  let tries = 0
  const prepare = fromPromise<{ baseURL: string; reaped?: number | undefined }, ServerInput>(() => {
    tries++
    return Promise.reject(new Error('no binary'))
  })
  const input = {
    opencode: compileOptions({
      home: '/srv/agents/a1',
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-unused' },
      models: ['gpt-4o'],
    }),
    maxOpenPerRoom: 4,
    drainMs: 10_000,
    retryMs: 30_000,
  }
  const time = virtualTime()
  const server = serverMachine.provide({ actors: { prepare } })
  const chat = createActor(chatMachine.provide({ actors: { server } }), { input, clock: time }).start()
  const lifecycle = expectLifecycle(chat.getSnapshot().context.server)
  const post = { type: 'message.post', room: 'lobby', message: 'm1', text: 'hello' } as const

  expect(chat.getSnapshot().can(post)).toBe(true)
  await time.advance()
  expect(chat.getSnapshot().value).toBe('down')
  expect(chat.getSnapshot().can(post)).toBe(false)
  await time.advance(29_999)
  expect(tries).toBe(1)
  await time.advance(60_001)
  expect(tries).toBe(4)
  const round = ['configuring', 'failed'] as const
  lifecycle.toPass([...round, ...round, ...round, ...round])

  chat.send({ type: 'service.close' })
  await time.advance()
  expect(chat.getSnapshot().value).toBe('closed')
  expect(time.pending).toBe(0)
})

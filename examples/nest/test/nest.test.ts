import { isTerminal } from 'opencode-runtime'
import { expect, it, onTestFinished } from 'vitest'
import { all, exampleOptions, post, repliesOf } from '../../../test/support/example.ts'
import { processesOf } from '../../../test/support/home.ts'
import { createApplication } from '../application.ts'

async function application({ drainMs = 0 } = {}) {
  const { options, fake, home } = await exampleOptions()
  const app = await createApplication({ opencode: options, drainMs }, { logger: false })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  return { app, fake, home, turns: `${await app.getUrl()}/turns` }
}

it('streams the replies of a turn unchanged, one event each', async () => {
  const { turns } = await application()
  const headers = { 'content-type': 'application/json', 'x-request-id': 't1' }
  const response = await post(turns, { text: 'tool echo:Hello there' }, { headers })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const replies = await all(repliesOf(response))
  expect(replies.map(({ kind }) => kind)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
  expect(replies.at(-1)).toMatchObject({ kind: 'final', trace_id: 't1', content: 'Hello there' })
})

it('refuses a body without a text', async () => {
  const { turns, fake } = await application()
  expect((await post(turns, { text: 5 })).status).toBe(400)
  expect((await fetch(turns, { method: 'POST' })).status).toBe(400)
  expect(fake.requests.filter(({ url }) => url.includes('/prompt'))).toEqual([])
})

it('cancels the turn of a client that disconnects', async () => {
  const { turns, fake } = await application()
  const leaving = new AbortController()
  const replies = repliesOf(await post(turns, { text: 'think:hm hang' }, { signal: leaving.signal }))
  await replies.next()
  leaving.abort()
  await expect(replies.next()).rejects.toThrow('abort')
  await expect.poll(() => fake.requests.map(({ url }) => url)).toContainEqual(expect.stringMatching(/abort$/))
})

it('lets a running turn finish when the application closes, and leaves nothing', async () => {
  const { app, turns, home } = await application({ drainMs: 10_000 })
  const replies = repliesOf(await post(turns, { text: 'think:hm slow:300 echo:still here' }))
  await replies.next()
  expect(processesOf(home)).not.toEqual([])
  const [rest] = await Promise.all([all(replies), app.close()])
  expect(rest.at(-1)).toMatchObject({ kind: 'final', content: 'still here' })
  await expect(fetch(turns)).rejects.toThrow()
})

it('cancels a turn that outlasts the shutdown', async () => {
  const { app, turns } = await application({ drainMs: 1 })
  const replies = repliesOf(await post(turns, { text: 'think:hm hang' }))
  await replies.next()
  const [rest] = await Promise.all([all(replies), app.close()])
  expect(rest.filter(isTerminal)).toMatchObject([{ kind: 'error', code: 'cancelled' }])
})

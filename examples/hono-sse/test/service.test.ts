import { isTerminal } from 'opencode-runtime'
import { expect, it, onTestFinished } from 'vitest'
import { all, exampleOptions, post, repliesOf } from '../../../test/support/example.ts'
import { processesOf } from '../../../test/support/home.ts'
import { startService } from '../service.ts'

async function service() {
  const { options, fake, home } = await exampleOptions()
  const running = await startService(options)
  onTestFinished(() => running.close(0))
  return { running, fake, home, turns: `${running.url}/turns` }
}

it('streams the replies of a turn unchanged, one event each', async () => {
  const { turns } = await service()
  const headers = { 'content-type': 'application/json', 'x-request-id': 't1' }
  const response = await post(turns, { text: 'tool echo:Hello there' }, { headers })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const replies = await all(repliesOf(response))
  expect(replies.map(({ kind }) => kind)).toEqual(['tool_call', 'tool_result', 'delta', 'final'])
  expect(replies.at(-1)).toMatchObject({ kind: 'final', trace_id: 't1', content: 'Hello there' })
})

it('cancels the turn of a client that disconnects', async () => {
  const { turns, running, fake } = await service()
  const leaving = new AbortController()
  const replies = repliesOf(await post(turns, { text: 'think:hm hang' }, { signal: leaving.signal }))
  await replies.next()
  leaving.abort()
  await expect(replies.next()).rejects.toThrow('abort')
  await expect.poll(() => fake.requests.map(({ url }) => url)).toContainEqual(expect.stringMatching(/abort$/))
  const next = await all(repliesOf(await post(turns, { text: 'echo:next' })))
  expect(next.at(-1)).toMatchObject({ content: 'next' })
  expect(running.server.isRunning()).toBe(true)
})

it('lets a running turn finish when it shuts down, and leaves nothing', async () => {
  const { turns, running, home } = await service()
  const replies = repliesOf(await post(turns, { text: 'think:hm slow:300 echo:still here' }))
  await replies.next()
  expect(processesOf(home)).not.toEqual([])
  const closed = running.close()
  const rest = await all(replies)
  expect(rest.at(-1)).toMatchObject({ kind: 'final', content: 'still here' })
  await closed
  await expect(fetch(turns)).rejects.toThrow()
})

it('cancels a turn that outlasts the shutdown', async () => {
  const { turns, running } = await service()
  const replies = repliesOf(await post(turns, { text: 'think:hm hang' }))
  await replies.next()
  const [rest] = await Promise.all([all(replies), running.close(1)])
  expect(rest.filter(isTerminal)).toMatchObject([{ kind: 'error', code: 'cancelled' }])
})

it('takes JSON with a text only, and tells its health', async () => {
  const { turns, running } = await service()
  const form = await fetch(turns, { method: 'POST', body: '{"text":"from a form"}' })
  expect(form.status).toBe(415)
  expect((await post(turns, { text: 5 })).status).toBe(400)
  expect((await fetch(`${running.url}/health`)).status).toBe(200)
  expect(running.server.isRunning()).toBe(false)
})

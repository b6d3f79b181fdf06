import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { FleetEvent, FleetOptions } from '../../../src/index.ts'
import { fakeOpenCode, type FakeRule } from '../../../src/testing/index.ts'
import { expectNothingLeft, tempHome } from '../../../test/support/home.ts'
import { botApp } from '../app.ts'
import { agentIdOf, UserBot } from '../bot.ts'
import type { Line } from '../lines.ts'

const script: FakeRule[] = [
  {
    match: 'look',
    reply: [{ toolCalls: [{ name: 'read', args: { filePath: '/etc/hostname' } }] }, { text: 'Seen' }],
  },
  { match: 'wait', reply: { hang: true } },
  { match: '', reply: { text: 'Hello' } },
]

/** Starts bots on a fake opencode, all on one data folder. */
async function start(limits: FleetOptions['limits'] = {}) {
  const dataDir = tempHome()
  const fake = await fakeOpenCode({}, { script })
  const bots: UserBot[] = []
  onTestFinished(async () => {
    for (const bot of bots) await bot.close(0)
    for (const user of ['ada', 'bob']) await expectNothingLeft(join(dataDir, agentIdOf(user)))
    await fake.stop()
  })
  const open = async () => {
    const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' }
    const defaults = { proxy, models: ['gpt-4o'], binary: fake.binary }
    const bot = await UserBot.open({ dataDir, defaults, limits })
    bots.push(bot)
    const app = botApp(bot, (name) => (name === 'ada' ? 'paid' : 'free'))
    const post = (path: string, body: unknown) =>
      app.request(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
    const say = async (user: string, text: string): Promise<Line[]> => {
      const shown = await (await post('/messages', { user, text })).text()
      return shown
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
    }
    const sessionsOf = async (user: string) =>
      (await bot.fleet.agent(agentIdOf(user)).sessions()).map(({ id }) => id)
    return { bot, app, post, say, sessionsOf }
  }
  return { dataDir, fake, open, ...(await open()) }
}

const hello = [{ line: 'working' }, { line: 'text', text: 'Hello' }, { line: 'end' }]

it('makes an agent with the first message of a user, and keeps the session across evictions', async () => {
  const { bot, say, sessionsOf } = await start({ maxServers: 1 })
  const events: FleetEvent[] = []
  bot.fleet.events$.subscribe((event) => events.push(event))
  for (const user of ['ada', 'bob', 'ada', 'bob']) expect((await say(user, 'hi')).slice(-3)).toEqual(hello)
  expect(await sessionsOf('ada')).toHaveLength(1)
  expect(await sessionsOf('bob')).toHaveLength(1)
  const told = events.map(({ type, tenant }) => `${type} ${tenant}`)
  expect(told.filter((each) => each.startsWith('agent.added'))).toEqual([
    'agent.added paid',
    'agent.added free',
  ])
  expect(told.filter((each) => each.startsWith('agent.evicted')).length).toBeGreaterThanOrEqual(3)
})

it('goes on with the sessions in a new process', async () => {
  const { bot, say, sessionsOf, open } = await start()
  await say('ada', 'hi')
  const before = await sessionsOf('ada')
  await bot.close()
  const next = await open()
  expect((await next.say('ada', 'hi again')).slice(-3)).toEqual(hello)
  expect(await next.sessionsOf('ada')).toEqual(before)
})

it('says how many messages are before, and refuses kindly when too many wait', async () => {
  const { fake, bot, say } = await start({ maxServers: 1, maxQueuedTurns: 2 })
  fake.hold()
  const users = ['ada', 'bob'].map((user) => say(user, 'hi'))
  await expect.poll(() => bot.fleet.status.turns.queued).toBe(2)
  expect(await say('cleo', 'hi')).toEqual([
    {
      line: 'end',
      text: 'Very many people are asking right now. Please send your message again in a minute.',
    },
  ])
  fake.release()
  const [ada, bob] = await Promise.all(users)
  expect(ada?.at(-1)).toEqual({ line: 'end' })
  expect(bob).toContainEqual({ line: 'waiting', text: 'Messages before yours: at most 1.' })
})

it("asks the user, and lets no other user answer for the user's agent", async () => {
  const { bot, post, say } = await start()
  const shown = say('ada', 'look')
  await expect.poll(() => bot.requestsOf('ada')).toHaveLength(1)
  const [pending] = bot.requestsOf('ada')
  const path = `/requests/${pending?.request.id}`
  expect(bot.requestsOf('bob')).toEqual([])
  expect((await post(path, { user: 'bob', allow: true })).status).toBe(404)
  expect((await post(path, { user: 'ada', allow: true })).status).toBe(200)
  const lines = await shown
  expect(lines.find(({ line }) => line === 'ask')).toMatchObject({ request: pending?.request.id })
  expect(lines.slice(-2)).toEqual([{ line: 'text', text: 'Seen' }, { line: 'end' }])
})

it('ends open messages kindly when it closes', async () => {
  const { bot, say, app } = await start()
  const shown = say('ada', 'wait')
  await expect.poll(() => bot.fleet.status.turns.running).toBe(1)
  expect(await (await app.request('/status')).json()).toMatchObject({ servers: { running: 1 } })
  await bot.close(0)
  expect((await shown).at(-1)).toEqual({ line: 'end', text: 'The message was cancelled.' })
})

it.each([
  ['/messages', {}],
  ['/messages', { user: '', text: 'hi' }],
  ['/requests/per_1', { user: 'ada' }],
])('refuses a bad body of %s: %j', async (path, body) => {
  const { post } = await start()
  expect((await post(path, body)).status).toBe(400)
})

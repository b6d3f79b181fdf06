import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Client } from '../../examples/chat-service/test/client.ts'
import { agentIdOf } from '../../examples/user-bot/bot.ts'
import { buildPackage } from '../support/built-cli.ts'
import { all, post, repliesOf } from '../support/example.ts'
import { expectNothingLeft, processesOf } from '../support/home.ts'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))

let root: string
beforeAll(async () => {
  root = dirname(await buildPackage())
  await buildExamples()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Compiles all examples with the options of `npm run example`, at once, each into a folder of its name beside the package. */
async function buildExamples(): Promise<void> {
  const config = {
    extends: join(examples, 'tsconfig.build.json'),
    compilerOptions: { rootDir: examples, outDir: root },
    include: [join(examples, '*', '*.ts')],
  }
  await writeFile(join(root, 'tsconfig.json'), JSON.stringify(config))
  await execa('tsc', ['-p', root, '--noCheck'], { preferLocal: true })
}

/** The example as `npm run example` starts it, but in a folder of its own: plain node, the built package, the real opencode. */
function runExample(name: string) {
  const folder = mkdtempSync(join(root, 'temp-'))
  const env = { PATH: process.env['PATH'] ?? '', TMPDIR: folder, PORT: '0' }
  const program = execa(process.execPath, [join(root, name, 'main.js')], {
    env,
    extendEnv: false,
    reject: false,
  })
  onTestFinished(() => void program.kill('SIGKILL'))
  return { program, folder }
}

/**
 * An example that listens. `stop` sends SIGTERM, and asserts that nothing of its server is left. `agent` is the folder
 * of the agent whose server runs last, in the data folder of a fleet.
 */
async function startExample(name: string, agent = '.') {
  const { program, folder } = runExample(name)
  const ended = program.then(({ stderr }) => Promise.reject(new Error(`The example ended: ${stderr}`)))
  ended.catch(() => undefined)
  const url = await Promise.race([addressIn(createInterface(program.stdout)), ended])
  const stop = async () => {
    const [home = 'none'] = readdirSync(folder).filter((entry) => entry.startsWith(`${name}-`))
    expect(processesOf(join(folder, home, agent))).not.toEqual([])
    program.kill('SIGTERM')
    expect(await program).toMatchObject({ exitCode: 0 })
    await expectNothingLeft(join(folder, home, agent))
    expect(readdirSync(folder)).not.toContain(home)
  }
  return { url, stop }
}

async function addressIn(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines)
    if (line.includes(' listens at ')) return line.slice(line.indexOf('http://'))
  throw new Error('The example did not listen')
}

it('the chat service talks, remembers, asks, and leaves nothing', async () => {
  const { url, stop } = await startExample('chat-service')
  const client = await new Client(url, 'lobby').join()
  await client.say('hello')
  expect(await client.until('answer')).toMatchObject({ text: 'You said “hello”, and 0 things before that.' })
  await client.say('what is outside?')
  const { request } = await client.until('permission')
  expect((await client.post(`permissions/${request}`, { allow: true })).status).toBe(202)
  await client.until('answer', ({ text }) => text === 'I have asked first.')
  await client.say('good bye')
  await client.until('answer', ({ text }) => text === 'You said “good bye”, and 2 things before that.')
  await stop()
  await client.until('status', ({ status }) => status === 'closed')
})

it.each(['hono-sse', 'nest'])('the example %s streams a turn, and leaves nothing', async (name) => {
  const { url, stop } = await startExample(name)
  const response = await post(`${url}/turns`, { text: 'hello' })
  const replies = await all(repliesOf(response))
  expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'One word after another.' })
  await stop()
})

it('the machine of one’s own does its jobs, and leaves nothing', async () => {
  const { program, folder } = runExample('own-machine')
  const { exitCode, stdout } = await program
  expect(exitCode).toBe(0)
  const ends = stdout.split('\n').filter((line) => /"kind":"(final|error)"/.test(line))
  expect(ends).toEqual([
    expect.stringContaining('You said “first”, no more.'),
    expect.stringContaining('"code":"auth"'),
    expect.stringContaining('You said “last”, no more.'),
  ])
  expect(readdirSync(folder)).toEqual([])
})

it('the support bot looks up, asks a person, answers in a type, and leaves nothing', async () => {
  const { url, stop } = await startExample('support-bot')
  const ask = async (customer: string, text: string): Promise<unknown> =>
    (await post(`${url}/questions`, { customer, text })).json()
  expect(await ask('ada', 'Where is order 1001?')).toEqual({
    text: 'Your bicycle is on its way.',
    orderId: '1001',
    refunded: false,
  })
  expect(await ask('bob', 'Where is order 1001?')).toMatchObject({ text: 'I find no such order.' })
  const refunded = ask('ada', 'Please refund order 1001.')
  const requests = async () =>
    (await (await fetch(`${url}/requests`)).json()) as { request: { id: string } }[]
  await expect.poll(requests, { timeout: 30_000 }).toHaveLength(1)
  const [open] = await requests()
  expect((await post(`${url}/requests/${open?.request.id}`, { allow: true })).status).toBe(200)
  expect(await refunded).toMatchObject({ text: 'Your money is on its way.', refunded: true })
  await stop()
})

it('the bot with an agent for each user has one place, remembers, and leaves nothing', async () => {
  const { url, stop } = await startExample('user-bot', agentIdOf('ada'))
  const say = async (user: string, text: string) =>
    (await (await post(`${url}/messages`, { user, text })).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: string; text?: string })
  const answer = async (user: string, text: string) =>
    (await say(user, text))
      .filter(({ line }) => line === 'text')
      .map((each) => each.text)
      .join('')
  expect(await answer('ada', 'hello')).toBe('You have said 1 things.')
  expect(await answer('bob', 'hello')).toBe('You have said 1 things.')
  expect(await answer('ada', 'hello again')).toBe('You have said 2 things.')
  await stop()
})

import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { expect, it, onTestFinished } from 'vitest'
import { Client } from '../../examples/chat-service/test/client.ts'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, processesOf } from '../support/home.ts'

/** The example as its README starts it, but in a folder of its own: plain node, the built package, the real opencode. */
async function startExample() {
  const folder = dirname(await buildPackage())
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const project = 'examples/chat-service/tsconfig.build.json'
  const built = join(folder, 'chat-service')
  await execa('tsc', ['-p', project, '--noCheck', '--outDir', built], { preferLocal: true })
  const env = { PATH: process.env['PATH'] ?? '', TMPDIR: folder, PORT: '0' }
  const service = execa(process.execPath, [join(built, 'main.js')], { env, extendEnv: false, reject: false })
  onTestFinished(() => void service.kill('SIGKILL'))
  const ended = service.then(({ stderr }) => Promise.reject(new Error(`The example ended: ${stderr}`)))
  ended.catch(() => undefined)
  const [line] = (await Promise.race([once(createInterface(service.stdout), 'line'), ended])) as [string]
  return { service, folder, url: line.slice(line.indexOf('http://')) }
}

it('the chat service of the examples talks, remembers, asks, and leaves nothing', async () => {
  const { service, folder, url } = await startExample()
  const client = await new Client(url, 'lobby').join()
  await client.say('hello')
  expect(await client.until('answer')).toMatchObject({ text: 'You said “hello”, and 0 things before that.' })
  await client.say('what is outside?')
  const { request } = await client.until('permission')
  expect((await client.post(`permissions/${request}`, { allow: true })).status).toBe(202)
  await client.until('answer', ({ text }) => text === 'I have asked first.')
  await client.say('good bye')
  await client.until('answer', ({ text }) => text === 'You said “good bye”, and 2 things before that.')

  const [home = 'none'] = readdirSync(folder).filter((name) => name.startsWith('chat-service-'))
  expect(processesOf(join(folder, home))).not.toEqual([])
  service.kill('SIGTERM')
  expect(await service).toMatchObject({ exitCode: 0 })
  await expectNothingLeft(join(folder, home))
  expect(readdirSync(folder)).not.toContain(home)
  await client.until('status', ({ status }) => status === 'closed')
})

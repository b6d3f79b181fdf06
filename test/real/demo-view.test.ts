import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { buildCli } from '../support/built-cli.ts'
import { processesIn } from '../support/fleet.ts'
import { Daemon } from '../support/serve.ts'

let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 240_000)

it('`demo --view` serves three agents, a turn that streams and a permission to answer, and leaves nothing', async () => {
  const child = spawn(process.execPath, [cli, 'demo', '--view', '--no-open'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const daemon = new Daemon(child)
  await daemon.serves()
  const dataDir = /\(data in (.*)\)/.exec(daemon.stdout)?.[1] ?? ''
  const link = new URL(/^ +(http:\S+)$/m.exec(daemon.stdout)?.[1] ?? '')
  const token = new URLSearchParams(link.hash.slice(1)).get('token') ?? ''
  expect((await daemon.fetch('/v1/agents')).status).toBe(401)
  const read = async <T>(path: string) => {
    const { items } = (await (await daemon.fetch(path, { token })).json()) as { items: T[] }
    return items
  }
  expect(await read<{ id: string }>('/v1/agents')).toMatchObject([
    ...[{ id: 'alice' }, { id: 'bob' }, { id: 'carol' }],
  ])
  expect(await (await fetch(link)).text()).toContain('<div id="view">')

  const requests = () => read<{ agent_id: string; request: { id: string; metadata: object } }>('/v1/requests')
  await expect.poll(requests, { timeout: 60_000, interval: 200 }).toMatchObject([
    {
      agent_id: 'bob',
      request: { metadata: { command: expect.stringContaining('rm -rf ./build') as string } },
    },
  ])
  const [open] = await requests()
  const body = { reply: 'once' }
  expect((await daemon.fetch(`/v1/requests/${open?.request.id ?? ''}/answer`, { token, body })).status).toBe(
    204,
  )
  type Listed = { state: string; last_seq: number; reply: { kind: string } | null }
  const turns = (agent: string) => () => read<Listed>(`/v1/turns?agent=${agent}`)
  await expect.poll(turns('bob'), { timeout: 30_000 }).toMatchObject([{ reply: { kind: 'final' } }])
  const isStreaming = async () =>
    (await turns('alice')()).some(({ state, last_seq }) => state === 'running' && last_seq > 20)
  await expect.poll(isStreaming, { timeout: 60_000, interval: 200 }).toBe(true)

  daemon.kill('SIGINT')
  expect(await daemon.ended).toBe(0)
  expect(processesIn(dataDir)).toEqual([])
  expect(existsSync(dataDir)).toBe(false)
}, 150_000)

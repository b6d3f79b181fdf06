import { cpSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { signedHeaders } from '../../src/io/webhook/signature.ts'
import { buildCli } from '../support/built-cli.ts'
import { isListening, tempHome } from '../support/home.ts'
import { muteNats } from '../support/mute-nats.ts'
import { serveStage, type Daemon } from '../support/serve.ts'
import { putUnusableStore } from '../support/turn-log.ts'
import { answerJson, webhookReceiver, type ReceivedCall } from '../support/webhook-receiver.ts'

let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 240_000)

const two = { agents: [{ id: 'alice' }, { id: 'bob' }] }
const open = '--insecure-no-auth'
const tool = { name: 'look', description: 'Looks.', input_schema: { type: 'object' } }

describe.runIf(process.platform === 'linux')('serve', () => {
  it('serves the agents of the file to callers with a token, and says how to make the first one', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve()
    expect(daemon.stdout).toContain(`serves 2 agents at ${daemon.url} (data in ${stage.dataDir})`)
    const command = /opencode-runtime (token create .*)/.exec(daemon.stdout)?.[1] ?? ''
    const { stdout: token } = await stage.run(...command.split(' '))
    expect((await daemon.fetch('/v1/agents')).status).toBe(401)
    expect(await daemon.agents(token)).toEqual(['alice', 'bob'])
    const answer = await daemon.fetch('/v1/agents/alice/turns?wait=true', { token, body: { text: 'hello' } })
    expect(await answer.json()).toMatchObject({ kind: 'final', content: 'Hello world' })
    const { url } = daemon
    daemon.kill('SIGTERM')
    expect(await daemon.ended).toBe(0)
    expect(daemon.stdout + daemon.stderr).not.toContain('sk-serve-test')
    expect(await isListening(url)).toBe(false)
    await stage.expectNothingLeft()
    // With a token, the next start prints no advice.
    const next = await stage.serve()
    expect(next.stdout).not.toContain('token create')
    expect(await next.agents(token)).toEqual(['alice', 'bob'])
  })

  it.each([
    ['accepts no greeting', false],
    ['answers nothing', true],
  ])('ends by SIGTERM while it joins a cluster whose NATS %s', async (_, greets) => {
    const nats = await muteNats(greets)
    const stage = await serveStage(cli)
    stage.write({ ...two, cluster: { name: 'prod', servers: `127.0.0.1:${nats.port}` } })
    const daemon = stage.start(open)
    await vi.waitUntil(() => nats.sockets.size === 2, { timeout: 30_000, interval: 20 })
    if (greets) await daemon.logs(/config applied/)
    daemon.kill('SIGTERM')
    const late = sleep(5_000, 'late', { ref: false })
    expect(await Promise.race([daemon.ended, late])).toBe(0)
    expect(daemon.stderr).toContain('ends before it serves')
    expect(daemon.stderr).not.toContain('error')
    await vi.waitUntil(() => nats.sockets.size === 0, { timeout: 15_000 })
    await stage.expectNothingLeft()
  })

  it('applies a changed file on SIGHUP, and removes only agents that the file named before', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve(open)
    await daemon.fetch('/v1/agents/made-over-http', { method: 'PUT', body: { id: 'made-over-http' } })
    stage.write({
      agents: [{ id: 'alice', labels: { team: 'a' } }, { id: 'carol' }],
      limits: { max_servers: 3 },
    })
    daemon.kill('SIGHUP')
    await daemon.logs(/config applied added=\["carol"\] changed=\["alice"\] removed=\["bob"\]/)
    expect(daemon.stderr).toMatch(/changed fields of the config need a restart fields=\["limits"\]/)
    expect(await daemon.agents()).toEqual(['alice', 'carol', 'made-over-http'])
    // Also an agent that a stopped daemon's file named is removed at the next start.
    daemon.kill('SIGTERM')
    await daemon.ended
    stage.write({ agents: [{ id: 'carol' }] })
    const next = await stage.serve(open)
    expect(await next.agents()).toEqual(['carol', 'made-over-http'])
  })

  it('calls the webhooks of the file, signed by the secret that the command line prints', async () => {
    const look = { toolCalls: [{ name: 'host_look', args: {} }] }
    const stage = await serveStage(cli, { script: [{ match: 'look', reply: [look, { text: 'done' }] }] })
    const receivers = [
      await webhookReceiver((_call, response) => answerJson(response, { result: 'one' })),
      await webhookReceiver((_call, response) => answerJson(response, { result: 'two' })),
    ]
    const fileAt = (receiver?: { url: string }) => ({
      agents: [{ id: 'alice', host_tools: [{ ...tool, url: receiver?.url }] }],
    })
    stage.write(fileAt(receivers[0]))
    const daemon = await stage.serve(open)
    const run = () => daemon.fetch('/v1/agents/alice/turns?wait=true', { body: { text: 'look' } })
    expect(await (await run()).json()).toMatchObject({ kind: 'final', content: 'done' })
    const { stdout: secret } = await stage.run('webhook-secret', '--data-dir', stage.dataDir)
    const { headers = {}, text = '' }: Partial<ReceivedCall> = receivers[0]?.calls[0] ?? {}
    const at = Number(headers['opencode-runtime-timestamp']) * 1000
    expect(headers).toMatchObject(signedHeaders([secret], text, at))
    stage.write(fileAt(receivers[1]))
    daemon.kill('SIGHUP')
    await daemon.logs(/config applied changed=\["alice"\]/)
    expect(await (await run()).json()).toMatchObject({ kind: 'final', content: 'done' })
    expect(receivers.map(({ calls }) => calls.length)).toEqual([1, 1])
    expect(daemon.stdout + daemon.stderr).not.toContain(secret)
  })

  it('applies settings of the gateway on SIGHUP, and names those that need a restart', async () => {
    const stage = await serveStage(cli)
    const limits = { max_servers: 2, max_queued_turns: 10 }
    stage.write({ ...two, limits })
    const daemon = await stage.serve(open)
    const large = { text: `echo:${'x'.repeat(5000)}` }
    const wait = '/v1/agents/alice/turns?wait=true'
    expect((await daemon.fetch(wait, { body: large })).status).toBe(200)
    const before = (await (await daemon.fetch('/v1/turns')).json()) as { items: unknown[] }
    expect(before.items).toHaveLength(1)
    const gateway = { max_body_bytes: 4096, allowed_hosts: ['agents.example.com'], retention_days: 1 }
    stage.write({ ...two, gateway, limits: { ...limits, max_servers: 3 } })
    daemon.kill('SIGHUP')
    await daemon.logs(
      /config applied fields=\["gateway.max_body_bytes","gateway.allowed_hosts","gateway.retention_days"\]/,
    )
    expect(daemon.stderr).toMatch(
      /changed fields of the config need a restart fields=\["limits.max_servers"\]/,
    )
    expect((await daemon.fetch(wait, { body: large })).status).toBe(413)
    expect(await statusAt(daemon.url, 'agents.example.com')).toBe(200)
    expect(await statusAt(daemon.url, 'other.example.com')).toBe(403)
    // The defaults come back with a file that has no settings.
    stage.write({ ...two, limits })
    daemon.kill('SIGHUP')
    await expect.poll(() => statusAt(daemon.url, 'agents.example.com'), { timeout: 10_000 }).toBe(403)
    expect((await daemon.fetch(wait, { body: large })).status).toBe(200)
  })

  it.each(['damaged', 'newer'] as const)(
    'ends with exit code 3 for a store that is %s, told once',
    async (kind) => {
      const stage = await serveStage(cli)
      stage.write(two)
      await putUnusableStore(join(stage.dataDir, '.fleet', 'gateway.db'), kind)
      const { exitCode, stderr, stdout } = await stage.run('serve', '--config', stage.file)
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
      expect(stderr).toMatch(
        /^error: The store of turns .*gateway\.db: .*; (restore a backup|run the version)/,
      )
      expect(stderr.match(/The store of turns/g)).toHaveLength(1)
      await stage.expectNothingLeft()
    },
  )

  it('tells once that libsql is missing, also with --check', async () => {
    const stage = await serveStage(cliWithout('libsql'))
    stage.write(two)
    for (const flags of [[], ['--check']]) {
      const { exitCode, stderr, stdout } = await stage.run('serve', '--config', stage.file, ...flags)
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
      expect(stderr).toMatch(/^error: The gateway keeps its turns with libsql.*npm install libsql/)
      expect(stderr.match(/libsql, which could not be loaded/g)).toHaveLength(1)
    }
  })

  it('tells a bad file on SIGHUP, and changes nothing', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve(open)
    stage.writeText('agents:\n  - id: zoe\n    turn_deadline_ms: soon\n')
    daemon.kill('SIGHUP')
    await daemon.logs(
      /the changed config is not used:[^]*fleet\.yaml:3:5: Invalid option agents\[0\]\.turn_deadline_ms/,
    )
    expect(await daemon.agents()).toEqual(['alice', 'bob'])
    stage.write({ agents: [{ id: 'alice' }] })
    daemon.kill('SIGHUP')
    await daemon.logs(/removed=\["bob"\]/)
  })

  it('lets a running turn end after SIGTERM, refuses new ones, and exits with 0', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve(open)
    const turn = daemon.fetch('/v1/agents/alice/turns?wait=true', { body: { text: 'slow:3000' } })
    await running(daemon)
    daemon.kill('SIGTERM')
    await expect.poll(async () => (await daemon.fetch('/readyz')).status).toBe(503)
    expect(await (await daemon.fetch('/readyz')).text()).toContain('draining')
    const refused = await daemon.fetch('/v1/agents/bob/turns', { body: { text: 'hello' } })
    expect(refused.status).toBe(503)
    expect((await daemon.fetch('/healthz')).status).toBe(200)
    expect(await (await turn).json()).toMatchObject({ kind: 'final' })
    expect(await daemon.ended).toBe(0)
    await stage.expectNothingLeft()
  })

  it('ends a turn that runs longer than --drain-ms with cancelled', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve(open, '--drain-ms', '200')
    const turn = daemon.fetch('/v1/agents/alice/turns?wait=true', { body: { text: 'hang' } })
    await running(daemon)
    daemon.kill('SIGTERM')
    expect(await (await turn).json()).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(await daemon.ended).toBe(0)
    await stage.expectNothingLeft()
  })

  it('ends at once on a second signal, and leaves nothing', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    const daemon = await stage.serve(open)
    const turn = daemon.fetch('/v1/agents/alice/turns?wait=true', { body: { text: 'hang' } })
    const outcome = turn.then((answer) => answer.json()).catch(() => 'no answer')
    await running(daemon)
    daemon.kill('SIGTERM')
    await daemon.logs(/a second signal ends at once/)
    // A signal right after the first one counts as the same, because npm passes signals on.
    const isForced = (): boolean => {
      daemon.kill('SIGTERM')
      return daemon.stderr.includes('ends at once: a second signal has come')
    }
    await expect.poll(isForced, { timeout: 10_000, interval: 50 }).toBe(true)
    expect(await daemon.ended).toBe(143)
    expect([{ kind: 'error', code: 'cancelled' }, 'no answer']).toContainEqual(
      typeof (await outcome) === 'string' ? 'no answer' : expect.objectContaining({ code: 'cancelled' }),
    )
    await stage.expectNothingLeft()
  })

  it('listens on a socket of its own mode, and replaces a file that a killed daemon has left', async () => {
    const stage = await serveStage(cli)
    const path = join(stage.folder, 'agents.sock')
    stage.write({ ...two, listen: `unix:${path}` })
    const daemon = await stage.serve(open)
    expect(daemon.stdout).toContain(`at unix:${path}`)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await overSocket(path, '/healthz')).toBe(200)
    daemon.kill('SIGKILL')
    await daemon.ended
    expect(existsSync(path)).toBe(true)
    const next = await stage.serve('--socket-mode', '0660')
    expect(statSync(path).mode & 0o777).toBe(0o660)
    next.kill('SIGTERM')
    expect(await next.ended).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  it('refuses a socket that is in use, a file that is no socket, a port in use, and a data folder in use', async () => {
    const stage = await serveStage(cli)
    const path = join(stage.folder, 'agents.sock')
    stage.write({ ...two, listen: `unix:${path}` })
    await stage.serve(open)
    const same = await stage.run('serve', '--config', stage.file, '--listen', '127.0.0.1:0')
    expect(same).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^error: .*another fleet.*$/) as string,
    })
    const other = await serveStage(cli)
    other.write({ ...two, listen: `unix:${path}` })
    expect(await other.run('serve', '--config', other.file)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining(`another process listens on unix:${path}`) as string,
    })
    const plain = join(stage.folder, 'plain')
    writeFileSync(plain, 'text')
    expect(await other.run('serve', '--config', other.file, '--listen', `unix:${plain}`)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('is not a socket') as string,
    })
    const third = await serveStage(cli)
    third.write(two)
    const daemon = await third.serve(open)
    const address = daemon.url.replace('http://', '')
    expect(await other.run('serve', '--config', other.file, '--listen', address)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('the address is in use') as string,
    })
    await other.expectNothingLeft()
  })

  it('listens on IPv6', async () => {
    const stage = await serveStage(cli)
    stage.write({ ...two, listen: '[::1]:0' })
    const daemon = await stage.serve(open)
    expect(daemon.url).toMatch(/^http:\/\/\[::1\]:\d+$/)
    expect(await daemon.agents()).toEqual(['alice', 'bob'])
  })
})

describe('serve refuses with exit code 2', () => {
  it.each([
    ['no config', [], /--config is missing/],
    [
      'a missing file',
      ['--config', '/no/such/fleet.yaml'],
      /\/no\/such\/fleet\.yaml: the file does not exist/,
    ],
    ['an unknown flag', ['--confg', 'x'], /did you mean --config/i],
    ['an unknown mode', ['--socket-mode', '0777'], /0600, 0660/],
    ['--demo with a file', ['--demo', '--config', 'x.yaml'], /--demo has its own config/],
  ])('%s', async (_what, flags, message) => {
    const stage = await serveStage(cli)
    expect(await stage.run('serve', ...flags)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    })
  })

  it('--insecure-no-auth where others can reach it', async () => {
    const stage = await serveStage(cli)
    stage.write(two)
    for (const flags of [
      ['--listen', '0.0.0.0:0'],
      ['--listen', '[::]:0'],
      ['--listen', 'unix:/tmp/x.sock', '--socket-mode', '0660'],
    ])
      expect(await stage.run('serve', '--config', stage.file, open, ...flags)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(/--insecure-no-auth is refused for .*use tokens/) as string,
      })
    expect(existsSync(join(stage.dataDir, '.fleet'))).toBe(false)
  })

  it('a bad file, with every fault on a line of its own; --check tells the same', async () => {
    const stage = await serveStage(cli)
    stage.write({ agents: [{ id: 'alice', modles: [] }, { id: 'alice' }], lissten: 'x' })
    const { exitCode, stderr } = await stage.run('serve', '--config', stage.file)
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: `error: 2 faults in the config file
${stage.file}:12:5: Unknown option agents[0].modles (did you mean agents[0].models?)
${stage.file}:14:1: Unknown option lissten (did you mean listen?)`,
    })
    expect(await stage.run('serve', '--config', stage.file, '--check')).toMatchObject({ exitCode, stderr })
    stage.write(two)
    expect(await stage.run('serve', '--config', stage.file, '--check')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('no faults; 2 agents, listens on http://127.0.0.1:0') as string,
    })
  })
})

/** Waits until a turn runs. */
async function running(daemon: Daemon): Promise<void> {
  const states = async () => {
    const { items } = (await (await daemon.fetch('/v1/turns')).json()) as { items: { state: string }[] }
    return items.map(({ state }) => state)
  }
  await expect.poll(states, { timeout: 30_000, interval: 50 }).toContain('running')
}

/** Sends a request for a host, and returns the status of the answer. */
async function statusAt(url: string, host: string): Promise<number | undefined> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${url}/v1/agents`, { headers: { host } }, resolve).once('error', reject).end()
  })
  await text(answer)
  return answer.statusCode
}

/** Copies the built package beside all packages of the project but one, and returns its command. */
function cliWithout(missing: string): string {
  const [folder, packages] = [tempHome(), join(import.meta.dirname, '../../node_modules')]
  cpSync(dirname(dirname(cli)), folder, { recursive: true })
  mkdirSync(join(folder, 'node_modules'))
  for (const name of readdirSync(packages))
    if (name !== missing && !name.startsWith('.'))
      symlinkSync(join(packages, name), join(folder, 'node_modules', name))
  return join(folder, 'dist', 'cli.js')
}

/** Sends a request over a socket, and returns the status of the answer. */
async function overSocket(socketPath: string, path: string): Promise<number | undefined> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, path, headers: { host: 'localhost' } }, resolve)
      .once('error', reject)
      .end()
  })
  await text(answer)
  return answer.statusCode
}

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  driveTurn,
  HomeLockedError,
  OpenCodeServer,
  ReconfigureError,
  RestartLimitError,
  StartTimeoutError,
} from '../../src/index.ts'
import type { OpenCodeServerOptions } from '../../src/index.ts'
import { buildCli } from '../support/built-cli.ts'
import { modelList, serve } from '../support/doctor.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { Hunt, newSecret } from '../support/hunt.ts'
import { useOpenTelemetry } from '../support/otel.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

/** Starts a server on a stand-in that spills all secrets, followed by a hunt; `hunted` searches everything at the end. */
function hunted(name = 'spills-secrets', options: Partial<OpenCodeServerOptions> = {}, isGiven = true) {
  const secrets = {
    apiKey: newSecret('sk', '/+='),
    inURL: newSecret('url'),
    password: newSecret('pw', '~!&'),
    env: newSecret('env', '"\\'),
    header: newSecret('header', '.'),
    inConfig: newSecret('config', '$'),
    inModel: newSecret('model', '%'),
  }
  const hunt = new Hunt(secrets)
  hunt.overhear()
  const otel = useOpenTelemetry()
  const stand = standInServer(name, {
    proxy: { baseURL: `http://me:${secrets.inURL}@127.0.0.1:9/v1`, apiKey: secrets.apiKey },
    models: [{ id: 'gpt-4o', options: { apiKey: secrets.inModel } }],
    ...(isGiven && { password: secrets.password }),
    maxRestarts: 0,
    logger: hunt.logger,
    config: {
      mcp: { tools: { type: 'remote', headers: { Authorization: `Bearer ${secrets.header}` } } },
      provider: { other: { options: { apiKey: secrets.inConfig } } },
    },
    ...options,
    env: { MY_API_TOKEN: secrets.env, ...options.env },
  })
  const { server, home } = stand
  hunt.follow(server)
  const nothingFound = async () => {
    hunt.note('server', server)
    hunt.reach('actor', server.actor)
    hunt.look(home)
    await server.close()
    hunt.note('closed server', server, server.actor.getPersistedSnapshot())
    hunt.look(home)
    hunt.note('OpenTelemetry', await otel.text())
    expect(hunt.found()).toEqual([])
    expect(hunt.size).toBeGreaterThan(10_000)
  }
  return { ...stand, hunt, secrets, nothingFound }
}

const spilling = (how: string) => ({ env: { STANDIN_SPILL: how } })

describe('a start', () => {
  it('shows no secret if it succeeds and runs turns', async () => {
    const { server, hunt, home, nothingFound } = hunted()
    await server.ensureRunning()
    hunt.look(home)
    const session = server.session()
    hunt.note('session', session, await session.id)
    const turn = session.turn('Say hello')
    await hunt.followTurn(turn)
    expect((await turn.done).kind).toBe('final')
    await server.stop()
    await nothingFound()
  })

  it('shows no generated password', async () => {
    const { server, hunt, home, nothingFound } = hunted('spills-secrets', {}, false)
    await server.ensureRunning()
    const { password = '' } = server
    hunt.know('random password', password)
    hunt.look(home)
    expect(readFileSync(join(home, '.local/state/opencode-runtime/server.json'), 'utf8')).toContain(password)
    await hunt.followTurn(server.turn('die now'))
    await nothingFound()
  })

  it.each([
    ['dies and prints them', 'exit', {}, undefined],
    ['dies again and again', 'exit', { maxRestarts: 2 }, RestartLimitError],
    ['is never healthy', 'health', { startTimeoutMs: 700 }, StartTimeoutError],
    ['has a config that does not load', 'config', { startTimeoutMs: 700 }, StartTimeoutError],
  ])('shows no secret of a server that %s', async (_what, how, options, kind) => {
    const { server, hunt, home, nothingFound } = hunted('spills-secrets', { ...options, ...spilling(how) })
    const turn = server.turn('x')
    const error = await hunt.refused('ensureRunning', server.ensureRunning({ deadlineMs: 20_000 }))
    if (kind) expect(error).toBeInstanceOf(kind)
    await hunt.refused('session.id', server.session().id)
    await hunt.followTurn(turn)
    hunt.look(home)
    await nothingFound()
  })

  it('shows no secret of a server that is healthy but crashes repeatedly', async () => {
    const { server, hunt, nothingFound } = hunted('spills-secrets', { maxRestarts: 1, ...spilling('loop') })
    await server.ensureRunning().catch((error: unknown) => hunt.note('ensureRunning', error))
    await expect.poll(() => server.actor.getSnapshot().matches('failed'), { timeout: 20_000 }).toBe(true)
    await hunt.followTurn(server.turn('x'))
    await nothingFound()
  })

  it('shows no secret after a deadline, without a binary, on a taken port and in an unusable home', async () => {
    const { server, hunt, home, secrets, nothingFound } = hunted('spills-secrets', spilling('health'))
    await hunt.refused('deadline', server.ensureRunning({ deadlineMs: 600 }))
    const started = server.ensureRunning().catch((error: unknown) => hunt.note('stopped', error))
    const stranger = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void stranger.close())
    await new Promise((listening) => stranger.once('listening', listening))
    const { port } = stranger.address() as AddressInfo
    const base = {
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: secrets.apiKey },
      models: ['gpt-4o'],
      logger: hunt.logger,
      env: { MY_API_TOKEN: secrets.env },
    }
    await using locked = new OpenCodeServer({ ...base, home })
    hunt.follow(locked)
    const refusal = await hunt.refused('locked', locked.ensureRunning())
    expect(refusal).toBeInstanceOf(HomeLockedError)
    await hunt.refused('writeConfig', locked.writeConfig())
    await server.stop()
    await started
    const noFolder = join(home, `no-folder-${secrets.env}`)
    writeFileSync(noFolder, '')
    for (const odd of [{ binary: '/nonexistent/opencode' }, { port }, { home: noFolder }]) {
      await using other = new OpenCodeServer({ ...base, home, ...odd })
      hunt.follow(other)
      await hunt.refused('odd', other.ensureRunning())
    }
    await nothingFound()
  })
})

/** Output and requests of the agent reach its host unmasked, because the policy decides about the real text. */
describe('a turn', () => {
  it.each(['fail', 'long', 'retry', 'permission', 'die'])(
    'shows no secret for the prompt %s',
    async (word) => {
      const { server, hunt, nothingFound } = hunted()
      await hunt.followTurn(server.turn(`${word} now`))
      await nothingFound()
    },
  )

  it('shows no secret on a server that stops answering', async () => {
    const { server, hunt, nothingFound } = hunted('spills-secrets', {
      healthIntervalMs: 50,
      probeTimeoutMs: 100,
      busyGraceMs: 0,
      stopGraceMs: 100,
    })
    await hunt.followTurn(server.turn('wedge'))
    await nothingFound()
  })

  it('shows no secret if the server rejects the turn or its session', async () => {
    const { server, hunt, nothingFound } = hunted()
    await server.ensureRunning()
    await hunt.refused('session.id', server.session({ title: 'spill' }).id)
    await hunt.followTurn(server.session({ title: 'spill' }).turn('x'))
    await nothingFound()
  })

  it('shows no secret if a teardown from outside ends the turn', async () => {
    const { server, hunt, nothingFound } = hunted()
    const turn = server.turn('hang')
    await server.ensureRunning()
    server.actor.stop()
    await hunt.followTurn(turn)
    await nothingFound()
  })

  it('shows no secret on a server of another program, whatever its password', async () => {
    const { server, hunt, secrets, nothingFound } = hunted()
    await server.ensureRunning()
    const { baseURL = '' } = server
    const wrong = newSecret('wrong')
    hunt.know('wrong', wrong)
    for (const password of [secrets.password, wrong]) {
      const inURL = baseURL.replace('//', `//me:${wrong}@`)
      for (const url of [baseURL, inURL, 'http://me:' + wrong + '@127.0.0.1:9']) {
        const endpoint = { baseURL: url, password, modelId: 'gpt-4o' }
        await using connection = connect(endpoint)
        hunt.note('connection', connection)
        await hunt.followTurn(connection.turn('own words'))
        const last = await driveTurn('own words', 't', () => undefined, endpoint)
        hunt.note('driveTurn', last)
        expect(last.kind).toBe('error')
      }
      hunt.note(
        'driveTurn',
        await driveTurn('x', 't', () => undefined, { baseURL: `${wrong}@x`, password, modelId: 'm' }),
      )
    }
    await nothingFound()
  })
})

describe('a reconfiguration', () => {
  it('shows neither the old nor the new key, whether the change is applied, rejected or rolled back', async () => {
    const { server, hunt, nothingFound } = hunted('spills-secrets', {
      startTimeoutMs: 3_000,
      stopGraceMs: 500,
    })
    const keys = { used: newSecret('new', '/+'), back: newSecret('back', '+/') }
    for (const [name, key] of Object.entries(keys)) hunt.know(name, key)
    await server.ensureRunning()
    await server.reconfigure({ proxy: { apiKey: keys.used } })
    await hunt.followTurn(server.turn('fail now'))
    const bad = { proxy: { baseURL: `me:${keys.back}@x`, apiKey: keys.back } }
    await hunt.refused('invalid', server.reconfigure(bad))
    await hunt.refused('invalid', server.reconfigure({ proxy: { apiKey: `${keys.back} ` } }))
    const patch = { proxy: { apiKey: keys.back }, config: { username: 'broken' } }
    expect(await hunt.refused('rolled back', server.reconfigure(patch))).toBeInstanceOf(ReconfigureError)
    await hunt.followTurn(server.turn('fail now'))
    await nothingFound()
  })
})

describe('the command line', () => {
  let cli: string
  beforeAll(async () => {
    cli = await buildCli()
  }, 120_000)

  /** Runs the command with a key, and records its output; the proxy's URL holds a password. */
  async function command(args: (proxy: string) => string[], proxy: string) {
    const secrets = { apiKey: newSecret('sk', '/+='), inURL: newSecret('url') }
    const hunt = new Hunt(secrets)
    const { stdout, stderr, exitCode } = await execa(
      'node',
      [cli, ...args(proxy.replace('//', `//me:${secrets.inURL}@`))],
      {
        reject: false,
        env: { OPENCODE_RUNTIME_API_KEY: secrets.apiKey, http_proxy: '' },
      },
    )
    hunt.note('stdout', stdout)
    hunt.note('stderr', stderr)
    return { hunt, exitCode, said: stdout + stderr }
  }

  it.each([
    ['fail', []],
    ['fail', ['--json']],
    ['retry', []],
    ['retry', ['--json']],
    ['die', []],
    ['die', ['--json']],
  ])('shows no secret for the prompt %s with flags %j', async (word, flags) => {
    const home = tempHome()
    const { hunt, said } = await command(
      (proxy) => [
        'run',
        '--home',
        home,
        '--proxy',
        proxy,
        '--model',
        'gpt-4o',
        '--binary',
        standIn('spills-secrets'),
        ...flags,
        `${word} now`,
      ],
      'http://127.0.0.1:9/v1',
    )
    hunt.look(home)
    await expectNothingLeft(home)
    expect(said).toMatch(/\*\*\*|retry 1/)
    expect(hunt.found()).toEqual([])
  })

  it.each([[[]], [['--json']]])('shows no secret in the findings of doctor with flags %j', async (flags) => {
    const home = tempHome()
    const echo = await serve((request, response) => {
      const heard = JSON.stringify([request.headers, request.url])
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({ error: { message: `no: ${request.headers.authorization ?? ''} ${heard}` } }),
      )
    })
    const list = await serve((_request, response) => response.end(modelList('gpt-4o')))
    for (const { url } of [echo, list]) {
      const { hunt, said } = await command(
        (proxy) => [
          'doctor',
          '--home',
          home,
          '--proxy',
          proxy,
          '--binary',
          standIn('well-behaved'),
          ...flags,
        ],
        `${url}/v1`,
      )
      expect(said).toContain('proxy')
      expect(hunt.found()).toEqual([])
    }
    expect(echo.requests.length).toBeGreaterThan(0)
  })
})

describe('the hunt', () => {
  it.each([
    ['in clear', (secret: string) => secret],
    ['in pieces', (secret: string) => secret.slice(9, 17)],
    ['as base64', (secret: string) => Buffer.from(`me:${secret}`).toString('base64')],
    ['as part of a URL', (secret: string) => encodeURIComponent(secret)],
    [
      'deep in an error',
      (secret: string) => new Error('x', { cause: new Error('y', { cause: { a: [secret] } }) }),
    ],
    [
      'in a property that is not enumerable',
      (secret: string) => Object.defineProperty({}, 'a', { value: secret }),
    ],
    ['in a buffer', (secret: string) => new Map([['a', Buffer.from(secret)]])],
  ])('finds a secret %s', (_how, plant) => {
    const secret = newSecret('sk', '/+=')
    const hunt = new Hunt({ apiKey: secret })
    hunt.note('here', plant(secret))
    hunt.note('there', plant(newSecret('other')))
    expect(hunt.found()).toMatchObject([{ secret: 'apiKey', where: 'here' }])
  })

  it('finds a secret in the lines of a logger', async () => {
    const { server, hunt, secrets } = hunted()
    server.lifecycle$.subscribe(
      ({ state }) => state === 'healthy' && hunt.logger.info({ key: secrets.apiKey }, 'x'),
    )
    await server.ensureRunning()
    expect(hunt.found()).toMatchObject([{ secret: 'apiKey', where: 'logger.info' }])
  })
})

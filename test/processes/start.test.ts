import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  BinaryNotFoundError,
  HostFaultError,
  PortInUseError,
  RestartLimitError,
  ServerExitedError,
  StartTimeoutError,
} from '../../src/index.ts'
import { tempHome } from '../support/home.ts'
import { standIn, standInServer } from '../support/stand-in.ts'

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a server that starts', () => {
  it('is healthy when its own process has announced that it listens, and answers', async () => {
    const { server, states, starts } = standInServer('well-behaved')
    await server.ensureRunning()
    expect(states).toEqual(['idle', 'configuring', 'spawning', 'probing', 'healthy'])
    expect(server.isRunning()).toBe(true)
    expect(starts().map((start) => start.pid)).toEqual([server.pid])
    expect(server.baseURL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(server.password).toMatch(/^[\w-]{32}$/)
  })

  it('shares one start among concurrent callers', async () => {
    const { server, starts } = standInServer('well-behaved')
    await Promise.all([server.ensureRunning(), server.ensureRunning(), server.turn('Say hello').done])
    await server.ensureRunning()
    expect(starts()).toHaveLength(1)
  })

  it('becomes healthy even if its first request is never answered', async () => {
    const { server } = standInServer('first-request-lost', { probeTimeoutMs: 300 })
    await server.ensureRunning()
    expect(server.isRunning()).toBe(true)
  })

  it('gets no request before it announces that it listens', async () => {
    const { server, requests } = standInServer('never-listens', {
      startTimeoutMs: 700,
      maxRestarts: 0,
      env: { STANDIN_PORT_OPEN: '1' },
    })
    expect(await failure(server.ensureRunning({ deadlineMs: 20_000 }))).toBeInstanceOf(StartTimeoutError)
    expect(requests()).toEqual([])
  })

  it.each(['never-healthy', 'html-health', 'config-broken'])(
    'fails after startTimeoutMs if it is %s',
    async (name) => {
      const { server, states } = standInServer(name, { startTimeoutMs: 1_500, maxRestarts: 0 })
      const error = await failure(server.ensureRunning({ deadlineMs: 20_000 }))
      expect(error).toBeInstanceOf(StartTimeoutError)
      expect((error as Error).message).toMatch(/within 1500 ms: the last probe failed: .+/)
      expect(states.at(-1)).toBe('failed')
      expect(await server.turn('Say hello').done).toMatchObject({
        code: 'server_unavailable',
        retryable: true,
      })
    },
  )

  it('fails immediately if its process exits, with its last output masked', async () => {
    const { server, starts } = standInServer('exits-early', {
      maxRestarts: 0,
      password: 'hunter2hunter2',
      env: { STANDIN_SECRET: 'sk-stand-in-key' },
    })
    const error = await failure(server.ensureRunning())
    expect(error).toBeInstanceOf(ServerExitedError)
    expect(error).toMatchObject({ code: 'ERR_OPENCODE_SERVER_EXITED', exitCode: 1 })
    expect((error as ServerExitedError).logTail).toContain('password=*** key=***')
    expect(starts()).toHaveLength(1)
  })

  it('fails immediately if its environment is too long for the system', async () => {
    const { server } = standInServer('well-behaved', {
      maxRestarts: 0,
      env: { STANDIN_BIG: 'x'.repeat(200_000) },
    })
    const error = await failure(server.ensureRunning({ deadlineMs: 20_000 }))
    expect(error).toBeInstanceOf(ServerExitedError)
    expect((error as Error).message).toContain('could not be started: spawn E2BIG')
  })

  it('fails with the last error after the restart budget is spent', async () => {
    const { server, starts, states } = standInServer('exits-early', { maxRestarts: 2 })
    const error = await failure(server.ensureRunning())
    expect(error).toBeInstanceOf(RestartLimitError)
    expect((error as RestartLimitError).cause).toBeInstanceOf(ServerExitedError)
    expect(starts()).toHaveLength(3)
    expect(states.at(-1)).toBe('failed')
  })

  it('starts again from failed only on request', async () => {
    const { server, starts } = standInServer('exits-early', { maxRestarts: 0, env: { STANDIN_TIMES: '1' } })
    await failure(server.ensureRunning())
    expect(await server.turn('Say hello').done).toMatchObject({ code: 'server_unavailable' })
    expect(starts()).toHaveLength(1)
    await server.ensureRunning()
    expect(starts()).toHaveLength(2)
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
  })

  it('sends nothing to another program on its port', async () => {
    const seen: string[] = []
    const stranger = createServer((request, response) => {
      seen.push(request.url ?? '')
      response.setHeader('content-type', 'application/json').end('{"healthy":true}')
    })
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void stranger.close())
    const { port } = stranger.address() as AddressInfo
    const { server, starts, states } = standInServer('well-behaved', { port })
    expect(await failure(server.ensureRunning())).toBeInstanceOf(PortInUseError)
    expect([seen, starts(), states.at(-1)]).toEqual([[], [], 'failed'])
  })

  it('rejects only the caller whose deadline or signal ends, and continues for other callers', async () => {
    const { server, starts } = standInServer('well-behaved', { env: { STANDIN_START_MS: '800' } })
    const abort = new AbortController()
    const [late, aborted, patient] = [
      failure(server.ensureRunning({ deadlineMs: 50 })),
      failure(server.ensureRunning({ signal: abort.signal })),
      server.ensureRunning(),
    ]
    abort.abort(new Error('changed my mind'))
    expect(await late).toBeInstanceOf(StartTimeoutError)
    expect(await aborted).toEqual(new Error('changed my mind'))
    await patient
    expect(starts()).toHaveLength(1)
  })

  it('cancels a start without remaining callers', async () => {
    const { server, states } = standInServer('never-listens')
    const idle = new Promise<void>((resolve) =>
      server.lifecycle$.subscribe(
        ({ state, reason }) => state === 'idle' && reason !== undefined && resolve(),
      ),
    )
    await failure(server.ensureRunning({ deadlineMs: 300 }))
    await idle
    expect(states.at(-1)).toBe('idle')
    expect(server.isRunning()).toBe(false)
  })
})

/** Writes a binary for one test, so that the test may remove the file. Returns its path. */
function ownBinary(name: string): string {
  const binary = join(tempHome(), 'opencode')
  writeFileSync(binary, `#!/bin/sh\nexec '${process.execPath}' '${standIn(name)}' "$@"\n`, { mode: 0o755 })
  return binary
}

describe('a missing binary', () => {
  it('is a fault of the host if an earlier start found it: the server restarts when the binary is back', async () => {
    const binary = ownBinary('well-behaved')
    const away = `${binary}.away`
    const { server, starts } = standInServer('well-behaved', { binary })
    await server.ensureRunning()
    const faults = new Set<HostFaultError>()
    const failed = new Promise<void>((resolve) =>
      server.lifecycle$.subscribe(({ state, error }) => {
        if (state === 'failed') resolve()
        if (!(error instanceof HostFaultError)) return
        faults.add(error)
        // The binary is back before the next try, so that the number of tries does not matter.
        if (existsSync(away)) renameSync(away, binary)
        resolve()
      }),
    )
    renameSync(binary, away)
    process.kill(server.pid ?? 0, 'SIGKILL')
    await failed
    await server.ensureRunning()
    expect([...faults]).toEqual([expect.objectContaining({ errno: 'ENOENT', path: binary, retryable: true })])
    expect([...faults].map(({ message }) => message)).toEqual([
      expect.stringContaining(`ENOENT at ${binary}`),
    ])
    expect(starts().map(({ pid }) => pid)).toEqual([expect.any(Number), server.pid])
    expect(await server.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
  })

  it('fails the start and the turn immediately, not retryable, if no start ever found it', async () => {
    const binary = join(tempHome(), 'opencode')
    const { server, starts, states } = standInServer('well-behaved', { binary })
    const error = await failure(server.ensureRunning())
    expect(error).toBeInstanceOf(BinaryNotFoundError)
    expect(error).toMatchObject({ retryable: false, message: expect.stringContaining(binary) as string })
    expect(await server.turn('Say hello').done).toMatchObject({
      kind: 'error',
      code: 'server_unavailable',
      retryable: false,
    })
    expect(states).toEqual(['idle', 'configuring', 'failed'])
    expect(starts()).toEqual([])
  })
})

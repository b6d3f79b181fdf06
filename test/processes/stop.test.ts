import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom, filter } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { StoppedError } from '../../src/index.ts'
import { processesOf } from '../support/home.ts'
import { standInServer } from '../support/stand-in.ts'

describe('a server that stops', () => {
  it('ends gracefully, and is idle again', async () => {
    const { server, states } = standInServer('well-behaved')
    await server.ensureRunning()
    await server.stop()
    expect(states.slice(-2)).toEqual(['reaping', 'idle'])
    expect([server.pid, server.baseURL, server.password, server.isRunning()]).toEqual([
      undefined,
      undefined,
      undefined,
      false,
    ])
  })

  it('may be stopped when it does not run', async () => {
    const { server, states } = standInServer('well-behaved')
    await server.stop()
    await server.stop()
    expect(states).toEqual(['idle'])
  })

  it('is killed when it ignores SIGTERM', async () => {
    const { server } = standInServer('ignores-sigterm', { stopGraceMs: 200 })
    await server.ensureRunning()
    await server.stop()
    expect(server.isRunning()).toBe(false)
  })

  it('gets another SIGTERM if it swallows one', async () => {
    const { server } = standInServer('swallows-first-sigterm', { stopGraceMs: 60_000 })
    await server.ensureRunning()
    await server.stop()
    expect(server.isRunning()).toBe(false)
  })

  it('ends processes that left its process group', async () => {
    const { server, home } = standInServer('leaves-child')
    await server.ensureRunning()
    expect(processesOf(home).length).toBeGreaterThan(1)
    await server.stop()
    expect(processesOf(home)).toEqual([])
  })

  it('ends its process tree immediately when its actor is stopped from outside', async () => {
    const { server, home } = standInServer('leaves-child')
    await server.ensureRunning()
    const turn = server.turn('hang')
    await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
    server.actor.stop()
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    await expect.poll(() => processesOf(home), { timeout: 10_000 }).toEqual([])
  })

  it('can be stopped during a start, whose callers are rejected', async () => {
    const { server, states } = standInServer('never-listens')
    const start = expect(server.ensureRunning()).rejects.toBeInstanceOf(StoppedError)
    const turn = server.turn('Say hello')
    await firstValueFrom(server.lifecycle$.pipe(filter(({ state }) => state === 'probing')))
    await server.stop()
    await start
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(states.at(-1)).toBe('idle')
  })

  it('can be started during a stop, and then runs a new process', async () => {
    const { server, starts } = standInServer('swallows-first-sigterm')
    await server.ensureRunning()
    const stopped = server.stop()
    const started = server.ensureRunning()
    await Promise.all([stopped, started])
    expect(starts().map(({ pid }) => pid)).toContain(server.pid)
    expect(starts()).toHaveLength(2)
  })

  it('cancels turns that are requested while it closes', async () => {
    const { server, home, starts } = standInServer('well-behaved')
    await server.ensureRunning()
    const closed = server.close()
    const turn = server.turn('Say hello')
    await closed
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(server.isRunning()).toBe(false)
    expect(processesOf(home)).toEqual([])
    expect(starts()).toHaveLength(1)
  })

  it('lets running turns finish within drainMs', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn('slow:300 echo:done')
    await firstValueFrom(turn.status$.pipe(filter(({ state }) => state === 'running')))
    await server.stop({ drainMs: 20_000 })
    expect(await turn.done).toMatchObject({ kind: 'final', content: 'done' })
  })

  it('cancels turns that still run after drainMs', async () => {
    const { server } = standInServer('well-behaved')
    const turn = server.turn('stream:1 hang')
    await firstValueFrom(turn.replies$)
    await server.stop({ drainMs: 100 })
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'cancelled', partial: 'x ' })
  })

  it('limits the size of its log', async () => {
    const { server, home } = standInServer('output-flood', { env: { STANDIN_FLOOD_MB: '8' } })
    await server.ensureRunning()
    await server.turn('Say hello').done
    await server.stop()
    const log = join(home, '.config', 'opencode', 'serve.log')
    expect(statSync(log).mode & 0o777).toBe(0o600)
    for (const file of [log, `${log}.1`, `${log}.2`])
      if (existsSync(file)) expect(readFileSync(file).length).toBeLessThan(2 * 1024 * 1024)
    expect(existsSync(`${log}.3`)).toBe(false)
  })
})

describe('a home', () => {
  it('is released when a stop resolves, also during configuring', async () => {
    const { server, home } = standInServer('well-behaved')
    const start = expect(server.ensureRunning()).rejects.toBeInstanceOf(StoppedError)
    expect(server.actor.getSnapshot().matches('configuring')).toBe(true)
    await server.stop()
    await start
    rmSync(home, { recursive: true, force: true })
    await new Promise((resolve) => setImmediate(resolve))
    expect(existsSync(home)).toBe(false)
  })
})

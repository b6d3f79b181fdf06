import { describe, expect, it } from 'vitest'
import { RestartLimitError, ServerExitedError } from '../../../src/errors.ts'
import { backoffMs } from '../../../src/machines/context.ts'
import { startServer, type TestServer } from '../../support/machine-harness.ts'

const second = 1000
const minute = 60_000

/** Returns the waits between spawns, in ms; each spawn fails at once. */
const waits = ({ world }: TestServer) =>
  world
    .times('spawn')
    .map((at, i, all) => at - (all[i - 1] ?? at))
    .slice(1)

describe('A restart', () => {
  it('waits longer each time, up to backoffMaxMs, with jitter', async () => {
    const server = startServer(
      {
        maxRestarts: 8,
        backoffInitialMs: 100,
        backoffFactor: 2,
        backoffMaxMs: 1500,
        restartWindowMs: minute,
      },
      { spawn: 'exits' },
    )
    server.send({ type: 'server.start' })
    await server.advance(minute)
    expect(waits(server)).toHaveLength(8)
    waits(server).forEach((wait, i) => {
      expect(wait).toBeGreaterThanOrEqual(Math.min(1500, 100 * 2 ** i * 0.8) - 1)
      expect(wait).toBeLessThanOrEqual(Math.min(1500, 100 * 2 ** i * 1.2) + 1)
    })
  })

  it('is immediate and counted after each healthy period', async () => {
    const server = startServer()
    await server.beHealthy()
    for (const restarts of [1, 2, 3]) {
      await server.advance(second)
      server.world.process.exit()
      await server.advance()
      expect(server.state()).toBe('healthy')
      expect(server.context().restarts).toBe(restarts)
    }
  })

  it('waits from backoffInitialMs again if the restart after a healthy period fails', async () => {
    const server = startServer({ backoffInitialMs: 1000, backoffFactor: 2 })
    await server.beHealthy()
    server.world.script.spawn = 'exits'
    server.world.process.exit()
    await server.advance(8 * second)
    const [first, next, third] = waits(server)
    expect(first).toBe(0)
    expect(next).toBeGreaterThanOrEqual(800)
    expect(next).toBeLessThanOrEqual(1200)
    expect(third).toBeGreaterThanOrEqual(1600)
    expect(third).toBeLessThanOrEqual(2400)
  })

  it('has a jitter of 0.8 to 1.2, and waits at most backoffMaxMs', () => {
    const { context } = startServer({ backoffInitialMs: 1000, backoffMaxMs: 1100 })
    expect(backoffMs(context(), 0)).toBe(800)
    expect(backoffMs(context(), 0.5)).toBe(1000)
    expect(backoffMs(context(), 1)).toBe(1100)
  })
})

describe('The restart budget', () => {
  const budget = { maxRestarts: 3, restartWindowMs: minute, backoffInitialMs: 10, backoffMaxMs: 10 }

  it('leads to failed when it is spent, with the last failure as the cause', async () => {
    const server = startServer(budget, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(second)
    expect(server.state()).toBe('failed')
    expect(server.world.spawns).toBe(4)
    const { error, restarts, reason } = server.context()
    expect(error).toBeInstanceOf(RestartLimitError)
    expect(error?.cause).toBeInstanceOf(ServerExitedError)
    expect(error?.message).toMatch(/failed 4 times within 60000 ms; the last time: process 1004 crashed/)
    expect({ restarts, reason }).toEqual({ restarts: 3, reason: 'restart budget spent' })
  })

  it('counts crashes after healthy periods too', async () => {
    const server = startServer(budget)
    await server.beHealthy()
    for (let i = 0; i < 4; i++) {
      server.world.process.exit()
      await server.advance(10)
    }
    expect(server.state()).toBe('failed')
  })

  it('is whole again after a healthy period as long as the window', async () => {
    const server = startServer(budget)
    await server.beHealthy()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++) {
        server.world.process.exit()
        await server.advance(10)
      }
      expect(server.state()).toBe('healthy')
      await server.advance(minute)
    }
    expect([server.context().restarts, server.spent()]).toEqual([9, 0])
  })

  it('counts a restart until the window has passed since that restart, not since the first restart', async () => {
    const server = startServer(budget)
    await server.beHealthy()
    const crash = async () => {
      server.world.process.exit()
      await server.advance()
    }
    await crash()
    await server.advance(30 * second)
    await crash()
    await crash()
    await server.advance(30 * second)
    expect(server.spent()).toBe(2)
    await crash()
    expect(server.state()).toBe('healthy')
    await crash()
    expect(server.state()).toBe('failed')
  })

  it('of 0 restarts leads to the failure itself', async () => {
    const server = startServer({ maxRestarts: 0 })
    await server.beHealthy()
    server.world.process.exit('segfault')
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.context().error).toBeInstanceOf(ServerExitedError)
    expect(server.context().error?.message).toBe('segfault')
  })

  it('is whole after server.start, and unaffected by the window of the old budget', async () => {
    const server = startServer(budget, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(30 * second)
    expect(server.state()).toBe('failed')
    server.world.script.spawn = 'listens'
    server.send({ type: 'server.start' })
    expect(server.context().reason).toBeUndefined()
    await server.beHealthy()
    expect([server.spent(), server.context().error]).toEqual([0, undefined])
    for (let i = 0; i < 3; i++) {
      server.world.process.exit()
      await server.advance()
    }
    // The window of the first budget ends here and adds nothing to the second budget.
    await server.advance(31 * second - 1)
    expect(server.spent()).toBe(3)
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('failed')
  })

  it('restarts the waits after server.start too', async () => {
    const server = startServer({ maxRestarts: 2, backoffInitialMs: 1000 }, { spawn: 'exits' })
    for (let i = 0; i < 2; i++) {
      server.send({ type: 'server.start' })
      await server.advance(10 * second)
      expect(server.state()).toBe('failed')
    }
    const [, , , first] = waits(server)
    expect(server.world.spawns).toBe(6)
    expect(first).toBeLessThanOrEqual(1200)
  })

  it('stays spent over time and after a stop, until server.start', async () => {
    const server = startServer({ maxRestarts: 0 }, { spawn: 'exits' })
    server.send({ type: 'server.start' })
    await server.advance(minute)
    server.send({ type: 'server.stop' })
    await server.advance(minute)
    expect(server.state()).toBe('failed')
    expect(server.world.spawns).toBe(1)
  })
})

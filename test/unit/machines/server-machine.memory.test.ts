import { describe, expect, it } from 'vitest'
import { startServer } from '../../support/machine-harness.ts'

const options = { memoryLimitMb: 600, healthIntervalMs: 5_000 }

describe('memoryLimitMb', () => {
  it('replaces a server above the limit, with the amount of memory in the reason', async () => {
    const server = startServer(options, { residentMb: 400 })
    await server.beHealthy()
    await server.advance(5_000)
    server.world.script.residentMb = 601
    const reasons: unknown[] = []
    server.actor.subscribe(({ context }) => reasons.push(context.reason))
    await server.advance(4_999)
    expect(server.world.spawns).toBe(1)
    await server.advance(1)
    expect(server.state()).toBe('healthy')
    expect(server.world.spawns).toBe(2)
    expect(server.context()).toMatchObject({ restarts: 1, restartTimes: [], error: undefined })
    expect(reasons).toContain('memory limit: 601 MiB used, 600 MiB allowed')
  })

  it('lets running turns finish and makes new turns wait, and no turn fails', async () => {
    const server = startServer(options, { residentMb: 601 })
    const running = server.turn()
    await server.advance(5_000)
    expect(server.world.spawns).toBe(1)
    const waiting = server.turn()
    await server.advance(60_000)
    expect(server.world.client.prompts).toHaveLength(1)
    server.world.script.residentMb = 300
    await server.answer(running)
    expect(running.replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(server.world.spawns).toBe(2)
    expect(server.world.client.prompts).toHaveLength(2)
    await server.answer(waiting)
    expect(waiting.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('keeps the server healthy for callers of ensureRunning while the server drains', async () => {
    const server = startServer(options, { residentMb: 601 })
    const running = server.turn()
    await server.advance(5_000)
    const asked = server.ensure()
    await server.advance()
    expect(asked.state).toBe('healthy')
    await server.answer(running)
  })

  it('ends turns that exceed drainMs as server_died, except turns with resume', async () => {
    const server = startServer({ ...options, drainMs: 20_000 }, { residentMb: 601 })
    const turn = server.turn()
    const resumed = server.turn({ text: 'hello', resume: true })
    await server.advance(5_000)
    server.world.script.residentMb = 300
    await server.advance(19_999)
    expect(turn.replies).toEqual([])
    await server.advance(1)
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'server_died', retryable: true }])
    expect(turn.replies[0]).toMatchObject({
      error: expect.stringMatching(/was replaced.*memory limit/) as string,
    })
    await server.answer(resumed)
    expect(resumed.replies.at(-1)).toMatchObject({ kind: 'final' })
  })

  it('waits for turns up to turnDeadlineMs unless drainMs is given', () => {
    expect(startServer({ turnDeadlineMs: 77_000 }).options.values.drainMs).toBe(77_000)
    expect(startServer({ turnDeadlineMs: 77_000, drainMs: 0 }).options.values.drainMs).toBe(0)
  })

  it('stops the server when a stop arrives during the drain', async () => {
    const server = startServer(options, { residentMb: 601 })
    const turn = server.turn()
    await server.advance(5_000)
    server.send({ type: 'server.stop' })
    await server.advance()
    expect(server.state()).toBe('idle')
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'cancelled' }])
  })

  it('replaces a server less often if every new process exceeds the limit too', async () => {
    const server = startServer(options, { residentMb: 700 })
    await server.beHealthy()
    const spawnsAfter = async (readings: number) => {
      await server.advance(5_000 * readings)
      return server.world.spawns
    }
    expect(await spawnsAfter(1)).toBe(2)
    expect(await spawnsAfter(2)).toBe(3)
    expect(await spawnsAfter(3)).toBe(3)
    expect(await spawnsAfter(1)).toBe(4)
    expect(await spawnsAfter(8 + 16 + 32 + 64)).toBe(8)
    // From now on at every 64th reading.
    expect(await spawnsAfter(63)).toBe(8)
    expect(await spawnsAfter(1)).toBe(9)
    // A server that was below the limit is replaced as soon as it exceeds the limit.
    server.world.script.residentMb = 300
    await server.advance(5_000)
    const before = server.world.spawns
    server.world.script.residentMb = 700
    expect(await spawnsAfter(1)).toBe(before + 1)
    expect(await spawnsAfter(1)).toBe(before + 2)
  })

  it.each([600, undefined, new Error('no /proc')])(
    'does nothing at or below the limit, or if the memory cannot be read: %s',
    async (residentMb) => {
      const server = startServer(options, { residentMb })
      await server.beHealthy()
      await server.advance(60_000)
      expect(server.world.spawns).toBe(1)
      expect(server.world.times('probe').length).toBeGreaterThan(10)
    },
  )

  it('does not stop the health checks if a reading never ends', async () => {
    const server = startServer(options, { residentMb: 'hangs' })
    await server.beHealthy()
    await server.advance(60_000)
    expect(server.world.times('probe').length).toBeGreaterThan(5)
  })

  it('reads no memory without a limit', async () => {
    const server = startServer({}, { residentMb: 9_999 })
    await server.beHealthy()
    await server.advance(60_000)
    expect(server.context().memoryReadings).toBe(0)
    expect(server.world.spawns).toBe(1)
  })
})

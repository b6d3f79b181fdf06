import { firstValueFrom } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Lifecycle, OpenCodeServer } from '../../src/index.ts'
import { collect, realServer } from '../support/real.ts'

const probes = { healthIntervalMs: 300, probeTimeoutMs: 700, unhealthyThreshold: 3, stopGraceMs: 1_000 }
const script = [
  { match: 'trickle', reply: { text: Array.from({ length: 60 }, (_, i) => `${i} `), chunkDelayMs: 50 } },
  { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
]

/** Returns the list of the lifecycle's changes, which grows. */
function lifecycleOf(server: OpenCodeServer): Lifecycle[] {
  const seen: Lifecycle[] = []
  server.lifecycle$.subscribe((lifecycle) => seen.push(lifecycle))
  return seen
}

const failuresOf = (server: OpenCodeServer) => server.actor.getSnapshot().context.failures
const generous = { timeout: 60_000 }

describe('a server that is stopped with SIGSTOP', () => {
  it('while a turn runs, for less than busyGraceMs, is not replaced, and the turn succeeds', async () => {
    const { server, close } = await realServer(script, { ...probes, busyGraceMs: 120_000 })
    onTestFinished(close)
    const turn = server.turn('trickle')
    await firstValueFrom(turn.replies$)
    const { pid = 0 } = server
    const seen = lifecycleOf(server)
    process.kill(pid, 'SIGSTOP')
    // These are twice the failures that would suffice without a turn.
    await expect.poll(() => failuresOf(server), generous).toBeGreaterThanOrEqual(6)
    process.kill(pid, 'SIGCONT')
    const replies = await collect(turn)
    expect(replies.at(-1)).toMatchObject({
      kind: 'final',
      content: Array.from({ length: 60 }, (_, i) => `${i} `).join(''),
    })
    await expect.poll(() => failuresOf(server), generous).toBe(0)
    expect(server.pid).toBe(pid)
    expect(seen.map(({ state }) => state)).toEqual(['healthy'])
  })

  it('while a turn runs, for longer than busyGraceMs, is replaced, and the turn fails', async () => {
    const { server, close } = await realServer(script, { ...probes, busyGraceMs: 4_000 })
    onTestFinished(close)
    const session = server.session()
    const turn = session.turn('trickle')
    await firstValueFrom(turn.replies$)
    const { pid = 0 } = server
    const seen = lifecycleOf(server)
    process.kill(pid, 'SIGSTOP')
    expect(await turn.done).toMatchObject({ kind: 'error', code: 'server_died', retryable: true })
    expect(seen.find(({ state }) => state === 'reaping')).toMatchObject({ reason: 'wedged' })
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(server.pid).not.toBe(pid)
  })

  it('while no turn runs, is replaced after unhealthyThreshold failures, and nothing is lost', async () => {
    const { server, close } = await realServer(script, probes)
    onTestFinished(close)
    const session = server.session()
    await session.turn('Say hello').done
    const { pid = 0 } = server
    const seen = lifecycleOf(server)
    process.kill(pid, 'SIGSTOP')
    await expect.poll(() => seen.some(({ state }) => state === 'reaping'), generous).toBe(true)
    expect(seen.find(({ state }) => state === 'reaping')).toMatchObject({
      reason: 'wedged',
      error: expect.objectContaining({
        message: expect.stringContaining('3 consecutive probes failed') as string,
      }) as Error,
    })
    // A turn that comes during the replacement waits for the next server.
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(server.pid).not.toBe(pid)
    expect(seen.at(-1)).toMatchObject({ state: 'healthy', restarts: 1 })
  })
})

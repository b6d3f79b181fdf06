import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { tempHome } from '../support/home.ts'
import { startHost } from '../support/host.ts'
import { standIn } from '../support/stand-in.ts'

let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)

/** Duration of the pause in ms: longer than each limit that a pause may exceed. */
const pauseMs = 6_000

/** Limits that are shorter than the pause; one missed answer is enough to replace the server. */
const limits = {
  turnStallMs: 3_000,
  probeTimeoutMs: 3_000,
  busyGraceMs: 3_000,
  unhealthyThreshold: 1,
  healthIntervalMs: 20,
}

/** Starts a host whose turn streams for eight seconds, and waits until the turn has text. */
async function streamingHost() {
  const home = tempHome()
  const starts = join(home, 'starts.jsonl')
  const env = { STANDIN_LOG: starts }
  const options = { home, binary: standIn('slow-health'), env, ...limits }
  const host = startHost(dist, options, 'every:100 stream:80')
  const server = await host.healthy()
  await host.reported(({ reply }) => (reply?.kind === 'delta' ? true : undefined))
  /** Expects that the turn ends with all of its text, on the server that it began on. */
  const expectUndisturbed = async () => {
    const end = await host.reported(({ reply }) =>
      reply?.kind === 'final' || reply?.kind === 'error' ? reply : undefined,
    )
    expect(end).toMatchObject({ kind: 'final', content: 'x '.repeat(80) })
    const states = host.facts.flatMap(({ state }) => state ?? [])
    expect([...new Set(states)]).toEqual(['idle', 'configuring', 'spawning', 'probing', 'healthy'])
    expect(readFileSync(starts, 'utf8').trim().split('\n')).toHaveLength(1)
  }
  return { host, server, expectUndisturbed }
}

/** Stops or continues processes. */
const signalAll = (pids: readonly number[], signal: 'SIGSTOP' | 'SIGCONT'): void => {
  for (const pid of pids) process.kill(pid, signal)
}

describe.runIf(process.platform === 'linux')('a host that is paused while a turn streams', () => {
  it('ends the turn with final and keeps the server after a blocked event loop', async () => {
    const { host, expectUndisturbed } = await streamingHost()
    host.command(`block ${pauseMs}`)
    await host.reported(({ blocked }) => blocked)
    await expectUndisturbed()
  })

  it('ends the turn with final and keeps the server if both were paused', async () => {
    const { host, server, expectUndisturbed } = await streamingHost()
    host.command('probe')
    await host.reported(({ probe }) => probe)
    // The server is paused first, so that no answer to the probe waits in the host's socket.
    signalAll([server, host.pid], 'SIGSTOP')
    // The pause itself, during which no event can be awaited.
    await sleep(pauseMs)
    signalAll([host.pid, server], 'SIGCONT')
    await expectUndisturbed()
  })
})

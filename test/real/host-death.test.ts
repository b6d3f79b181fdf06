import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OpenCodeServer, type OpenCodeServerOptions } from '../../src/index.ts'
import { startScriptedModel, type ScriptedModel } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, processesOf, tempHome, watchersOf } from '../support/home.ts'
import { isAlive, startHost } from '../support/host.ts'
import { apiKey } from '../support/real.ts'

let dist: string
let model: ScriptedModel
beforeAll(async () => {
  dist = await buildPackage()
  model = await startScriptedModel(
    [
      // The first sleep is in the session that the tool creates, the second in a session of the command.
      {
        match: 'sleep',
        reply: {
          toolCalls: [
            { name: 'bash', args: { command: 'setsid sleep 301 & sleep 300', description: 'sleeps' } },
          ],
        },
      },
      { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
    ],
    { apiKey },
  )
}, 120_000)
afterAll(async () => {
  await model.stop()
})

const optionsOf = (home: string): OpenCodeServerOptions => ({
  home,
  proxy: { baseURL: model.baseURL, apiKey },
  models: ['gpt-4o'],
  // The binary of this repository, whatever the machine has installed.
  binary: join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe'),
})

/** Starts a host with a turn whose bash tool runs two sleeps. */
async function hostAtWork(home: string) {
  const host = startHost(dist, optionsOf(home), 'sleep')
  const server = await host.healthy()
  const sessionId = await host.reported((fact) => fact.sessionId)
  await host.reported(({ reply }) => (reply?.kind === 'tool_call' ? true : undefined))
  // The processes are the server, the tool's shell and its two sleeps.
  await expect.poll(() => processesOf(home).length, { timeout: 20_000 }).toBeGreaterThan(3)
  return { host, server, sessionId, spawned: processesOf(home) }
}

describe.runIf(process.platform === 'linux')('the real server of a host that is killed', () => {
  it('ends within 5 s in mid-turn, with all processes of its tools', async () => {
    const home = tempHome()
    const { host, spawned } = await hostAtWork(home)
    await host.die()
    await expect.poll(() => spawned.filter(isAlive), { timeout: 5_000, interval: 20 }).toEqual([])
    await expectNothingLeft(home)
  })

  it('is reaped by the next host if the watcher died too, and the session continues there', async () => {
    const home = tempHome()
    const { host, server: orphan, sessionId, spawned } = await hostAtWork(home)
    await host.dieAlone()
    expect(spawned.filter(isAlive)).toEqual(spawned)
    await using server = new OpenCodeServer(optionsOf(home))
    const reasons = new Set<string | undefined>()
    server.lifecycle$.subscribe(({ reason }) => reasons.add(reason))
    await server.ensureRunning()
    expect(spawned.filter(isAlive)).toEqual([])
    expect(reasons).toContain(`reaped orphaned server (pid ${orphan}) of an earlier host`)
    const turn = server.session({ sessionId }).turn('Say hello')
    expect(await turn.done).toMatchObject({ kind: 'final', content: 'Hello world' })
    expect(await turn.sessionId).toBe(sessionId)
    expect(watchersOf(home)).toHaveLength(1)
    await server.close()
    await expectNothingLeft(home)
  })
})

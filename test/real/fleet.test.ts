import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet, type Session } from '../../src/index.ts'
import { startScriptedModel } from '../../src/testing/index.ts'
import { endsOf, expectNothingLeftOf, FleetWatch, processesIn } from '../support/fleet.ts'
import { apiKey } from '../support/real.ts'

const ids = ['a1', 'a2', 'a3', 'a4']

/** Starts a fleet with the real opencode binary and a scripted model, which answers with the number of messages it sees. */
async function realFleet() {
  const dataDir = mkdtempSync(join(tmpdir(), 'opencode-runtime-real-'))
  const model = await startScriptedModel(
    [{ match: /^number \d+$/, reply: ({ messages }) => ({ text: `${messages.length} messages` }) }],
    { apiKey },
  )
  const fleet = new Fleet({
    dataDir,
    defaults: {
      proxy: { baseURL: model.baseURL, apiKey },
      models: ['gpt-4o'],
      // The binary of this repository, whatever the machine has installed.
      binary: join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe'),
    },
    limits: { maxServers: 2, maxStarting: 1, memoryMb: 4_000 },
  })
  const watch = new FleetWatch(fleet)
  onTestFinished(async () => {
    await fleet.close()
    await model.stop()
    await expectNothingLeftOf(dataDir, [...watch.baseURLs])
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }, 60_000)
  return { fleet, watch, dataDir }
}

describe('a fleet of real servers', () => {
  it('runs four agents in two places, whose sessions survive evictions', { timeout: 120_000 }, async () => {
    const { fleet, watch, dataDir } = await realFleet()
    await fleet.apply(ids.map((id) => ({ id })))
    const sessions = ids.map((id) => fleet.agent(id).session({ title: `Ticket of ${id}` }))
    const counts = new Map(sessions.map((session) => [session, [] as number[]]))
    const run = async (talking: Session[], ...texts: string[]) => {
      const turns = talking.flatMap((session) => texts.map((text) => ({ session, turn: session.turn(text) })))
      expect(await endsOf(turns.map(({ turn }) => turn))).toEqual(turns.map(() => 'final'))
      for (const { session, turn } of turns) counts.get(session)?.push(Number.parseInt(await turn.text(), 10))
    }
    await run(sessions, 'number 1', 'number 2')
    // The first two agents were evicted for the last two.
    await run(sessions.slice(0, 2), 'number 3', 'number 4')
    // Each turn of a session sees the turns before it, also those before an eviction.
    for (const seen of counts.values()) expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
    expect(watch.most.servers).toBe(2)
    // A server whose first turn takes longer than its start may have to give its place before its second turn.
    expect(watch.of('agent.evicted').length).toBeGreaterThanOrEqual(4)
    expect(watch.of('agent.evicted').every(({ reason }) => reason === 'place')).toBe(true)
    expect((await sessions[0]?.history())?.length).toBe(4)
    await fleet.close()
    expect(processesIn(dataDir)).toEqual([])
  })
})

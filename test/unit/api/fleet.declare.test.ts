import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { endOf, held, outcomeOf, startFleet } from '../../support/fleet-harness.ts'
import { tempHome } from '../../support/home.ts'

/** Options as plain JavaScript gives them. */
const loose = (options: unknown) => options as Record<string, never>

/** Starts a fleet with a running turn of the agent a1. */
async function startBusy(options: Parameters<typeof startFleet>[0] = {}) {
  const fleet = startFleet({ ids: ['a1', 'a2'], script: held, ...options })
  const running = fleet.turn('a1')
  await fleet.advance(5_000)
  return { ...fleet, running, handle: fleet.fleet.agent('a1') }
}

describe('reconfigure of an agent', () => {
  it('restarts nothing for the tenant, the limits and the labels', async () => {
    const { handle, advance, stage, told, server } = await startBusy()
    const patches = [{ labels: { team: 'blue' } }, { tenant: 'acme' }, { maxRunningTurns: 3, memoryMb: 700 }]
    const calls = patches.map((patch) => outcomeOf(handle.reconfigure(patch)))
    await advance()
    expect(calls.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
    expect([stage('a1'), server('a1').spawns]).toEqual(['healthy', 1])
    expect(told('a1').filter((type) => type === 'agent.changed')).toHaveLength(3)
    expect(handle.status).toMatchObject({ tenant: 'acme', turns: { running: 1, max: 3 } })
  })

  it('to the options that it has does nothing', async () => {
    const { handle, advance, stage, told } = await startBusy()
    const calls = [{}, { env: {} }, { labels: {}, models: undefined }].map((patch) =>
      outcomeOf(handle.reconfigure(loose(patch))),
    )
    await advance()
    expect(calls.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
    expect([stage('a1'), told('a1')]).toEqual(['healthy', ['turn.queued', 'turn.started']])
  })

  it('to options that were rolled back tries them again', async () => {
    const { handle, advance, server, turn } = await startBusy()
    const patch = { env: { COLOUR: 'blue' } }
    const first = outcomeOf(handle.reconfigure(patch))
    await advance()
    server('a1').behaviour.startMs = Infinity
    turn('a1')
    server('a1').answer()
    await advance()
    server('a1').exit()
    await advance()
    server('a1').listen()
    await advance()
    expect(first).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_RECONFIGURE' } })
    const again = outcomeOf(handle.reconfigure(patch))
    await advance()
    expect(again.state).toBe('pending')
    server('a1').behaviour.startMs = 1
    turn('a1')
    server('a1').answer()
    await advance(1_000)
    expect(again.state).toBe('done')
  })

  it.each([null, undefined, 'blue', 7, { proxy: null }, { proxy: 'http://a' }])(
    'refuses %j, which is no patch',
    async (patch) => {
      const { handle, advance } = await startBusy()
      const call = outcomeOf(handle.reconfigure(loose(patch)))
      await advance()
      expect(call).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_INVALID_OPTIONS' } })
    },
  )
})

describe('A change of an agent', () => {
  it('that waits for the end of its server keeps no other agent back', async () => {
    const { fleet, advance, server, running } = await startBusy()
    const removed = outcomeOf(fleet.remove('a1', { drainMs: 60_000 }))
    const again = outcomeOf(fleet.put({ id: 'a1' }))
    const other = [fleet.put({ id: 'a3' }), fleet.remove('a2'), fleet.put({ id: 'a2' })].map(outcomeOf)
    await advance()
    expect(other.map(({ state, value }) => value ?? state)).toEqual(['added', 'done', 'added'])
    expect([removed.state, again.state]).toEqual(['pending', 'pending'])
    const pruned = outcomeOf(fleet.apply([{ id: 'a3' }], { prune: true }))
    server('a1').answer()
    await advance(1_000)
    expect([endOf(running), removed.state, again.value]).toEqual(['final', 'done', 'added'])
    expect(pruned.value).toMatchObject({ removed: ['a2', 'a1'], unchanged: ['a3'] })
    expect(fleet.status.agents.map(({ id }) => id)).toEqual(['a3'])
  })

  it('waits for the end of a home that is deleted, so that the new home stays', async () => {
    const dataDir = tempHome()
    const home = join(dataDir, 'a1')
    const { fleet, advance, server } = await startBusy({ dataDir })
    mkdirSync(home, { recursive: true })
    const removed = outcomeOf(fleet.remove('a1', { deleteHome: true, drainMs: 60_000 }))
    let wasThere: boolean | undefined
    const again = outcomeOf(
      fleet.put({ id: 'a1' }).then(() => {
        wasThere = existsSync(home)
        mkdirSync(home)
      }),
    )
    await advance()
    expect([existsSync(home), removed.state, again.state]).toEqual([true, 'pending', 'pending'])
    server('a1').answer()
    await advance(1_000)
    await vi.waitFor(() => expect([removed.state, again.state]).toEqual(['done', 'done']), {
      timeout: 15_000,
    })
    expect([wasThere, existsSync(home)]).toEqual([false, true])
  })

  it('is refused as soon as the fleet closes, and leaves the homes', async () => {
    const dataDir = tempHome()
    mkdirSync(join(dataDir, 'a1'))
    const { fleet, advance, handle, running } = await startBusy({ dataDir })
    const closing = outcomeOf(fleet.close({ drainMs: 10_000 }))
    const calls = [
      fleet.apply([{ id: 'b1' }]),
      fleet.put({ id: 'a2', tenant: 'acme' }),
      fleet.remove('a1', { deleteHome: true }),
      handle.reconfigure({ tenant: 'acme' }),
    ].map(outcomeOf)
    await advance()
    expect([endOf(running), closing.state]).toEqual(['open', 'pending'])
    for (const call of calls)
      expect(call).toMatchObject({ state: 'rejected', value: { code: 'ERR_OPENCODE_STOPPED' } })
    expect(existsSync(join(dataDir, 'a1'))).toBe(true)
  })
})

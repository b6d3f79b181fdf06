import { describe, expect, expectTypeOf, it } from 'vitest'
import { createActor, createMachine, setup } from 'xstate'
import { z } from 'zod'
import { Fleet, fleetOf } from '../../../src/api/fleet/fleet.ts'
import { fleetMachine } from '../../../src/api/fleet/fleet-machine.ts'
import { compileFleetOptions } from '../../../src/config/compiled-fleet.ts'
import { held, outcomeOf, startFleet } from '../../support/fleet-harness.ts'
import { tempHome } from '../../support/home.ts'

const defaults = { proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'unused' }, models: ['unused'] }

/** Returns a started parent whose state `open` has a fleet. */
function startParent() {
  const input = compileFleetOptions({ dataDir: tempHome(), defaults })
  const machine = setup({
    types: { children: {} as { agents: 'fleetMachine' } },
    actors: { fleetMachine },
  }).createMachine({
    initial: 'open',
    states: {
      open: { invoke: { id: 'agents', src: 'fleetMachine', input }, on: { close: 'closed' } },
      closed: {},
    },
  })
  return createActor(machine).start()
}

describe('fleetOf', () => {
  it('gives a fleet that says it is closed when its parent has stopped it', async () => {
    const parent = startParent()
    const { agents } = parent.getSnapshot().children
    if (!agents) throw new Error('The parent has no fleet')
    const fleet = fleetOf(agents)
    expect(fleetOf(agents)).toBe(fleet)
    await fleet.put({ id: 'a1' })
    const handle = fleet.agent('a1')
    const session = handle.session()
    parent.send({ type: 'close' })
    expect(await fleet.turn('a1', 'Hello').done).toMatchObject({ code: 'cancelled' })
    const calls = [
      fleet.put({ id: 'a2' }),
      fleet.remove('a1'),
      handle.reconfigure({ tenant: 'acme' }),
      handle.ensureRunning(),
      handle.sessions(),
      session.id,
    ]
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ERR_OPENCODE_STOPPED' })
    await Promise.all([handle.stop(), fleet.close()])
    // The lock is free again.
    const next = new Fleet({ dataDir: agents.getSnapshot().context.options.values.dataDir, defaults })
    await next.ready
    await next.close()
  })

  it.each([undefined, null, {}, createActor(createMachine({}))])(
    'refuses what is no actor of a fleet',
    (value) => {
      expect(() => fleetOf(value as never)).toThrow(/^fleetOf expects an actor of fleetMachine/)
    },
  )
})

describe('A fleet', () => {
  it('asks resolve again when the spec of a running agent changes, with the changed spec', async () => {
    const asked: string[] = []
    const { fleet, advance, turn, stage } = startFleet({
      ids: ['a1'],
      script: held,
      resolve: ({ env = {} }) => {
        asked.push(env['COLOUR'] ?? 'none')
        return undefined
      },
    })
    turn('a1')
    await advance(5_000)
    const put = outcomeOf(fleet.put({ id: 'a1', env: { COLOUR: 'blue' } }))
    await advance()
    expect([put.value, asked, stage('a1')]).toEqual(['changed', ['none', 'blue'], 'draining'])
  })

  it('gives turns the type of their output schema', async () => {
    const { fleet } = startFleet({ ids: ['a1'] })
    const output = z.object({ title: z.string() })
    const typed = fleet.agent('a1').turn({ text: 'x', output })
    expectTypeOf<Awaited<typeof typed.output>>().toEqualTypeOf<{ title: string }>()
    const plain = fleet.turn('a1', 'x')
    expectTypeOf<Awaited<typeof plain.output>>().toEqualTypeOf<unknown>()
    await fleet.close()
    for (const turn of [typed, plain]) expect(await turn.done).toMatchObject({ code: 'cancelled' })
  })
})

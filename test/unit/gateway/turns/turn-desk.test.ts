import { describe, expect, it } from 'vitest'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import { anyone } from '../../../../src/gateway/access/caller.ts'
import { resolveGatewayOptions } from '../../../../src/gateway/option-schema.ts'
import { turnIdOfKey } from '../../../../src/gateway/turns/turn-id.ts'
import { TurnDesk } from '../../../../src/gateway/turns/turn-desk.ts'
import { CallerWorld } from '../../../support/cluster-caller.ts'
import { clusterGateway } from '../../../support/cluster-gateway.ts'
import { readAll } from '../../../support/turn-log.ts'

/** Returns the desk of a gateway in a cluster, and a function that starts a turn at it. */
async function start() {
  const world = await CallerWorld.start()
  const gateway = await clusterGateway(world)
  const { log, turns, fleet, followed } = gateway
  const errors: object[] = []
  const ignore = () => undefined
  const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => errors.push(fields) }
  const options = resolveGatewayOptions({ fleet, logger })
  const desk = new TurnDesk({ log, turns, options, state: { phase: 'ready' } }, Promise.resolve())
  const agent = turns.agent('a1')
  if (!agent) throw new Error('The cluster does not know a1')
  const post = () => desk.start({ agent, caller: anyone, body: { text: 'Hi' }, key: 'k1' })
  const running = (turnId: string) => {
    const turn = followed.get(turnId)?.turn
    if (!turn) throw new Error(`Nobody follows ${turnId}`)
    return world.running(turn)
  }
  return { ...gateway, world, desk, post, running, errors }
}

describe('The turns of a gateway in a cluster', () => {
  it('are taken under the key of a turn that was refused a moment before', async () => {
    const { world, log, store, followed, post, running } = await start()
    const { inbox } = store
    const add = inbox.add.bind(inbox)
    inbox.add = () => Promise.reject(new ClusterStoreError('full', 'The inbox is full'))
    await expect(post()).rejects.toMatchObject({ problem: { status: 429 } })
    expect(followed.get(turnIdOfKey({ tokenId: anyone.tokenId, agentId: 'a1' }, 'k1'))).toBeUndefined()
    inbox.add = add
    const { turnId } = await post()
    const remote = await running(turnId)
    remote.finish()
    await world.clock.advance()
    expect((await readAll(log, turnId)).at(-1)).toMatchObject({ reply: { kind: 'final' } })
    expect(world.host.runner.turns).toHaveLength(1)
  })

  it('go on when the gateway ends, also one whose reader would cancel it by leaving', async () => {
    const { world, desk, post, running } = await start()
    const turn = await post()
    const remote = await running(turn.turnId)
    const { live } = await desk.join(turn)
    const release = live?.hold()
    await desk.drain(0)
    release?.()
    await world.clock.advance(100)
    expect(remote.isOver).toBe(false)
  })

  it('are waited for no longer than the last drain says', async () => {
    const { desk, post, running } = await start()
    const turn = await post()
    const remote = await running(turn.turnId)
    const draining = desk.drain(600_000)
    await desk.drain(0)
    await draining
    expect(remote.isOver).toBe(false)
  })

  it('are found by the next start if the gateway closes while they are looked for', async () => {
    const { desk, post, log, local, followed, errors } = await start()
    const turn = await post()
    const handle = followed.get(turn.turnId)?.turn
    if (!handle) throw new Error('Nobody follows the turn')
    await log.close()
    await desk.resume(turn, () => Promise.resolve(handle))
    expect(errors).toMatchObject([{ turnId: turn.turnId }])
    await expect(local.get(turn.turnId)).rejects.toThrow('closed')
  })
})

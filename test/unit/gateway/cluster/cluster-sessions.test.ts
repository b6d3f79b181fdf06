import { describe, expect, it } from 'vitest'
import { anyone } from '../../../../src/gateway/access/caller.ts'
import { ClusterChatSessions } from '../../../../src/gateway/cluster/cluster-sessions.ts'
import { resolveGatewayOptions } from '../../../../src/gateway/option-schema.ts'
import { TurnDesk } from '../../../../src/gateway/turns/turn-desk.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { CallerWorld } from '../../../support/cluster-caller.ts'
import { clusterGateway } from '../../../support/cluster-gateway.ts'

/** Starts a chat at a gateway that dies before the turn is sent, and returns the turn as another gateway sends it. */
async function sentAfterCrash(name: string | undefined, sessionId?: string) {
  const world = await CallerWorld.start()
  const dead = await clusterGateway(world)
  const { log, turns, fleet, store } = dead
  const options = resolveGatewayOptions({ fleet })
  const desk = new TurnDesk({ log, turns, options, state: { phase: 'ready' } }, Promise.resolve())
  const sessions = new ClusterChatSessions({ log, options }, turns)
  const agent = turns.agent('a1')
  if (!agent) throw new Error('The cluster does not know a1')
  const choose = () => sessions.choose(name, anyone, agent)
  if (sessionId !== undefined) {
    const { sent } = await choose()
    const key = sent?.fields?.conversation ?? ''
    await log.sessions.put({ kind: 'named', key, agentId: 'a1', sessionId })
  }
  const sending = deferred<undefined>()
  store.inbox.add = () => {
    sending.resolve(undefined)
    return new Promise(() => undefined)
  }
  const { runIn, sent } = await choose()
  const body = { text: 'Hi' }
  desk.start({ agent, caller: anyone, body, key: 'k1', run: runIn?.('Title'), sent }).catch(() => undefined)
  await sending.promise
  const [open] = await log.openTurns()
  if (!open) throw new Error('The gateway has not noted the turn')
  expect(world.memory.mail.mails).toEqual([])
  const next = await clusterGateway(world)
  const turn = await next.turns.resume(open)
  if ('kind' in turn) throw new Error(`The turn ended: ${turn.error}`)
  const running = await world.running(turn)
  const [mail] = world.memory.mail.mails
  if (mail?.message.type !== 'turn') throw new Error('No turn was sent')
  running.session('ses_7')
  running.finish()
  await world.clock.advance(100)
  return { message: mail.message.turn, running, deleted: world.host.runner.deletedSessions }
}

describe('A chat whose gateway dies before the turn is sent', () => {
  it('without a name leaves no session, though another gateway sends the turn', async () => {
    const { message, deleted } = await sentAfterCrash(undefined)
    expect(message).toMatchObject({ isThrowAway: true })
    expect(deleted).toEqual(['ses_7'])
  })

  it('with a name is a turn of the conversation still, in the session of the name', async () => {
    const { message, running } = await sentAfterCrash('notes', 'ses_1')
    expect(message).toMatchObject({ conversation: expect.stringMatching(/^[0-9a-f]+$/) as string })
    expect(running.input).toMatchObject({ text: 'Hi', sessionId: 'ses_1' })
    expect((await sentAfterCrash('notes')).message).toMatchObject({
      conversation: (message as { conversation: string }).conversation,
    })
  })
})

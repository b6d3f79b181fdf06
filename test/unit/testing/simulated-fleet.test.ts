import { describe, expect, it } from 'vitest'
import { collectReplies } from '../../../src/testing/collect-replies.ts'
import { simulatedFleet } from '../../../src/testing/simulated-fleet/simulated-fleet.ts'

describe('simulatedFleet', () => {
  it('answers turns of more agents than places, one server at a time', async () => {
    const { fleet, time, server, processes } = simulatedFleet({
      agents: [{ id: 'a1' }, { id: 'a2' }],
      limits: { maxServers: 1 },
      script: ({ agentId }) => `I am ${agentId}`,
    })
    const turns = ['a1', 'a2'].map((id) => fleet.turn(id, 'Who are you?'))
    const collected = turns.map(collectReplies)
    await time.advance(10_000)
    expect((await Promise.all(collected)).map(({ last }) => last)).toMatchObject([
      { kind: 'final', content: 'I am a1' },
      { kind: 'final', content: 'I am a2' },
    ])
    expect(processes.most).toBe(1)
    expect(server('a1')).toMatchObject({ isAlive: false, spawns: 1 })
    const closing = fleet.close()
    await time.advance()
    await closing
    expect(processes.now).toBe(0)
    expect(time.pending).toBe(0)
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet, type Session } from '../../src/index.ts'
import { startScriptedModel } from '../../src/testing/index.ts'
import { endsOf, expectNothingLeftOf, FleetWatch, processesIn } from '../support/fleet.ts'
import { apiKey, collect } from '../support/real.ts'
import { answerJson, webhookReceiver } from '../support/webhook-receiver.ts'

const ids = ['a1', 'a2', 'a3', 'a4']

// A provider may use the id of a call again in the session of a subagent.
const look = { toolCalls: [{ name: 'host_look', args: { id: '7' }, id: 'call_0' }] }
const task = {
  toolCalls: [
    { name: 'task', args: { description: 'look', prompt: 'CHILD looks', subagent_type: 'general' } },
  ],
}

/** Starts a fleet with the real opencode binary and a scripted model, which answers with the number of messages it sees. */
async function realFleet() {
  const dataDir = mkdtempSync(join(tmpdir(), 'opencode-runtime-real-'))
  const model = await startScriptedModel(
    [
      { match: /^number \d+$/, reply: ({ messages }) => ({ text: `${messages.length} messages` }) },
      { match: 'CHILD looks', reply: [look, { text: 'looked' }] },
      { match: 'look twice', reply: [look, task, { text: 'done' }] },
    ],
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

  it('posts the calls of turns and of their subagents to a webhook', { timeout: 120_000 }, async () => {
    const { fleet } = await realFleet()
    const { url, calls } = await webhookReceiver(({ call }, response) =>
      answerJson(response, { result: { of: call.context, id: call.args } }),
    )
    const inputSchema = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
    const tool = { name: 'look', description: 'Looks at an order.', inputSchema, url }
    await fleet.put({ id: 'a1', hostTools: [tool] })
    const users = ['ann', 'bob']
    const turns = users.map((user) => fleet.turn('a1', { text: 'look twice', context: { user } }))
    for (const [i, turn] of turns.entries()) {
      const replies = await collect(turn)
      expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'done' })
      const own = replies.find((reply) => reply.kind === 'tool_result')
      const of = { user: users[i] }
      expect(own).toMatchObject({ tool: 'look', call_id: 'call_0', success: true })
      expect(own?.kind === 'tool_result' && JSON.parse(own.result)).toEqual({ of, id: { id: '7' } })
      const posted = calls.map(({ call }) => call).filter(({ turn_id }) => turn_id === turn.id)
      const expected = { tool: 'look', args: { id: '7' }, context: of, turn_id: turn.id }
      const session_id = await turn.sessionId
      expect(posted).toEqual([
        { ...expected, session_id, call_id: 'call_0' },
        { ...expected, session_id, call_id: expect.stringMatching(/^call_0@prt_\w+$/) as string },
      ])
    }
  })
})

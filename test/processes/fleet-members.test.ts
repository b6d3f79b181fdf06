import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { firstValueFrom, filter, timeout } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { HomeLockedError, StoppedError, UnknownAgentError, type PendingRequest } from '../../src/index.ts'
import { endsOf, fakeFleet, processesIn } from '../support/fleet.ts'

describe('the members of a fleet', () => {
  it('start one server for 100 callers of a cold agent', async () => {
    const { fleet, fake } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }])
    const calls = Array.from({ length: 25 }, () => [
      fleet.turn('a1', 'Hello').done,
      fleet.agent('a1').turn('Hello').done,
      fleet.agent('a1').ensureRunning(),
      fleet.agent('a1').sessions(),
    ]).flat()
    await Promise.all(calls)
    expect(fake.starts).toHaveLength(1)
  })

  it('list the requests of all agents, and take an answer for each', async () => {
    const { fleet, watch } = await fakeFleet({ defaults: { onPermission: 'ask', onQuestion: 'ask' } })
    await fleet.apply([{ id: 'a1', tenant: 'acme' }, { id: 'a2' }])
    const lists: PendingRequest[][] = []
    fleet.requests$.subscribe((list) => lists.push(list))
    const turns = [fleet.turn('a1', { text: 'permission', traceId: 't1' }), fleet.turn('a2', 'question')]
    const open = await firstValueFrom(
      fleet.requests$.pipe(
        filter(({ length }) => length === 2),
        timeout(30_000),
      ),
    )
    const [first, second] = ['a1', 'a2'].map((id) => open.find(({ agentId }) => agentId === id))
    expect(first).toMatchObject({ turnId: turns[0]?.id, traceId: 't1', tenant: 'acme' })
    expect(fleet.requests).toEqual(open)
    expect(fleet.status.agents.map(({ openRequests }) => openRequests)).toEqual([1, 1])
    await fleet.answer(first?.request.id ?? '', 'once')
    await fleet.answer(second?.request.id ?? '', [['A']])
    expect(await endsOf(turns)).toEqual(['final', 'final'])
    expect([lists[0], lists.at(-1), fleet.requests]).toEqual([[], [], []])
    expect(watch.of('request.closed').map(({ by }) => by)).toEqual(['answer', 'answer'])
    await expect(fleet.answer(first?.request.id ?? '', 'once')).rejects.toMatchObject({
      code: 'ERR_OPENCODE_REQUEST_CLOSED',
    })
  })

  it('do not evict an agent that waits for an answer', async () => {
    const { fleet, watch } = await fakeFleet({
      limits: { maxServers: 1 },
      defaults: { onPermission: 'ask' },
    })
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const asking = fleet.turn('a1', 'permission')
    const [pending] = await firstValueFrom(fleet.requests$.pipe(filter(({ length }) => length === 1)))
    const other = fleet.turn('a2', 'Hello')
    const reasons = () =>
      watch.of('agent.lifecycle').map(({ agentId, lifecycle }) => `${agentId} ${lifecycle.reason ?? ''}`)
    await expect.poll(reasons, { timeout: 30_000 }).toContainEqual(expect.stringMatching(/^a2.*a place/))
    expect(watch.of('agent.evicted')).toEqual([])
    await fleet.answer(pending?.request.id ?? '', 'once')
    expect(await endsOf([asking, other])).toEqual(['final', 'final'])
    expect(watch.of('agent.evicted')).toMatchObject([{ agentId: 'a1' }])
  })

  it('keep the status in a private file for the command line', async () => {
    const { fleet, dataDir } = await fakeFleet()
    await fleet.apply([{ id: 'a1', proxy: { apiKey: 'sk-secret-of-a1-0123456789' } }])
    await fleet.turn('a1', 'Hello').done
    await fleet.close()
    const file = join(dataDir, '.fleet', 'status.json')
    const text = readFileSync(file, 'utf8')
    expect(JSON.parse(text)).toMatchObject({
      servers: { running: 0, starting: 0, max: 16 },
      agents: [{ id: 'a1', tenant: 'default', state: 'idle', turns: { running: 0, queued: 0 } }],
    })
    expect(text).not.toContain('sk-secret')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(dataDir, '.fleet')).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, '.fleet', 'agents', 'a1.json')).mode & 0o777).toBe(0o600)
  })

  it('end with the fleet: turns that wait or run, and processes', async () => {
    const { fleet, watch, dataDir } = await fakeFleet({ limits: { maxServers: 1 } })
    await fleet.apply([{ id: 'a1' }, { id: 'a2' }])
    const turns = [fleet.turn('a1', 'hang'), fleet.turn('a2', 'Hello'), fleet.turn('a1', 'slow:100 echo:hi')]
    await expect.poll(() => watch.of('turn.started').length, { timeout: 30_000 }).toBe(2)
    let isComplete = false
    fleet.events$.subscribe({ complete: () => (isComplete = true) })
    await fleet.close()
    expect(await endsOf([...turns, fleet.turn('a1', 'Hello')])).toEqual(
      Array.from({ length: 4 }, () => 'cancelled'),
    )
    expect(turns.map(({ id }) => watch.ends.get(id))).toEqual(turns.map(() => ['cancelled']))
    expect(isComplete).toBe(true)
    expect(processesIn(dataDir)).toEqual([])
  })
})

describe('a fleet that starts again', () => {
  it('knows its agents, whose sessions continue', async () => {
    const { fleet, make } = await fakeFleet()
    await fleet.apply([{ id: 'a1', labels: { team: 'blue' } }, { id: 'a2' }, { id: 'a3' }])
    const session = fleet.agent('a1').session({ title: 'Ticket 42' })
    await session.turn('echo:first').done
    const id = await session.id
    await fleet.remove('a3')
    await fleet.close()
    expect(await endsOf([fleet.turn('a1', 'Hello')])).toEqual(['cancelled'])
    await expect(fleet.apply([])).rejects.toBeInstanceOf(StoppedError)

    const { fleet: next } = make()
    expect(await endsOf([next.turn('a1', 'Hello')])).toEqual(['final'])
    expect(next.status.agents.map((agent) => agent.id)).toEqual(['a1', 'a2'])
    expect(() => next.agent('a3')).toThrow(UnknownAgentError)
    const again = next.agent('a1').session({ sessionId: id })
    expect(await again.turn('echo:second').done).toMatchObject({ content: 'second' })
    expect((await again.history()).length).toBe(2)
    expect(await next.agent('a1').sessions()).toContainEqual(
      expect.objectContaining({ id, title: 'Ticket 42' }),
    )
    expect(await next.apply([{ id: 'a1', labels: { team: 'blue' } }])).toMatchObject({ unchanged: ['a1'] })
  })

  it('is refused while another has the data folder', async () => {
    const { fleet, make } = await fakeFleet()
    await fleet.apply([{ id: 'a1' }])
    const { fleet: second } = make()
    const early = [second.turn('a1', 'Hello'), second.agent('a1').turn('Hello')]
    await expect(second.ready).rejects.toBeInstanceOf(HomeLockedError)
    expect(await endsOf([...early, second.turn('a1', 'Hello')])).toEqual(
      Array.from({ length: 3 }, () => 'server_unavailable'),
    )
    for (const refused of [second.apply([{ id: 'a2' }]), second.put({ id: 'a2' }), second.remove('a1')])
      await expect(refused).rejects.toBeInstanceOf(HomeLockedError)
    await second.close()
    expect(await endsOf([fleet.turn('a1', 'Hello')])).toEqual(['final'])
  })
})

describe('the option resolve', () => {
  const never = new Promise<never>(() => undefined)

  it('gives options at once or later, or fails, for each agent alone', async () => {
    const { fleet, dataDir } = await fakeFleet({
      resolve: ({ id }) => {
        if (id === 'throws') throw new Error('the vault is sealed')
        if (id === 'rejects') return Promise.reject(new Error('the vault is slow'))
        if (id === 'bad') return { models: [] }
        if (id === 'none') return undefined
        const proxy = { apiKey: `sk-key-of-${id}-0123456789` }
        return id === 'now' ? { proxy } : new Promise((done) => setImmediate(() => done({ proxy })))
      },
    })
    const ids = ['now', 'later', 'none', 'throws', 'rejects', 'bad']
    await fleet.apply(ids.map((id) => ({ id })))
    const turns = ids.map((id) => fleet.turn(id, 'Hello'))
    const bad = Array.from({ length: 3 }, () => 'server_unavailable')
    expect(await endsOf(turns)).toEqual(['final', 'final', 'final', ...bad])
    expect(await turns[3]?.done).toMatchObject({
      error: expect.stringContaining('vault is sealed') as unknown,
    })
    await expect(fleet.agent('throws').ensureRunning()).rejects.toThrow('vault is sealed')
    const configOf = (id: string) =>
      readFileSync(join(dataDir, id, '.config', 'opencode', 'opencode.json'), 'utf8')
    for (const id of ['now', 'later']) expect(configOf(id)).toContain(`sk-key-of-${id}`)
    const records = ids.map((id) => readFileSync(join(dataDir, '.fleet', 'agents', `${id}.json`), 'utf8'))
    expect(records.join()).not.toContain('sk-key-of')
  })

  it('that hangs keeps back only its own agent, and no end of a turn', async () => {
    const { fleet } = await fakeFleet({ resolve: ({ id }) => (id === 'hangs' ? never : undefined) })
    await fleet.apply([{ id: 'hangs' }, { id: 'works' }])
    const [cancelled, waiting] = [fleet.turn('hangs', 'Hello'), fleet.turn('hangs', 'Hello')]
    expect(await endsOf([fleet.turn('works', 'Hello')])).toEqual(['final'])
    cancelled.cancel()
    expect(await endsOf([cancelled])).toEqual(['cancelled'])
    const before = Date.now()
    await fleet.close()
    expect(await endsOf([waiting])).toEqual(['cancelled'])
    expect(Date.now() - before).toBeLessThan(10_000)
  })

  it('that hangs does not prevent the removal of its agent', async () => {
    const { fleet } = await fakeFleet({ resolve: () => never })
    await fleet.apply([{ id: 'a1' }])
    const turn = fleet.turn('a1', 'Hello')
    await fleet.remove('a1')
    expect(await endsOf([turn])).toEqual(['cancelled'])
  })

  it('that hangs does not outlast the deadline of a turn', async () => {
    const { fleet } = await fakeFleet({ resolve: () => never })
    await fleet.apply([{ id: 'a1' }])
    const before = Date.now()
    expect(await endsOf([fleet.turn('a1', { text: 'Hello', deadlineMs: 200 })])).toEqual([
      'deadline_exceeded',
    ])
    expect(Date.now() - before).toBeLessThan(10_000)
  })
})

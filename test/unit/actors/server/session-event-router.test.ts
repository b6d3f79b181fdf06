import { SimulatedClock } from 'xstate'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  SessionEventRouter,
  type SessionListener,
} from '../../../../src/actors/server/session-event-router.ts'
import type { OpenCodeEvent } from '../../../../src/replies.ts'

const event = (sessionID: string, type = 'session.idle'): OpenCodeEvent => ({
  type,
  properties: { sessionID },
})
const created = (child: string, parent?: string): OpenCodeEvent => ({
  type: 'session.created',
  properties: { sessionID: child, info: { id: child, parentID: parent } },
})
const task = (parent: string, child: string): OpenCodeEvent => ({
  type: 'message.part.updated',
  properties: {
    part: {
      id: 'prt_1',
      messageID: 'msg_1',
      sessionID: parent,
      type: 'tool',
      tool: 'task',
      callID: 'call_1',
      state: { status: 'running', input: {}, metadata: { sessionId: child } },
    },
  },
})

class Listener implements SessionListener {
  readonly events: OpenCodeEvent[] = []
  gaps = 0
  onEvent(received: OpenCodeEvent): void {
    this.events.push(received)
  }
  onReconnect(): void {
    this.gaps++
  }
}

const status = (sessionID: string, type: string): OpenCodeEvent => ({
  type: 'session.status',
  properties: { sessionID, status: { type } },
})

describe('EventHub', () => {
  let clock: SimulatedClock
  let router: SessionEventRouter

  beforeEach(() => {
    clock = new SimulatedClock()
    router = new SessionEventRouter(() => clock.now())
  })

  function follow(sessionId: string) {
    const listener = new Listener()
    return { listener, leave: router.follow(sessionId, listener) }
  }

  it('routes an event only to the listeners of its session', () => {
    const [one, two] = [follow('ses_1').listener, follow('ses_2').listener]
    for (const id of ['ses_1', 'ses_2', 'ses_3', 'ses_1']) router.receive(event(id))
    router.receive({ type: 'server.heartbeat', properties: {} })
    expect(one.events).toEqual([event('ses_1'), event('ses_1')])
    expect(two.events).toEqual([event('ses_2')])
  })

  it('finds the session id in every place where an event may have it', () => {
    const { listener } = follow('ses_1')
    router.receive({ type: 'message.updated', properties: { info: { id: 'msg_1', sessionID: 'ses_1' } } })
    router.receive({ type: 'message.part.updated', properties: { part: { sessionID: 'ses_1' } } })
    expect(listener.events).toHaveLength(2)
  })

  it('ignores malformed events', () => {
    const { listener } = follow('ses_1')
    for (const properties of [null, 7, 'x', [], { sessionID: 7 }, { part: 'x' }, { info: null }])
      router.receive({ type: 'message.part.updated', properties: properties as never })
    expect(listener.events).toEqual([])
  })

  it("routes a child session's events to the listeners of the parent, from the creation of the child", () => {
    const { listener } = follow('ses_1')
    router.receive(event('ses_child'))
    router.receive(created('ses_child', 'ses_1'))
    router.receive(event('ses_child'))
    expect(listener.events).toEqual([created('ses_child', 'ses_1'), event('ses_child')])
  })

  it('finds a resumed child by the task that names it, and children of children', () => {
    const { listener } = follow('ses_1')
    router.receive(task('ses_1', 'ses_child'))
    router.receive(created('ses_grandchild', 'ses_child'))
    router.receive(event('ses_grandchild'))
    expect(listener.events.at(-1)).toEqual(event('ses_grandchild'))
  })

  it('ignores sessions without listeners, and their children', () => {
    const { listener } = follow('ses_1')
    router.receive(created('ses_other'))
    router.receive(created('ses_child', 'ses_other'))
    router.receive(event('ses_child'))
    expect(listener.events).toEqual([])
  })

  it('routes nothing to a listener that has left, and does not change other listeners', () => {
    const [one, two] = [follow('ses_1'), follow('ses_2')]
    router.receive(created('ses_child', 'ses_1'))
    router.receive(created('ses_child2', 'ses_2'))
    one.leave()
    one.leave()
    for (const id of ['ses_1', 'ses_child', 'ses_2', 'ses_child2']) router.receive(event(id))
    router.receive(created('ses_late', 'ses_1'))
    expect(one.listener.events).toHaveLength(1)
    expect(two.listener.events).toEqual([created('ses_child2', 'ses_2'), event('ses_2'), event('ses_child2')])
  })

  it('routes to the latest listener of a session, also if the previous listener leaves late', () => {
    const first = follow('ses_1')
    router.receive(created('ses_child', 'ses_1'))
    const second = follow('ses_1')
    router.receive(task('ses_1', 'ses_child'))
    first.leave()
    router.receive(event('ses_1'))
    router.receive(event('ses_child'))
    expect(second.listener.events).toEqual([task('ses_1', 'ses_child'), event('ses_1'), event('ses_child')])
  })

  it('gives an observer of a session its events and gaps, and takes none from the listener', () => {
    const { listener } = follow('ses_1')
    router.opened()
    router.receive(created('ses_child', 'ses_1'))
    const watcher = new Listener()
    const leave = router.watch('ses_child', watcher)
    for (const id of ['ses_child', 'ses_1']) router.receive(event(id))
    router.opened()
    expect(watcher).toMatchObject({ events: [event('ses_child')], gaps: 1 })
    leave()
    router.receive(event('ses_child'))
    router.opened()
    expect(watcher).toMatchObject({ events: [event('ses_child')], gaps: 1 })
    expect(listener.events.slice(1)).toEqual([event('ses_child'), event('ses_1'), event('ses_child')])
  })

  it('lets a listener leave or follow during an event', () => {
    const late = new Listener()
    const leave = router.follow('ses_1', {
      onEvent: () => {
        leave()
        router.follow('ses_1', late)
      },
      onReconnect: () => {},
    })
    router.receive(event('ses_1'))
    router.receive(event('ses_1'))
    expect(late.events).toHaveLength(1)
  })

  it('reports missed events once to each listener when the stream reconnects, not when the stream connects first', () => {
    const { listener } = follow('ses_1')
    router.receive(created('ses_child', 'ses_1'))
    router.opened()
    expect(listener.gaps).toBe(0)
    router.closed()
    expect(listener.gaps).toBe(0)
    router.opened()
    expect(listener.gaps).toBe(1)
  })

  it('lets callers wait for the stream; while the stream is down, for the next stream', async () => {
    let opened = 0
    void router.open.then(() => opened++)
    router.closed()
    await Promise.resolve()
    expect(opened).toBe(0)
    router.opened()
    await router.open
    expect(opened).toBe(1)
    router.closed()
    void router.open.then(() => opened++)
    await Promise.resolve()
    expect(opened).toBe(1)
    router.opened()
    await router.open
    expect(opened).toBe(2)
  })

  it('returns the time since the last frame; heartbeats and frames of any session count as frames', () => {
    clock.increment(5_000)
    expect(router.silentMs).toBe(5_000)
    router.receive({ type: 'server.heartbeat', properties: {} })
    expect(router.silentMs).toBe(0)
    clock.increment(10)
    router.opened()
    expect(router.silentMs).toBe(0)
  })

  describe('routes a repeated event once', () => {
    const told = (id: string, sessionID = 'ses_1'): OpenCodeEvent => ({ ...event(sessionID), id })

    it('if the listener of the first copy has changed', () => {
      const [one, two] = [follow('ses_1').listener, follow('ses_2').listener]
      for (const id of ['evt_1', 'evt_2', 'evt_1', 'evt_3', 'evt_3']) router.receive(told(id))
      router.receive(told('evt_2', 'ses_2'))
      expect(one.events.map(({ id }) => id)).toEqual(['evt_1', 'evt_2', 'evt_3'])
      expect(two.events).toEqual([])
    })

    it('while any session has a listener', () => {
      const [one, two] = [follow('ses_1'), follow('ses_2')]
      router.receive(told('evt_1'))
      one.leave()
      const again = follow('ses_1')
      router.receive(told('evt_1'))
      expect(again.listener.events).toEqual([])
      for (const { leave } of [again, two]) leave()
      const late = follow('ses_1')
      router.receive(told('evt_1'))
      expect(late.listener.events).toHaveLength(1)
    })

    it('except an event whose first copy arrived while no session had a listener', () => {
      router.receive(told('evt_1'))
      const { listener } = follow('ses_1')
      router.receive(told('evt_1'))
      expect(listener.events).toHaveLength(1)
    })

    it('and an event without an id each time', () => {
      const { listener } = follow('ses_1')
      for (const id of [undefined, undefined, 7, 7]) router.receive({ ...event('ses_1'), id: id as never })
      expect(listener.events).toHaveLength(4)
    })
  })

  describe('knows that the server is idle', () => {
    it('from the connection of the stream until any session works', () => {
      expect(router.isQuiet).toBe(false)
      router.opened()
      expect(router.isQuiet).toBe(true)
      router.receive(status('ses_1', 'busy'))
      router.receive(status('ses_2', 'retry'))
      expect(router.isQuiet).toBe(false)
      router.receive(status('ses_1', 'idle'))
      expect(router.isQuiet).toBe(false)
      router.receive(event('ses_2'))
      expect(router.isQuiet).toBe(true)
    })

    it('counts any event about work as work, because the event of its start may have been missed', () => {
      router.opened()
      router.receive(task('ses_1', 'ses_child'))
      expect(router.isQuiet).toBe(false)
      router.receive(event('ses_1'))
      expect(router.isQuiet).toBe(true)
    })

    it('counts an unknown session state as work', () => {
      router.opened()
      router.receive(status('ses_1', 'thinking'))
      expect(router.isQuiet).toBe(false)
    })

    it('after the reader has left, but not after the stream was cut', () => {
      router.opened()
      router.closed()
      expect(router.isQuiet).toBe(true)
      router.lost()
      expect(router.isQuiet).toBe(false)
    })

    it('not after a reconnect, because the events between the connections were missed', () => {
      router.opened()
      router.closed()
      router.opened()
      expect(router.isQuiet).toBe(false)
    })

    it('not if the stream was silent for longer than the interval of the heartbeats', () => {
      router.opened()
      clock.increment(15_000)
      expect(router.isQuiet).toBe(true)
      clock.increment(1)
      expect(router.isQuiet).toBe(false)
      router.receive({ type: 'server.heartbeat', properties: {} })
      expect(router.isQuiet).toBe(true)
    })
  })
})

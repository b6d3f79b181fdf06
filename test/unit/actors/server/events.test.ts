import { createActor, fromCallback, SimulatedClock } from 'xstate'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clockOf } from '../../../../src/actors/clock.ts'
import { readStream, type StreamFact } from '../../../../src/actors/server/events.ts'
import { SessionEventRouter } from '../../../../src/actors/server/session-event-router.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../../src/actors/runtime.ts'
import type { OpenCodeEvent } from '../../../../src/replies.ts'
import { optionsOf } from '../../../support/machine-harness.ts'

/** Server whose event stream the test controls, up to its end or a cut. */
function serverThatStreams() {
  const clock = new SimulatedClock()
  const timing = clockOf(
    createActor(
      fromCallback(() => undefined),
      { clock },
    ).system,
  )
  const said: (OpenCodeEvent | 'end' | Error)[] = []
  let wake = (): void => undefined
  const client = {
    async *events(_signal: AbortSignal, onAnswer: () => void) {
      onAnswer()
      for (;;) {
        const next = said.shift()
        if (next === 'end') return
        if (next instanceof Error) throw next
        if (next) yield [next]
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    triggerEvent: () => Promise.resolve(),
  }
  const options = optionsOf()
  const router = new SessionEventRouter(() => clock.now())
  const runtime = new RuntimeHandle(options)
  runtimeOf(runtime).connection = { client, router, directory: '/work' } as unknown as ServerConnection
  const facts: StreamFact['type'][] = []
  const read = () => readStream({ options, runtime }, timing, ({ type }) => facts.push(type))
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    router,
    facts,
    read,
    /** Resolves when the event was received. */
    says: async (...words: typeof said) => {
      said.push(...words)
      wake()
      await settled()
    },
  }
}

const word: OpenCodeEvent = { id: 'evt_1', type: 'tui.prompt.append', properties: { text: '' } }
const status = (type: string): OpenCodeEvent => ({
  type: 'session.status',
  properties: { sessionID: 'ses_1', status: { type } },
})

describe('The event stream', () => {
  it('shows whether the server is idle or works', async () => {
    const { router, read, says } = serverThatStreams()
    const stop = read()
    expect(router.isQuiet).toBe(false)
    await says(word)
    expect(router.isQuiet).toBe(true)
    await says(status('busy'))
    expect(router.isQuiet).toBe(false)
    await says(status('idle'))
    stop()
    expect(router.isQuiet).toBe(true)
  })

  it.each([
    ['the connection was cut', new Error('terminated')],
    ['the stream ended', 'end' as const],
  ])('does not show that the server is idle after %s, also after a reconnect', async (_, cut) => {
    const { router, facts, read, says } = serverThatStreams()
    read()
    await says(word, cut)
    expect(facts).toEqual(['stream.opened', 'stream.lost'])
    expect(router.isQuiet).toBe(false)
    onTestFinished(read())
    await says({ ...word, id: 'evt_2' })
    expect(facts.at(-1)).toBe('stream.opened')
    expect(router.isQuiet).toBe(false)
  })
})

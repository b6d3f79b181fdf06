import { createActor, fromCallback, SimulatedClock, toPromise } from 'xstate'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clockOf } from '../../src/actors/clock.ts'
import { readStream, type StreamFact } from '../../src/actors/events.ts'
import { EventHub } from '../../src/actors/hub.ts'
import { dispose } from '../../src/actors/reap.ts'
import { runtimeOf, type Link } from '../../src/actors/runtime.ts'
import type { OpenCodeEvent } from '../../src/replies.ts'
import { optionsOf } from '../support/machine-harness.ts'

/** A server whose stream says what the test says, up to its end or a cut; and what it was asked before it is ended. */
function serverThatStreams() {
  const clock = new SimulatedClock()
  const timing = clockOf(
    createActor(
      fromCallback(() => undefined),
      { clock },
    ).system,
  )
  const asked: string[] = []
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
    nudge: () => Promise.resolve(),
    status: () => Promise.resolve({ ses_busy: { type: 'busy' } }),
    abort: (id: string) => Promise.resolve(void asked.push(`abort ${id}`)),
    dispose: () => Promise.resolve(void asked.push('dispose')),
  }
  const options = optionsOf()
  const hub = new EventHub(() => clock.now())
  runtimeOf(options).link = { client, hub, admit: () => Promise.resolve() } as unknown as Link
  const facts: StreamFact['type'][] = []
  const read = () => readStream(options, timing, ({ type }) => facts.push(type))
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return {
    clock,
    options,
    facts,
    read,
    /** Until it was heard. */
    says: async (...words: typeof said) => {
      said.push(...words)
      wake()
      await settled()
    },
    /** What is asked of it before SIGTERM. */
    disposed: async () => {
      await toPromise(createActor(dispose, { input: { options } }).start())
      return asked.splice(0)
    },
  }
}

const word: OpenCodeEvent = { id: 'evt_1', type: 'tui.prompt.append', properties: { text: '' } }
const status = (type: string): OpenCodeEvent => ({
  type: 'session.status',
  properties: { sessionID: 'ses_1', status: { type } },
})
const ended = ['abort ses_busy', 'dispose']

describe('a server that is about to be ended', () => {
  it('is asked nothing where its stream told all, and of no work that goes on', async () => {
    const { read, says, disposed } = serverThatStreams()
    const stop = read()
    await says(word, status('busy'), status('idle'))
    expect(await disposed()).toEqual([])
    stop()
    expect(await disposed()).toEqual([])
  })

  it('has its work ended where its stream tells of any, whoever asked for it', async () => {
    const { read, says, disposed } = serverThatStreams()
    onTestFinished(read())
    await says(word, status('busy'))
    expect(await disposed()).toEqual(ended)
  })

  it('is asked where a turn is there, whatever the stream says', async () => {
    const { options, read, says, disposed } = serverThatStreams()
    onTestFinished(read())
    await says(word)
    runtimeOf(options).turns.set('t1', {} as never)
    expect(await disposed()).toEqual(ended)
  })

  it('is asked where its stream was never open', async () => {
    const { read, disposed } = serverThatStreams()
    expect(await disposed()).toEqual(ended)
    onTestFinished(read())
    expect(await disposed()).toEqual(ended)
  })

  it.each([
    ['was cut', new Error('terminated')],
    ['ended', 'end' as const],
  ])('is asked where its stream %s, also once it is up again', async (_, cut) => {
    const { facts, read, says, disposed } = serverThatStreams()
    read()
    await says(word, cut)
    expect(facts).toEqual(['stream.opened', 'stream.lost'])
    expect(await disposed()).toEqual(ended)
    onTestFinished(read())
    await says({ ...word, id: 'evt_2' })
    expect(facts.at(-1)).toBe('stream.opened')
    expect(await disposed()).toEqual(ended)
  })

  it('is asked where its stream has been silent for long', async () => {
    const { clock, read, says, disposed } = serverThatStreams()
    onTestFinished(read())
    await says(word)
    clock.increment(20_000)
    expect(await disposed()).toEqual(ended)
  })
})

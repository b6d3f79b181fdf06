import { describe, expect, it, onTestFinished } from 'vitest'
import { connect } from '../../../../src/api/connect.ts'
import type { OpenCodeEvent, Reply, TerminalReply } from '../../../../src/replies.ts'
import { PlaybackServer } from '../../../support/playback-server.ts'
import { recordingOf } from '../../../support/recordings.ts'

const ofStatus = (type: string) => (event: OpenCodeEvent) =>
  (event.properties['status'] as { type?: string } | undefined)?.type === type
const ofType = (type: string) => (event: OpenCodeEvent) => event.type === type

/** Starts a turn on a server that plays a recording up to the prompt. */
async function playing(name: string) {
  const recording = recordingOf(name)
  const server = await PlaybackServer.start(recording)
  const connection = connect({ baseURL: server.baseURL, modelId: 'gpt-4o' })
  onTestFinished(() => connection.close())
  const turn = connection.turn({ text: 'x', traceId: 't1', deadlineMs: 10_000 })
  const replies: Reply[] = []
  turn.replies$.subscribe((reply) => replies.push(reply))
  const text = () => replies.flatMap((reply) => (reply.kind === 'delta' ? [reply.content] : [])).join('')
  const reached = (wanted: string) => expect.poll(text, { interval: 5, timeout: 15_000 }).toBe(wanted)
  await server.prompted
  return { server, turn, text, reached, expected: recording.expected.replies.at(-1) as TerminalReply }
}

describe('A turn whose event stream is cut', () => {
  it('continues if the server had accepted the prompt and was not busy yet', async () => {
    const { server, turn, expected } = await playing('streams/hello')
    server.playTo(server.indexOf(ofStatus('busy')))
    server.cut()
    server.beforeNext('/session/status', () => false)
    server.beforeNext('/session/status', () => server.playTo())
    expect(await turn.done).toEqual(expected)
  })

  it('ends as cancelled if the snapshot falls between idle and the last update of the message', async () => {
    const { server, turn, text, expected } = await playing('recorded/cancel-text')
    server.playTo(server.indexOf(ofType('message.part.delta')))
    server.cut()
    server.playTo(server.indexOf(ofType('session.idle')) + 1)
    server.beforeNext('/session/status', () => false)
    server.beforeNext('/session/status', () => server.playTo())
    expect(await turn.done).toEqual(expected)
    expect(text()).toBe('w0 w1 w2 ')
  })

  it('requests another snapshot if the stream is cut again during the snapshot', async () => {
    const { server, turn, text, reached, expected } = await playing('recorded/multi-text')
    const second = server.indexOf(({ properties }) => properties['delta'] === '2.')
    server.playTo(server.indexOf(({ properties }) => properties['delta'] === '1.'))
    await reached('Step ')
    server.cut()
    server.beforeNext('/session/{id}/message', (response) => {
      server.answerLate(response, '/session/{id}/message')
      server.playTo(second - 1)
      server.cut()
      server.playTo(second)
      server.beforeNext('/session/{id}/message', () => server.playTo())
      return true
    })
    expect(await turn.done).toEqual(expected)
    expect(text()).toBe('Step 1.Step 2.All done.')
  })

  it('does not join texts across missed events while the server cannot answer', async () => {
    const { server, turn, text, reached, expected } = await playing('recorded/cut-midstream')
    const third = server.indexOf(({ properties }) => properties['delta'] === 'three')
    server.playTo(third - 1)
    await reached('One two One ')
    server.cut()
    server.playTo(third)
    server.beforeNext('/session/{id}/message', (response) => {
      response.writeHead(500).end()
      server.playTo()
      return true
    })
    expect(await turn.done).toEqual(expected)
    expect(text()).toBe('One two One two three')
  })
})

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { filter, firstValueFrom } from 'rxjs'
import { connect, type OpenCodeEvent, type TurnInput } from '../../src/index.ts'
import { ask, busySessions, messagesOf, untilAnswered, untilIdle } from '../support/server-api.ts'
import { startStreamProxy, type StreamFaults } from '../support/stream-proxy.ts'
import { eventsRecord, messagesRecord, outputsOf, recordOf, shortened } from './record.ts'
import { inDirectory, makeSession, say } from './requests.ts'
import type { Case, Stage } from './suite.ts'
import { output } from './turn-cases.ts'

/** Records a turn whose event stream is cut once, after a number of its frames. */
function cutAfter(stage: Stage, frames: number, text: string, input: Partial<TurnInput> = {}) {
  let left = frames
  return through(stage, () => (left-- === 0 ? 'cutAfter' : 'pass'), text, input)
}

/** Records the events of a turn, and of the second after its end. */
async function eventsOf(stage: Stage, text: string, input: Partial<TurnInput> = {}) {
  const events: OpenCodeEvent[] = []
  const onFrame = (event: OpenCodeEvent) => {
    events.push(event)
    return 'pass' as const
  }
  await through(stage, onFrame, text, { ...input, onPermission: 'once', onQuestion: 'reject' }, 1_000)
  return eventsRecord(events)
}

/** Records a turn whose event stream goes through a proxy. */
async function through(
  { server }: Stage,
  onFrame: StreamFaults['onFrame'],
  text: string,
  input: Partial<TurnInput> = {},
  afterMs = 0,
) {
  const proxy = await startStreamProxy(server.baseURL ?? '', { onFrame })
  const endpoint = { baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' }
  const connection = connect(endpoint)
  try {
    const record = await recordOf(connection.turn({ text, ...input }))
    await sleep(afterMs)
    return record
  } finally {
    await connection.close()
    await proxy.close()
  }
}

/** Cases of the server and its API. */
export const serverCases: Record<string, Case> = {
  'a stream that is cut in mid-turn': (stage) => cutAfter(stage, 7, 'be slow'),
  'a stream that is cut at the start of a turn': (stage) => cutAfter(stage, 0, 'be slow'),
  'a stream that is cut in a structured answer': (stage) => cutAfter(stage, 7, 'give n', { output }),
  'the events of a structured answer': (stage) => eventsOf(stage, 'only give n', { output }),
  'the events of an answer in words instead': (stage) =>
    eventsOf(stage, 'say n in words', { output, maxRetries: 0 }),
  'the messages of a session with a structured answer': async ({ server }) => {
    const session = server.session()
    await session.turn({ text: 'give n', output }).done
    const path = `/session/${await session.id}/message`
    return {
      all: await say(server, 'GET', path),
      newest: messagesRecord(await ask(server, `${path}?limit=1`)),
      newestTwo: messagesRecord(await ask(server, `${path}?limit=2`)),
      three: await say(server, 'GET', `${path}?limit=3`),
    }
  },
  'the events of a plain turn': (stage) => eventsOf(stage, 'think first'),
  'the events of a command': (stage) => eventsOf(stage, 'run badly'),
  'the events of a permission': (stage) => eventsOf(stage, 'read beyond'),
  'the events of a question that is dismissed': (stage) => eventsOf(stage, 'ask much'),
  'the events of a refusal by the provider': (stage) => eventsOf(stage, 'fail with 401'),
  'the events of a retry': (stage) => eventsOf(stage, 'fail once'),
  'the events of an unknown model': (stage) => eventsOf(stage, 'say hello', { model: 'nope' }),
  'the events of an unknown agent': (stage) => eventsOf(stage, 'say hello', { agent: 'nope' }),
  'what a busy session shows, and an idle one': async ({ server }) => {
    const turn = server.turn('be slow')
    await firstValueFrom(turn.replies$)
    const sessionId = (await turn.sessionId) ?? ''
    const busy = (await busySessions(server)).map((id) => id === sessionId)
    const during = messagesRecord(await messagesOf(server, sessionId))
    await turn.done
    await untilIdle(server, sessionId)
    return {
      busy,
      during,
      idle: (await busySessions(server)).length,
      after: messagesRecord(await messagesOf(server, sessionId)),
    }
  },
  'a permission that waits': async ({ server }) => {
    let waiting: unknown
    const onPermission = async () => {
      waiting = await ask(server, inDirectory(server, '/permission'))
      return 'once' as const
    }
    const turn = server.turn({ text: 'read outside', onPermission })
    const { kind } = await turn.done
    return { waiting, kind }
  },
  'requests that are refused': async (stage) => {
    const turn = stage.server.turn('say hello')
    await turn.done
    const session = `/session/${(await turn.sessionId) ?? ''}`
    const text = { type: 'text', text: 'x' }
    return {
      unknownPath: await say(stage.server, 'GET', '/nothing/here'),
      unknownSession: await say(stage.server, 'GET', '/session/ses_000000000000000000000000zz'),
      withoutPassword: await say(stage.server, 'GET', '/global/health', undefined, false),
      noParts: await say(stage.server, 'POST', `${session}/prompt_async`, {}),
      badPart: await say(stage.server, 'POST', `${session}/prompt_async`, { parts: [{ type: 'file' }] }),
      badId: await say(stage.server, 'POST', `${session}/prompt_async`, { messageID: 'x', parts: [text] }),
      unknownPermission: await say(stage.server, 'POST', '/permission/per_000000000000000000000000zz/reply', {
        reply: 'once',
      }),
      unknownQuestion: await say(stage.server, 'POST', '/question/que_000000000000000000000000zz/reject', {}),
      badReply: await say(stage.server, 'POST', '/permission/per_000000000000000000000000zz/reply', {}),
      abortOfNothing: await say(stage.server, 'POST', '/session/ses_000000000000000000000000zz/abort', {}),
      abortOfIdle: await say(stage.server, 'POST', `${session}/abort`, {}),
      deleted: await say(stage.server, 'DELETE', session),
      deletedTwice: await say(stage.server, 'DELETE', session),
    }
  },
  'directories whose names decode to others': async ({ server }) => {
    const named = join(server.actor.getSnapshot().context.options.values.home, 'jobs', 'a%2Fb')
    for (const place of [named, decodeURIComponent(named)]) mkdirSync(place, { recursive: true })
    const once = encodeURIComponent(named)
    const made = await makeSession(server, '/session', once)
    await say(server, 'POST', `/session/${made.id}/prompt_async`, {
      parts: [{ type: 'text', text: 'say where' }],
    })
    await untilAnswered(server, made.id)
    return {
      byHeader: made.directory,
      byQuery: (await makeSession(server, `/session?directory=${once}`)).directory,
      byQueryEncodedTwice: (await makeSession(server, `/session?directory=${encodeURIComponent(once)}`))
        .directory,
      byBoth: (await makeSession(server, `/session?directory=${encodeURIComponent(once)}`, '%2F')).directory,
      withSlashAndDots: (await makeSession(server, '/session', `${once}/../a%252Fb/`)).directory,
      whereAPlainPromptOfTheFirstRuns: outputsOf(await messagesOf(server, made.id)),
      whereATurnRuns: await recordOf(server.turn({ text: 'say where', directory: named })),
    }
  },
  'a server that is killed in mid-turn, and its session on the next one': async ({ server, states }) => {
    const session = server.session()
    await session.turn('say hello').done
    const from = states.length
    const turn = session.turn('trickle')
    const record = recordOf(turn)
    await firstValueFrom(
      turn.replies$.pipe(filter((reply) => reply.kind === 'delta' && reply.content.includes('2'))),
    )
    process.kill(server.pid ?? 0, 'SIGKILL')
    const ended = shortened(await record)
    const next = await recordOf(session.turn('say hello'))
    return {
      ended,
      next,
      lifecycle: states.slice(from),
      messages: messagesRecord(await messagesOf(server, await session.id)),
    }
  },
  'a stop in mid-turn': async ({ server, states }) => {
    const from = states.length
    const turn = server.turn({ text: 'sleep long' })
    const record = recordOf(turn)
    await firstValueFrom(turn.replies$)
    await server.stop()
    return { ended: shortened(await record), lifecycle: states.slice(from), running: server.isRunning() }
  },
  'a turn that starts the server': async ({ server, states }) => {
    const from = states.length
    return { record: await recordOf(server.turn('say hello')), lifecycle: states.slice(from) }
  },
}

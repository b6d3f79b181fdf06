import { filter, firstValueFrom } from 'rxjs'
import { connect } from '../../src/index.ts'
import { ask, busySessions, messagesOf, untilIdle } from '../support/server-api.ts'
import { startStreamProxy } from '../support/stream-proxy.ts'
import { messagesRecord, normal, recordOf, shortened } from './record.ts'
import type { Case, Stage } from './suite.ts'

/** A plain request, as somebody else would make it; answers the status and the body's shape. */
async function say({ server }: Stage, method: string, path: string, body?: unknown, isLetIn = true) {
  const key = Buffer.from(`opencode:${server.password ?? ''}`).toString('base64')
  const response = await fetch(new URL(path, server.baseURL), {
    method,
    headers: {
      ...(isLetIn && { authorization: `Basic ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isPage = /^<!doctype html/i.test(text)
  return { status: response.status, body: isPage ? '<page>' : text.startsWith('{') ? refusalOf(text) : text }
}

/** Of a body only its name: the words are not for programs. */
const refusalOf = (text: string): unknown => (JSON.parse(text) as { name?: string }).name ?? '<object>'

/** The turn of a connection whose event stream is cut once, after so many of its frames. */
async function cutAfter({ server }: Stage, frames: number, text: string) {
  let left = frames
  const onFrame = () => (left-- === 0 ? 'cutAfter' : 'pass')
  const proxy = await startStreamProxy(server.baseURL ?? '', { onFrame })
  const endpoint = { baseURL: proxy.baseURL, password: server.password ?? '', modelId: 'gpt-4o' }
  const connection = connect(endpoint)
  try {
    return await recordOf(connection.turn(text))
  } finally {
    await connection.close()
    await proxy.close()
  }
}

/** The server and its API, beside turns. */
export const serverCases: Record<string, Case> = {
  'a stream that is cut in mid-turn': (stage) => cutAfter(stage, 7, 'be slow'),
  'a stream that is cut at the start of a turn': (stage) => cutAfter(stage, 0, 'be slow'),
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
    const { directory } = server.actor.getSnapshot().context.options.values
    let waiting: unknown
    const onPermission = async () => {
      waiting = await ask(server, `/permission?directory=${encodeURIComponent(directory)}`)
      return 'once' as const
    }
    const turn = server.turn({ text: 'read outside', onPermission })
    const { kind } = await turn.done
    return normal({ waiting, kind })
  },
  'requests that are refused': async (stage) => {
    const turn = stage.server.turn('say hello')
    await turn.done
    const session = `/session/${(await turn.sessionId) ?? ''}`
    const text = { type: 'text', text: 'x' }
    return {
      unknownPath: await say(stage, 'GET', '/nothing/here'),
      unknownSession: await say(stage, 'GET', '/session/ses_000000000000000000000000zz'),
      withoutPassword: await say(stage, 'GET', '/global/health', undefined, false),
      noParts: await say(stage, 'POST', `${session}/prompt_async`, {}),
      badPart: await say(stage, 'POST', `${session}/prompt_async`, { parts: [{ type: 'file' }] }),
      badId: await say(stage, 'POST', `${session}/prompt_async`, { messageID: 'x', parts: [text] }),
      unknownPermission: await say(stage, 'POST', '/permission/per_000000000000000000000000zz/reply', {
        reply: 'once',
      }),
      badReply: await say(stage, 'POST', '/permission/per_000000000000000000000000zz/reply', {}),
      abortOfNothing: await say(stage, 'POST', '/session/ses_000000000000000000000000zz/abort', {}),
      abortOfIdle: await say(stage, 'POST', `${session}/abort`, {}),
      deleted: await say(stage, 'DELETE', session),
      deletedTwice: await say(stage, 'DELETE', session),
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

import { describe, expect, it } from 'vitest'
import { readMessages } from '../../../../src/io/opencode/message-pages.ts'
import { HttpError } from '../../../../src/io/opencode/transport.ts'

interface Message {
  id: string
  role: 'user' | 'assistant'
  format?: boolean
}

/** Returns the route of a session with these messages, oldest first, as opencode has it. */
function routeOf(messages: readonly Message[]) {
  const queries: Record<string, string>[] = []
  const read = (query: Record<string, string>) => {
    queries.push(query)
    const { limit, before } = query
    const end = messages.findIndex(({ id }) => id === before)
    const older = end < 0 ? messages : messages.slice(0, end)
    const page = limit === undefined ? messages : older.slice(-Number(limit))
    const hasOlder = limit !== undefined && older.length > page.length
    if (!hasOlder && page.some(({ format }) => format))
      return Promise.reject(new HttpError(400, 'BadRequest'))
    const body = page.map((info) => ({ info, parts: [] }))
    return Promise.resolve({ body, headers: hasOlder ? { 'x-next-cursor': page[0]?.id } : {} })
  }
  return { read, queries }
}

const idsOf = (messages: unknown) => (messages as { info: { id: string } }[]).map(({ info }) => info.id)
const read = async (messages: readonly Message[], since: string) => {
  const route = routeOf(messages)
  const result = await readMessages(route.read, { sessionId: 'ses_1', since })
  return { ids: idsOf(result), result, queries: route.queries }
}

const roles = ['user', 'assistant', 'user', 'assistant'] as const
const plain: Message[] = roles.map((role, i) => ({ id: `msg_${i + 1}`, role }))
const formatAt = (i: number) =>
  plain.map((message, at) => (at === i ? { ...message, format: true } : message))

describe('readMessages', () => {
  it('reads the whole list at once if the server can list it', async () => {
    const { ids, queries } = await read(plain, 'msg_3')
    expect(ids).toEqual(['msg_1', 'msg_2', 'msg_3', 'msg_4'])
    expect(queries).toEqual([{}])
  })

  it('reads back to the first message that is needed, one by one, if a prompt with a format is stored', async () => {
    const { ids, queries } = await read(formatAt(2), 'msg_3')
    expect(ids).toEqual(['msg_3', 'msg_4'])
    expect(queries).toEqual([{}, { limit: '1' }, { limit: '1', before: 'msg_4' }])
  })

  it('names the oldest message of the session, which cannot be read, as the prompt', async () => {
    const { ids, result } = await read(formatAt(0), 'msg_1')
    expect(ids).toEqual(['msg_1', 'msg_2', 'msg_3', 'msg_4'])
    expect(result).toMatchObject([{ info: { role: 'user', sessionID: 'ses_1' }, parts: [] }, {}, {}, {}])
    expect((await read([{ id: 'msg_1', role: 'user', format: true }], 'msg_1')).ids).toEqual(['msg_1'])
  })

  it('does not read back to an old prompt with a format that nobody needs', async () => {
    const { ids, queries } = await read(formatAt(0), 'msg_3')
    expect(ids).toEqual(['msg_3', 'msg_4'])
    expect(queries).toHaveLength(3)
  })

  it('reads the answers of a server whose clock is behind, so that their ids are older than the prompt', async () => {
    const messages = plain.map((message) => ({
      ...message,
      id: message.role === 'user' ? 'msg_9' : message.id,
    }))
    const [first, ...rest] = messages.slice(2)
    const { ids } = await read(
      [{ id: 'msg_0', role: 'user' }, { ...first, format: true } as Message, ...rest],
      'msg_9',
    )
    expect(ids).toEqual(['msg_9', 'msg_4'])
  })

  it('rejects with any other error of the server, also of a page', async () => {
    const missing = new HttpError(404, 'Session not found')
    await expect(readMessages(() => Promise.reject(missing), { sessionId: 'ses_1', since: '' })).rejects.toBe(
      missing,
    )
    const first = (query: Record<string, string>) =>
      Promise.reject('limit' in query ? missing : new HttpError(400, 'BadRequest'))
    await expect(readMessages(first, { sessionId: 'ses_1', since: '' })).rejects.toBe(missing)
  })
})

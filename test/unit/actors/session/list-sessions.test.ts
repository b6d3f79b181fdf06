import { describe, expect, it } from 'vitest'
import { listSessions, type SessionPage } from '../../../../src/actors/session/list-sessions.ts'
import type { OperationTarget } from '../../../../src/actors/session/operation.ts'
import { warmUpTitle } from '../../../../src/actors/server/warm-up.ts'
import type { SessionFilter } from '../../../../src/io/opencode/session-client.ts'

interface Stored {
  id: string
  updatedAt: number
  title?: string
}

/** Returns the ids of a page of the stored sessions, which are given in the server's order. */
async function idsOf(stored: readonly Stored[], page: Partial<SessionPage> = {}): Promise<string[]> {
  const list = ({ limit, updatedBefore = Infinity }: SessionFilter) =>
    Promise.resolve(
      stored
        .filter(({ updatedAt }) => updatedAt < updatedBefore)
        .slice(0, limit)
        .map((each) => ({ title: '', ...each })),
    )
  const read = ({ sessionId }: { sessionId: string }) =>
    Promise.resolve(stored.find(({ id }) => id === sessionId))
  const connection = { client: { sessions: { list, read } }, policy: { base: '/srv' }, directory: '/srv' }
  const target = { connection, signal: new AbortController().signal } as unknown as OperationTarget
  const found = await listSessions({ limit: 2, search: undefined, before: undefined, ...page }).run(target)
  return found.map(({ id }) => id)
}

const at = (updatedAt: number, ...ids: string[]): Stored[] => ids.map((id) => ({ id, updatedAt }))

describe('listSessions', () => {
  it.each([1, 2, 3, 7])(
    'lists each session once in pages of %i, also if many changed at once',
    async (limit) => {
      const stored = [...at(9, 'a'), ...at(8, 'b', 'c', 'd', 'e', 'f', 'g'), ...at(7, 'h', 'i')]
      const listed: string[] = []
      for (let before: string | undefined; ; before = listed.at(-1)) {
        const page = await idsOf(stored, { limit, before })
        listed.push(...page)
        if (page.length < limit) break
      }
      expect(listed).toEqual(stored.map(({ id }) => id))
    },
  )

  it('leaves out the sessions of warm-ups, however many there are', async () => {
    const stored = [
      ...at(9, 'w1', 'w2', 'w3', 'w4').map((each) => ({ ...each, title: warmUpTitle })),
      ...at(8, 'a', 'b', 'c'),
    ]
    expect(await idsOf(stored)).toEqual(['a', 'b'])
  })

  it('takes a search as a text, in upper or lower case', async () => {
    const titles = ['aXb', 'aYb', 'aZb', 'a_b', 'aQb', 'A_B']
    const stored = titles.map((title, i) => ({ id: title, title, updatedAt: 9 - i }))
    expect(await idsOf(stored, { search: 'a_b' })).toEqual(['a_b', 'A_B'])
  })
})

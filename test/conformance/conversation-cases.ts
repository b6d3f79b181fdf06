import { filter, firstValueFrom, skip } from 'rxjs'
import { OpenCodeRuntimeError, type HistoryTurn, type Session, type Turn } from '../../src/index.ts'
import { messagesOf } from '../support/server-api.ts'
import { inDirectory, say } from './requests.ts'
import { messagesRecord, recordOf, shortened } from './record.ts'
import type { Case, Stage } from './suite.ts'

/** Returns a history without ids and times. */
const historyRecord = (turns: readonly HistoryTurn[]) =>
  turns.map(({ text, attachments, replies, usage }) => ({ text, attachments, replies, usage }))

const textsOf = async (session: Session) => (await session.history()).map(({ text }) => text)

/** Runs turns of a new session, one after another. */
async function talk({ server }: Stage, title: string, ...texts: string[]): Promise<Session> {
  const session = server.session({ title })
  for (const text of texts) await session.turn(text).done
  return session
}

const thirdDelta = (turn: Turn) =>
  firstValueFrom(
    turn.replies$.pipe(
      filter(({ kind }) => kind === 'delta'),
      skip(2),
    ),
  )

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) =>
      error instanceof OpenCodeRuntimeError ? [error.name, error.code, error.message] : error,
  )

/** Cases of conversations: history, fork, undo, compaction, list. */
export const conversationCases: Record<string, Case> = {
  'the history of a session': async (stage) => {
    const session = await talk(
      stage,
      'history',
      'think first',
      'run in steps',
      'read outside',
      'fail with 401',
    )
    const cancelled = session.turn('trickle')
    await thirdDelta(cancelled)
    cancelled.cancel()
    // Requested in mid-turn: the history waits for the turn.
    return shortened(historyRecord(await session.history()))
  },
  'the history of a provider that says 429 once': async (stage) => {
    const session = await talk(stage, 'retried', 'fail once')
    return historyRecord(await session.history())
  },
  'a fork before a turn, and a whole one': async (stage) => {
    const session = await talk(stage, 'forked', 'say hello', 'run well')
    const [, second] = await session.history()
    const before = await session.fork({ before: second?.messageId ?? '' })
    const whole = await session.fork()
    await before.turn('think first').done
    return {
      before: await textsOf(before),
      whole: historyRecord(await whole.history()),
      left: await textsOf(session),
    }
  },
  'undo, twice, and redo': async (stage) => {
    const session = await talk(stage, 'undone', 'say hello', 'run well', 'think first')
    const steps: unknown[] = []
    for (const step of ['undo', 'undo', 'redo', 'redo', 'redo', 'undo'] as const)
      steps.push([step, await session[step](), await textsOf(session)])
    await session.turn('say where').done
    steps.push(await textsOf(session))
    await session.redo()
    return [...steps, await textsOf(session)]
  },
  'a note, and the turn after it': async (stage) => {
    const session = await talk(stage, 'noted', 'say hello')
    const working = session.turn('be slow')
    // Requested in mid-turn: the note waits for the turn.
    await session.note('The user has left.')
    const isAfterTurn = (await working.done).kind
    const messages = messagesRecord(await messagesOf(stage.server, await session.id))
    const fork = await session.fork()
    const next = await recordOf(session.turn('think first'))
    const history = historyRecord(await session.history())
    await session.undo()
    const undone = [await session.undo(), await textsOf(session)]
    return {
      isAfterTurn,
      messages,
      next,
      history,
      undone,
      forked: historyRecord(await fork.history()).at(-1),
    }
  },
  'a note of an agent that does not exist': async ({ server }) =>
    errorOf(server.session({ agent: 'nobody' }).note('x')),
  'a compaction on request': async (stage) => {
    const session = await talk(stage, 'compacted', 'say hello')
    await session.compact()
    const messages = messagesRecord(await messagesOf(stage.server, await session.id))
    const next = await recordOf(session.turn('think first'))
    return { messages, next, history: historyRecord(await session.history()) }
  },
  'a list of sessions': async (stage) => {
    const sessions = ['a listed one', 'a listed two', 'a listed three'].map((title) =>
      stage.server.session({ title }),
    )
    for (const session of sessions) await session.id
    await sessions[0]?.rename('a listed four')
    const search = 'a listed'
    const all = await stage.server.sessions({ search })
    const page = await stage.server.sessions({ search, limit: 1 })
    const rest = await stage.server.sessions({ search, limit: 5, before: page[0]?.id ?? '' })
    const [titles, ...pages] = [all, page, rest].map((list) => list.map(({ title }) => title))
    return { titles, pages, keys: Object.keys(all[0] ?? {}).sort(), cost: all[0]?.costUsd }
  },
  'a conversation without a turn': async ({ server }) => {
    const session = server.session()
    const before = [await session.history(), await session.undo(), await session.changes()]
    await session.id
    return [before, await session.history(), await session.undo(), await session.changes()]
  },
  'a session that does not exist, for each operation': async ({ server }) => {
    const session = server.session({ sessionId: 'ses_000000000000000000000000zz' })
    return {
      history: await errorOf(session.history()),
      fork: await errorOf(session.fork()),
      undo: await errorOf(session.undo()),
      redo: await errorOf(session.redo()),
      compact: await errorOf(session.compact()),
      rename: await errorOf(session.rename('x')),
      note: await errorOf(session.note('x')),
      changes: await errorOf(session.changes()),
      delete: await errorOf(session.delete()),
      before: await errorOf(server.sessions({ before: 'ses_000000000000000000000000zz' })),
    }
  },
  'routes of a session that are refused': async (stage) => {
    const session = await talk(stage, 'refused', 'say hello')
    const path = `/session/${await session.id}`
    const slow = stage.server.turn({ text: 'be slow', sessionId: await session.id })
    await firstValueFrom(slow.replies$)
    const busy = await say(stage.server, 'POST', `${path}/revert`, { messageID: 'msg_1' })
    await slow.done
    return {
      busy: busy.status,
      unknownMessage: await say(stage.server, 'GET', inDirectory(stage.server, `${path}/diff`)),
      noModel: (await say(stage.server, 'POST', `${path}/summarize`, {})).status,
      noMessage: (await say(stage.server, 'POST', `${path}/revert`, {})).status,
      forkBefore: await errorOf(session.fork({ before: 'msg_unknown' })),
    }
  },
}

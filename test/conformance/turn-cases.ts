import { filter, firstValueFrom, skip, toArray } from 'rxjs'
import type { Reply, RequestAnswer, Turn, TurnInput } from '../../src/index.ts'
import { messagesOf, untilAnswered } from '../support/server-api.ts'
import { inDirectory, say } from './requests.ts'
import { messagesRecord, recordOf, shortened } from './record.ts'
import type { Case, Stage } from './suite.ts'

/** Returns a case with one turn in a new session. */
const one =
  (input: string | TurnInput): Case =>
  (stage) =>
    recordOf(stage.server.turn(input))

const kindOf = (turn: Turn, kind: Reply['kind'], nth = 0) =>
  firstValueFrom(
    turn.replies$.pipe(
      filter((reply) => reply.kind === kind),
      skip(nth),
    ),
  )

/** Records a cancelled turn, its session afterwards, and the next turn. */
async function cancelled({ server }: Stage, text: string, until: (turn: Turn) => Promise<unknown>) {
  const session = server.session()
  const turn = session.turn(text)
  const record = recordOf(turn)
  await until(turn)
  turn.cancel()
  const ended = shortened(await record)
  await untilAnswered(server, await turn.sessionId)
  const messages = shortened(messagesRecord(await messagesOf(server, (await turn.sessionId) ?? '')))
  return { ended, messages, next: await recordOf(session.turn('say hello')) }
}

/** Schema of the structured answers. */
export const output = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }

/** Records a turn that asks for two permissions at once, of which only the first is answered, and the lists of open requests. */
const pairOf =
  (answer: RequestAnswer): Case =>
  async ({ server }) => {
    const turn = server.turn({ text: 'read a pair', onPermission: 'ask' })
    const record = recordOf(turn)
    const lists: number[] = []
    turn.openRequests$.subscribe((open) => lists.push(open.length))
    const [first] = await firstValueFrom(turn.openRequests$.pipe(filter((open) => open.length === 2)))
    await turn.answer(first?.request.id ?? '', answer)
    return { record: await record, lists }
  }

/** Cases of turns. */
export const turnCases: Record<string, Case> = {
  'a plain turn': one({ text: 'say hello', traceId: 't1' }),
  'reasoning, then text': one('think first'),
  'an answer at its limit': one('go on too long'),
  'a command that succeeds': one('run well'),
  'a command that fails': one('run badly'),
  'a command without output': one('run silently'),
  'a turn of three steps': one('run in steps'),
  'a todo list': async ({ server }) => {
    const turn = server.turn('plan the work')
    const lists = firstValueFrom(turn.todos$.pipe(toArray()))
    const record = await recordOf(turn)
    const path = inDirectory(server, `/session/${(await turn.sessionId) ?? ''}/todo`)
    const late = await firstValueFrom(turn.todos$.pipe(toArray()))
    return { record, lists: await lists, late, stored: (await say(server, 'GET', path)).body }
  },
  'an unknown tool': one('use what is not'),
  'a file that does not exist': one('read nothing'),
  'a permission, rejected with a message': one('read outside'),
  'a permission, rejected by default': one({ text: 'read outside', onPermission: 'reject' }),
  'a permission, given once': one({ text: 'read outside', onPermission: 'once' }),
  'a permission, rejected by another client without a message': async ({ server }) => {
    const turn = server.turn({ text: 'read outside', onPermission: () => new Promise(() => undefined) })
    const record = recordOf(turn)
    const { id } = await firstValueFrom(turn.requests$)
    await say(server, 'POST', inDirectory(server, `/permission/${id}/reply`), { reply: 'reject' })
    return record
  },
  'two permissions at once, one rejected with a message': pairOf({ reject: 'Not here.' }),
  'two permissions at once, one given for always': pairOf('always'),
  'a question, answered with own texts': async ({ server }) => {
    const turn = server.turn({ text: 'ask much', onQuestion: 'ask' })
    const record = recordOf(turn)
    const [asked] = await firstValueFrom(turn.openRequests$.pipe(filter((open) => open.length === 1)))
    await turn.answer(asked?.request.id ?? '', [['my own'], []])
    return record
  },
  'a question, answered': one({ text: 'ask much', onQuestion: () => [['B'], ['A', 'B']] }),
  'a question, dismissed': one({ text: 'ask much', onQuestion: 'reject' }),
  'a provider that says 400': one('fail with 400'),
  'a provider that says 401': one('fail with 401'),
  'a provider that says 429 once': one('fail once'),
  'a provider that says 503 until the retries are spent': one({ text: 'fail for ever', maxRetries: 1 }),
  'a session that does not exist': one({ text: 'say hello', sessionId: 'ses_000000000000000000000000zz' }),
  'a model that does not exist': one({ text: 'say hello', model: 'nope' }),
  'an agent that does not exist': one({ text: 'say hello', agent: 'nope' }),
  'a cancel in mid-text': (stage) => cancelled(stage, 'trickle', (turn) => kindOf(turn, 'delta', 2)),
  'a cancel in a tool': (stage) => cancelled(stage, 'sleep long', (turn) => kindOf(turn, 'tool_call')),
  'turns of one session': async ({ server }) => {
    const session = server.session()
    const turns = ['say hello', 'run well', 'think first'].map((text) => session.turn(text))
    const records = await Promise.all(turns.map(recordOf))
    return { records, messages: messagesRecord(await messagesOf(server, await session.id)) }
  },
  'a structured answer, after a tool': one({ text: 'give n', output }),
  'a structured answer that does not fit, and then one that fits': one({ text: 'give a wrong n', output }),
  'an answer in words instead of a structured answer': one({ text: 'say n in words', output, maxRetries: 1 }),
  'a structured answer, between others of its session': async ({ server }) => {
    const session = server.session()
    const inputs = ['say hello', { text: 'give a wrong n', output }, 'say hello']
    return Promise.all(inputs.map((input) => recordOf(session.turn(input))))
  },
  'a permission, given for always': async ({ server }) => {
    const session = server.session()
    const turns = [1, 2].map(() => session.turn({ text: 'read outside', onPermission: 'always' }))
    return Promise.all(turns.map(recordOf))
  },
  'turns side by side': ({ server }) =>
    Promise.all(['number 1', 'number 2', 'number 3'].map((text) => recordOf(server.turn(text)))),
}

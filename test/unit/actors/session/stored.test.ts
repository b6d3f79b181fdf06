import { describe, expect, it } from 'vitest'
import { historyOf } from '../../../../src/actors/session/history.ts'
import { noUsage, type Reply } from '../../../../src/replies.ts'

const sessionID = 'ses_1'
let ids = 0

const message = (info: object, parts: object[]) => {
  const id = `msg_${String(ids++).padStart(4, '0')}`
  const own = { id, sessionID, time: { created: ids }, ...info }
  return {
    info: own,
    parts: parts.map((part, i) => ({ id: `prt_${own.id}_${i}`, messageID: own.id, sessionID, ...part })),
  }
}
const prompt = (...parts: object[]) => message({ role: 'user' }, parts)
const text = (content: string, of: object = {}) => ({
  type: 'text',
  text: content,
  time: { start: 1, end: 2 },
  ...of,
})
const answer = (to: { info: { id: string } }, parts: object[], of: object = {}) =>
  message(
    {
      role: 'assistant',
      parentID: to.info.id,
      finish: 'stop',
      time: { created: ids, completed: ids },
      ...of,
    },
    parts,
  )
const call = (callID: string, start: number, end?: number, of: object = {}) => ({
  type: 'tool',
  tool: 'bash',
  callID,
  state: {
    status: end === undefined ? 'running' : 'completed',
    input: { command: callID },
    output: `${callID} ran`,
    time: { start, ...(end !== undefined && { end }) },
    ...of,
  },
})
const spent = (input: number) => ({
  tokens: { input, output: 0, reasoning: 0, cache: { read: 0, write: 0 } },
  cost: 0,
})

const history = (messages: unknown[], childMessages: unknown[] = []) =>
  historyOf({ sessionId: sessionID, messages, childMessages })

/** Returns replies in a short form: `call a`, `result a`, `text x`, `end`. */
const short = (replies: readonly Reply[]) =>
  replies.map((reply) => {
    if (reply.kind === 'tool_call') return `call ${reply.call_id}`
    if (reply.kind === 'tool_result') return `result ${reply.call_id}`
    if (reply.kind === 'error') return `error ${reply.code}`
    return reply.kind === 'final' ? `final ${reply.finish_reason ?? ''}` : `${reply.kind} ${reply.content}`
  })

describe('the order of stored replies', () => {
  const repliesOf = (parts: object[], of: object = {}) => {
    const asked = prompt(text('go'))
    const end = answer(asked, [text('done')])
    return short(
      history([asked, answer(asked, parts, { finish: 'tool-calls', ...of }), end])[0]?.replies ?? [],
    )
  }

  it('is the order of the time for calls that ran at once', () => {
    const parts = [call('a', 10, 50), call('b', 20, 30), call('c', 40, 60), { type: 'step-finish' }]
    expect(repliesOf(parts).slice(0, 6)).toEqual([
      ...['call a', 'call b', 'result b'],
      ...['call c', 'result a', 'result c'],
    ])
  })

  it('has a call before the result of an earlier one in the same millisecond', () => {
    expect(repliesOf([call('a', 10, 10), call('b', 10, 10)]).slice(0, 4)).toEqual([
      ...['call a', 'call b', 'result a', 'result b'],
    ])
  })

  it('has text between the calls that surround it', () => {
    const parts = [call('a', 10, 20), text('between', { time: { start: 30, end: 35 } }), call('b', 40, 50)]
    expect(repliesOf(parts).slice(0, 5)).toEqual([
      ...['call a', 'result a', 'delta between', 'call b', 'result b'],
    ])
  })
})

describe('the end of a stored turn', () => {
  const endOf = (parts: object[], of: object) => {
    const asked = prompt(text('go'))
    return short(history([asked, answer(asked, parts, of)])[0]?.replies ?? [])
  }

  it('is server_died if the answer is not complete, and the running call has no result', () => {
    const of = { finish: undefined, time: { created: 1 } }
    expect(endOf([text('so far'), call('a', 10)], of)).toEqual([
      'delta so far',
      'call a',
      'error server_died',
    ])
  })

  it('is server_died if the model was not asked again after its calls', () => {
    expect(endOf([call('a', 10, 20)], { finish: 'tool-calls' })).toEqual([
      ...['call a', 'result a', 'error server_died'],
    ])
  })

  it('is final if a permission was rejected without a message', () => {
    const rejected = {
      status: 'error',
      error: 'The user rejected permission to use this specific tool call.',
    }
    expect(endOf([call('a', 10, 20, rejected)], { finish: 'tool-calls' })).toEqual([
      ...['call a', 'result a', 'final tool-calls'],
    ])
  })

  it('comes before the results of aborted calls, and before calls without an input', () => {
    const aborted = { status: 'error', error: 'Tool execution aborted' }
    const parts = [call('a', 10, 20, aborted), call('b', 20, 20, { ...aborted, input: {} })]
    const error = { name: 'MessageAbortedError', data: { message: 'Aborted' } }
    expect(endOf(parts, { finish: undefined, error })).toEqual(['call a', 'error cancelled'])
  })

  it('does not exist for a note, which has no replies', () => {
    const note = prompt(text('The user has left.', { metadata: { 'opencode-runtime': 'note' } }))
    const asked = prompt(text('go'))
    const turns = history([note, asked, answer(asked, [text('done')])])
    expect(turns.map(({ text: said, replies }) => [said, ...short(replies)])).toEqual([
      ['The user has left.'],
      ['go', 'delta done', 'final stop'],
    ])
    expect(turns[0]?.usage).toEqual(noUsage())
  })

  it('is cancelled for a prompt without an answer', () => {
    const turns = history([prompt(text('go')), prompt(text('again'))])
    expect(turns.map(({ text: asked, replies }) => [asked, ...short(replies)])).toEqual([
      ['go', 'error cancelled'],
      ['again', 'error cancelled'],
    ])
    expect(turns[0]?.usage).toEqual(noUsage())
  })

  it('is rejected for a repeated call whose permission was rejected', () => {
    const error = { name: 'UnknownError', data: { message: 'The user rejected permission to use bash' } }
    expect(endOf([], { finish: undefined, error })).toEqual(['error rejected'])
  })
})

describe('the turns of stored messages', () => {
  it('have the texts and files of the user, without what the server made of the files', () => {
    const asked = prompt(
      text('look'),
      text('Called the Read tool', { synthetic: true }),
      { type: 'file', mime: 'image/png', filename: 'a.png', url: 'data:image/png;base64,eA==' },
      { type: 'file', mime: 'text/plain', url: 'data:text/plain;base64,eA==' },
    )
    expect(history([asked, answer(asked, [text('seen')])])).toMatchObject([
      {
        messageId: asked.info.id,
        text: 'look',
        attachments: [{ mime: 'image/png', filename: 'a.png' }, { mime: 'text/plain' }],
      },
    ])
  })

  it('contain the prompts that continue them, also those after a compaction by the server', () => {
    const asked = prompt(text('go'))
    const compaction = prompt({ type: 'compaction', auto: true })
    const goOn = prompt(text('Continue', { synthetic: true }))
    const messages = [
      asked,
      answer(asked, [text('one ')], { finish: 'tool-calls', ...spent(1) }),
      compaction,
      answer(compaction, [text('the summary')], { summary: true, ...spent(10) }),
      goOn,
      answer(goOn, [text('two')], spent(100)),
    ]
    const [turn, ...others] = history(messages)
    expect(others).toEqual([])
    expect(short(turn?.replies ?? [])).toEqual(['delta one two', 'final stop'])
    expect(turn?.usage.input_tokens).toBe(111)
  })

  it('contain nothing of a compaction that a caller requested', () => {
    const asked = prompt(text('go'))
    const compaction = prompt({ type: 'compaction', auto: false })
    const next = prompt(text('next'))
    const messages = [
      ...[asked, answer(asked, [text('one')], spent(1))],
      ...[compaction, answer(compaction, [text('the summary')], { summary: true, ...spent(10) })],
      ...[next, answer(next, [text('two')], spent(100))],
    ]
    const turns = history(messages)
    expect(turns.map(({ text: asked, replies }) => [asked, ...short(replies)])).toEqual([
      ['go', 'delta one', 'final stop'],
      ['next', 'delta two', 'final stop'],
    ])
    expect(turns.map(({ usage }) => usage.input_tokens)).toEqual([1, 100])
  })

  it('count the messages of a child session for the turn in which each was written', () => {
    const first = prompt(text('go'))
    const mine = answer(first, [text('one')], spent(1))
    const child = (input: number) =>
      message({ role: 'assistant', parentID: 'msg_x', sessionID: 'ses_child', ...spent(input) }, [
        text('hidden'),
      ])
    const early = child(10)
    const second = prompt(text('again'))
    const resumed = child(1000)
    const theirs = answer(second, [text('two')], spent(100))
    const turns = history([first, mine, second, theirs], [resumed, early])
    expect(turns.map(({ usage }) => usage.input_tokens)).toEqual([11, 1100])
    expect(turns.flatMap(({ replies }) => short(replies)).join()).not.toContain('hidden')
  })
})

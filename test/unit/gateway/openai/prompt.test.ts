import { describe, expect, it } from 'vitest'
import { ProblemError } from '../../../../src/gateway/http/problem.ts'
import { promptOf } from '../../../../src/gateway/openai/prompt.ts'
import { chatMessage, type ChatMessage } from '../../../../src/gateway/openai/schemas/content.ts'

const messages = (...given: object[]): ChatMessage[] => given.map((message) => chatMessage().parse(message))
const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more })
const image = (data = 'AAAA') => ({
  type: 'image_url',
  image_url: { url: `data:image/png;base64,${data}` },
})

/** Returns the failure of messages. */
function failureOf(...given: object[]) {
  try {
    promptOf(messages(...given), false)
  } catch (error) {
    if (error instanceof ProblemError) return [error.problem.field, error.problem.code]
    throw error
  }
  return undefined
}

describe('promptOf', () => {
  it('returns a message alone as it is', () => {
    expect(promptOf(messages(user(' hi\n')), false)).toEqual({
      text: ' hi\n',
      system: undefined,
      files: [],
      title: 'hi',
    })
  })

  it('puts the earlier messages before the last one, in their order, between tags', () => {
    const { text, title } = promptOf(
      messages(
        user('one\nline'),
        assistant('two'),
        user('three'),
        assistant([{ type: 'refusal', refusal: 'no' }]),
        user('four'),
      ),
      false,
    )
    expect(text).toBe(
      [
        'The earlier messages of this conversation, the oldest first:',
        '<user>\none\nline\n</user>\n<assistant>\ntwo\n</assistant>\n<user>\nthree\n</user>\n<assistant>\nno\n</assistant>',
        'The new message of the user:',
        'four',
      ].join('\n\n'),
    )
    expect(title).toBe('one')
  })

  it('returns the last message only for a session that has the earlier ones', () => {
    const { text, files } = promptOf(messages(user([image()]), assistant('two'), user('three')), true)
    expect([text, files]).toEqual(['three', []])
  })

  it('collects the messages of the system, wherever they stand', () => {
    const { text, system } = promptOf(
      messages({ role: 'system', content: 'a' }, user('hi'), {
        role: 'developer',
        content: [{ type: 'text', text: 'b' }],
      }),
      false,
    )
    expect([text, system]).toEqual(['hi', 'a\n\nb'])
  })

  it('keeps the files of all messages, and names them in the transcript', () => {
    const pdf = { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } }
    const { text, files } = promptOf(
      messages(user([{ type: 'text', text: 'see' }, image(), pdf]), assistant('ok'), user([image('CCCC')])),
      false,
    )
    expect(files).toEqual([
      { mime: 'image/png', data: 'AAAA', filename: 'file-1.png' },
      { mime: 'application/pdf', data: 'BBBB', filename: 'a.pdf' },
      { mime: 'image/png', data: 'CCCC' },
    ])
    expect(text).toContain('<user>\nsee\n[file: file-1.png]\n[file: a.pdf]\n</user>')
    expect(text).toMatch(/See the attached files\.$/)
  })

  it('shows calls of tools and their results in the transcript', () => {
    const tool_calls = [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{"a":1}' } }]
    const { text } = promptOf(
      messages(
        user('a'),
        assistant(null, { tool_calls }),
        { role: 'tool', content: 'found', tool_call_id: 'c' },
        user('b'),
      ),
      false,
    )
    expect(text).toContain('<assistant>\n[call: look({"a":1})]\n</assistant>\n<tool>\nfound\n</tool>')
  })

  it('refuses messages without a prompt at the end, and files that are no data', () => {
    expect(failureOf()).toEqual(['messages', 'empty_array'])
    expect(failureOf({ role: 'system', content: 'a' })).toEqual(['messages', 'invalid_value'])
    expect(failureOf(user('a'), assistant('b'))).toEqual(['messages[1].role', 'invalid_value'])
    expect(failureOf(user('a'), user(' \n'))).toEqual(['messages[1].content', 'invalid_value'])
    expect(failureOf(user([]))).toEqual(['messages[0].content', 'invalid_value'])
    for (const url of [
      'http://127.0.0.1/a.png',
      'file:///etc/passwd',
      'data:image/png,a',
      'data:;base64,AA',
      'AAAA',
    ])
      expect(failureOf(user([{ type: 'image_url', image_url: { url } }]))).toEqual([
        'messages[0].content[0].image_url.url',
        'invalid_image_url',
      ])
    expect(failureOf(user([{ type: 'file', file: {} }]))).toEqual([
      'messages[0].content[0].file.file_data',
      'unsupported_value',
    ])
  })

  it('names the part whose data is no base64', () => {
    const parts = [
      [image('%%'), 'image_url.url', 'invalid_image_url'],
      [image('AAA'), 'image_url.url', 'invalid_image_url'],
      [
        { type: 'file', file: { file_data: 'data:text/plain;base64,A_==' } },
        'file.file_data',
        'invalid_value',
      ],
      [
        { type: 'input_audio', input_audio: { data: 'A A=', format: 'wav' } },
        'input_audio.data',
        'invalid_value',
      ],
    ] as const
    for (const [part, field, code] of parts)
      expect(failureOf(user('first'), assistant('ok'), user([{ type: 'text', text: 'a' }, part]))).toEqual([
        `messages[2].content[1].${field}`,
        code,
      ])
    expect(failureOf(user([image('')]))).toBeUndefined()
    expect(failureOf(user([image('A+/=')]))).toBeUndefined()
  })
})

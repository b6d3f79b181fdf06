import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { answerRequest, decide, type PolicyAnswer } from '../../../../src/actors/turn/request-policy.ts'
import { OpenCodeClient } from '../../../../src/io/opencode/client.ts'
import type { PermissionPolicy, QuestionPolicy } from '../../../../src/config/options.ts'
import type { PermissionRequest, QuestionRequest } from '../../../../src/replies.ts'

const permission: PermissionRequest = {
  type: 'permission',
  id: 'per_1',
  sessionId: 'ses_1',
  child: false,
  permission: 'bash',
  patterns: ['rm *'],
  metadata: {},
}
const question: QuestionRequest = {
  type: 'question',
  id: 'que_1',
  sessionId: 'ses_1',
  child: false,
  questions: [
    { question: 'Which?', header: 'Q', options: [] },
    { question: 'What?', header: 'Q', options: [] },
  ],
}
const never = new Promise<void>(() => {})
const dismiss = { reply: 'dismiss' }
const rejection = { reply: 'reject', message: expect.stringMatching(/\S/) as string }

const onPermission = (policy: unknown, timeout = never) =>
  decide(permission, { onPermission: policy as PermissionPolicy, onQuestion: 'reject' }, timeout)
const onQuestion = (policy: unknown, timeout = never) =>
  decide(question, { onPermission: 'always', onQuestion: policy as QuestionPolicy }, timeout)

describe('decide, for a permission', () => {
  it.each([
    ['once', { reply: 'once' }],
    ['always', { reply: 'always' }],
    ['reject', rejection],
    [() => 'once', { reply: 'once' }],
    [() => Promise.resolve('always'), { reply: 'always' }],
    [() => 'reject', rejection],
    [() => ({ reject: 'Use ls' }), { reply: 'reject', message: 'Use ls' }],
    [() => Promise.resolve({ reject: 'Use ls' }), { reply: 'reject', message: 'Use ls' }],
  ])('does as the policy says: %s', async (policy, answer) => {
    expect(await onPermission(policy)).toEqual(answer)
  })

  it.each([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a yes', () => true],
    ['an unknown answer', () => 'allow'],
    ['an object', () => ({ reply: 'once' })],
    ['an empty message', () => ({ reject: ' ' })],
    ['a message that is not a string', () => ({ reject: 7 })],
    [
      'an error',
      () => {
        throw new Error('boom')
      },
    ],
    ['a rejection', () => Promise.reject(new Error('boom'))],
  ])('rejects with a message, so that the model goes on, if the policy returns %s', async (_, policy) => {
    expect(await onPermission(policy)).toEqual(rejection)
  })

  it('rejects if the policy exceeds the time limit', async () => {
    expect(await onPermission(() => never, Promise.resolve())).toEqual(rejection)
  })

  it('passes the request to the policy', async () => {
    const seen: unknown[] = []
    await onPermission((request: unknown) => seen.push(request))
    expect(seen).toEqual([permission])
  })
})

describe('decide, for a question', () => {
  it.each([
    ['reject', dismiss],
    [() => 'reject', dismiss],
    [() => [['A'], ['B', 'C']], { answers: [['A'], ['B', 'C']] }],
    [() => Promise.resolve([['A'], []]), { answers: [['A'], []] }],
  ])('does as the policy says: %s', async (policy, answer) => {
    expect(await onQuestion(policy)).toEqual(answer)
  })

  it.each([
    ['nothing', () => undefined],
    ['a text', () => 'A'],
    ['one list', () => ['A', 'B']],
    ['too few answers', () => [['A']]],
    ['too many answers', () => [['A'], ['B'], ['C']]],
    ['labels that are not strings', () => [['A'], [7]]],
    [
      'an error',
      () => {
        throw new Error('boom')
      },
    ],
  ])('dismisses the question if the policy returns %s', async (_, policy) => {
    expect(await onQuestion(policy)).toEqual(dismiss)
  })

  it('dismisses the question if the policy exceeds the time limit', async () => {
    expect(await onQuestion(() => never, Promise.resolve())).toEqual(dismiss)
  })
})

describe('answerRequest', () => {
  it.each<[PolicyAnswer, string, unknown]>([
    [{ reply: 'once' }, '/permission/per_1/reply', { reply: 'once' }],
    [{ reply: 'always' }, '/permission/per_1/reply', { reply: 'always' }],
    [{ reply: 'reject', message: 'No' }, '/permission/per_1/reply', { reply: 'reject', message: 'No' }],
    [{ answers: [['A'], ['B']] }, '/question/que_1/reply', { answers: [['A'], ['B']] }],
    [{ reply: 'dismiss' }, '/question/que_1/reject', {}],
  ])('sends the answer in the directory of the session: %j', async (answer, url, body) => {
    const requests: unknown[] = []
    const server = createServer((request, response) => {
      void bodyOf(request).then((text) => {
        const directory = request.headers['x-opencode-directory']
        requests.push({ url: request.url, directory, body: JSON.parse(text) as unknown })
        response.setHeader('content-type', 'application/json').end('true')
      })
    })
    await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = new OpenCodeClient({ baseURL, username: 'opencode', password: undefined })
    onTestFinished(() => {
      client.close()
      server.close()
    })
    await answerRequest(client, url.startsWith('/permission') ? permission : question, answer, '/w/ä')
    expect(requests).toEqual([{ url, directory: '%2Fw%2F%C3%A4', body }])
  })
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

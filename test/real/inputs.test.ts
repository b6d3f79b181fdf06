import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  connect,
  type Attachment,
  type InputRequest,
  type OpenCodeServer,
  type PermissionRequest,
  type TurnInput,
} from '../../src/index.ts'
import type { ModelRequest, ScriptedModel } from '../../src/testing/index.ts'
import { collect, realServer } from '../support/real.ts'
import { expectWhole } from '../support/replies.ts'
import { untilIdle } from '../support/server-api.ts'

const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const bash = (command: string) => call('bash', { command, description: command })
const readOutside = call('read', { filePath: '/etc/hostname' })
const question = (header: string) => ({
  question: `${header}?`,
  header,
  options: ['A', 'B'].map((label) => ({ label, description: label })),
})

let server: OpenCodeServer
let model: ScriptedModel
let home: string
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, home, close } = await realServer(
    [
      { match: 'where are you', reply: [bash('pwd'), { text: 'there' }] },
      { match: 'read it', reply: [readOutside, { text: 'went on' }] },
      { match: 'read twice', reply: [readOutside, readOutside, { text: 'went on' }] },
      { match: 'ask me', reply: [call('question', { questions: [question('one')] }), { text: 'thanks' }] },
      {
        match: 'ask much',
        reply: [call('question', { questions: [question('one'), question('two')] }), { text: 'thanks' }],
      },
      { match: /./, reply: { text: 'noted' } },
    ],
    { models: ['gpt-4o', { id: 'vl', input: ['text', 'image'] }, 'other'], maxAttachmentBytes: 100_000 },
  ))
  await server.ensureRunning()
})

afterAll(() => close())

/** Returns the last request to the model, without requests for titles. */
const lastAsked = (): ModelRequest => {
  const last = model.requests.findLast(({ kind }) => kind === 'chat')
  if (!last) throw new Error('the model was not asked')
  return last
}

/** Runs a turn that succeeds, and returns the request to the model. */
async function arrived(input: TurnInput): Promise<ModelRequest> {
  expectWhole(await collect(server.turn(input)), 'noted')
  return lastAsked()
}

/** Runs a turn that is rejected, and asserts that no request reached the model. */
async function refused(input: TurnInput): Promise<string> {
  const before = model.requests.length
  const replies = await collect(server.turn(input))
  expect(replies).toMatchObject([{ kind: 'error', code: 'rejected', retryable: false }])
  expect(model.requests.length).toBe(before)
  const [reply] = replies
  return reply?.kind === 'error' ? reply.error : ''
}

const systemOf = ({ messages }: ModelRequest): string =>
  JSON.stringify(messages.filter(({ role }) => role === 'system'))

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Image of 8 × 8 red pixels. */
function png(): Uint8Array {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0])
  const row = Buffer.from([0, ...Array.from({ length: 8 }, () => [255, 0, 0]).flat()])
  const pixels = deflateSync(Buffer.concat(Array.from({ length: 8 }, () => row)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

describe('an attachment', () => {
  it.each<[string, Attachment]>([
    ['plain text', { mime: 'text/plain', data: base64('forty-two ż') }],
    ['bytes', { mime: 'text/csv', data: Buffer.from('forty-two ż'), filename: 'numbers.csv' }],
    ['JSON, sent as text', { mime: 'application/json', data: base64('{"answer":"forty-two ż"}') }],
    ['YAML, sent as text', { mime: 'application/yaml', data: base64('answer: forty-two ż') }],
    ['XML of some kind', { mime: 'application/atom+xml', data: base64('<a>forty-two ż</a>') }],
  ])('of %s arrives as text', async (_, attachment) => {
    const { messages } = await arrived({ text: 'take this', attachments: [attachment] })
    expect(JSON.stringify(messages.at(-1))).toContain('forty-two ż')
  })

  it('with an image reaches a model that is declared to take images', async () => {
    const data = png()
    const { messages, model: asked } = await arrived({
      text: 'look at this',
      model: 'vl',
      attachments: [{ mime: 'image/png', data, filename: 'red.png' }],
    })
    expect(asked).toBe('vl')
    expect(messages.at(-1)?.content).toEqual(
      expect.arrayContaining([
        {
          type: 'image_url',
          image_url: {
            url: expect.stringMatching(/^data:image\/png;base64,iVBORw0KGgo/) as string,
          },
        },
      ]),
    )
  })

  it('with an image is rejected for another model, with advice', async () => {
    const attachments = [{ mime: 'image/png', data: png() }]
    expect(await refused({ text: 'look at this', attachments })).toMatch(
      /attachments\[0\].*not declared to accept image input.*input: \['text', 'image'\]/,
    )
  })

  it.each<[string, Attachment, RegExp]>([
    ['of an unknown type', { mime: 'application/x-what', data: base64('x') }, /attachments\[0\]\.mime/],
    ['of no type', { mime: 'png', data: base64('x') }, /mime.*media type/],
    ['that is too large', { mime: 'text/plain', data: base64('x'.repeat(100_001)) }, /100000 bytes.*100001/],
    ['that is not base64', { mime: 'text/plain', data: 'a b c!' }, /data.*base64/],
    ['of a kind that the model does not take', { mime: 'application/pdf', data: base64('%PDF-') }, /pdf/],
  ])('%s is rejected before any request', async (_, attachment, says) => {
    expect(await refused({ text: 'take this', attachments: [attachment] })).toMatch(says)
  })
})

describe('a turn', () => {
  it('sends its system prompt with the agent’s own', async () => {
    const plain = systemOf(await arrived({ text: 'take note' }))
    const system = systemOf(await arrived({ text: 'take note', system: 'You are terse: ż.' }))
    expect(system).toContain('You are terse: ż.')
    expect(system.length).toBeGreaterThan(plain.length)
  })

  it('runs as its agent, and a session as its own agent', async () => {
    const builds = await arrived({ text: 'take note' })
    const plans = await arrived({ text: 'take note', agent: 'plan' })
    expect(JSON.stringify(plans.messages)).toMatch(/plan mode/i)
    expect(JSON.stringify(builds.messages)).not.toMatch(/plan mode is active/i)
    const session = server.session({ agent: 'plan' })
    expectWhole(await collect(session.turn('take note')), 'noted')
    expect(JSON.stringify(lastAsked().messages)).toMatch(/plan mode/i)
  })

  it('uses its model, also within a session', async () => {
    const session = server.session()
    const asked: string[] = []
    for (const name of [undefined, 'other', { providerId: 'litellm', modelId: 'vl' }, undefined]) {
      const turn = session.turn({ text: 'take note', ...(name !== undefined && { model: name }) })
      expectWhole(await collect(turn), 'noted')
      asked.push(lastAsked().model)
    }
    expect(asked).toEqual(['gpt-4o', 'other', 'vl', 'gpt-4o'])
  })

  it('works in its directory, where its requests are answered too', async () => {
    const directory = join(realpathSync(home), 'elsewhere')
    mkdirSync(directory)
    const session = server.session({ directory })
    const turn = session.turn('where are you')
    const replies = await collect(turn)
    expectWhole(replies, 'there')
    expect(replies[1]).toMatchObject({ kind: 'tool_result', result: `${directory}\n` })
    expect(JSON.stringify(lastAsked().messages)).toContain(directory)

    const asked = await collect(session.turn({ text: 'read it', onPermission: 'once' }))
    expectWhole(asked, 'went on')
    expect(asked[1]).toMatchObject({ kind: 'tool_result', success: true })
    await untilIdle(server, await turn.sessionId, directory)

    const alone = await collect(server.turn({ text: 'where are you', directory }))
    expect(alone[1]).toMatchObject({ result: `${directory}\n` })
    // A session keeps its directory, also for callers that know only its id.
    const sessionId = (await turn.sessionId) ?? ''
    const again = await collect(server.turn({ text: 'read it', sessionId, onPermission: 'once' }))
    expect(again[1]).toMatchObject({ kind: 'tool_result', success: true })
  })
})

describe('a policy for permissions', () => {
  const failed = { kind: 'tool_result', tool: 'read', success: false }
  const succeeded = { kind: 'tool_result', tool: 'read', success: true }

  it('that is an async function gets all facts of the request', async () => {
    const asked: PermissionRequest[] = []
    const turn = server.turn({
      text: 'read it',
      onPermission: async (request) => {
        asked.push(request)
        await new Promise((resolve) => setTimeout(resolve, 50))
        return 'once' as const
      },
    })
    const replies = await collect(turn)
    expectWhole(replies, 'went on')
    expect(replies[1]).toMatchObject(succeeded)
    const [reply] = replies
    expect(asked).toMatchObject([
      {
        type: 'permission',
        child: false,
        sessionId: await turn.sessionId,
        permission: 'external_directory',
        patterns: ['/etc/*'],
        metadata: { filepath: '/etc/hostname' },
        tool: { callId: reply?.kind === 'tool_call' ? reply.call_id : '' },
      },
    ])
  })

  it.each<[string, () => unknown]>([
    ['throws', () => JSON.parse('no') as unknown],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['answers nonsense', () => 'certainly'],
    ['answers nothing', () => undefined],
    ['rejects with an empty message', () => ({ reject: '' })],
  ])('that %s rejects with a message, and the model goes on', async (_, policy) => {
    const replies = await collect(server.turn({ text: 'read it', onPermission: policy as () => 'once' }))
    expectWhole(replies, 'went on')
    expect(replies[1]).toMatchObject(failed)
    expect(JSON.stringify(lastAsked().messages.at(-1))).toContain('This is not permitted here')
  })

  it('sends its message to the model', async () => {
    const onPermission = () => ({ reject: 'Not that file: ask Zoë.' })
    expectWhole(await collect(server.turn({ text: 'read it', onPermission })), 'went on')
    expect(JSON.stringify(lastAsked().messages.at(-1))).toContain('Not that file: ask Zoë.')
  })

  it('that returns always is not called again', async () => {
    const asked: string[] = []
    const onPermission = ({ id }: InputRequest) => (asked.push(id), 'always' as const)
    expectWhole(await collect(server.turn({ text: 'read twice', onPermission })), 'went on')
    expect(asked).toHaveLength(1)
  })

  it('of a server applies if the turn has none, within requestTimeoutMs', async () => {
    const connection = connect({
      baseURL: server.baseURL ?? '',
      password: server.password ?? '',
      modelId: 'gpt-4o',
      directory: freshDirectory('hanging'),
      requestTimeoutMs: 300,
      onPermission: () => new Promise(() => undefined),
      onQuestion: () => new Promise(() => undefined),
    })
    onTestFinished(() => connection.close())
    const rejected = await collect(connection.turn('read it'))
    expectWhole(rejected, 'went on')
    expect(rejected[1]).toMatchObject(failed)
    expect(JSON.stringify(lastAsked().messages.at(-1))).toContain('This is not permitted here')
    const dismissed = await collect(connection.turn('ask me'))
    expect(dismissed[1]).toMatchObject({ kind: 'tool_result', tool: 'question', success: false })
    const overridden = await collect(connection.turn({ text: 'read it', onPermission: 'once' }))
    expect(overridden[1]).toMatchObject(succeeded)
  })
})

describe('a policy for questions', () => {
  const ask = (text: string, onQuestion: TurnInput['onQuestion']) =>
    collect(server.turn({ text, ...(onQuestion && { onQuestion }) }))

  it('answers them, and the answers reach the model', async () => {
    const asked: string[][] = []
    const replies = await ask('ask much', ({ questions }) => {
      asked.push(questions.map(({ header }) => header))
      return Promise.resolve([['B'], ['A']])
    })
    expectWhole(replies, 'thanks')
    expect(asked).toEqual([['one', 'two']])
    const answers = JSON.stringify(lastAsked().messages.at(-1))
    expect(answers).toContain('\\"one?\\"=\\"B\\"')
    expect(answers).toContain('\\"two?\\"=\\"A\\"')
  })

  it.each<[string, () => unknown]>([
    ['gives too few answers', () => [['A']]],
    ['answers in another shape', () => ['A', 'B']],
    ['throws', () => JSON.parse('no') as unknown],
    ['rejects', () => 'reject'],
  ])('that %s dismisses them', async (_, policy) => {
    const replies = await ask('ask much', policy as () => string[][])
    expect(replies[1]).toMatchObject({ kind: 'tool_result', tool: 'question', success: false })
    expect(replies.at(-1)?.kind).toBe('final')
  })
})

/** Creates a new directory, where permissions that were always allowed elsewhere do not apply. */
function freshDirectory(name: string): string {
  const directory = join(realpathSync(home), name)
  mkdirSync(directory)
  return directory
}

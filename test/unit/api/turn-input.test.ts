import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.ts'
import { compileConnection, compileOptions } from '../../../src/config/options.ts'
import { modelOf } from '../../../src/actors/turn/model.ts'
import { planTurn, traceOf, turnIdOf } from '../../../src/api/turn-input.ts'

const { values } = compileOptions({
  home: '/srv/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-canary', providerId: 'mine' },
  models: [
    'first',
    { id: 'second', input: ['text', 'image'] },
    { id: 'third', input: ['text', 'image', 'audio', 'video', 'pdf'] },
  ],
  turnDeadlineMs: 7_000,
  turnStallMs: 3_000,
  maxRetries: 1,
  onPermission: 'once',
})

function refusal(input: unknown, options = values): string {
  try {
    planTurn(input as string, options)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as Error).message
  }
  throw new Error('Expected an InvalidOptionsError')
}

describe('planTurn', () => {
  it("turns a text into a plan with the defaults of the server's options", () => {
    expect(planTurn('hello', values)).toEqual({
      sessionId: undefined,
      plan: expect.objectContaining({
        traceId: null,
        title: 'hello',
        directory: undefined,
        model: undefined,
        agent: undefined,
        system: undefined,
        parts: [{ type: 'text', text: 'hello' }],
        deadlineMs: 7_000,
        stallMs: 3_000,
        maxRetries: 1,
        requestTimeoutMs: 300_000,
        onPermission: 'once',
        onQuestion: 'reject',
        signal: undefined,
      }) as unknown,
    })
  })

  it("prefers the turn's fields over the server's options", () => {
    const { signal } = new AbortController()
    const onQuestion = () => 'reject' as const
    const own = {
      deadlineMs: 1,
      stallMs: 2,
      maxRetries: 0,
      onPermission: 'always',
      onQuestion,
      signal,
    } as const
    const names = { traceId: 't1', agent: 'plan', system: 'Be brief', directory: '/work' }
    const { plan, sessionId } = planTurn({ text: 'x', sessionId: 'ses_1', ...own, ...names }, values)
    expect(plan).toMatchObject({ ...own, ...names })
    expect(sessionId).toBe('ses_1')
  })

  it.each([
    [undefined, { providerId: 'mine', modelId: 'first' }],
    ['second', { providerId: 'mine', modelId: 'second' }],
    ['vendor/with-slash', { providerId: 'mine', modelId: 'vendor/with-slash' }],
    [
      { providerId: 'p', modelId: 'm' },
      { providerId: 'p', modelId: 'm' },
    ],
  ])('resolves a plain model id to the provider of the proxy: %j', (model, expected) => {
    const { plan } = planTurn({ text: 'x', ...(model !== undefined && { model }) }, values)
    expect(modelOf(plan.model, values)).toEqual(expected)
  })

  it('requires a model if the connection has no default model', () => {
    const { compiled } = compileConnection({ baseURL: 'http://127.0.0.1:4096' })
    expect(refusal('hello', compiled.values)).toMatch(/^Missing turn input model/)
    expect(planTurn({ text: 'x', model: 'm' }, compiled.values).plan.model).toBe('m')
  })

  it('converts attachments to data URLs, and every text type to text/plain', () => {
    const data = new Uint8Array([1, 2, 3])
    const { plan } = planTurn(
      {
        text: 'look',
        model: 'second',
        attachments: [
          { mime: 'image/png', data, filename: 'a.png' },
          { mime: 'image/png', data: 'AQID' },
          { mime: 'text/markdown', data: Buffer.from('# x') },
          { mime: 'application/json', data: Buffer.from('{}') },
        ],
      },
      values,
    )
    expect(plan.parts).toEqual([
      { type: 'text', text: 'look' },
      { type: 'file', mime: 'image/png', url: 'data:image/png;base64,AQID', filename: 'a.png' },
      { type: 'file', mime: 'image/png', url: 'data:image/png;base64,AQID' },
      { type: 'file', mime: 'text/plain', url: 'data:text/plain;base64,IyB4' },
      { type: 'file', mime: 'text/plain', url: 'data:text/plain;base64,e30=' },
    ])
  })

  const sent = (mime: string, model: object = { model: 'third' }) =>
    planTurn({ text: 'look', ...model, attachments: [{ mime, data: 'AQID' }] }, values).plan.parts.at(-1)

  it.each([
    ['image/svg+xml', 'text/plain'],
    ['image/heic', 'image/heic'],
    ['application/pdf', 'application/pdf'],
    ['audio/wav', 'audio/wav'],
    ['audio/x-wav', 'audio/wav'],
    ['audio/wave', 'audio/wav'],
    ['audio/mp3', 'audio/mp3'],
    ['audio/mpeg', 'audio/mpeg'],
  ])('sends %s as %s, which opencode sends to the model', (mime, wire) => {
    expect(sent(mime)).toMatchObject({ mime: wire, url: `data:${wire};base64,AQID` })
  })

  it.each(['audio/ogg', 'audio/flac', 'audio/mp4', 'video/mp4'])(
    'rejects %s for a model that declares the kind, because opencode sends no such file',
    (mime) => {
      const message = refusal({ text: 'x', model: 'third', attachments: [{ mime, data: 'AQID' }] })
      expect(message).toContain('attachments[0].mime: opencode sends')
      expect(message).toContain(`got "${mime}"`)
    },
  )

  it('leaves the type to a provider that the options do not define', () => {
    const model = { providerId: 'theirs', modelId: 'm' }
    expect(sent('audio/ogg', { model })).toMatchObject({ mime: 'audio/ogg' })
  })

  it.each([
    ['text', { text: '' }, '""'],
    ['text', { text: 7 }, '7'],
    ['sessionId', { text: 'x', sessionId: '../etc' }, '"../etc"'],
    ['model', { text: 'x', model: '' }, '""'],
    ['model', { text: 'x', model: 7 }, '7'],
    ['deadlineMs', { text: 'x', deadlineMs: 0 }, '0'],
    ['stallMs', { text: 'x', stallMs: -1 }, '-1'],
    ['maxRetries', { text: 'x', maxRetries: 0.5 }, '0.5'],
    ['onPermission', { text: 'x', onPermission: 'yes' }, '"yes"'],
    ['onQuestion', { text: 'x', onQuestion: true }, 'true'],
    ['signal', { text: 'x', signal: {} }, '{}'],
    ['turnId', { text: 'x', turnId: 'a b' }, '"a b"'],
    ['turnId', { text: 'x', turnId: '' }, '""'],
    ['attachments', { text: 'x', attachments: 'a.png' }, '"a.png"'],
    ['attachments[0].mime', { text: 'x', attachments: [{ mime: 'png', data: '' }] }, '"png"'],
    [
      'attachments[0].data',
      { text: 'x', attachments: [{ mime: 'image/png', data: 'no base64!' }] },
      '"no base64!"',
    ],
  ])('rejects a bad %s: %j', (field, input, shown) => {
    const message = refusal(input)
    expect(message).toContain(`Invalid turn input ${field}: `)
    expect(message).toContain(`got ${shown}`)
  })

  it.each([
    ['text', {}],
    ['model.providerId', { text: 'x', model: { modelId: 'm' } }],
    ['attachments[0].data', { text: 'x', attachments: [{ mime: 'image/png' }] }],
  ])('reports that an omitted field is required: %s', (field, input) => {
    expect(refusal(input)).toContain(`Turn input \`${field}\` is required: expected `)
  })

  it('rejects an unknown field by its name', () => {
    expect(refusal({ text: 'x', onpermission: 'once' })).toBe(
      'Unknown turn input onpermission (did you mean onPermission?)',
    )
  })

  it.each([[undefined], [null], [7], [[]]])('rejects %j in place of an input', (input) => {
    expect(refusal(input)).toMatch(/^Invalid turn inputs: expected a string or an object with a text, got /)
  })

  it.each([
    ['  first line\nsecond', 'first line'],
    ['x'.repeat(200), `${'x'.repeat(59)}…`],
    [' \n ', 'Untitled'],
  ])('uses the first line of the prompt as the title of the session: %j', (text, title) => {
    expect(planTurn(text, values).plan.title).toBe(title)
  })
})

describe('turnIdOf', () => {
  it.each([
    [{ turnId: 'turn_1-A', text: 7 }, 'turn_1-A'],
    [{ turnId: '../x' }, undefined],
    [{ turnId: 7 }, undefined],
    ['text', undefined],
    [null, undefined],
  ])('returns the valid id that %j names', (input, id) => {
    expect(turnIdOf(input)).toBe(id)
  })
})

describe('traceOf', () => {
  it.each([
    [{ traceId: 't1', text: 7 }, 't1'],
    [{ traceId: 7 }, null],
    ['text', null],
    [null, null],
    [undefined, null],
  ])('returns the trace id of an invalid input, or null: %j', (input, trace) => {
    expect(traceOf(input)).toBe(trace)
  })
})

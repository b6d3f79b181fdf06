import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Asker } from '../../../../src/cli/ask/asker.ts'
import { NoLineError, TypedLines } from '../../../../src/cli/ask/lines.ts'
import { Output } from '../../../../src/cli/output.ts'
import { Screen } from '../../../../src/cli/screen.ts'
import { View } from '../../../../src/cli/view.ts'
import { settled } from '../../../../src/testing/virtual-time.ts'
import { textSink } from '../../../support/cli-streams.ts'
import { startServer } from '../../../support/machine-harness.ts'

const never = new AbortController().signal

function typed() {
  const stdin = new PassThrough()
  const lines = new TypedLines(stdin)
  onTestFinished(() => lines[Symbol.dispose]())
  return { stdin, lines }
}

describe('TypedLines', () => {
  it('drops lines that were typed before they are asked for', async () => {
    const { stdin, lines } = typed()
    stdin.write('too early\n')
    await settled()
    const next = lines.next(never)
    stdin.write('now\nand too much\n')
    expect(await next).toBe('now')
    await settled()
    const last = lines.next(never)
    stdin.write('last\n')
    expect(await last).toBe('last')
  })

  it('rejects when the signal aborts, and when stdin ends', async () => {
    const { stdin, lines } = typed()
    const closing = new AbortController()
    const next = lines.next(closing.signal)
    closing.abort()
    await expect(next).rejects.toEqual(new NoLineError('closed'))
    await expect(lines.next(closing.signal)).rejects.toMatchObject({ reason: 'closed' })
    const last = lines.next(never)
    stdin.end()
    await expect(last).rejects.toMatchObject({ reason: 'stdin ended' })
    await expect(lines.next(never)).rejects.toMatchObject({ reason: 'stdin ended' })
  })
})

/** Starts a turn whose permissions are asked at a terminal. */
async function asking({ quiet = false } = {}) {
  const server = startServer({ requestTimeoutMs: 10_000 })
  const { stdin, lines } = typed()
  const [out, err] = [textSink(), textSink(true)]
  const screen = new Screen(new Output(out), new Output(err))
  const view = new View(screen, { mode: 'json', quiet, permission: 'ask' })
  const turn = server.turn({ text: 'x', onPermission: 'ask', onQuestion: 'ask' })
  const ended = new Asker(screen, view, lines).follow(turn, (reply) => view.reply(reply))
  await server.advance()
  const sessionID = await turn.sessionId
  const receive = (type: string, properties: object): void =>
    server.world.router?.receive({ type, properties: { sessionID, ...properties } })
  const ask = (id: string, permission: string): void =>
    receive('permission.asked', { id, permission, patterns: ['p'], metadata: {} })
  const type = async (text: string): Promise<void> => {
    stdin.write(`${text}\n`)
    await server.advance()
    await server.advance()
  }
  return { server, turn, ended, ask, receive, type, stdin, out: out.text, err: err.text }
}

describe('Asker', () => {
  it('asks one request after another, sends the answers, and keeps stdout pure', async () => {
    const { server, turn, ended, ask, type, out, err } = await asking()
    ask('per_1', 'bash')
    ask('per_2', 'edit')
    await server.advance()
    expect(err()).toContain('asks for the permission bash')
    expect(err()).not.toContain('asks for the permission edit')
    await type('once')
    expect(err()).toMatch(/bash p → once[^]*asks for the permission edit/)
    await type('r')
    await type('Not here.')
    expect(server.world.client.answers).toEqual([
      ['per_1', { reply: 'once' }],
      ['per_2', { reply: 'reject', message: 'Not here.' }],
    ])
    await server.answer(turn)
    await ended
    expect(
      out()
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { kind: string }).kind),
    ).toEqual(['delta', 'final'])
  })

  it('stops asking when another client answers, and asks the next request', async () => {
    const { server, turn, ended, ask, receive, type, err } = await asking()
    ask('per_1', 'bash')
    ask('per_2', 'edit')
    await server.advance()
    receive('permission.replied', { requestID: 'per_1', reply: 'once' })
    await server.advance()
    expect(err()).toMatch(/bash p → closed without an answer here\n[^]*asks for the permission edit/)
    await type('always')
    expect(server.world.client.answers).toEqual([['per_2', { reply: 'always' }]])
    await server.answer(turn)
    await ended
  })

  it('asks again after an answer that does not fit', async () => {
    const { server, turn, ended, receive, type, err } = await asking()
    const options = [' ', 'B'].map((label) => ({ label, description: '' }))
    receive('question.asked', { id: 'que_1', questions: [{ question: 'Which?', header: 'h', options }] })
    await server.advance()
    await type('1')
    expect(err()).toContain('not answered: Invalid answer to the question')
    await type('2')
    expect(server.world.client.answers).toEqual([['que_1', [['B']]]])
    await server.answer(turn)
    await ended
  })

  it('stops asking at the time limit', async () => {
    const { server, turn, ended, ask, err } = await asking()
    ask('per_1', 'bash')
    await server.advance(10_000)
    expect(err()).toContain('closed without an answer here')
    expect(server.world.client.answers).toMatchObject([['per_1', { reply: 'reject' }]])
    await server.answer(turn)
    await ended
  })

  it('rejects when stdin ends, also later requests', async () => {
    const { server, turn, ended, ask, stdin } = await asking()
    ask('per_1', 'bash')
    await server.advance()
    stdin.end()
    await server.advance()
    ask('per_2', 'edit')
    await server.advance()
    expect(server.world.client.answers.map(([id]) => id)).toEqual(['per_1', 'per_2'])
    await server.answer(turn)
    await ended
  })

  it('ends with a cancelled turn', async () => {
    const { server, turn, ended, ask, out } = await asking({ quiet: true })
    ask('per_1', 'bash')
    await server.advance()
    turn.cancel()
    await server.advance()
    await ended
    expect(JSON.parse(out())).toMatchObject({ kind: 'error', code: 'cancelled' })
  })
})

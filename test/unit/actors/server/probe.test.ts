import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import { SessionEventRouter } from '../../../../src/actors/server/session-event-router.ts'
import { probe } from '../../../../src/actors/server/probe.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../../src/actors/runtime.ts'
import { HostFaultError, OpenCodeRuntimeError } from '../../../../src/errors.ts'
import { HttpError, OpenCodeClient, UnexpectedAnswerError } from '../../../../src/io/opencode/client.ts'
import { optionsOf, secrets } from '../../../support/machine-harness.ts'

/** Returns the error that a probe rejects with, if its client rejects with the given one. */
async function verdictOn(client: Partial<OpenCodeClient>): Promise<unknown> {
  const options = optionsOf()
  const runtime = new RuntimeHandle(options)
  runtimeOf(runtime).connection = { client, router: new SessionEventRouter(() => 0) } as ServerConnection
  const actor = createActor(probe, { input: { options, runtime, withConfig: false } })
  return new Promise((resolve) => {
    actor.subscribe({ error: resolve })
    actor.start()
  })
}

const failing = (error: Error) => ({ health: () => Promise.reject(error) })
const coded = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

describe('a probe that fails', () => {
  it.each([
    ['an answer that is no success', new HttpError(500, 'no')],
    ['an answer of another server', new UnexpectedAnswerError('not healthy')],
    ['a refused connection', coded('ECONNREFUSED')],
    ['a connection that breaks', coded('UND_ERR_SOCKET')],
    ['its time limit', new DOMException('aborted', 'AbortError')],
  ])('by %s is the server’s own failure', async (_what, error) => {
    const verdict = await verdictOn(failing(error))
    expect(verdict).not.toBeInstanceOf(OpenCodeRuntimeError)
    expect(verdict).toMatchObject({ message: error.message })
  })

  it('by an answer that is no HTTP is the server’s own failure', async () => {
    const garbage = createServer((socket) => socket.end('garbage\r\n\r\n'))
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void garbage.close())
    const { port } = garbage.address() as AddressInfo
    const client = new OpenCodeClient({
      baseURL: `http://127.0.0.1:${port}`,
      username: 'opencode',
      password: undefined,
    })
    onTestFinished(() => client.close())
    const verdict = await verdictOn(client)
    expect(verdict).toBeInstanceOf(Error)
    expect(verdict).not.toBeInstanceOf(OpenCodeRuntimeError)
  })

  it('by a shortage of the host says so', async () => {
    const verdict = await verdictOn(failing(Object.assign(new Error('connect'), { cause: coded('EMFILE') })))
    expect(verdict).toBeInstanceOf(HostFaultError)
    expect(verdict).toMatchObject({ errno: 'EMFILE' })
  })

  it('by an error of our own code is told as a defect, without secrets', async () => {
    const verdict = await verdictOn({
      health: () => {
        throw new TypeError(`agent.destroy is not a function: ${secrets.apiKey}`)
      },
    })
    expect(verdict).toBeInstanceOf(OpenCodeRuntimeError)
    expect(verdict).not.toBeInstanceOf(HostFaultError)
    const { message } = verdict as Error
    expect(message).toContain('defect, not of the server: agent.destroy is not a function: ***')
  })
})

import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createActor } from 'xstate'
import { SessionEventRouter } from '../../../../src/actors/server/session-event-router.ts'
import { probe } from '../../../../src/actors/server/probe.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../../src/actors/runtime.ts'
import { HostFaultError, OpenCodeRuntimeError } from '../../../../src/errors.ts'
import { HttpError, OpenCodeClient, UnexpectedAnswerError } from '../../../../src/io/opencode/client.ts'
import { optionsOf, secrets } from '../../../support/machine-harness.ts'

/** Returns the error of a probe whose client rejects with the given error. */
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

describe('A failed probe', () => {
  it.each([
    ['an error response', new HttpError(500, 'no')],
    ['a response of another server', new UnexpectedAnswerError('not healthy')],
    ['a refused connection', coded('ECONNREFUSED')],
    ['a broken connection', coded('UND_ERR_SOCKET')],
    ['a time limit', new DOMException('aborted', 'AbortError')],
  ])('because of %s counts as a failure of the server', async (_what, error) => {
    const verdict = await verdictOn(failing(error))
    expect(verdict).not.toBeInstanceOf(OpenCodeRuntimeError)
    expect(verdict).toMatchObject({ message: error.message })
  })

  it('because of a response that is not HTTP counts as a failure of the server', async () => {
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

  it('because of a shortage on the host is reported as a fault of the host', async () => {
    const verdict = await verdictOn(failing(Object.assign(new Error('connect'), { cause: coded('EMFILE') })))
    expect(verdict).toBeInstanceOf(HostFaultError)
    expect(verdict).toMatchObject({ errno: 'EMFILE' })
  })

  it('because of an error in this package is reported as a defect, without secrets', async () => {
    const verdict = await verdictOn({
      health: () => {
        throw new TypeError(`agent.destroy is not a function: ${secrets.apiKey}`)
      },
    })
    expect(verdict).toBeInstanceOf(OpenCodeRuntimeError)
    expect(verdict).not.toBeInstanceOf(HostFaultError)
    const { message } = verdict as Error
    expect(message).toContain('because of an internal error: agent.destroy is not a function: ***')
  })
})

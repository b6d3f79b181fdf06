import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connect, driveTurn, type DriveTurnOptions } from '../../../src/index.ts'

/** Starts a server that refuses every request, and returns its address. */
async function refusingServer(status: number): Promise<string> {
  const server = createServer((_request, response) => void response.writeHead(status).end())
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('connect', () => {
  it.each([401, 403])(
    'ends a turn without a retry if the server refuses the password (%i)',
    async (status) => {
      const baseURL = await refusingServer(status)
      const connection = connect({ baseURL, modelId: 'm', password: 'wrong-password' })
      onTestFinished(() => connection.close())
      expect(await connection.turn('hello').done).toMatchObject({
        code: 'server_unavailable',
        retryable: false,
        error: `The server is not available: The server at ${baseURL} refused the credentials (${status}): check the options username and password`,
      })
    },
  )

  it('ends a turn as retryable if no server listens', async () => {
    const connection = connect({ baseURL: 'http://127.0.0.1:9', modelId: 'm' })
    onTestFinished(() => connection.close())
    expect(await connection.turn('hello').done).toMatchObject({ code: 'server_unavailable', retryable: true })
  })

  it('ends a turn after close() as cancelled, and says so', async () => {
    const connection = connect({ baseURL: 'http://127.0.0.1:9', modelId: 'm' })
    await connection.close()
    expect(await connection.turn('hello').done).toMatchObject({
      code: 'cancelled',
      error: 'The server was closed',
    })
  })
})

describe('driveTurn', () => {
  it.each(['onPermission', 'onQuestion'])(
    'refuses the policy ask, which no caller could answer: %s',
    async (name) => {
      const options = { baseURL: 'http://127.0.0.1:9', modelId: 'm', [name]: 'ask' } as DriveTurnOptions
      expect(await driveTurn('hello', 't1', () => undefined, options)).toMatchObject({
        trace_id: 't1',
        code: 'rejected',
        error: expect.stringContaining(`Invalid option ${name}: driveTurn() returns no turn`) as string,
      })
    },
  )
})

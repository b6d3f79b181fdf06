import { describe, expect, it } from 'vitest'
import { sdkClient } from '../../src/api/sdk-client.ts'
import { OpenCodeRuntimeError, StoppedError } from '../../src/index.ts'
import { fakeServer } from '../support/fake.ts'

describe.runIf(process.platform !== 'win32')('server.client()', () => {
  it('starts the server, and returns a client with its password and directory', async () => {
    const { server, fake, home } = await fakeServer()
    const client = await server.client()
    const { data, response } = await client.session.create({ body: { title: 'by the SDK' } })
    expect([response.status, data?.title, data?.directory]).toEqual([200, 'by the SDK', `${home}/workspace`])
    expect(fake.requests.every(({ authorized }) => authorized)).toBe(true)
  })

  it('returns a client of the next server after a restart', async () => {
    const { server } = await fakeServer([{}, {}])
    await (await server.client()).session.create({ body: { title: 'kept' } })
    await server.stop()
    const { data } = await (await server.client()).session.list()
    expect(data?.map(({ title }) => title)).toContain('kept')
  })

  it('returns a client without a password if the server has none', async () => {
    const { server } = await fakeServer({}, { password: false })
    const { response } = await (await server.client()).session.list()
    expect(response.status).toBe(200)
  })

  it('names the package to install if it is missing, and starts no server', async () => {
    const { server, fake } = await fakeServer()
    const missing = () => Promise.reject(new Error('Cannot find package'))
    const error: unknown = await sdkClient(server.actor, missing).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(OpenCodeRuntimeError)
    expect(error).toMatchObject({
      code: 'ERR_OPENCODE_RUNTIME',
      message: 'server.client() needs the package @opencode-ai/sdk. Run npm install @opencode-ai/sdk.',
    })
    expect(fake.starts).toHaveLength(0)
  })

  it('rejects after close()', async () => {
    const { server } = await fakeServer()
    await server.close()
    await expect(server.client()).rejects.toBeInstanceOf(StoppedError)
  })
})

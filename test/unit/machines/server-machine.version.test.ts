import { describe, expect, it } from 'vitest'
import { UnsupportedVersionError } from '../../../src/errors.ts'
import { lifecycleOf } from '../../../src/machines/lifecycle.ts'
import { tested } from '../../../src/io/opencode/versions.ts'
import { startServer } from '../../support/machine-harness.ts'

describe('The version of opencode', () => {
  it('is reported for a healthy server of an untested version', async () => {
    const range =
      tested.from === tested.to ? `tested: ${tested.to}` : `tested: ${tested.from} to ${tested.to}`
    const server = startServer({}, { version: '7.0.0' })
    await server.beHealthy()
    expect(lifecycleOf(server.actor.getSnapshot())).toMatchObject({
      state: 'healthy',
      reason: `untested version: opencode 7.0.0, ${range}`,
    })
  })

  it('is not reported if the version was tested', async () => {
    const server = startServer()
    await server.beHealthy()
    expect(server.context().reason).toBeUndefined()
  })

  it('is not checked if the server does not report it', async () => {
    const server = startServer({}, { version: undefined })
    await server.beHealthy()
    expect(server.context()).toMatchObject({ version: undefined, reason: undefined })
  })

  it('leads to failed if it is too old, because no restart would help', async () => {
    const server = startServer({}, { version: '0.1.0' })
    const asked = server.ensure()
    const turn = server.turn()
    await server.advance()
    expect(server.state()).toBe('failed')
    expect(server.context().reason).toBe('unsupported version')
    expect(asked.error).toBeInstanceOf(UnsupportedVersionError)
    expect(asked.error).toMatchObject({
      code: 'ERR_OPENCODE_UNSUPPORTED_VERSION',
      message: expect.stringMatching(
        /opencode 0\.1\.0 is not supported.*npm install opencode-ai@latest/,
      ) as string,
    })
    expect(turn.replies).toMatchObject([{ kind: 'error', code: 'server_unavailable' }])
    expect(server.world.spawns).toBe(1)
    expect(server.world.alive.size).toBe(0)
  })

  it('is read again at the next start', async () => {
    const server = startServer({}, { version: '0.1.0' })
    server.ensure()
    await server.advance()
    server.world.script.version = '1.18.33'
    await server.beHealthy()
  })
})

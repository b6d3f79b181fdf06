import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { secrets, startServer, type TestServer } from '../../support/machine-harness.ts'

/** Runs a server through turns, a crash, a wedge, a stop and a failed start. */
async function live(server: TestServer): Promise<void> {
  const turn = server.turn()
  await server.advance()
  await server.answer(turn)
  server.turn()
  await server.advance()
  server.world.process.exit()
  await server.advance()
  server.world.script.probe = 'fails'
  await server.advance(20_000)
  server.world.script.probe = 'ok'
  await server.advance(1000)
  server.send({ type: 'server.stop' })
  await server.advance(1000)
  server.world.script.spawn = 'exits'
  server.send({ type: 'server.start' })
  server.turn()
  await server.advance(100_000)
  expect(server.state()).toBe('failed')
}

/** Returns the printed and serialised forms of a value, to any depth. */
const shown = (value: unknown): string =>
  `${inspect(value, { depth: 12, showHidden: true, getters: true })}${json(value)}`

function json(value: unknown): string {
  const seen = new Set<unknown>()
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null) return inner
    if (seen.has(inner)) return '(seen)'
    seen.add(inner)
    return inner
  })
}

function expectNoSecret(text: string): void {
  for (const [name, value] of Object.entries(secrets)) {
    expect(text.includes(value), name).toBe(false)
    expect(text.includes(Buffer.from(value).toString('base64')), `${name} in base64`).toBe(false)
  }
}

describe('The proxy key and the server password', () => {
  it('appear in no snapshot at any time', async () => {
    const server = startServer()
    const texts: string[] = []
    server.actor.subscribe((snapshot) => texts.push(json(snapshot.context), JSON.stringify(snapshot)))
    await live(server)
    expect(texts.length).toBeGreaterThan(50)
    expectNoSecret(texts.join('\n'))
    expectNoSecret(JSON.stringify(server.actor.getPersistedSnapshot()))
    expectNoSecret(shown(server.context()))
  })

  it('appear in no inspection event', async () => {
    const server = startServer()
    await live(server)
    expect(server.inspections.length).toBeGreaterThan(100)
    for (const inspection of server.inspections) {
      if ('event' in inspection) expectNoSecret(shown(inspection.event))
      if ('action' in inspection) expectNoSecret(json([inspection.action.params]))
      if ('snapshot' in inspection) expectNoSecret(json(inspection.snapshot))
    }
  })

  it('do not appear in the printed input of the machine', () => {
    const { options } = startServer()
    expectNoSecret(shown(options))
    expect(JSON.stringify(options)).toBe('{}')
  })

  it('are masked in the message of a failure', async () => {
    const server = startServer(
      { maxRestarts: 0, startTimeoutMs: 1000 },
      { probe: 'fails', failure: `401: ${secrets.password}` },
    )
    const caller = server.ensure({ deadlineMs: 900 })
    await server.advance(900)
    expect((caller.error as Error).message).toMatch(/401: \*\*\*/)
    server.send({ type: 'server.start' })
    await server.advance(1000)
    expect(server.context().error?.message).toMatch(/401: \*\*\*/)
    server.world.script.probe = 'ok'
    await server.beHealthy()
    server.world.script.probe = 'fails'
    await server.advance(15_000)
    expect(server.context().reason).toBe('wedged')
    expectNoSecret(shown(server.context()))
    expectNoSecret(JSON.stringify(server.actor.getSnapshot()))
  })
})

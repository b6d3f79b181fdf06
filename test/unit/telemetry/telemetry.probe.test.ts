import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import { SessionEventRouter } from '../../../src/actors/server/session-event-router.ts'
import { probe } from '../../../src/actors/server/probe.ts'
import { attachHooks } from '../../../src/api/server-machine.ts'
import { RuntimeHandle, runtimeOf, type ServerConnection } from '../../../src/actors/runtime.ts'
import { optionsOf, secrets } from '../../support/machine-harness.ts'
import { useOpenTelemetry } from '../../support/otel.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const outcome = (value: string) => ({ 'opencode_runtime.outcome': value })

describe('A probe', () => {
  const ask = (answer: (signal: AbortSignal, clock: SteppedClock) => Promise<void>) => {
    const options = optionsOf({ probeTimeoutMs: 2000 })
    const clock = new SteppedClock()
    const health = (signal: AbortSignal) => answer(signal, clock)
    const client: unknown = { health, config: () => Promise.resolve() }
    const runtime = new RuntimeHandle(options)
    attachHooks(runtimeOf(runtime), options)
    runtimeOf(runtime).connection = { client, router: new SessionEventRouter(() => 0) } as ServerConnection
    const actor = createActor(probe, { input: { options, runtime, withConfig: true }, clock })
    actor.subscribe({ error: () => undefined })
    return { clock, actor: actor.start() }
  }
  const hang = (signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('aborted'))),
    )
  const probes = 'opencode_runtime.probe.duration'

  it('is timed by its outcome', async () => {
    const otel = useOpenTelemetry()
    const ok = ask((_signal, clock) => new Promise((resolve) => void clock.setTimeout(resolve, 30)))
    await ok.clock.advance(30)
    const failed = ask(() => Promise.reject(new Error(secrets.password)))
    await failed.clock.advance()
    const slow = ask(hang)
    await slow.clock.advance(2000)
    slow.actor.stop()
    await slow.clock.advance()
    expect(
      (await otel.points(probes)).map(({ attributes, value, count }) => [attributes, value, count]),
    ).toEqual([
      [outcome('ok'), 0.03, 1],
      [outcome('failed'), 0, 1],
      [outcome('timeout'), 2, 1],
    ])
  })

  it('is not timed if it is aborted from outside', async () => {
    const otel = useOpenTelemetry()
    const cut = ask(hang)
    await cut.clock.advance(500)
    cut.actor.stop()
    await cut.clock.advance()
    expect(await otel.points(probes)).toEqual([])
  })
})

import { expect, it, vi } from 'vitest'
import { hooksOf } from '../../../src/telemetry/hooks.ts'
import { optionsOf, startServer } from '../../support/machine-harness.ts'
import { useOpenTelemetry } from '../../support/otel.ts'

vi.mock('../../../src/telemetry/api.ts', async (original) => ({
  ...(await original<typeof import('../../../src/telemetry/api.ts')>()),
  loadApi: () => undefined,
}))

it('turns run without the OpenTelemetry package', async () => {
  const otel = useOpenTelemetry()
  expect(hooksOf(optionsOf())).toEqual([])
  const server = startServer()
  const turn = server.turn()
  await server.advance()
  await server.answer(turn)
  expect(await turn.done).toMatchObject({ kind: 'final' })
  expect(await otel.names()).toEqual([])
  expect(otel.spans()).toEqual([])
})

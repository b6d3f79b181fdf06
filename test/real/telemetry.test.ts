import { expect, it, onTestFinished } from 'vitest'
import { useOpenTelemetry } from '../support/otel.ts'
import { apiKey, realServer } from '../support/real.ts'

it('a real server and its turn give metrics and spans without any of their texts', async () => {
  const otel = useOpenTelemetry()
  const usage = { inputTokens: 1_000, outputTokens: 40 }
  const { server, close } = await realServer([
    { match: 'Say hello', reply: { text: ['Bon', 'jour'], usage } },
  ])
  onTestFinished(close)
  expect(await server.turn({ text: 'Say hello', agent: 'plan' }).done).toMatchObject({ kind: 'final' })
  const used = await otel.points('gen_ai.client.token.usage')
  expect(used.map(({ value }) => value)).toEqual([1_000, 40])
  const [duration] = await otel.points('gen_ai.client.operation.duration')
  const [healthy] = await otel.points('opencode_runtime.server.time_to_healthy')
  const [delta] = await otel.points('opencode_runtime.turn.time_to_first_delta')
  const [probe] = await otel.points('opencode_runtime.probe.duration')
  const seconds = [healthy, delta, duration].map((point) => point?.value ?? NaN)
  expect(seconds).toEqual([...seconds].sort((a, b) => a - b))
  expect(probe?.value).toBeGreaterThan(0)
  await server.close()
  const [span] = otel.spans('invoke_agent plan')
  expect(span?.attributes).toMatchObject({
    'gen_ai.conversation.id': expect.stringMatching(/^ses_/) as string,
    'gen_ai.usage.input_tokens': 1_000,
    'gen_ai.usage.output_tokens': 40,
  })
  // The duration of the span equals the metric.
  const [s = 0, ns = 0] = span?.duration ?? []
  expect(s + ns / 1e9).toBeCloseTo(duration?.value ?? 0, 1)
  const text = await otel.text()
  for (const secret of [apiKey, 'Say hello', 'Bon', 'jour']) expect(text.includes(secret), secret).toBe(false)
})

import { expect, test } from 'vitest'
import type { TurnErrorCode } from '../../../../src/replies.ts'
import { errorWords } from '../../../../web/src/words/turn-errors.ts'

/** All codes: the compiler tells a missing one. */
const codes: Readonly<Record<TurnErrorCode, true>> = {
  auth: true,
  rate_limited: true,
  provider_error: true,
  provider_unavailable: true,
  model_not_found: true,
  context_overflow: true,
  content_filter: true,
  output_length: true,
  cancelled: true,
  deadline_exceeded: true,
  stalled: true,
  server_unavailable: true,
  server_died: true,
  session_not_found: true,
  rejected: true,
  overloaded: true,
  invalid_output: true,
  internal: true,
}

test.each(Object.keys(codes))('errorWords has a title and an advice of its own for %s', (code) => {
  const { title, advice } = errorWords(code, false)
  expect(title).not.toBe(errorWords('no-such-code', false).title)
  expect(advice).toMatch(/\.$/)
})

test('errorWords returns general words for an unknown code, also for a name of an inherited property', () => {
  expect(errorWords('toString', true)).toEqual({ title: 'The turn failed', advice: 'Ask again later.' })
})

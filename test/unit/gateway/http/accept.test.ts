import { describe, expect, it } from 'vitest'
import { preferredType } from '../../../../src/gateway/http/accept.ts'

describe('preferredType', () => {
  const types = ['application/json', 'application/x-ndjson', 'text/event-stream'] as const
  it.each([
    [null, 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    ['text/event-stream', 'text/event-stream'],
    ['application/X-NDJSON; charset=utf-8', 'application/x-ndjson'],
    ['application/json;q=0.5, text/event-stream', 'text/event-stream'],
    ['text/*', 'text/event-stream'],
    ['application/*', 'application/json'],
    ['application/json;q=0, */*', 'application/x-ndjson'],
    ['application/x-ndjson;q=abc', 'application/json'],
    ['text/event-stream;q=0, application/x-ndjson;q=0.1', 'application/x-ndjson'],
  ])('of %j is %s', (accept, type) => {
    expect(preferredType(accept, types)).toBe(type)
  })
})

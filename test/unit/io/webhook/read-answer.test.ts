import { describe, expect, it } from 'vitest'
import { resultIn } from '../../../../src/io/webhook/read-answer.ts'
import { WebhookFault } from '../../../../src/io/webhook/webhook-fault.ts'

const answer = (status: number, body: string | Uint8Array) => ({ status, body: Buffer.from(body) })
const read = (status: number, body: string | Uint8Array) =>
  resultIn(answer(status, body), (text) => text.replaceAll('s3cret', '***'))

/** Returns what a read throws. */
function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('resultIn', () => {
  it.each([
    ['a text', '{"result":"20 EUR"}', '20 EUR'],
    ['an object', '{"result":{"total":20}}', { total: 20 }],
    ['null', '{"result":null}', null],
    ['a result beside an empty error, as JSON-RPC 1 has it', '{"result":1,"error":null}', 1],
    ['a result beside other fields', '{"result":1,"took_ms":3}', 1],
  ])('returns %s', (_what, body, result) => {
    expect(read(200, body)).toEqual(result)
    expect(read(201, body)).toEqual(result)
  })

  it('returns nothing for 204 without a body', () => {
    expect(read(204, '')).toBeUndefined()
  })

  it.each([200, 404, 500])('throws the text of an error with the status %i, as the tool’s own', (status) => {
    const thrown = thrownBy(() => read(status, '{"error":"There is no order 7."}'))
    expect(thrown).toEqual(new Error('There is no order 7.'))
    expect(thrown).not.toBeInstanceOf(WebhookFault)
  })

  it('throws a text for an error without a text', () => {
    expect(() => read(200, '{"error":""}')).toThrow(/^The tool failed$/)
  })

  it.each([
    ['a redirect', 302, '{"result":1}', 'answered with a redirect (302), which is not followed'],
    ['another status', 503, 'Service Unavailable', 'failed with the status 503'],
    ['another status with a result', 500, '{"result":1}', 'failed with the status 500'],
    ['a text', 200, 'ok', 'answered with a text that is no JSON'],
    ['an empty body', 200, '', 'answered with a text that is no JSON'],
    ['bytes that are no UTF-8', 200, Buffer.from([0x22, 0xff, 0x22]), 'answered with a text that is no JSON'],
    ['a list', 200, '[1]', 'answered with JSON of another form'],
    ['a bare value', 200, '"ok"', 'answered with JSON of another form'],
    ['an object without a result', 200, '{"output":1}', 'answered with JSON of another form'],
    [
      'an error that is no text',
      200,
      '{"error":{"code":1},"result":1}',
      'answered with JSON of another form',
    ],
  ])('throws a fault for %s', (_what, status, body, message) => {
    const thrown = thrownBy(() => read(status, body))
    expect(thrown).toBeInstanceOf(WebhookFault)
    expect((thrown as Error).message).toContain(message)
  })

  it('masks secrets in results and errors', () => {
    expect(read(200, '{"result":["the s3cret"]}')).toEqual(['the ***'])
    expect(() => read(200, '{"error":"the s3cret"}')).toThrow(/^the \*\*\*$/)
  })
})

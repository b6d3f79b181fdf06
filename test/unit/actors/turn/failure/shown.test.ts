import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shownMessage } from '../../../../../src/actors/turn/failure/shown.ts'
import { failureOf, safeLine } from '../../../../../src/actors/turn/reducer/failure.ts'
import { bodies, messageIn, reported } from './bodies.ts'
import { wrappers } from './wrappers.ts'

const line = (message: string) => safeLine(shownMessage(message))

describe('shownMessage', () => {
  it('returns the innermost message, whatever wraps it', () => {
    const forms = fc.array(fc.constantFrom(...Object.keys(wrappers)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(forms, fc.stringMatching(/^[A-Z][\w '"`.,()-]{3,60}[a-z]$/), (kinds, message) => {
        const text = kinds.reduce((inner, kind) => wrappers[kind]?.(inner) ?? inner, message)
        expect(line(text)).toBe(message)
      }),
      { numRuns: 500 },
    )
  })

  it.each(bodies.map((body) => [`${body.provider}: ${messageIn(body).slice(0, 50)}`, body] as const))(
    'returns a line with words for the response of %s',
    (_name, body) => {
      const { error } = failureOf(reported(body))
      expect(error).toMatch(/\w+ \w+|\w+-\w+/)
      expect(error).not.toMatch(/[{[]$|^[{[]|"message"/)
    },
  )

  it.each([
    ['Bad Request: [\n  oops\n]', 'Bad Request: ['],
    ['[\n  Quota of the team\n]', 'Quota of the team'],
    ['\n\n  one  \ntwo', 'one'],
    ['JSON parsing failed: Text: {garbage.\nError message: x', 'JSON parsing failed: Text: {garbage.'],
    ['{"message":""}', '{"message":""}'],
    ['{"status":"busy"}', '{"status":"busy"}'],
    ['The tool said {"a": 1} and left', 'The tool said {"a": 1} and left'],
    ['Invalid request: {"role":"user","message":"hi"}', 'Invalid request: {"role":"user","message":"hi"}'],
    ['', ''],
  ])('returns the first line that says something: %j', (message, shown) => {
    expect(line(message)).toBe(shown)
  })

  it('names the remedy for a certificate that is not trusted, and only for that', () => {
    expect(line('self signed certificate.\n    at connect')).toMatch(
      /^self signed certificate: the certificate .* NODE_EXTRA_CA_CERTS in the option `env`/,
    )
    expect(line('certificate has expired')).toBe('certificate has expired')
  })

  it('leaves neither secrets nor paths in a line that was unwrapped', () => {
    const mask = (text: string) => text.replaceAll('sk-"secret', '***')
    const message = JSON.stringify({ error: { message: 'Key sk-"secret of /home/me/x is wrong', code: 400 } })
    const { error } = failureOf(
      { name: 'UnknownError', message, statusCode: undefined, isRetryable: undefined },
      mask,
    )
    expect(error).toBe('Key *** of <path> is wrong')
  })
})

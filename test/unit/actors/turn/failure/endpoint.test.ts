import { describe, expect, it } from 'vitest'
import { withEndpoint } from '../../../../../src/actors/turn/failure/endpoint.ts'

const refused = 'Unable to connect. Is the computer able to access the url?'
const url = 'http://127.0.0.1:4000/v1'
const check = `check it with: opencode-runtime doctor --proxy ${url}`

describe('withEndpoint', () => {
  it.each([[refused], ['connect ECONNREFUSED 127.0.0.1:4000'], ['getaddrinfo ENOTFOUND 127.0.0.1']])(
    'names the endpoint that does not answer, and the command that checks it: %s',
    (message) => expect(withEndpoint(message, url)).toBe(`${url} cannot be reached (${message}); ${check}`),
  )

  it('names a path that does not exist, and asks for /v1 if the URL has no version', () => {
    expect(withEndpoint('Not Found', url, 404)).toBe(`${url} answers 404 (Not Found); ${check}`)
    expect(withEndpoint('Not Found', 'http://127.0.0.1:4000', 404)).toContain(
      '; is /v1 missing? check it with: ',
    )
  })

  it.each([
    ['another failure', 'Bad gateway', url, 502],
    [
      'a proxy whose service is down',
      'OllamaException - connect ECONNREFUSED 10.0.0.5:11434',
      url,
      undefined,
    ],
    ['a proxy that answers', refused, url, 500],
    ['another host that is unknown', 'getaddrinfo ENOTFOUND mcp.example', url, undefined],
    ['an endpoint that the host does not know', refused, undefined, undefined],
  ])('returns the message of %s unchanged', (_, message, endpoint, status) =>
    expect(withEndpoint(message, endpoint, status)).toBe(message),
  )
})

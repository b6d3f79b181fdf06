import { describe, expect, it } from 'vitest'
import { httpProxyFor } from '../../../../src/io/opencode/http-proxy.ts'

const url = new URL('http://models.example.com/v1')
const proxy = 'http://proxy:3128'

describe('httpProxyFor', () => {
  it('reads the variable for the protocol of the URL, lower case first', () => {
    expect(httpProxyFor(url, {})).toBeUndefined()
    expect(httpProxyFor(url, { HTTP_PROXY: proxy })).toEqual({ variable: 'HTTP_PROXY', url: proxy })
    expect(httpProxyFor(url, { HTTP_PROXY: proxy, http_proxy: 'http://small' })?.url).toBe('http://small')
    expect(httpProxyFor(url, { HTTP_PROXY: proxy, http_proxy: ' ' })?.url).toBe(proxy)
    expect(httpProxyFor(url, { HTTPS_PROXY: proxy, ALL_PROXY: proxy })).toBeUndefined()
    const https = new URL('https://models.example.com/v1')
    expect(httpProxyFor(https, { HTTPS_PROXY: proxy })?.variable).toBe('HTTPS_PROXY')
    expect(httpProxyFor(https, { HTTP_PROXY: proxy })).toBeUndefined()
  })

  // Observed in the JavaScript runtime inside opencode, as documented at httpProxyFor.
  it.each([
    [url.href, '', false],
    [url.href, '*', true],
    [url.href, 'a,*', true],
    [url.href, 'models.example.com', true],
    [url.href, 'Models.Example.com', true],
    [url.href, 'example.com', true],
    [url.href, '.example.com', true],
    [url.href, 'a, example.com', true],
    [url.href, 'ample.com', false],
    [url.href, '*.example.com', false],
    [url.href, 'a example.com', false],
    [url.href, 'models.example.com:80', false],
    ['http://models.example.com:8080/', 'models.example.com', true],
    ['http://models.example.com:8080/', 'models.example.com:8080', true],
    ['http://models.example.com:8080/', 'models.example.com:80', false],
    ['http://[::1]:1/', '::1', false],
    ['http://[::1]:1/', '[::1]', true],
    ['http://127.0.0.2:1/', '127.0.0.0/8', false],
  ])('connects to %s with NO_PROXY=%j directly: %s', (target, noProxy, isDirect) => {
    const env = { HTTP_PROXY: proxy, NO_PROXY: noProxy }
    expect(httpProxyFor(new URL(target), env) === undefined).toBe(isDirect)
  })

  it('reads no_proxy instead of NO_PROXY if both are set', () => {
    const env = { HTTP_PROXY: proxy, NO_PROXY: 'example.com', no_proxy: 'other.org' }
    expect(httpProxyFor(url, env)).toBeDefined()
  })
})

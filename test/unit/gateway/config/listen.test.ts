import { describe, expect, test } from 'vitest'
import { addressText, isLocal, parseListen } from '../../../../src/gateway/config/listen.ts'

describe('parseListen', () => {
  test.each([
    ['127.0.0.1:7420', 'http://127.0.0.1:7420', true],
    ['localhost:0', 'http://localhost:0', true],
    ['[::1]:7420', 'http://[::1]:7420', true],
    ['[::]:80', 'http://[::]:80', false],
    ['0.0.0.0:7420', 'http://0.0.0.0:7420', false],
    ['agents.example:443', 'http://agents.example:443', false],
    ['unix:/run/agents.sock', 'unix:/run/agents.sock', true],
  ])('reads %s', (text, shown, local) => {
    const address = parseListen(text)
    expect(address && addressText(address)).toBe(shown)
    expect(address && isLocal(address)).toBe(local)
  })

  test.each([
    '7420',
    ':7420',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:80',
    '[::1]',
    '[x]:80',
    'http://127.0.0.1:80',
    'unix:agents.sock',
    `unix:/${'x'.repeat(103)}`,
    '',
  ])('refuses %j', (text) => {
    expect(parseListen(text)).toBeUndefined()
  })
})

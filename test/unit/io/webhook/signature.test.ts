import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { signedHeaders } from '../../../../src/io/webhook/signature.ts'

const secret = 'whsec_of_a_test_0123456789'
const hex = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex')

it('signedHeaders signs the time in seconds, a full stop and the body', () => {
  expect(signedHeaders([secret], '{"tool":"ü"}', 1_764_390_000_999)).toEqual({
    'opencode-runtime-timestamp': '1764390000',
    'opencode-runtime-signature': `v1=${hex(secret, '1764390000.{"tool":"ü"}')}`,
  })
})

it('signedHeaders signs with each secret, the present one first', () => {
  const { 'opencode-runtime-signature': signatures } = signedHeaders(['new', 'former'], 'x', 1000)
  expect(signatures).toBe(`v1=${hex('new', '1.x')} v1=${hex('former', '1.x')}`)
})

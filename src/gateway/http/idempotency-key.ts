import { z } from 'zod'
import { InvalidOptionsError } from '../../errors.ts'

const pattern = /^[\x20-\x7e]{1,255}$/

/** Returns the schema of the header Idempotency-Key, for the OpenAPI document. */
export const keyHeader = (): z.ZodType => z.string().regex(pattern).optional()

/**
 * Returns the Idempotency-Key of a request.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
export function keyOf(headers: Headers): string | undefined {
  const key = headers.get('idempotency-key')
  if (key === null) return undefined
  if (pattern.test(key)) return key
  throw new InvalidOptionsError('Invalid field Idempotency-Key: expected 1 to 255 printable ASCII characters')
}

import { createHmac } from 'node:crypto'

/** Name of the header with the time of a call, in seconds since 1970. */
export const timestampHeader = 'opencode-runtime-timestamp'

/** Name of the header with the signatures of a call, separated by spaces: `v1=<hex>`. */
export const signatureHeader = 'opencode-runtime-signature'

/**
 * Returns the headers that sign a body: HMAC-SHA256 over `timestamp.body`, one signature for each secret, so that a
 * receiver of the former secret accepts the call while secrets are being replaced.
 *
 * @param now - epoch ms
 */
export function signedHeaders(
  secrets: readonly string[],
  body: string,
  now: number,
): Record<typeof timestampHeader | typeof signatureHeader, string> {
  const timestamp = String(Math.floor(now / 1000))
  const signatures = secrets.map((secret) => {
    const hex = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
    return `v1=${hex}`
  })
  return { [timestampHeader]: timestamp, [signatureHeader]: signatures.join(' ') }
}

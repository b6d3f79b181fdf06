import type { Wording } from '../row.ts'

const node = 'https://nodejs.org/api/tls.html#x509-certificate-error-codes'

/** Words for a certificate that no known authority has signed. */
export const untrusted: readonly Wording[] = [
  {
    provider: 'a TLS proxy',
    code: 'provider_error',
    pattern: /self.signed certificate|(?:DEPTH_ZERO_)?SELF_SIGNED_CERT(?:_IN_CHAIN)?/i,
    source: 'anomalyco/opencode#7073',
  },
  {
    provider: 'a TLS proxy',
    code: 'provider_error',
    pattern: /unable to verify the first certificate|UNABLE_TO_VERIFY_LEAF_SIGNATURE/i,
    source: 'nodejs/node#33705',
  },
  {
    provider: 'a TLS proxy',
    code: 'provider_error',
    pattern: /unable to get (?:local )?issuer cert(?:ificate)?|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?/i,
    source: node,
  },
]

/** Words for an endpoint that does not answer. */
export const unreachable: readonly Wording[] = [
  {
    provider: 'no answer',
    code: 'provider_unavailable',
    pattern: /unable to connect\. is the computer able to access the url/i,
    source: 'anomalyco/opencode#5945',
  },
  {
    provider: 'no answer',
    code: 'provider_unavailable',
    pattern: /\b(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)\b/,
    source: 'https://nodejs.org/api/errors.html#common-system-errors',
  },
]

/** Words for an endpoint to which no safe connection exists. */
export const connection: readonly Wording[] = [
  ...untrusted,
  {
    provider: 'a TLS proxy',
    code: 'provider_error',
    pattern: /certificate has expired|CERT_HAS_EXPIRED/i,
    source: 'anomalyco/opencode#17798',
  },
  ...unreachable,
]

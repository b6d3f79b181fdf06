import { keyVariable } from '../flags.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning } from './finding.ts'

/** Returns whether a key can be sent in a header. */
export const isSendable = (apiKey: string): boolean => /^[\x21-\x7e]+$/.test(apiKey)

/** Checks that there is a key for the proxy, and that a header can carry the key. Never shows the key. */
export const checkKey: Check = ({ apiKey, proxy }) => {
  if (apiKey === undefined) {
    if (proxy === undefined) return [skipped('key', `give --proxy, and its key in ${keyVariable}`)]
    return [
      failure('key', `${keyVariable} is not set`, `Run export ${keyVariable}='…' with the proxy's key.`),
    ]
  }
  if (!isSendable(apiKey))
    return [
      failure(
        'key',
        `${keyVariable} contains spaces or characters that an HTTP header cannot carry`,
        'Export only the key, as the proxy issued it.',
      ),
    ]
  if (/^(['"]).*\1$|^Bearer\b|…|\.\.\.$/.test(apiKey))
    return [
      warning(
        'key',
        `${keyVariable} is in quotes, begins with Bearer, or is a placeholder`,
        'Export only the key, as the proxy issued it.',
      ),
    ]
  return [ok('key', `${keyVariable} is set`)]
}

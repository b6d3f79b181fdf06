import { withVersion } from '../../../io/opencode/endpoint.ts'
import { unreachable } from './wordings/table.ts'

/** Returns whether a message says that the endpoint of the models does not answer. */
export const isUnreachable = (message: string): boolean =>
  unreachable.some(({ pattern }) => pattern.test(message))

/**
 * Returns the message about an endpoint that does not answer or lacks the path of its calls, with the
 * endpoint's URL and the command that checks the endpoint. Other messages are returned unchanged.
 *
 * @param message - the message of the failure
 * @param endpoint - URL of the endpoint, safe to show; `undefined` if the host does not know the URL
 * @param status - HTTP status of the failure
 */
export function withEndpoint(message: string, endpoint: string | undefined, status?: number): string {
  if (endpoint === undefined) return message
  const check = `check it with: opencode-runtime doctor --proxy ${endpoint}`
  if (isUnreachable(message)) return `${endpoint} cannot be reached (${message}); ${check}`
  if (status !== 404 && status !== 405) return message
  const isVersionMissing = withVersion(new URL(endpoint)) !== undefined
  return `${endpoint} answers ${status} (${message}); ${isVersionMissing ? 'is /v1 missing? ' : ''}${check}`
}

import { withVersion } from '../../../io/opencode/endpoint.ts'
import { unreachable } from './wordings/table.ts'

/**
 * Returns whether a message says that the endpoint of the models does not answer. A message that names another
 * port or host comes from a proxy that answers, about a service behind the proxy.
 */
export function isUnreachable(message: string, endpoint: string): boolean {
  if (!unreachable.some(({ pattern }) => pattern.test(message))) return false
  const { hostname, port, protocol } = new URL(endpoint)
  const named = /\bE(?!NOTFOUND|AI_AGAIN)[A-Z_]+ \S*:(\d+)\b/.exec(message)?.[1]
  const unknown = /\b(?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)/.exec(message)?.[1]
  const ownPort = port || (protocol === 'https:' ? '443' : '80')
  return (named ?? ownPort) === ownPort && (unknown ?? hostname) === hostname
}

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
  if (status === undefined && isUnreachable(message, endpoint))
    return `${endpoint} cannot be reached (${message}); ${check}`
  if (status !== 404 && status !== 405) return message
  const isVersionMissing = withVersion(new URL(endpoint)) !== undefined
  return `${endpoint} answers ${status} (${message}); ${isVersionMissing ? 'is /v1 missing? ' : ''}${check}`
}

import type { Route } from './route.ts'

/** Returns the status codes of all problems that a route may answer with. */
export function problemStatuses({ scopes, params, body, problems = [] }: Route): number[] {
  return [
    ...new Set([
      // No route takes unknown parameters in its query.
      400,
      ...(scopes === 'open' ? [] : [401, 429]),
      // The host or the origin is refused.
      403,
      ...(params ? [404] : []),
      ...(body ? [413, 415] : []),
      414,
      431,
      500,
      503,
      ...problems,
    ]),
  ].sort((a, b) => a - b)
}

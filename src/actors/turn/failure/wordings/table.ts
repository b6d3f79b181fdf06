import type { Wording } from '../row.ts'
import { auth } from './auth.ts'
import { connection } from './connection.ts'
import { contentFilter } from './content-filter.ts'
import { contextOverflow } from './context-overflow.ts'
import { modelNotFound } from './model-not-found.ts'
import { rateLimited } from './rate-limited.ts'

export { unreachable, untrusted } from './connection.ts'
export { rateLimitedRetry } from './rate-limited.ts'

/** Table of the words that providers use for a failure. The first row that matches decides. */
export const wordings: readonly Wording[] = [
  ...rateLimited,
  ...contextOverflow,
  ...contentFilter,
  ...auth,
  ...modelNotFound,
  ...connection,
]

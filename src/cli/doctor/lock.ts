import { holderOf } from '../../io/home/home-lock.ts'
import { inspectPath } from '../../io/home/path-status.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped } from './finding.ts'

const check = 'lock'

/**
 * Checks that no other host has a server in the home; a second server is rejected until the first has
 * stopped.
 */
export const checkLock: Check = async ({ home }) => {
  if (home === undefined) return [skipped(check, 'give --home')]
  const { kind } = await inspectPath(home)
  if (kind === 'blocked' || kind === 'inaccessible') return [skipped(check, 'fix the home first')]
  const holder = holderOf(home)
  if (holder === undefined) return [ok(check, 'no host uses the home')]
  const since = new Date(holder.at).toISOString()
  return [
    failure(
      check,
      `the home is in use by process ${holder.pid} on ${holder.host}, since ${since}`,
      'Stop that host, or give another --home.',
    ),
  ]
}

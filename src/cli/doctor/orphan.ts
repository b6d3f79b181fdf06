import { holderOf } from '../../io/home/home-lock.ts'
import { inspectPath } from '../../io/home/path-status.ts'
import { carriesMarker } from '../../io/process/processes.ts'
import { isAsRecorded, isOfHome, readRecord, type ServerRecord } from '../../io/home/server-record.ts'
import type { Check } from './context.ts'
import { ok, skipped, warning } from './finding.ts'

const check = 'orphan'

/**
 * Checks that the home has no running server whose host is gone. The watcher may be ending such a server;
 * otherwise the next start ends it.
 */
export const checkOrphan: Check = async ({ home, platform }) => {
  if (home === undefined) return [skipped(check, 'give --home')]
  if (platform === 'win32') return [skipped(check, 'orphans cannot be identified on Windows')]
  const { kind } = await inspectPath(home)
  if (kind === 'blocked' || kind === 'inaccessible') return [skipped(check, 'fix the home first')]
  const record = readRecord(home)
  if (record === undefined || !isOfHome(record, home) || !isRunning(record))
    return [ok(check, 'no orphaned server in the home')]
  const holder = holderOf(home)
  if (holder !== undefined)
    return [ok(check, `the server (process ${record.pid}) runs under its host (process ${holder.pid})`)]
  return [
    warning(
      check,
      `an earlier host left a server that still runs in the home: process ${record.pid}`,
      'The next start ends that server and all its processes first.',
    ),
  ]
}

/** Returns whether the recorded process runs, and its pid was not reused, as far as the platform can tell. */
const isRunning = (record: ServerRecord): boolean =>
  isAsRecorded(record) && carriesMarker(record.pid, record.marker) !== false

import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import type { Writable } from 'node:stream'
import { markerVariable } from '../opencode/environment.ts'
import { untilDone } from '../../util/in-background.ts'
import { quietly } from '../../util/quietly.ts'

/** What is left of a watcher once it was started. */
export interface Watcher {
  /** Tells it the leader of the group that it is to end. */
  watch(leader: number): void
  /** Ends it: nothing is left to watch. */
  stop(): void
}

/**
 * For a POSIX shell, whose standard input ends when the host does, however that died. Arguments: the marker of the
 * spawn, and for whoever sees it in a list of processes the home. Input: the pid of the leader.
 *
 * Then the group is asked to end (again every 0.5 s, since one SIGTERM may be swallowed), and killed after 2 s; on Linux
 * whatever carries the marker is killed until two looks in a row find nothing: a process that just becomes another
 * program shows no environment for a moment. A leader that has ended is known by its marker, so that nobody else who
 * got its pid is ever signalled. `grep -z` is not everywhere (busybox may lack it).
 */
const script = `
trap '' HUP INT TERM
mark="${markerVariable}=$1" leader=
while read -r line; do leader=$line; done
case $leader in *[!0-9]*) leader= ;; esac

if printf 'a\\0b\\0' | grep -qzxF b; then
  marked() { grep -lszxF -e "$mark" "$@"; }
else
  marked() { for file; do case $(tr '\\0' '\\n' <"$file") in *"$mark"*) echo "$file" ;; esac; done; }
fi
if [ -r /proc/self/environ ]; then
  lives() { [ -n "$(marked "/proc/$leader/environ")" ]; }
else
  lives() { kill -0 "-$leader"; }
fi
pause() { sleep 0.1 || sleep 1; }

step=0
while [ -n "$leader" ] && [ "$step" -lt 20 ] && lives; do
  case $step in 0 | 5 | 10 | 15) kill -TERM "-$leader" ;; esac
  step=$((step + 1))
  pause
done
[ "$step" -gt 0 ] && kill -KILL "-$leader"

[ -r /proc/self/environ ] || exit 0
step=0 quiet=0
while [ "$quiet" -lt 2 ] && [ "$step" -lt 15 ]; do
  quiet=$((quiet + 1)) step=$((step + 1))
  for file in $(marked /proc/[0-9]*/environ); do
    quiet=0 pid=\${file#/proc/}
    kill -KILL "\${pid%/environ}"
  done
  [ "$quiet" -eq 2 ] || pause
done
`

/**
 * Starts a small process that outlives this one by no more than it takes to end a spawn's processes: what a host that is
 * killed cannot do itself. It is in a session of its own, holds nothing of the host's, and keeps no event loop alive.
 * Without `/bin/sh` there is no watcher. A watcher that the host refuses for the moment is started later. Never throws.
 */
export function startWatcher(marker: string, home: string): Watcher {
  if (process.platform === 'win32') return { watch: () => undefined, stop: () => undefined }
  let child: ChildProcess | undefined
  let leader: number | undefined
  let isStopped = false
  const tellLeader = (): void => {
    if (leader !== undefined) child?.stdin?.write(`${leader}\n`)
  }
  untilDone(() => {
    if (isStopped || !isExecutable(shell)) return true
    child = quietly(() => spawnWatcher(marker, home))
    tellLeader()
    return child?.pid !== undefined
  })
  return {
    watch: (pid) => {
      leader = pid
      tellLeader()
    },
    stop: () => {
      isStopped = true
      child?.kill('SIGKILL')
    },
  }
}

function spawnWatcher(marker: string, home: string): ChildProcess {
  const child = spawn(shell, ['-c', script, watcherName, marker, home], {
    cwd: '/',
    env: { PATH: [process.env['PATH'], systemPath].filter(Boolean).join(':'), LC_ALL: 'C' },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => undefined)
  child.unref()
  // A socket, whatever its type says; and none at all where there are no descriptors left (EMFILE).
  const stdin = child.stdin as (Writable & { unref?: () => void }) | undefined
  stdin?.on('error', () => undefined)
  stdin?.unref?.()
  return child
}

const shell = '/bin/sh'

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where `grep` and `sleep` are, also for a host whose own `PATH` names nothing but its runtime. */
const systemPath = '/usr/local/bin:/usr/bin:/bin'

/** What a watcher is called in a list of processes. */
export const watcherName = 'opencode-runtime-watcher'

import { spawn, type ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'
import { isProgram } from '../host/shell.ts'
import { markerVariable } from '../opencode/environment.ts'
import { retryUntilDone } from '../../util/in-background.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { signalGroup } from './processes.ts'

/** Handle of a started watcher. */
export interface Watcher {
  /** Sends the watcher the leader of the group that it must end. */
  watch(leader: number): void
  /**
   * Sets the time after which the watcher kills the spawn's processes unless {@link fed} is called again, in ms; 0 for no
   * limit.
   */
  limit(ms: number): void
  /** Lets the spawn's processes live for the time of the limit once more. */
  fed(): void
  /** Stops the watcher when there is nothing left to watch. */
  stop(): void
}

/**
 * Script of the watcher, for a POSIX shell. Its standard input ends when the host dies, in whatever way.
 * Arguments: the marker of the spawn, and the home, which only identifies the watcher in a list of processes.
 * Input, one line each: the pid of the leader; `limit` and a time in seconds, 0 for no limit; `fed`.
 *
 * With a limit, a second shell sleeps beside the first one. The host feeds it in time by SIGUSR1, else it kills the
 * processes at once: a paused host must not keep a server that another host replaces. The signal is ignored before the
 * second shell catches it, which is harmless, because the time has only just begun.
 *
 * When the input ends, the script sends SIGTERM to the group every 0.5 s, because one SIGTERM may be
 * swallowed, and SIGKILL after 2 s. On Linux it then kills every process that carries the marker, until two
 * searches in a row find none: a process that is replacing its program shows no environment for a moment. The
 * marker shows whether the leader still runs, so that another process with a reused pid is never signalled.
 * `grep -z` is tested first, because busybox may lack it.
 */
const script = `
trap '' HUP INT TERM USR1
mark="${markerVariable}=$1" leader= limit= timer=

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
kill_marked() {
  [ -r /proc/self/environ ] || return
  step=0 quiet=0
  while [ "$quiet" -lt 2 ] && [ "$step" -lt 15 ]; do
    quiet=$((quiet + 1)) step=$((step + 1))
    for file in $(marked /proc/[0-9]*/environ); do
      quiet=0 pid=\${file#/proc/}
      kill -KILL "\${pid%/environ}"
    done
    [ "$quiet" -eq 2 ] || pause
  done
}
guard() {
  fed=1 nap=
  trap 'fed=1; [ -z "$nap" ] || kill -KILL "$nap"' USR1
  while [ -n "$fed" ]; do
    fed=
    sleep "$limit" &
    nap=$!
    [ -n "$fed" ] || wait "$nap"
  done
  [ -n "$leader" ] && lives && kill -KILL "-$leader"
  kill_marked
  kill -KILL 0
}

while read -r line; do
  case $line in
    fed) [ -z "$timer" ] || kill -USR1 "$timer" ;;
    limit*)
      [ -z "$timer" ] || kill -KILL "$timer"
      limit=\${line#limit } timer=
      # Some versions of sleep know full seconds only.
      sleep 0.01 || limit=\${limit%.*}
      [ "$limit" = 0 ] || { guard & timer=$!; }
      ;;
    *[!0-9]*) ;;
    *) leader=$line ;;
  esac
done

step=0
while [ -n "$leader" ] && [ "$step" -lt 20 ] && lives; do
  case $step in 0 | 5 | 10 | 15) kill -TERM "-$leader" ;; esac
  step=$((step + 1))
  pause
done
[ "$step" -gt 0 ] && kill -KILL "-$leader"
kill_marked
[ -z "$timer" ] || kill -KILL 0
`

/**
 * Starts a watcher: a small process that ends a spawn's processes when the host dies, because a killed host
 * cannot do so. The watcher exits when the spawn's processes have ended. It has its own session, holds no
 * resource of the host, and keeps no event loop alive. Without `/bin/sh` there is no watcher. If the host
 * cannot start the watcher at the moment, the start is retried. Never throws.
 */
export function startWatcher(marker: string, home: string): Watcher {
  if (process.platform === 'win32') return noWatcher
  let child: ChildProcess | undefined
  let leader: number | undefined
  let limitMs = 0
  let isStopped = false
  const tell = (line: string): void => void child?.stdin?.write(`${line}\n`)
  const tellAll = (): void => {
    // A limit follows the leader, because it is for the processes of the leader.
    if (leader === undefined) return
    tell(String(leader))
    if (limitMs > 0) tell(limitLine(limitMs))
  }
  retryUntilDone(() => {
    if (isStopped || !isProgram(shell)) return true
    child = ignoreErrors(() => spawnWatcher(marker, home))
    tellAll()
    return child?.pid !== undefined
  })
  return {
    watch: (pid) => {
      leader = pid
      tellAll()
    },
    limit: (ms) => {
      limitMs = ms
      if (leader !== undefined) tell(limitLine(ms))
    },
    fed: () => {
      if (leader !== undefined && limitMs > 0) tell('fed')
    },
    stop: () => {
      isStopped = true
      if (child) end(child)
    },
  }
}

const limitLine = (ms: number): string => `limit ${ms / 1_000}`

/** Kills a watcher that runs, with the shell that waits beside it: both are in the watcher's process group. */
function end(child: ChildProcess): void {
  const isRunning = child.exitCode === null && child.signalCode === null
  if (isRunning && child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
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
  // The stream is a socket, although its type does not show this; the stream is absent if no descriptors are left
  // (EMFILE).
  const stdin = child.stdin as (Writable & { unref?: () => void }) | undefined
  stdin?.on('error', () => undefined)
  stdin?.unref?.()
  return child
}

const noWatcher: Watcher = {
  watch: () => undefined,
  limit: () => undefined,
  fed: () => undefined,
  stop: () => undefined,
}

const shell = '/bin/sh'

/** Folders of `grep` and `sleep`, for a host whose own `PATH` names only its runtime. */
const systemPath = '/usr/local/bin:/usr/bin:/bin'

/** Name of a watcher in a list of processes. */
export const watcherName = 'opencode-runtime-watcher'

import type { AgentUser } from '../../config/agent-user.ts'
import { OpenCodeRuntimeError } from '../../errors.ts'
import { HttpError, OpenCodeClient } from '../../io/opencode/client.ts'
import { asHostFault, isHostFault } from '../../io/host/host-fault.ts'
import { baseURLOf } from '../../io/process/port.ts'
import { carriesMarker, killLeftovers, signalGroup } from '../../io/process/processes.ts'
import {
  isAsRecorded,
  isOfHome,
  readRecord,
  removeRecord,
  type ServerRecord,
} from '../../io/home/server-record.ts'
import { elapse, type SystemClock } from '../clock.ts'

/** Input of {@link reapOrphan}. */
export interface ReapOrphanInput {
  home: string
  /** Owner of the home, if the host must not trust its content; see `homeOwnerOf`. */
  owner?: AgentUser | undefined
  stopGraceMs: number
  clock: SystemClock
  signal: AbortSignal
}

const checkIntervalMs = 50
/** Interval between two SIGTERMs, in ms; the signal is repeated, because a process may ignore the first. */
const termRepeatMs = 500
const healthTimeoutMs = 2_000
/** Time limit of the sweep, in ms, after which the remaining processes count as unkillable. */
const sweepTimeoutMs = 10_000

/**
 * Ends the server that an earlier host of this home left running, and all processes that this server had
 * started. Resolves with the server's pid, or `undefined` if there was no such server. The caller must hold
 * the home's lock.
 *
 * @remarks A process that merely has the recorded pid is never signalled, and neither is the server of the
 * home from which this home was copied.
 * @throws the signal's reason on abort
 * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if the server cannot be ended
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the host cannot inspect processes
 */
export async function reapOrphan({
  home,
  owner,
  stopGraceMs,
  clock,
  signal,
}: ReapOrphanInput): Promise<number | undefined> {
  const record = readRecord(home, owner)
  if (!record) return undefined
  if (!isOfHome(record, home)) {
    removeRecord(home, record.marker, owner)
    return undefined
  }
  const isOrphan = isAsRecorded(record) && (await isRecordedServer(record, clock, signal))
  if (isOrphan) await terminate(record, stopGraceMs, clock, signal)
  await sweepAll(record, isOrphan, clock, signal)
  removeRecord(home, record.marker, owner)
  return isOrphan ? record.pid : undefined
}

/** Sends SIGTERM to the group and waits for the end of its leader. */
async function terminate(record: ServerRecord, stopGraceMs: number, clock: SystemClock, signal: AbortSignal) {
  const [startedAt, checksPerSignal] = [clock.now(), Math.round(termRepeatMs / checkIntervalMs)]
  for (let checks = 0; isAsRecorded(record) && clock.now() - startedAt < stopGraceMs; checks++) {
    if (checks % checksPerSignal === 0) signalGroup(record.pid, 'SIGTERM')
    await elapse(clock, checkIntervalMs, signal)
    signal.throwIfAborted()
  }
}

/**
 * Kills the remaining processes: the group, and every process that carries the marker, even if the server
 * itself is gone. After the first pass, the group is killed only while its leader is known to be the recorded
 * server, because the pid may belong to another process afterwards.
 */
async function sweepAll(record: ServerRecord, isOrphan: boolean, clock: SystemClock, signal: AbortSignal) {
  const startedAt = clock.now()
  let hasGroup = isOrphan
  while (killLeftovers(hasGroup ? record.pid : undefined, record.marker) > 0) {
    if (clock.now() - startedAt > sweepTimeoutMs) {
      if (hasGroup) throw unkillable(record)
      return
    }
    await elapse(clock, checkIntervalMs, signal)
    signal.throwIfAborted()
    hasGroup = isOrphan && isAsRecorded(record)
  }
}

const unkillable = ({ pid }: ServerRecord): OpenCodeRuntimeError =>
  new OpenCodeRuntimeError(
    `The server that an earlier host left in this home (process ${pid}) cannot be ended. ` +
      'End the process manually, or use another home for this server.',
  )

/**
 * Resolves with whether the process is the recorded server. The process must carry the spawn's marker; if the
 * marker cannot be read, the server must accept the recorded password and reject requests without a password.
 */
async function isRecordedServer(
  record: ServerRecord,
  clock: SystemClock,
  signal: AbortSignal,
): Promise<boolean> {
  const carries = carriesMarker(record.pid, record.marker)
  if (carries !== undefined) return carries
  // Without a password, any server could answer.
  if (record.password === undefined) return false
  const [withPassword, withoutPassword] = await Promise.all([
    healthStatus(record, record.password, clock, signal),
    healthStatus(record, undefined, clock, signal),
  ])
  return withPassword === 200 && withoutPassword === 401
}

/** Resolves with the status of `GET /global/health`; `undefined` if no answer arrives in time. */
async function healthStatus(
  { hostname, port, username }: ServerRecord,
  password: string | undefined,
  clock: SystemClock,
  signal: AbortSignal,
): Promise<number | undefined> {
  const client = new OpenCodeClient({ baseURL: baseURLOf(hostname, port), username, password })
  const limit = new AbortController()
  const isOver = elapse(clock, healthTimeoutMs, AbortSignal.any([signal, limit.signal])).then(() =>
    limit.abort(),
  )
  try {
    await client.health(limit.signal)
    return 200
  } catch (error) {
    if (isHostFault(error)) throw asHostFault(error, 'The server of an earlier host could not be probed')
    return error instanceof HttpError ? error.status : undefined
  } finally {
    limit.abort()
    await isOver
    client.close()
  }
}

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

/** What ends an orphan, and how long it has for that. */
export interface ReapOrphanInput {
  home: string
  stopGraceMs: number
  clock: SystemClock
  signal: AbortSignal
}

const lookAgainMs = 50
/** A SIGTERM may be swallowed: it is sent again. */
const termRepeatMs = 500
const proofTimeoutMs = 2_000
/** After so long nothing more can be done: what is left cannot be killed. */
const sweepPatienceMs = 10_000

/**
 * Ends the server that an earlier host of this home left running, and all that this one had started; resolves with its
 * pid where there was one. Only for who holds the home's lock. A process that merely has the recorded pid is never
 * touched, nor is the server of the home that this one is a copy of. Rejects with the signal's reason on abort, with
 * OpenCodeRuntimeError where the server cannot be ended, and with HostFaultError where the host cannot inspect processes.
 */
export async function reapOrphan({
  home,
  stopGraceMs,
  clock,
  signal,
}: ReapOrphanInput): Promise<number | undefined> {
  const record = readRecord(home)
  if (!record) return undefined
  if (!isOfHome(record, home)) {
    removeRecord(home, record.marker)
    return undefined
  }
  const isOrphan = isAsRecorded(record) && (await isProven(record, clock, signal))
  if (isOrphan) await terminate(record, stopGraceMs, clock, signal)
  await sweepAll(record, isOrphan, clock, signal)
  removeRecord(home, record.marker)
  return isOrphan ? record.pid : undefined
}

/** Asks the group to end, and waits for its leader. */
async function terminate(record: ServerRecord, stopGraceMs: number, clock: SystemClock, signal: AbortSignal) {
  const [begin, repeats] = [clock.now(), Math.round(termRepeatMs / lookAgainMs)]
  for (let look = 0; isAsRecorded(record) && clock.now() - begin < stopGraceMs; look++) {
    if (look % repeats === 0) signalGroup(record.pid, 'SIGTERM')
    await elapse(clock, lookAgainMs, signal)
    signal.throwIfAborted()
  }
}

/**
 * Kills what is left: the group, at first and for as long as its leader is known to be ours (then its pid may be
 * somebody else's), and whatever carries the marker, also where the server itself is long gone.
 */
async function sweepAll(record: ServerRecord, isOrphan: boolean, clock: SystemClock, signal: AbortSignal) {
  const begin = clock.now()
  let hasGroup = isOrphan
  while (killLeftovers(hasGroup ? record.pid : undefined, record.marker) > 0) {
    if (clock.now() - begin > sweepPatienceMs) {
      if (hasGroup) throw unkillable(record)
      return
    }
    await elapse(clock, lookAgainMs, signal)
    signal.throwIfAborted()
    hasGroup = isOrphan && isAsRecorded(record)
  }
}

const unkillable = ({ pid }: ServerRecord): OpenCodeRuntimeError =>
  new OpenCodeRuntimeError(
    `The server that an earlier host left in this home (process ${pid}) cannot be ended. ` +
      'End it by hand, or give this server a home of its own.',
  )

/** It carries the spawn's marker; where that cannot be read, it answers to the recorded password and to nobody else. */
async function isProven(record: ServerRecord, clock: SystemClock, signal: AbortSignal): Promise<boolean> {
  const carries = carriesMarker(record.pid, record.marker)
  if (carries !== undefined) return carries
  // Without a password anybody could answer.
  if (record.password === undefined) return false
  const [known, stranger] = await Promise.all([
    answer(record, record.password, clock, signal),
    answer(record, undefined, clock, signal),
  ])
  return known === 200 && stranger === 401
}

/** The status of `GET /global/health`; `undefined` where there is no such answer in time. */
async function answer(
  { hostname, port, username }: ServerRecord,
  password: string | undefined,
  clock: SystemClock,
  signal: AbortSignal,
): Promise<number | undefined> {
  const client = new OpenCodeClient({ baseURL: baseURLOf(hostname, port), username, password })
  const limit = new AbortController()
  const isOver = elapse(clock, proofTimeoutMs, AbortSignal.any([signal, limit.signal])).then(() =>
    limit.abort(),
  )
  try {
    await client.health(limit.signal)
    return 200
  } catch (error) {
    if (isHostFault(error)) throw asHostFault(error, 'The server of an earlier host could not be asked')
    return error instanceof HttpError ? error.status : undefined
  } finally {
    limit.abort()
    await isOver
    client.close()
  }
}

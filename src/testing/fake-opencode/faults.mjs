/** @import { Socket } from 'node:net' */
/** @import { FakeFaults } from '../fake-faults.ts' */
/** @import { FakeServer } from './server.mjs' */
/** @import { Turn } from './turn.mjs' */
/** @import { Behaviour, Call } from './types.ts' */
import { setImmediate as tick } from 'node:timers/promises'
import { sendJson } from './refusal.mjs'
import { exit, page } from './util.mjs'
import { crash } from './streams.mjs'

/** @typedef {NonNullable<Behaviour['intercept']>} Interceptor */

/**
 * Returns a behaviour with faults applied.
 * @param {FakeFaults} faults
 * @param {Behaviour} behaviour
 * @returns {Behaviour}
 */
export function applyFaults(faults, behaviour) {
  const lost = loseRequests(faults)
  const interceptors = [
    lost.intercept,
    unhealthyAnswers(faults),
    brokenConfig(faults),
    crashLater(faults),
    wedgeLater(faults),
  ]
  const { turn = refuseTurns(faults) } = behaviour
  return {
    ...(turn && { turn }),
    boot: async (server) => {
      boot(faults)
      await flood(faults)
      await behaviour.boot?.(server)
    },
    connection: (socket, server) => {
      lost.connection(socket, server)
      behaviour.connection?.(socket, server)
    },
    intercept: (call) =>
      (behaviour.intercept?.(call) ?? false) || interceptors.some((intercept) => intercept?.(call)),
  }
}

/** @param {FakeFaults} faults */
function boot({ exitOnStart, ignoreSigterm = false }) {
  if (exitOnStart) exit(exitOnStart.code, exitOnStart.stderr ?? '')
  if (ignoreSigterm === true)
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {})
  else if (ignoreSigterm) swallow(ignoreSigterm)
}

/**
 * Ignores a number of SIGTERMs; the next SIGTERM ends the process.
 * @param {number} left
 */
function swallow(left) {
  process.once('SIGTERM', () => {
    if (left > 1) swallow(left - 1)
  })
}

/**
 * Writes half of the flood now, and schedules the other half for after the start.
 * @param {FakeFaults} faults
 */
async function flood({ outputFlood = 0 }) {
  await pour(outputFlood / 2)
  if (outputFlood > 0) setTimeout(() => void pour(outputFlood / 2), 0)
}

const lines = `${'o'.repeat(63)}\n`.repeat(1024) // 64 KiB
const solid = 'O'.repeat(65_536)

/** @param {number} mb */
async function pour(mb) {
  for (let i = 0; i < mb * 16; i++) {
    const chunk = i % 32 < 16 ? lines : solid // alternates, 1 MiB of each
    process.stdout.write(chunk)
    process.stderr.write(chunk)
    await tick()
  }
  if (mb > 0) for (const output of [process.stdout, process.stderr]) output.write('\n')
}

/** @param {FakeFaults} faults */
function loseRequests({ loseFirstRequest = 0 }) {
  /** @type {WeakSet<Socket>} */
  const lost = new WeakSet()
  let left = Number(loseFirstRequest)
  return {
    /** @param {Socket} socket @param {FakeServer} server */
    connection(socket, server) {
      if (!loseFirstRequest || (server.announced && left-- <= 0)) return
      lost.add(socket)
    },
    /** @type {Interceptor} */
    intercept: ({ req }) => lost.has(req.socket),
  }
}

/**
 * @param {FakeFaults} faults
 * @returns {Interceptor | undefined}
 */
function unhealthyAnswers({ neverHealthy = false }) {
  if (neverHealthy === 'html')
    return ({ res }) => Boolean(res.writeHead(200, { 'content-type': 'text/html' }).end(page))
  if (!neverHealthy) return undefined
  const status = neverHealthy === 'unhealthy' ? 200 : 503
  return ({ path, res }) => isHealth(path) && Boolean(sendJson(res, status, { healthy: false }))
}

/**
 * @param {FakeFaults} faults
 * @returns {Interceptor | undefined}
 */
function brokenConfig({ configBroken = false }) {
  if (!configBroken) return undefined
  const data = { path: 'opencode.json', message: 'Invalid input: model' }
  return ({ path, res }) =>
    ['/config', '/event', '/session'].includes(path) &&
    Boolean(sendJson(res, 400, { name: 'ConfigInvalidError', data }))
}

/**
 * @param {FakeFaults} faults
 * @returns {Interceptor | undefined}
 */
function crashLater(faults) {
  const { crashAfterMs } = faults
  if (crashAfterMs === undefined) return undefined
  return onceHealthy(() => setTimeout(() => crash(faults), crashAfterMs))
}

/**
 * @param {FakeFaults} faults
 * @returns {Interceptor | undefined}
 */
function wedgeLater({ wedgeAfterMs, wedgeForMs, wedgeHealthOnly = false }) {
  if (wedgeAfterMs === undefined) return undefined
  let silent = false
  /** @param {FakeServer} server */
  const wedge = ({ streams }) => {
    silent = true
    if (!wedgeHealthOnly) streams.hold()
    if (wedgeForMs === undefined) return
    setTimeout(() => {
      silent = false
      streams.release()
    }, wedgeForMs)
  }
  const notice = onceHealthy(({ server }) => setTimeout(() => wedge(server), wedgeAfterMs))
  return (call) => notice(call) || (silent && (!wedgeHealthOnly || isHealth(call.path)))
}

/**
 * Returns an interceptor that calls `act` on the first health request, which is still answered.
 * @param {(call: Call) => unknown} act
 * @returns {Interceptor}
 */
function onceHealthy(act) {
  let hasRun = false
  return (call) => {
    if (!isHealth(call.path) || hasRun) return false
    hasRun = true
    act(call)
    return false
  }
}

/** @param {string} path */
const isHealth = (path) => path === '/global/health'

/**
 * @param {FakeFaults} faults
 * @returns {Behaviour['turn']}
 */
function refuseTurns({ errorWithoutIdle: message }) {
  if (message === undefined) return undefined
  return (turn) => turn.emit('session.error', { error: { name: 'UnknownError', data: { message } } })
}

/**
 * Plays the faults that follow the end of a turn.
 * @param {Turn} turn
 * @param {FakeFaults} faults
 */
export async function playFaulty(turn, { trailingError = false, busyAfterIdle = false }) {
  if (!turn.over) return
  if (trailingError) {
    const message = 'UnknownError: it was over already\n    at <anonymous> (fake-opencode:1:1)'
    turn.emit('session.error', { error: { name: 'UnknownError', data: { message } } })
  }
  if (!busyAfterIdle) return
  turn.setStatus({ type: 'busy' })
  await tick()
  turn.idle()
}

/** @import { ChildProcess } from 'node:child_process' */
/** @import { AddressInfo } from 'node:net' */
/** @import { FakeFaults } from '../fake-faults.ts' */
/** @import { Behaviour, Body, FakeConfig, Pending, PluginTool, Session } from './types.ts' */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyFaults, playFaulty } from './faults.mjs'
import { handle } from './http.mjs'
import { playKeywords } from './keywords.mjs'
import { knowsAgent, knowsModel, refuseAgent, refuseModel } from './models.mjs'
import { loadScript, modelOf, playModel } from './script.mjs'
import { loadPlugins } from './plugins.mjs'
import { rulesOf } from './rules.mjs'
import { exit, imitatedVersion } from './util.mjs'
import { Store } from './store.mjs'
import { Streams } from './streams.mjs'
import { killGroup } from './tools.mjs'
import { Turn } from './turn.mjs'

/** One start of a fake `opencode serve`. */
export class FakeServer {
  /** @type {Map<string, Pending>} Permissions and questions that wait for their answer. */
  pending = new Map()
  /** @type {Set<string>} Directory, name and pattern of each permission that was always allowed. */
  allowed = new Set()
  /** @type {Set<ChildProcess>} Commands that run. */
  children = new Set()
  /** @type {Map<string, PluginTool>} Tools of the plugins in the config folder. */
  plugins = new Map()
  /** `true` after the announcement that the server listens. */
  announced = false
  #script

  /**
   * @param {FakeConfig} config
   * @param {FakeFaults} faults
   * @param {Behaviour} behaviour
   */
  constructor(config, faults, behaviour) {
    this.config = config
    this.faults = faults
    this.version = faults.version ?? imitatedVersion
    this.behaviour = applyFaults(faults, behaviour)
    this.streams = new Streams(faults)
    this.store = new Store(config.store)
    this.sessions = this.store.load()
    this.#script = loadScript(config.script ?? [])
  }

  /**
   * @param {number} port
   * @param {string} hostname
   */
  async run(port, hostname) {
    const { startDelayMs = 0, announceDelayMs = 0, neverListens = false } = this.faults
    await this.behaviour.boot?.(this)
    this.plugins = await loadPlugins()
    await this.#released()
    await sleep(startDelayMs)
    const open = neverListens === true ? port : await this.#listen(port, hostname)
    await sleep(announceDelayMs)
    if (neverListens) return
    process.stdout.write(`opencode server listening on http://${hostname}:${open}\n`)
    this.announced = true
  }

  /** Waits while the hold file exists. */
  async #released() {
    const { holdFile } = this.config
    while (holdFile && existsSync(holdFile)) await sleep(10)
  }

  /**
   * @param {number} port
   * @param {string} hostname
   * @returns {Promise<number>}
   */
  #listen(port, hostname) {
    const http = createServer((req, res) => void handle(this, req, res))
    http.on('connection', (socket) => this.behaviour.connection?.(socket, this))
    http.on('error', () => exit(1, 'Error: Unexpected error\n\nServeError\n'))
    const address = () => /** @type {AddressInfo} */ (http.address())
    return new Promise((done) => http.listen(port, hostname, () => done(address().port)))
  }

  /**
   * Accepts a prompt.
   *
   * @remarks As in opencode: a busy session merges the prompt. All merged prompts share one
   * idle, and the last prompt is the parent.
   * @param {Session} session
   * @param {Body} body
   * @param {string} [directory] working directory; default: the session's own
   */
  async prompt(session, body, directory) {
    const turn = new Turn(this, session, body, directory)
    if (!knowsAgent(turn.agent)) {
      refuseAgent(turn)
      return
    }
    this.forget(session)
    if (Object.keys(body.tools ?? {}).length > 0) session.info.permission = rulesOf(body.tools ?? {})
    if (body.noReply) turn.addPrompt()
    else if (session.turn) {
      turn.emitPrompt()
      session.next = turn
    } else await this.runTurn(turn)
  }

  /**
   * Removes reverted messages, as the next prompt does.
   * @param {Session} session
   */
  forget({ info, messages }) {
    const from = messages.findIndex((message) => message.info.id === info.revert?.messageID)
    if (from >= 0) messages.splice(from)
    delete info.revert
  }

  /**
   * Plays a turn, and then the prompt that was merged meanwhile.
   * @param {Turn} turn
   * @param {() => unknown} [act] what the turn does; default: answers the prompt
   */
  async runTurn(turn, act = () => this.#answer(turn)) {
    const { session } = turn
    session.turn = turn
    turn.ended = this.#play(turn, act)
    await turn.ended
    session.turn = undefined
    const { next } = session
    session.next = undefined
    if (next) await this.runTurn(next)
  }

  /**
   * @param {Turn} turn
   * @param {() => unknown} act
   */
  async #play(turn, act) {
    try {
      await act()
      await playFaulty(turn, this.faults)
    } catch (error) {
      if (!turn.aborted) throw error
      await turn.endAborted()
    }
  }

  /** @param {Turn} turn */
  async #answer(turn) {
    if (this.behaviour.turn) {
      await this.behaviour.turn(turn)
      return
    }
    const model = modelOf(this.#script, turn)
    if (!knowsModel(turn.model)) refuseModel(turn)
    else await (model ? playModel(turn, model) : playKeywords(turn))
  }

  /**
   * Aborts a session. Resolves after the last event of the aborted turn, as the real reply does.
   * @param {Session} session
   */
  async abort(session) {
    session.next = undefined
    session.turn?.abort()
    if (session.turn) await session.turn.ended
    else new Turn(this, session, {}).idle() // the stray idle
  }

  /** Aborts all running turns, kills their commands and disposes of the streams. */
  async dispose() {
    const busy = [...this.sessions.values()].filter(({ turn }) => turn)
    await Promise.all(busy.map((session) => this.abort(session)))
    this.endCommands()
    this.streams.dispose()
  }

  /** Kills the running commands. */
  endCommands() {
    for (const { pid } of this.children) killGroup(pid)
  }
}

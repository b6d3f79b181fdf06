/** @import { FakeConfig, Session } from './types.ts' */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseJson } from './util.mjs'

/**
 * Storage of sessions that outlives the process: one file per session, replaced atomically. A killed process
 * loses only what it had not emitted.
 */
export class Store {
  /** @type {string | undefined} */
  #folder

  /** @param {FakeConfig['store']} place */
  constructor(place = dataFolder()) {
    this.#folder = place === false ? undefined : place
    if (this.#folder) mkdirSync(this.#folder, { recursive: true })
  }

  /** @returns {Map<string, Session>} */
  load() {
    const folder = this.#folder
    if (!folder) return new Map()
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
    const stored = files.map((name) => parseJson(readFileSync(join(folder, name), 'utf8')))
    const sessions = /** @type {Session[]} */ (stored.filter((session) => session !== undefined))
    return new Map(sessions.map((session) => [session.info.id, session]))
  }

  /** @param {Session} session */
  save({ info, messages, changes, todos }) {
    if (!this.#folder) return
    const file = join(this.#folder, `${info.id}.json`)
    writeFileSync(`${file}.tmp`, JSON.stringify({ info, messages, changes, todos }))
    renameSync(`${file}.tmp`, file)
  }

  /** @param {Session} session */
  delete({ info }) {
    if (this.#folder) rmSync(join(this.#folder, `${info.id}.json`), { force: true })
  }
}

/**
 * Returns the folder for sessions, in opencode's data folder, so that they go where the home goes.
 *
 * @remarks Observed in opencode: the data folder contains the database, and older versions keep sessions in `storage`.
 */
function dataFolder() {
  return join(
    process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'),
    'opencode',
    'storage',
    'fake',
  )
}

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { format, inspect } from 'node:util'
import { expect, onTestFinished, vi } from 'vitest'
import type { Lifecycle, Logger, OpenCodeServer, Turn } from '../../src/index.ts'
import { processesOf, watchersOf } from './home.ts'

/** Length in characters of the pieces of secrets that are found. */
const pieceLength = 8

/** Returns a unique secret, with the characters `odd`, which URLs, base64 and JSON encode. */
export const newSecret = (name: string, odd = ''): string =>
  `${name}-${randomBytes(12).toString('base64url')}${odd}${randomBytes(12).toString('hex')}`

/** Piece of a secret that was found, with its place. */
interface Found {
  secret: string
  where: string
  around: string
}

/** Records all output of a runtime, and searches it for secrets, in every encoding and in pieces. */
export class Hunt {
  readonly #texts: { where: string; text: string }[] = []
  readonly #pieces = new Map<string, string>()
  readonly #seen = new Set<unknown>()

  constructor(secrets: Record<string, string>) {
    for (const [name, value] of Object.entries(secrets)) this.know(name, value)
  }

  /** Adds a secret to the search, also in earlier output. */
  know(name: string, secret: string): void {
    for (const form of formsOf(secret))
      for (let at = 0; at + pieceLength <= form.length; at++)
        this.#pieces.set(form.slice(at, at + pieceLength), name)
  }

  /** Size of the recorded text, in characters. */
  get size(): number {
    return this.#texts.reduce((sum, { text }) => sum + text.length, 0)
  }

  /** Records a value as it is printed, as JSON, and every text that can be reached from it. */
  note(where: string, ...values: unknown[]): void {
    for (const value of values) {
      if (typeof value === 'string') {
        this.#texts.push({ where, text: value })
        continue
      }
      const printed = [format(value), inspect(value, { depth: 4, showHidden: true }), json(value)]
      for (const text of printed) this.#texts.push({ where, text })
      this.reach(where, value)
    }
  }

  /** Records every text that can be reached from a value, except objects that were reached before. */
  reach(where: string, value: unknown): void {
    const queue = [value]
    for (let at = queue.pop(); queue.length > 0 || at != null; at = queue.pop()) {
      if (typeof at === 'string') this.#texts.push({ where, text: at })
      if ((typeof at !== 'object' && typeof at !== 'function') || at === null || this.#seen.has(at)) continue
      this.#seen.add(at)
      if (Buffer.isBuffer(at)) this.#texts.push({ where, text: at.toString('latin1') })
      else queue.push(...insideOf(at).filter((inner) => inner != null))
    }
  }

  /** Returns the found secrets, each once per place. */
  found(): Found[] {
    const found = new Map<string, Found>()
    for (const { where, text } of this.#texts)
      for (let at = 0; at + pieceLength <= text.length; at++) {
        const secret = this.#pieces.get(text.slice(at, at + pieceLength))
        if (secret === undefined || found.has(`${where} ${secret}`)) continue
        found.set(`${where} ${secret}`, { secret, where, around: text.slice(Math.max(0, at - 60), at + 40) })
      }
    return [...found.values()]
  }

  /** Logger whose lines are recorded. */
  readonly logger: Logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((name) => [
      name,
      (fields: object, message: string) => this.note(`logger.${name}`, fields, message),
    ]),
  ) as unknown as Logger

  /** Records the lifecycle, the snapshots and the inspection events of a server. */
  follow(server: OpenCodeServer): void {
    const { actor } = server
    server.lifecycle$.subscribe((lifecycle: Lifecycle) => this.note('lifecycle$', lifecycle))
    actor.subscribe((snapshot) => {
      this.note('snapshot', JSON.stringify(snapshot), JSON.stringify(actor.getPersistedSnapshot()))
    })
    actor.system.inspect((event) => this.reach(`inspect ${event.type}`, event))
  }

  /** Records a turn until it is done: its status, its error and its facts, but no text of the agent. */
  async followTurn(turn: Turn): Promise<void> {
    turn.status$.subscribe((status) => this.note('status$', status))
    for await (const reply of turn) if (reply.kind === 'error') this.note('reply', reply)
    this.note('turn', turn, await turn.sessionId)
  }

  /** Records the rejection of a promise. Fails if the promise resolves. */
  async refused(where: string, promise: Promise<unknown>): Promise<unknown> {
    const error: unknown = await promise.then(
      () => expect.fail(`${where} did not reject`),
      (reason: unknown) => reason,
    )
    this.note(where, error)
    return error
  }

  /** Records the console and the process warnings until the test finishes. */
  overhear(): void {
    for (const name of ['debug', 'info', 'log', 'warn', 'error'] as const)
      vi.spyOn(console, name).mockImplementation((...said) => this.note(`console.${name}`, format(...said)))
    const hear = (warning: Error): void => this.note('warning', warning)
    process.on('warning', hear)
    onTestFinished(() => {
      process.off('warning', hear)
      vi.restoreAllMocks()
    })
  }

  /**
   * Records the files of a home and the command lines of its processes. Leaves out the two private files that may
   * hold secrets, and the files of the server that `isOurs` excludes.
   */
  look(home: string, isOurs = /./): void {
    const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    for (const { parentPath, name } of files) {
      const file = join(parentPath, name)
      const inHome = relative(home, file)
      if (privateFiles.has(inHome)) expect([inHome, statSync(file).mode & 0o777]).toEqual([inHome, 0o600])
      else if (!standInFiles.test(inHome) && isOurs.test(inHome))
        this.note(`file ${inHome}`, readFileSync(file, 'utf8'))
    }
    for (const pid of processesOf(home))
      this.note('server’s command', ofProcess(pid, 'cmdline'), ofProcess(pid, 'comm'))
    for (const pid of watchersOf(home))
      this.note('watcher', ofProcess(pid, 'cmdline'), ofProcess(pid, 'comm'), ofProcess(pid, 'environ'))
    this.note('title', process.title)
  }
}

const privateFiles = new Set(['.config/opencode/opencode.json', '.local/state/opencode-runtime/server.json'])
/** Files of a stand-in: its starts, its requests and its sessions. */
const standInFiles = /^(starts|requests)\.jsonl$|^store\.json\//

/** Returns the encodings of a secret; for base64 only the characters that do not depend on the text around. */
function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret)
  const plain = [secret, encoded, encodeURI(secret), JSON.stringify(secret).slice(1, -1)]
  const query = new URLSearchParams({ a: secret }).toString().slice(2)
  const lower = encoded.replace(/%../g, (code) => code.toLowerCase())
  const inBase64 = [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    const own = [offset === 0 ? 0 : offset + 1, Math.floor((bytes.length * 8) / 6)] as const
    return (['base64', 'base64url'] as const).map((form) => bytes.toString(form).slice(...own))
  })
  return [...plain, query, lower, ...inBase64]
}

function insideOf(value: object): unknown[] {
  const entries: unknown[] = value instanceof Map || value instanceof Set ? [...value] : []
  return [...entries, ...Reflect.ownKeys(value).flatMap((key) => [key, read(value, key)])]
}

function read(owner: object, key: PropertyKey): unknown {
  try {
    return Reflect.get(owner, key)
  } catch {
    return undefined
  }
}

function json(value: unknown): string {
  try {
    return JSON.stringify([value])
  } catch (error) {
    return String(error)
  }
}

function ofProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

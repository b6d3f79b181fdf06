import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { format, inspect } from 'node:util'
import { expect, onTestFinished, vi } from 'vitest'
import type { Lifecycle, Logger, OpenCodeServer, Turn } from '../../src/index.ts'
import { processesOf, watchersOf } from './home.ts'

/** A piece of a secret that is as long as this is found. */
const pieceLength = 8

/** A secret that nothing else holds by chance, with what URLs, base64 and JSON write in another way. */
export const newSecret = (name: string, odd = ''): string =>
  `${name}-${randomBytes(12).toString('base64url')}${odd}${randomBytes(12).toString('hex')}`

/** Where a piece of a secret was found. */
interface Found {
  secret: string
  where: string
  around: string
}

/** Keeps all that comes out of a runtime, and looks for secrets in it, in every form and in pieces. */
export class Hunt {
  readonly #texts: { where: string; text: string }[] = []
  readonly #pieces = new Map<string, string>()
  readonly #seen = new Set<unknown>()

  constructor(secrets: Record<string, string>) {
    for (const [name, value] of Object.entries(secrets)) this.know(name, value)
  }

  /** Looks for this secret too, also in what came before. */
  know(name: string, secret: string): void {
    for (const form of formsOf(secret))
      for (let at = 0; at + pieceLength <= form.length; at++)
        this.#pieces.set(form.slice(at, at + pieceLength), name)
  }

  /** How much was kept, in characters. */
  get size(): number {
    return this.#texts.reduce((sum, { text }) => sum + text.length, 0)
  }

  /** Keeps what a value shows: as it is printed, as JSON, and every text that can be reached from it. */
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

  /** Keeps every text that can be reached from a value; what was reached before is left out. */
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

  /** What was found, each secret once for each place. */
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

  /** A logger whose lines are kept. */
  readonly logger: Logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((name) => [
      name,
      (fields: object, message: string) => this.note(`logger.${name}`, fields, message),
    ]),
  ) as unknown as Logger

  /** Follows a server: its lifecycle, its snapshots, and what an inspector of its machine is told. */
  follow(server: OpenCodeServer): void {
    const { actor } = server
    server.lifecycle$.subscribe((lifecycle: Lifecycle) => this.note('lifecycle$', lifecycle))
    actor.subscribe((snapshot) => {
      this.note('snapshot', JSON.stringify(snapshot), JSON.stringify(actor.getPersistedSnapshot()))
    })
    actor.system.inspect((event) => this.reach(`inspect ${event.type}`, event))
  }

  /** Follows a turn until it is done: what an `error` says, what a host reads of its course; not what the agent says. */
  async followTurn(turn: Turn): Promise<void> {
    turn.status$.subscribe((status) => this.note('status$', status))
    for await (const reply of turn) if (reply.kind === 'error') this.note('reply', reply)
    this.note('turn', turn, await turn.sessionId)
  }

  /** Keeps why a promise rejects; it must. */
  async refused(where: string, promise: Promise<unknown>): Promise<unknown> {
    const error: unknown = await promise.then(
      () => expect.fail(`${where} did not reject`),
      (reason: unknown) => reason,
    )
    this.note(where, error)
    return error
  }

  /** Keeps what is said on the console and in warnings until the test is over. */
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
   * Keeps what is on the disk of a home, but for the two files that may hold secrets (nobody else can read those) and
   * the server's own, which `isOurs` leaves out; and how its processes are called.
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
/** What a stand-in keeps: its starts, its requests, and its sessions, as opencode keeps them in its database. */
const standInFiles = /^(starts|requests)\.jsonl$|^store\.json\//

/** The forms of a secret; of base64 the characters that are its own, wherever it stands in a text. */
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

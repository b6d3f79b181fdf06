import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { lazily } from '../../config/validation.ts'
import { fleetFolder } from '../../io/fleet/fleet-folder.ts'
import { openHomeFolder } from '../../io/home/home-folder.ts'
import { readPlainFileSync } from '../../io/home/plain-file.ts'
import { replaceFile } from '../../io/home/private-file.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { isSame } from './token-list.ts'
import { hashOf } from './token-record.ts'

/** Time for which a login is valid, in ms. */
export const loginMs = 7 * 24 * 60 * 60_000
/** Number of logins that are kept; the oldest ends first. */
const mostLogins = 1_000

/** Login of a browser: a secret that the browser's cookie holds, and the token that the browser has proved. */
interface Login {
  /** Hash of the secret. */
  hash: string
  /** Hash of the token. */
  token: string
  /** Epoch ms. */
  expiresAt: number
}

const fileSchema = lazily(() =>
  z.object({
    logins: z.array(z.object({ hash: z.string(), token: z.string(), expiresAt: z.number() })),
  }),
)

/** Returns the path of the file of logins in a data directory. */
export const loginsFile = (dataDir: string): string => join(fleetFolder(dataDir), 'logins.json')

/**
 * Logins of browsers. The file holds hashes only, so that a copy of it lets nobody in, and logins outlive a restart. A
 * login ends with its token.
 */
export class LoginStore {
  readonly #dataDir: string
  #logins: readonly Login[]
  /** Promise of the last write; writes run one after another. Never rejects. */
  #written: Promise<void> = Promise.resolve()

  /** Reads the file. Logins of a damaged file are gone: the browsers log in again. */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#logins = ignoreErrors(() => loginsIn(loginsFile(dataDir))) ?? []
  }

  /**
   * Adds a login, and resolves with its secret when the disk has the login.
   *
   * @param token - hash of the token
   * @throws the system's error if the file cannot be written
   */
  async add(token: string, now: number): Promise<string> {
    const secret = randomBytes(32).toString('base64url')
    const login = { hash: hashOf(secret), token, expiresAt: now + loginMs }
    const current = this.#logins.filter(({ expiresAt }) => expiresAt > now)
    this.#logins = [...current, login].slice(-mostLogins)
    await this.#write()
    return secret
  }

  /** Returns the hash of the token of a secret's login; `undefined` for an unknown or expired login. */
  tokenOf(secret: string, now: number): string | undefined {
    const hash = hashOf(secret)
    let found: Login | undefined
    for (const login of this.#logins) if (isSame(login.hash, hash)) found ??= login
    return found && found.expiresAt > now ? found.token : undefined
  }

  async #write(): Promise<void> {
    const before = this.#written
    const write = before.then(async () => {
      openHomeFolder(this.#dataDir, ['.fleet'], undefined).close()
      await replaceFile(loginsFile(this.#dataDir), `${JSON.stringify({ logins: this.#logins })}\n`)
    })
    this.#written = write.catch(() => undefined)
    await write
  }
}

const loginsIn = (file: string): Login[] =>
  fileSchema().parse(JSON.parse(readPlainFileSync(file) ?? '')).logins
